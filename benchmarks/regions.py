"""A clock around the parallel regions of compiled kernels: all else is what one thread does.

Every parallel loop starts through one function of numba's threading layer, which compiled code
finds by its name. Here another takes that name first, which looks at the clock and calls numba's.
The clock is the calling thread's own, of time on its core: other programs are not counted.
"""

from __future__ import annotations

import ctypes
import time

import llvmlite.binding as llvm
import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_NAME = "numba_parallel_for"
# What the clock says, in seconds and nanoseconds; nanoseconds in regions so far; and how many.
_words = np.zeros(4, np.int64)
_kept: list[object] = []  # compiled code has their addresses only


@intrinsic
def _at(typingctx, number):
    """A number as the address of int64 words."""

    def codegen(context, builder, signature, values):
        return builder.inttoptr(values[0], ir.IntType(64).as_pointer())

    return types.CPointer(types.int64)(number), codegen


def watch() -> None:
    """Time parallel regions from now on; to be called before a kernel is loaded."""
    numba.get_num_threads()  # starts the threading layer, which takes the name
    words = [ctypes.c_size_t] * 8
    start = ctypes.CFUNCTYPE(None, *words)(llvm.address_of_symbol(_NAME))
    clock = ctypes.CDLL(None).clock_gettime
    clock.argtypes, clock.restype = [ctypes.c_int, ctypes.c_size_t], ctypes.c_int
    address = _words.ctypes.data

    @numba.cfunc(types.void(*[types.uintp] * 8), nopython=True)
    def timed(function, arguments, sizes, steps, data, dimensions, arrays, threads):
        words = numba.carray(_at(address), 4)
        clock(time.CLOCK_THREAD_CPUTIME_ID, address)
        before = words[0] * 10**9 + words[1]
        start(function, arguments, sizes, steps, data, dimensions, arrays, threads)
        clock(time.CLOCK_THREAD_CPUTIME_ID, address)
        words[2] += words[0] * 10**9 + words[1] - before
        words[3] += 1

    _kept.extend([start, timed])
    llvm.add_symbol(_NAME, timed.address)


def seconds() -> float:
    """Seconds of the calling thread in parallel regions so far."""
    return float(_words[2]) / 1e9


def count() -> int:
    """Parallel regions so far."""
    return int(_words[3])
