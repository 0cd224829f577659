"""Less of numba's own time before LLVM has a kernel: most of what compiling takes is Python.

Nothing here changes what is made of a kernel. numba's own functions are replaced while one is
compiled, by some that ask them less often or give the same answer sooner:

events       numba notes when each call of LLVM begins and ends, for times that nobody reads
refreshes    it looks for new implementations before each call of an intrinsic is typed
operators    a sum of numbers is first looked up among NumPy's, as that of arrays would be
calls        a call of the same function with the same types is resolved anew in each kernel
flags        all that may be set of a kernel are read, one by one, to compare them
variables    what a statement reads and writes is asked for ten times, by a look at all its parts
lifetimes    where each variable is last used is found after each of nine passes, and asked for once
owners       each field is fetched of what counts references, to find those that are counted
sizes        for the size of a type LLVM reads a module
wrappers     what C would call is made of each of numba's own functions that a kernel calls

What a numba does not have, or a later one may have otherwise, stays as it is.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from threading import RLock
from typing import Any
from weakref import WeakKeyDictionary

import numba
from llvmlite.binding import ffi
from numba.core import ir, types
from numba.core.base import BaseContext
from numba.core.cpu import CPUContext
from numba.core.imputils import builtin_registry as implementations
from numba.core.lowering import BaseLower
from numba.core.postproc import PostProcessor, VariableLifetime
from numba.core.runtime.context import NRTContext
from numba.core.targetconfig import ConfigStack, TargetConfig
from numba.core.transforms import canonicalize_cfg
from numba.core.types.functions import BaseFunction
from numba.core.types.misc import Optional
from numba.core.typing.npydecl import NumpyRulesArrayOperator
from numba.core.typing.templates import builtin_registry as declarations

# From 0.62 until here those of its functions that are written anew below are the same.
_KNOWN = numba.version_info[:2] <= (0, 68)
_WITHOUT_VARIABLES = {str, int, bool, type(None), ir.Loc}
_ARRAYS = (types.ArrayCompatible, Optional)


def _refreshed(refresh: Callable[[Any], None]) -> Callable[[Any], None]:
    """Refresh where something has been imported or registered since the last time."""
    lists = [
        found
        for registry in (implementations, declarations)
        for found in vars(registry).values()
        if isinstance(found, list)
    ]
    last: WeakKeyDictionary[Any, list[int]] = WeakKeyDictionary()

    def when_new(context: Any) -> None:
        state = [len(sys.modules), *map(len, lists)]
        if last.get(context) != state:
            refresh(context)
            last[context] = [len(sys.modules), *map(len, lists)]

    return when_new


def _of_arrays(resolve: Callable[..., Any]) -> Callable[..., Any]:
    def generic(template: Any, args: Any, kws: Any) -> Any:
        return resolve(template, args, kws) if any(isinstance(a, _ARRAYS) for a in args) else None

    return generic


def _resolved(resolve: Callable[..., Any]) -> Callable[..., Any]:
    found: dict[Any, tuple[Any, Any]] = {}

    def get_call_type(function: Any, context: Any, args: Any, kws: Any) -> Any:
        if kws:
            return resolve(function, context, args, kws)
        key = id(function), context, tuple(args), ConfigStack.top_or_none()
        if key not in found:
            signature = resolve(function, context, args, kws)
            if signature is None:
                return None
            found[key] = function, signature  # so that no other function gets its id
        return found[key][1]

    return get_call_type


_DEFAULTS: dict[Any, dict[str, Any]] = {}


def _flags(config: Any) -> dict[str, Any]:
    kind = type(config)
    if kind not in _DEFAULTS:
        _DEFAULTS[kind] = {name: option.default for name, option in kind.options.items()}
    return {**_DEFAULTS[kind], **config._values}


def _sized(size: Callable[[Any, Any], int]) -> Callable[[Any, Any], int]:
    found: dict[Any, int] = {}

    def sized(context: Any, kind: Any) -> int:
        key = context, str(kind)
        if key not in found:
            found[key] = size(context, kind)
        return found[key]

    return sized


def _variables(_statement: Any, part: Any) -> list[Any]:
    """Return the variables in a part of a statement, in numba's order."""
    found: list[Any] = []
    for value in part.values() if isinstance(part, dict) else (part,):
        if type(value) in _WITHOUT_VARIABLES:
            continue
        if isinstance(value, ir.Var):
            found.append(value)
        elif isinstance(value, ir.Inst):
            found += value.list_vars()
        elif isinstance(value, (list, tuple)):
            for each in value:
                found += _variables(_statement, each)
        elif isinstance(value, dict):
            found += _variables(_statement, value)
    return found


def _process(self: Any, emit_dels: bool = False, extend_lifetimes: bool = False) -> None:
    """Put the blocks of a function in order; lifetimes are found when they are asked for."""
    function = self.func_ir
    function.blocks = canonicalize_cfg(function.blocks)
    function.variable_lifetime = VariableLifetime(function.blocks)
    function.generator_info = None
    if emit_dels:
        self._insert_var_dels(extend_lifetimes=extend_lifetimes)


def _unless_generator(process: Callable[..., None]) -> Callable[..., None]:
    def run(self: Any, emit_dels: bool = False, extend_lifetimes: bool = False) -> None:
        how = process if self.func_ir.is_generator else _process
        how(self, emit_dels, extend_lifetimes)

    return run


def _owners(self: Any, builder: Any, kind: Any, value: Any) -> list[tuple[Any, Any]]:
    """Return the types and the owners that are counted in a value, and fetch no other field."""
    models = self._context.data_model_manager
    model = models[kind]
    found = [(kind, model.get_nrt_meminfo(builder, value))] if model.has_nrt_meminfo() else []
    for inner, getter in model.traverse(builder):
        if models[inner].contains_nrt_meminfo():
            found += _owners(self, builder, inner, getter(value))
    return found


@cache
def _replacements() -> list[tuple[Any, str, Any]]:
    """What has something replaced, the name, and by what."""
    return list(_found())


def _found() -> Iterator[tuple[Any, str, Any]]:
    lock = getattr(ffi.lib, "_lock", None)
    if hasattr(lock, "_cblist"):
        yield lock, "_cblist", []
    for owner, name, made in (
        (CPUContext, "refresh", _refreshed),
        (NumpyRulesArrayOperator, "generic", _of_arrays),
        (BaseFunction, "get_call_type", _resolved),
        (BaseContext, "get_abi_sizeof", _sized),
    ):
        if hasattr(owner, name):
            yield owner, name, made(getattr(owner, name))
    yield BaseLower, "create_cfunc_wrapper", lambda lower: None
    if _KNOWN:
        yield ir.Inst, "_rec_list_vars", _variables
        yield PostProcessor, "run", _unless_generator(PostProcessor.run)
        yield TargetConfig, "values", _flags
        yield NRTContext, "get_meminfos", _owners


@contextmanager
def _replaced(owner: Any, name: str, by: Any) -> Iterator[None]:
    own, before = name in vars(owner), getattr(owner, name)
    setattr(owner, name, by)
    try:
        yield
    finally:
        if own:
            setattr(owner, name, before)
        else:
            delattr(owner, name)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Python looks for circles among all of numba's objects as they are made, and few are."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


class _Blocks:
    lock, count, replaced = RLock(), 0, ExitStack()


@contextmanager
def shorter() -> Iterator[None]:
    """Let numba do less in the block, in which it compiles; blocks may overlap."""
    with _Blocks.lock:
        _Blocks.count += 1
        if _Blocks.count == 1:
            _Blocks.replaced.enter_context(_without_collector())
            for replacement in _replacements():
                _Blocks.replaced.enter_context(_replaced(*replacement))
    try:
        yield
    finally:
        with _Blocks.lock:
            _Blocks.count -= 1
            if _Blocks.count == 0:
                _Blocks.replaced.close()
