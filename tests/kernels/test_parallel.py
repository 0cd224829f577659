"""A kernel in shares: each is run once, what the kernel is handed arrives, a failure is raised."""

import numpy as np
import pytest

from kernels.compile import kernel, njit, part
from kernels.groups import Ways
from kernels.parallel import on_threads
from kernels.threads import using

MANY = 1000


@part
def note(ways, factor, number, counts, share):
    if ways.forward and not ways.backward:
        counts[share] += share * number + np.int64(factor)


@kernel
def note_all(ways, factor, number, counts):
    on_threads(note, (ways, factor, number, counts), len(counts))


@njit(cache=False, no_cpython_wrapper=True)
def allocate(sizes, lengths, share):
    lengths[share] = len(np.empty(sizes[share], np.uint8))


@njit(cache=False)
def allocate_all(sizes, lengths):
    on_threads(allocate, (sizes, lengths), len(sizes))


@pytest.mark.parametrize("shares", [0, 1, 2, MANY])
def test_each_share_is_run_once(shares):
    counts = np.zeros(shares, np.int64)
    with using():
        note_all(Ways(True, False), np.float32(7), np.int64(3), counts)
    assert counts.tolist() == [3 * share + 7 for share in range(shares)]


def test_a_share_without_memory_is_an_error():
    sizes, lengths = np.arange(4), np.zeros(4, np.int64)
    sizes[2] = 1 << 60
    with using(), pytest.raises(MemoryError, match="a thread found no memory"):
        allocate_all(sizes, lengths)
    assert lengths.tolist() == [0, 1, 0, 3]  # the others are done
