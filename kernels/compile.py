"""The decorators by which numba compiles the kernels.

numba counts references to arrays, with a locked instruction each, wherever one is handed to a
function that is inlined: 48 ns for one entry of a queue instead of 2, and more where threads share
the array. A `kernel` allocates nothing, so it has nothing to count; numba refuses to compile one
that does, or that copies a slice. What allocates, or runs in parallel, is decorated with
`njit`, and leaves the loops that matter to kernels; where a kernel calls it, with
`_nrt=True`, or it is compiled as its caller is. The option has no other name in numba;
tests/kernels/test_compile.py looks at the machine code.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import cached_property, partial
from importlib import import_module
from types import FunctionType
from typing import Any

import numba
import numpy as np
from numba import typeof
from numba.core.registry import CPUDispatcher

from kernels.cache import KernelCache
from kernels.linking import KernelCompiler


class _Kept(CPUDispatcher):
    """A function whose cache is set up when it is first used: a process calls a tenth of them."""

    @cached_property
    def _cache(self) -> KernelCache:
        return KernelCache(self.py_func)

    def compile(self, sig: Any) -> Any:
        kept: Any = self._cache  # numba's, which keeps nothing, where nothing is to be kept
        with kept.compiling() if isinstance(kept, KernelCache) else nullcontext():
            return super().compile(sig)


class _ForPython(_Kept):
    """A function as Python calls it; a kernel that names it calls its twin."""

    @cached_property
    def for_kernels(self) -> Any:
        options = {**self.targetoptions, "no_cpython_wrapper": True}
        return _dispatcher(_twin(self.py_func), isinstance(self._cache, KernelCache), options)

    @property
    def _numba_type_(self) -> Any:
        return typeof(self.for_kernels)


def njit(cache: bool, **options: Any) -> Callable[[Any], Any]:
    """numba's decorator of the same name; what it compiles is kept as `kernels.cache` does.

    A function that Python may call is compiled apart for kernels that call it: without what
    Python calls it by, and without machine code of its own.
    """
    # No kernel is called from C.
    return partial(_dispatcher, cache=cache, options={"no_cfunc_wrapper": True, **options})


def _dispatcher(function: Any, cache: bool, options: dict[str, Any]) -> Any:
    """Return what compiles a function, and calls it."""
    dispatcher = numba.jit(pipeline_class=KernelCompiler, **options)(function)
    if isinstance(dispatcher, CPUDispatcher):  # NUMBA_DISABLE_JIT leaves the function
        dispatcher.__class__ = _Kept if options.get("no_cpython_wrapper") else _ForPython
        if cache:
            del dispatcher._cache  # numba's, which keeps nothing
    return dispatcher


def _twin(function: Any) -> Any:
    """Return the same function by another name, under which it is kept."""
    parts = (function.__code__, function.__globals__, function.__name__)
    twin = FunctionType(*parts, function.__defaults__, function.__closure__)
    twin.__qualname__ = f"{function.__qualname__}.for_kernels"
    return twin


kernel = njit(cache=True, _nrt=False)
# These are called by kernels only: Python gets no way to call them, which takes long to compile.
part = njit(cache=True, _nrt=False, no_cpython_wrapper=True)
inlined = njit(cache=True, _nrt=False, forceinline=True, no_cpython_wrapper=True)

# For an index that starts at 0, or an argument that is 0 or 1: of a literal numba makes a type of
# its own, and compiles the kernel that it is handed to once more for it.
ZERO = np.int64(0)
ONE = np.int64(1)


class _SameTypes:
    """A kernel that looks at the types of its arguments once; see `same_types`."""

    __slots__ = ("_entry", "_function")

    def __init__(self, function: Any):
        self._function = function
        self._entry: Callable[..., Any] | None = None

    def __call__(self, *arguments: Any) -> Any:
        if self._entry is None:
            self._entry = self._function.compile(tuple(map(typeof, arguments)))
        return self._entry(*arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled by name: another process loads its own kernel."""
        python = self._function.py_func
        return _named, (python.__module__, python.__name__)


def _named(module: str, name: str) -> _SameTypes:
    return _SameTypes(getattr(import_module(module), name))


def same_types(function: Any) -> Callable[..., Any]:
    """Return `function`, a kernel, for calls whose arguments always have the same types.

    It is compiled for the types of the first call, when that comes, and no later call looks at
    types: numba's own call takes 1 us longer for each named tuple, 20 % of all that a small search
    takes. Not for arrays that a caller hands in: they may be of another type next time, which is
    not noticed.
    """
    return _SameTypes(function)
