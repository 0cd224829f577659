"""How kernels are compiled: none counts references to the arrays it hands on."""

import os
import subprocess
import sys

import numba
import numpy as np
import pytest
from repository import HOUSE

from graphs.rows import ARC_DTYPES
from kernels import heap, pull, push
from kernels.cache import KernelCache
from kernels.compile import njit
from kernels.groups import Bucket, Queues, Reach, Rows, State
from kernels.queues import entry_dtype
from kernels.tentative import UNREACHED

BITS, WORD, WORDS = UNREACHED["float32"], 0, np.zeros(9, np.int64)
ROWS = Rows(np.zeros(2, np.int64), np.zeros(1, ARC_DTYPES["float32"]))
STATE = State(np.zeros(1, np.uint64), BITS)
QUEUE, SEVERAL = (np.zeros(shape, entry_dtype(BITS.dtype)) for shape in (1, (4, 1)))
QUEUES = Queues(SEVERAL, QUEUE, QUEUE, SEVERAL, WORDS, WORDS.reshape(1, 9))
BUCKET, REACH = Bucket(BITS, True, WORD, WORD, WORD, WORD), Reach(BITS, BITS, WORD)

# Kernels that hand arrays to inlined functions in their innermost loops, with arguments to
# compile them for.
INNERMOST = [
    (push._split, (BITS, ROWS, STATE, QUEUES, WORD)),
    (push._drain, (BUCKET, WORD, ROWS, STATE, QUEUES, WORD)),
    (heap.run_heap, (BUCKET, WORD, ROWS, STATE, QUEUES)),
    (pull._pull, (WORD, REACH, ROWS, STATE, QUEUE, QUEUES, WORD)),
    (pull._sweep, (QUEUE, WORD, np.float32(0), STATE, QUEUES, WORD)),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kernel", "arguments"), INNERMOST, ids=[kernel.__name__ for kernel, _ in INNERMOST]
)
def test_an_inner_loop_counts_no_references(kernel, arguments):
    """Each count is a locked instruction: with them, a queue's entry takes 48 ns instead of 2."""
    assert "NRT_incref" not in machine_code(kernel.py_func, kernel.targetoptions, arguments)


def test_references_that_are_counted_are_found():
    assert "NRT_incref" in machine_code(lambda array: array, {"nopython": True}, [WORDS])


def machine_code(function, options, arguments) -> str:
    """What numba compiles now, nothing of it from the cache."""
    compiled = numba.jit(**options)(function)
    compiled.compile(tuple(numba.typeof(argument) for argument in arguments))
    [code] = compiled.inspect_asm().values()
    return code


def test_what_a_kernel_calls_gets_no_machine_code_of_its_own():
    """Its caller holds it; for Python it is compiled when Python calls it."""

    @njit(cache=False)
    def called(x):
        return x + 1

    @njit(cache=False)
    def calling(x):
        return 2 * called(x)

    assert calling(3) == 8
    assert called.nopython_signatures == []
    [linked] = called.for_kernels.overloads.values()
    assert linked.library.get_pointer_to_function(linked.fndesc.llvm_func_name) == 0
    assert called(3) == 4
    assert len(called.nopython_signatures) == 1


def test_to_decorate_sets_up_neither_a_cache_nor_a_twin():
    """A process decorates 200 functions and calls 25."""

    @njit(cache=True)
    def called(x):
        return x + 1

    assert {"_cache", "for_kernels"}.isdisjoint(vars(called))
    assert isinstance(called._cache, KernelCache)
    assert isinstance(called.for_kernels._cache, KernelCache)
    assert called.for_kernels.py_func.__qualname__.endswith("called.for_kernels")


LAYERS = """
from kernels.compile import njit

@njit(cache=True)
def inner(x):
    return x + 1

@njit(cache=True)
def middle(x):
    return 2 * inner(x)

@njit(cache=True)
def first(x):
    return middle(x) + 1

@njit(cache=True)
def second(x):
    return middle(x) + 2
"""


@pytest.mark.slow
def test_a_kept_function_is_linked_in_a_process_that_has_not_loaded_what_it_calls(tmp_path):
    (tmp_path / "layers.py").write_text(LAYERS)
    path = os.pathsep.join(map(str, (HOUSE, tmp_path)))
    environment = {**os.environ, "PYTHONPATH": path, "NUMBA_CACHE_DIR": str(tmp_path)}
    for name, expected in (("first", "9"), ("second", "10")):
        command = [sys.executable, "-c", f"import layers; print(layers.{name}(3))"]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False
        )  # fmt: skip
        assert (done.returncode, done.stdout.strip()) == (0, expected), done.stderr
