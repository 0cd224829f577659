"""Machine code only of what Python calls; the rest is kept to be linked into what calls it.

numba makes machine code of each function that it compiles, of all that the function calls as well,
and optimises both once more within each caller. The functions of a search call each other six
deep, so that the innermost loop would be optimised six times; here it is once for each kernel that
Python calls. The passes that numba runs over one function by itself are made once a module, not
once a function.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler

# How numba's names begin: of what Python calls, and of the address of a function's constants.
_FOR_PYTHON, _CONSTANTS = "_ZN7cpython", "_ZN08NumbaEnv"


class _Library(JITCodeLibrary):
    """What is compiled of one function."""

    _final_module: Any

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout
        passes, builder = self._codegen._function_pass_manager()
        for function in ll_module.functions:
            if not function.is_declaration:
                passes.run(function, builder)

    def finalize(self) -> None:
        whole = self._final_module
        defined = [function for function in whole.functions if not function.is_declaration]
        if any(function.name.startswith(_FOR_PYTHON) for function in defined):
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


class KernelCompiler(Compiler):
    """numba's compiler, for a kernel and all that is compiled because the kernel calls it."""

    def compile_extra(self, func: Any) -> Any:
        codegen = self.state.targetctx.codegen()
        codegen._library_class, before = _Library, codegen._library_class
        try:
            return super().compile_extra(func)
        finally:
            codegen._library_class = before
