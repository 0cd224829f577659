"""Ranks as threads: copies are handed over, and what MPI would hang on or mix up is an error."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from ranks import on_ranks

from graphs.thread_comm import on_threads


@pytest.mark.parametrize("size", [1, 2, 5])
def test_every_rank_sees_what_each_brought_and_not_what_became_of_it(size):
    def work(comm):
        found = []
        for turn in range(3):
            mine = np.array([comm.rank, turn])
            seen = comm.allgather(mine)
            mine[:] = -1
            found.append([array.tolist() for array in seen])
            seen[0][:] = -2  # a copy of this rank's own
        return found

    expected = [[[rank, turn] for rank in range(size)] for turn in range(3)]
    assert on_ranks(size, work) == [expected] * size


def test_each_rank_receives_its_part_of_every_array():
    def work(comm):
        counts = np.arange(3) + comm.rank
        names = np.array([(comm.rank, to) for to in range(3) for _ in range(counts[to])], "i4,f8")
        received, pairs, one = comm.alltoallv(counts, names, names["f0"].copy())
        assert received.tolist() == [rank + comm.rank for rank in range(3)]
        assert pairs["f0"].tolist() == one.tolist() == np.repeat(range(3), received).tolist()
        return set(pairs["f1"].tolist())

    assert on_ranks(3, work) == [{0}, {1}, {2}]


def test_what_a_rank_receives_is_its_own():
    """Sender and receivers may change their arrays and lists; nobody else sees it."""

    def work(comm):
        items, counts = np.arange(3) + 10 * comm.rank, np.ones(3, np.int64)
        (least, sums), (received, found) = comm.alltoallv_next_bucket(
            comm.rank, [comm.rank], counts, items
        )
        reduced = comm.allreduce_bor(np.array([1 << comm.rank], np.uint8))
        seen = least, sums.copy(), received.tolist(), found.tolist(), reduced.tolist()
        items[:] = counts[:] = sums[0] = received[:] = found[:] = reduced[:] = 50 + comm.rank
        comm.barrier()
        assert sums == [50 + comm.rank]
        for array in (received, found, reduced):
            assert (array == sums[0]).all()
        return seen

    expected = [(0, [3], [1] * 3, [rank, 10 + rank, 20 + rank], [7]) for rank in range(3)]
    assert on_ranks(3, work) == expected


def test_different_calls_are_an_error():
    with pytest.raises(RuntimeError, match="different calls: allgather, barrier"):
        on_threads(3, lambda comm: comm.allgather(1) if comm.rank == 1 else comm.barrier())


def test_arrays_of_different_dtypes_are_an_error():
    def work(comm):
        comm.alltoallv(np.zeros(2, int), np.zeros(0, ("f4", "f8")[comm.rank]))

    with pytest.raises(RuntimeError, match="different dtypes"):
        on_threads(2, work)


def test_a_rank_that_fails_ends_the_others_that_wait_and_that_come_later():
    def work(comm):
        comm.barrier()
        if comm.rank == 1:
            raise KeyError("the fault")
        comm.barrier()

    with pytest.raises(KeyError, match="the fault"):
        on_threads(4, work)


def test_ranks_that_wait_for_one_that_has_ended_fail_at_once():
    with pytest.raises(threading.BrokenBarrierError, match="a rank has ended"):
        on_threads(3, lambda comm: comm.rank == 1 or comm.barrier())
