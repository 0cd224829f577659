"""Machine code only of what Python calls; the rest is kept to be linked into what calls it.

numba makes machine code of each function that it compiles, of all that the function calls as well,
and optimises both once more within each caller. The functions of a search call each other six
deep, so that the innermost loop would be optimised six times; here it is once for each kernel that
Python calls. The passes that numba runs over one function by itself are made once a module, not
once a function.

Of what Python calls no more than the machine code is kept: nothing else is made of it, and to parse
what could be linked takes most of the time in which it is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import llvmlite.binding as llvm
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler

# How numba's names begin: of what Python calls, and of the address of a function's constants.
_FOR_PYTHON, _CONSTANTS = "_ZN7cpython", "_ZN08NumbaEnv"
_MACHINE_CODE = "machine code"


class _Library(JITCodeLibrary):
    """What is compiled of one function."""

    _final_module: Any
    _for_python = False

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout
        passes, builder = self._codegen._function_pass_manager()
        for function in ll_module.functions:
            if not function.is_declaration:
                passes.run(function, builder)

    def finalize(self) -> None:
        whole = self._final_module
        defined = [function for function in whole.functions if not function.is_declaration]
        self._for_python = any(function.name.startswith(_FOR_PYTHON) for function in defined)
        if self._for_python:
            super().finalize()
            return
        for library in dict.fromkeys(self._linking_libraries):
            self._reload_init.update(library._reload_init)
            whole.link_in(library._get_module_for_linking(), preserve=True)
        for function in whole.functions:
            if not function.is_declaration and function.linkage == llvm.Linkage.external:
                function.linkage = "linkonce_odr"  # each caller's module has its own
        # numba writes to these addresses when it has compiled or loaded the function, also to
        # those of what was linked in, which may not be loaded itself.
        names = [found.name for found in whole.global_variables]
        lines = [
            f'target triple = "{llvm.get_process_triple()}"',
            *(f'@"{name}" = common global i8* null' for name in names if _CONSTANTS in name),
        ]
        self._final_module = llvm.parse_assembly("\n".join(lines))
        self._finalize_final_module()
        self._final_module = self._shared_module = whole

    def _optimize_final_module(self) -> None:
        super()._optimize_final_module()
        # Hardly any function has constants. For those of all that was inlined numba would load
        # modules of its own, at each start, that only compiling needs.
        self._set_linkage_of_constants("internal")
        passes = llvm.create_new_module_pass_manager()
        passes.add_global_dead_code_eliminate_pass()
        passes.run(self._final_module, self._codegen._pass_builder())
        self._set_linkage_of_constants("common")

    def _set_linkage_of_constants(self, linkage: str) -> None:
        for found in self._final_module.global_variables:
            if found.name.startswith(_CONSTANTS):
                found.linkage = linkage

    def serialize_using_object_code(self) -> tuple[str, str, Any]:
        if not self._for_python:
            return super().serialize_using_object_code()
        names = [
            function.name
            for function in self._final_module.functions
            if not function.is_declaration and function.linkage == llvm.Linkage.external
        ]
        return self.name, _MACHINE_CODE, (self._get_compiled_object(), names)

    @classmethod
    def _unserialize(cls, codegen: Any, state: tuple[str, str, Any]) -> Any:
        name, kind, data = state
        if kind != _MACHINE_CODE:
            return super()._unserialize(codegen, state)
        machine_code, names = data
        library = codegen.create_library(name)
        library.enable_object_caching()
        library._set_compiled_object(machine_code)
        library._finalize_final_module()
        codegen._engine._defined_symbols.update(names)
        return library


@contextmanager
def libraries_of_kernels(codegen: Any) -> Iterator[None]:
    """Let numba compile and load kernels, nothing else, in the block."""
    codegen._library_class, before = _Library, codegen._library_class
    try:
        yield
    finally:
        codegen._library_class = before


def _shorter() -> AbstractContextManager[None]:
    try:
        from kernels.front_end import shorter  # not in a process that only loads kernels
    except ImportError:  # of a part that this numba does not have
        return nullcontext()
    return shorter()


class KernelCompiler(Compiler):
    """numba's compiler, for a kernel and all that is compiled because the kernel calls it."""

    def compile_extra(self, func: Any) -> Any:
        with libraries_of_kernels(self.state.targetctx.codegen()), _shorter():
            return super().compile_extra(func)
