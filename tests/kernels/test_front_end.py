"""Kernels are what numba makes of them, in less time, and numba is as it was afterwards."""

import gc
import re
import sys

import numba
import numpy as np
from numba.core import compiler, ir, types
from numba.core.base import BaseContext
from numba.core.cpu import CPUContext
from numba.core.lowering import BaseLower
from numba.core.postproc import PostProcessor
from numba.core.runtime.context import NRTContext
from numba.core.targetconfig import TargetConfig
from numba.core.types.functions import BaseFunction
from numba.core.typing.npydecl import NumpyRulesArrayOperator

from kernels import front_end
from kernels.linking import KernelCompiler

REPLACED = [
    (CPUContext, "refresh"),
    (NumpyRulesArrayOperator, "generic"),
    (BaseFunction, "get_call_type"),
    (BaseContext, "get_abi_sizeof"),
    (BaseLower, "create_cfunc_wrapper"),
    (ir.Inst, "_rec_list_vars"),
    (PostProcessor, "run"),
    (TargetConfig, "values"),
    (NRTContext, "get_meminfos"),
]


def sample(values, pairs, limit=3):
    """Arrays that are counted, tuples, operators of arrays and of numbers, a list, a closure."""
    found = np.zeros(len(values) + 1)
    kept = [pair[1] for pair in pairs if pair[0] < limit]
    for i, x in enumerate(values):
        found[i + 1] = found[i] + min(x, 2.0) * len(kept)
    return (found - 1)[1:], pairs[0], kept


def machine_code_of_sample():
    compiled = numba.njit(pipeline_class=KernelCompiler)(sample)
    answer = compiled(np.arange(4.0), ((1, 2.5), (4, 3.5)))
    (code,) = compiled.inspect_asm().values()
    # Each time that a function is compiled its names get another number, and addresses differ.
    return answer, re.sub(r"\d+", "0", re.sub(r"_ZN\w+|_?Z\w+|\.[LC]\w+", "", code))


def test_machine_code_is_as_numba_makes_it(monkeypatch):
    answer, code = machine_code_of_sample()
    monkeypatch.setattr(front_end, "_replacements", lambda: ())
    expected, its_code = machine_code_of_sample()
    np.testing.assert_equal(answer, expected)
    assert code == its_code


def test_variables_of_a_statement_are_those_that_numba_finds_in_its_order():
    blocks = compiler.run_frontend(sample).blocks.values()
    statements = [statement for block in blocks for statement in block.body]
    found = [statement.list_vars() for statement in statements]
    with front_end.shorter():
        assert [statement.list_vars() for statement in statements] == found
    assert sum(map(len, found)) > len(found)


def test_flags_of_a_kernel_are_all_that_numba_reads_in_its_order():
    flags = compiler.Flags()
    flags.nrt = True
    found = list(flags.values().items())
    with front_end.shorter():
        assert list(flags.values().items()) == found


def test_numba_is_as_it_was_once_all_blocks_have_ended():
    assert gc.isenabled()
    before = [getattr(owner, name) for owner, name in REPLACED]
    first, second = front_end.shorter(), front_end.shorter()
    first.__enter__()
    inside = [getattr(owner, name) for owner, name in REPLACED]
    assert not gc.isenabled()
    second.__enter__()
    first.__exit__(None, None, None)
    assert [getattr(owner, name) for owner, name in REPLACED] == inside
    second.__exit__(None, None, None)
    assert [getattr(owner, name) for owner, name in REPLACED] == before
    assert gc.isenabled()
    assert not any(now is then for now, then in zip(inside, before, strict=True))


def test_operators_of_arrays_are_still_numpy_s():
    @numba.njit(pipeline_class=KernelCompiler)
    def total(a, b):
        return (a + b * 2.0).sum() + a[0] + b[0]

    assert total(np.arange(3.0), np.arange(3)) == 9.0
    assert total.signatures[0][0] == types.float64[::1]


def test_a_numba_without_one_of_these_parts_compiles_as_it_does(monkeypatch):
    monkeypatch.setitem(sys.modules, "kernels.front_end", None)

    @numba.njit(pipeline_class=KernelCompiler)
    def one_more(x):
        return x + 1

    assert one_more(1) == 2
