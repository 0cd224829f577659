"""The comm of MPI ranks: every rank receives what was sent to it, all get the same results."""

from __future__ import annotations

import pytest
from launched import launched, with_support

from sssp.mpi_comm import world

pytestmark = pytest.mark.mpi

_WORK = """
from time import perf_counter
import numpy as np
from first_ranks import first_ranks

RECORD = np.dtype([("a", "<i4"), ("b", "<f8")])

def work(comm):
    start, all_ranks = perf_counter(), range(comm.size)
    for seed in range(20):
        # Every rank knows what each one gives each: how many, and which.
        random = np.random.default_rng(seed)
        counts = random.integers(0, 50, (comm.size, comm.size))
        counts *= random.integers(0, 2, (comm.size, 1))
        given = [[np.full(counts[r, to], 100 * r + to) for to in all_ranks] for r in all_ranks]
        plain = np.concatenate(given[comm.rank]).astype(np.int32)
        records = np.zeros(len(plain), RECORD)
        records["a"], records["b"] = plain, plain / 3
        received, first, second = comm.alltoallv(counts[comm.rank], plain, records)
        expected = np.concatenate([row[comm.rank] for row in given])
        assert received.tolist() == counts[:, comm.rank].tolist()
        assert first.tolist() == expected.tolist() and first.dtype == np.int32
        assert second["a"].tolist() == expected.tolist()
        assert second["b"].tolist() == (expected / 3).tolist()
    sent = comm.traffic
    assert sent.bytes % (4 + RECORD.itemsize) == 0 and sent.bytes > 0 and sent.calls == 20
    assert 0 < sent.seconds < perf_counter() - start
    assert comm.allreduce_min(comm.rank + 2.5) == 2.5
    assert comm.allreduce_max(comm.rank) == comm.size - 1
    assert comm.allreduce_sum([1, comm.rank]).tolist() == [comm.size, sum(all_ranks)]
    assert comm.allreduce_or(comm.rank == 1) and not comm.allreduce_and(comm.rank == 1)
    ranks = sum(all_ranks)
    assert comm.next_bucket(comm.rank, [comm.rank, 2**40]) == (0.0, [ranks, comm.size << 40])
    calls = comm.traffic.calls
    bucket, (received, news) = comm.alltoallv_next_bucket(
        np.inf if comm.rank else 0.5, [2**52 // comm.size, 3], np.arange(comm.size),
        np.repeat(np.arange(comm.size), np.arange(comm.size)),
    )
    assert bucket == (0.5, [2**52 // comm.size * comm.size, 3 * comm.size])
    assert received.tolist() == [comm.rank] * comm.size
    assert news.tolist() == [comm.rank] * comm.rank * comm.size
    assert comm.traffic.calls == calls + 1
    assert comm.allgather((comm.rank, "x")) == [(r, "x") for r in all_ranks]
    assert comm.bcast(comm.rank) == 0
    assert comm.allreduce_bor(np.array([1 << comm.rank], np.uint8)).tolist() == [2**comm.size - 1]
    with comm.traffic.of("news"):
        comm.alltoallv(np.full(comm.size, 2), np.zeros(2 * comm.size, np.int64))
    assert comm.traffic.parts == {"news": 16 * (comm.size - 1)}
    comm.barrier()

for comm in first_ranks(2, 3, 4):
    work(comm)
    if comm.rank == 0:
        print(comm.size)
"""


@pytest.mark.slow
def test_ranks_tell_each_other():
    done = launched(4, with_support(_WORK))
    assert (done.status, done.out.split()) == (0, ["2", "3", "4"]), done.err


def test_one_process_is_alone():
    comm = world()
    assert (comm.rank, comm.size, comm.traffic.bytes) == (0, 1, 0)
