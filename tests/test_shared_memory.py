"""Ranks of a node that read each other's memory: real processes, which race as they do in a run."""

from __future__ import annotations

import os

import numpy as np
import pytest
from launched import launched

from sssp import shared_memory

pytestmark = pytest.mark.mpi

SEARCHES = """
import sys
sys.path.insert(0, "tests")
import numpy as np
from strategies import make_edges
from graphs import build_csr, kronecker
from graphs.partition import part_of
from harness.validation import validate
from sssp import Solver
from sssp.comm import world

comm, nodes = world(), int(sys.argv[1])
kinds = [("even", "float32"), ("a_third_zero", "float64"), ("tiny", "float32"), ("even", "int64")]
graphs = [kronecker(12), kronecker(9, seed=(4, 5))]
for seed in range(12):
    weights, dtype = kinds[seed % 4]
    edges = make_edges(900, "multigraph", weights, np.dtype(dtype), seed % 3 == 0, seed)
    hub = np.random.default_rng(seed).integers(0, 20, edges.m // 2)
    edges.src[: len(hub)] = hub
    graphs.append(edges)
for edges in graphs:
    csr = build_csr(part_of(edges, comm.rank, comm.size), threads=1, comm=comm)
    assert csr.halo.nodes == nodes, csr.halo.nodes
    solver = Solver(csr, engine="cpu", threads=1, comm=comm)
    alone = Solver(build_csr(edges, threads=1), engine="cpu", threads=1)
    for root in edges.src[:10].tolist():
        # No barrier between searches: a rank may be ahead of others that still read the last one.
        answer = solver.search(root)
        expected = alone.search(root)
        mine = slice(csr.first, csr.first + csr.n)
        assert answer.dist.tobytes() == expected.dist[mine].tobytes(), root
        whole = [np.concatenate(comm.gather(part)) for part in (answer.dist, answer.parent)]
        assert validate(edges, [(root, *whole)])[0].violations == []
if comm.rank == 0:
    print("equal")
"""


@pytest.mark.parametrize(
    "ranks, nodes, told",
    [
        (2, 1, {}),
        (3, 1, {}),
        (4, 1, {}),
        (3, 2, {"MPIR_CVAR_NUM_CLIQUES": "2"}),
        (4, 2, {"MPIR_CVAR_NUM_CLIQUES": "2"}),
        (3, 3, {"SSSP_SHARED_MEMORY": "0"}),
    ],
)
def test_searches_are_those_of_one_process(ranks, nodes, told):
    environment = {"NUMBA_NUM_THREADS": "1", **told}
    done = launched(ranks, ["-c", SEARCHES, str(nodes)], environment, timeout=300)
    assert (done.status, done.out) == (0, "equal\n"), done.err[-4000:]


ARRAYS = """
import numpy as np
from sssp.comm import world

comm = world()
for dtype in (np.int32, np.float64):
    array = comm.together(comm.size, np.dtype(dtype))
    assert array.dtype == dtype and not array.any()
    comm.barrier()
    array[comm.rank] = comm.rank + 1
    comm.barrier()
    assert array.tolist() == list(range(1, comm.size + 1))
    comm.barrier()
neighbours = comm.gather(comm.neighbours)
if comm.rank == 0:
    print(neighbours)
"""


def test_what_a_rank_writes_the_others_see_and_nothing_is_left():
    before = set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()
    done = launched(3, ["-c", ARRAYS])
    assert (done.status, done.out) == (0, f"{3 * [[0, 1, 2]]}\n"), done.err
    after = set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()
    assert not [name for name in after - before if "sssp" in name]


class Node:
    """The ranks of a node, of which one has told `told`, and whose answers are `answers`."""

    def __init__(self, rank=0, size=2, told=None, answers=None):
        self.rank, self.size, self.told, self.answers = rank, size, told, answers

    def Get_rank(self):
        return self.rank

    def Get_size(self):
        return self.size

    def bcast(self, value):
        return value if self.told is None else self.told

    def allgather(self, value):
        return [value] * self.size if self.answers is None else self.answers


def test_a_file_that_cannot_be_opened_is_an_error_on_every_rank():
    with pytest.raises(MemoryError, match="1 of 2 ranks cannot map 24 bytes"):
        shared_memory.together(Node(answers=[True, False]), 3, np.dtype(np.int64))
    with pytest.raises(MemoryError, match="2 of 2 ranks cannot map 12 bytes"):
        shared_memory.together(Node(1, told=(os.getpid(), 1 << 20)), 3, np.dtype(np.int32))


def test_a_system_without_such_files_shares_nothing(monkeypatch):
    monkeypatch.delattr(os, "memfd_create", raising=False)
    assert not shared_memory.can_share(Node())


def test_a_file_of_another_process_is_not_taken_for_the_first_ranks():
    file = os.memfd_create("other")
    os.ftruncate(file, 4096)
    token = 7  # and not what stands in that file

    class Other(Node):
        def bcast(self, value):
            return (os.getpid(), file) if isinstance(value, tuple) else token

    assert not shared_memory.can_share(Other(rank=1))
    os.close(file)


def test_a_node_of_one_rank_shares_nothing():
    assert not shared_memory.can_share(Node(size=1))
