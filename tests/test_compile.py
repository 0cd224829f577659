"""How kernels are compiled: none counts references to the arrays it hands on."""

import numba
import numpy as np
import pytest

from graphs.rows import ARC_DTYPES
from kernels import heap, pull, push
from kernels.queues import entry_dtype
from kernels.tentative import UNREACHED

UNREACHED_BITS = UNREACHED["float32"]
INDPTR, WORDS, WORD, OWN = np.zeros(2, np.int64), np.zeros(9, np.int64), 0, (0, 1)
ARCS = np.zeros(1, ARC_DTYPES["float32"])
STATE = np.zeros(1, np.uint64)
QUEUE = np.zeros(1, entry_dtype(UNREACHED_BITS.dtype))

# Kernels that hand arrays to inlined functions in their innermost loops, with arguments to
# compile them for.
INNERMOST = [
    (push._split, (UNREACHED_BITS, INDPTR, STATE, QUEUE, QUEUE, QUEUE, WORDS, WORDS)),
    (push._drain, (WORD, UNREACHED_BITS, True, OWN, WORD, WORD, INDPTR, ARCS, STATE,
                   QUEUE, QUEUE, QUEUE, QUEUE, QUEUE, WORDS, WORDS)),
    (heap.run_heap, (UNREACHED_BITS, UNREACHED_BITS, True, OWN, WORD, INDPTR, ARCS, STATE,
                     QUEUE, QUEUE, QUEUE, WORDS, WORDS)),
    (pull._pull, (UNREACHED_BITS, UNREACHED_BITS, WORD, WORD, INDPTR, ARCS, STATE, QUEUE,
                  WORDS, WORDS)),
    (pull._sweep, (QUEUE, WORD, STATE, np.float32(0), QUEUE, WORDS, WORDS)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kernel", "arguments"), INNERMOST, ids=[kernel.__name__ for kernel, _ in INNERMOST]
)
def test_an_inner_loop_counts_no_references(kernel, arguments):
    """Each count is a locked instruction: with them, a queue's entry takes 48 ns instead of 2."""
    assert "NRT_incref" not in machine_code(kernel.py_func, kernel.targetoptions, arguments)


def test_references_that_are_counted_are_found():
    assert "NRT_incref" in machine_code(lambda array: array, {"nopython": True}, [STATE])


def machine_code(function, options, arguments) -> str:
    """What numba compiles now, nothing of it from the cache."""
    compiled = numba.jit(**options)(function)
    compiled.compile(tuple(numba.typeof(argument) for argument in arguments))
    [code] = compiled.inspect_asm().values()
    return code
