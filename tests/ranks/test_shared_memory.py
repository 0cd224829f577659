"""Ranks of a node that read each other's memory: real processes, which race as they do in a run."""

from __future__ import annotations

import os
import socket
import threading
from array import array
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pytest
from launched import launched
from repository import HOUSE
from shared_searches import searches

from graphs import build_csr
from harness.validation.host import validate
from sssp import Solver, shared_memory
from sssp.errors import EngineError


@pytest.fixture(scope="module")
def alone():
    """The graphs, and their answers by one process."""
    found = []
    for edges, roots in searches():
        solver = Solver(build_csr(edges, threads=1), engine="cpu", threads=1)
        found.append((edges, roots, [solver.search(root).dist.copy() for root in roots]))
    return found


@pytest.mark.slow
@pytest.mark.mpi
@pytest.mark.parametrize(
    "cases, told",
    [
        (["2,1,1", "3,1,1", "4,1,1", "3,3,0"], {}),
        (["3,2,1", "4,2,1"], {"MPIR_CVAR_NUM_CLIQUES": "2"}),
    ],
    ids=["one node", "two nodes"],
)
def test_searches_are_those_of_one_process(cases, told, alone, tmp_path):
    """By RANKS,NODES,SHARED; each case is a job of its own, but for the start of the ranks."""
    ranks = max(int(case[0]) for case in cases)
    program = ["-m", "mpi4py", HOUSE / "tests" / "support" / "shared_searches.py"]
    path = tmp_path / "answers.npz"
    done = launched(ranks, [*program, path, *cases], told, timeout=300)
    assert done.status == 0, done.err[-4000:]
    with np.load(path) as kept:
        for case in cases:
            arrays = iter([kept[name] for name in kept.files if name.startswith(case)])
            for graph, (edges, roots, dists) in enumerate(alone):
                found = [(root, next(arrays), next(arrays)) for root in roots]
                for (root, dist, _), expected in zip(found, dists, strict=True):
                    assert dist.tobytes() == expected.tobytes(), (case, graph, root)
                for verdict in validate(edges, found):
                    assert verdict.violations == [], (case, graph)
            assert next(arrays, None) is None


ARRAYS = """
import numpy as np
from sssp.mpi_comm import world

comm = world()
for dtype in (np.int32, np.float64):
    array = comm.shared_zeros(comm.size, np.dtype(dtype))
    assert array.dtype == dtype and not array.any()
    comm.barrier()
    array[comm.rank] = comm.rank + 1
    comm.barrier()
    assert array.tolist() == list(range(1, comm.size + 1))
    comm.barrier()
neighbours = comm.allgather(comm.node_peers)
if comm.rank == 0:
    print(neighbours)
"""


@pytest.mark.slow
@pytest.mark.mpi
def test_what_a_rank_writes_the_others_see_and_nothing_is_left():
    before = set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()
    done = launched(3, ["-c", ARRAYS], afresh=True)
    assert (done.status, done.out) == (0, f"{3 * [[0, 1, 2]]}\n"), done.err
    after = set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()
    assert not [name for name in after - before if "sssp" in name]


class Node:
    """The ranks of a node as threads of this process, which run as they like."""

    def __init__(self, rank, brought, barrier):
        self.rank, self.brought, self.barrier = rank, brought, barrier

    def Get_rank(self):
        return self.rank

    def Get_size(self):
        return len(self.brought)

    def allgather(self, value):
        self.brought[self.rank] = value
        self.barrier.wait(60)
        seen = list(self.brought)
        self.barrier.wait(60)
        return seen

    def bcast(self, value):
        return self.allgather(value)[0]

    def Barrier(self):
        self.allgather(None)


def on_a_node(size, work):
    """What `work` returns on each rank of a node, or the error that it raises there."""
    brought, barrier = [None] * size, threading.Barrier(size)
    with ThreadPoolExecutor(size) as threads:
        nodes = [Node(rank, brought, barrier) for rank in range(size)]
        return list(threads.map(lambda node: raised(work, node), nodes))


def raised(work, node):
    try:
        return work(node)
    except (MemoryError, EngineError) as error:
        return f"{type(error).__name__}: {error}"


def words(node):
    array = shared_memory.together(node, 3, np.dtype(np.int64))
    array[node.rank] = node.rank + 1
    node.Barrier()
    return array.tolist()


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def test_ranks_get_the_file_of_the_first():
    before = descriptors()
    assert on_a_node(3, words) == [[1, 2, 3]] * 3
    assert descriptors() == before
    assert on_a_node(3, shared_memory.can_share) == [True] * 3


def fault(failed, rank, reason, kind="EngineError"):
    """What all of three ranks raise."""
    text = (
        f"{kind}: {failed} of 3 ranks of a node cannot map 24 bytes of shared memory: "
        f"rank {rank} of the node: {reason}"
    )
    return [text + ("; with SSSP_SHARED_MEMORY=0 they share nothing") * (kind != "MemoryError")] * 3


@pytest.mark.parametrize(
    "missing, failed, reason",
    [
        ("os.memfd_create", 3, "this system has no files without a name"),
        ("socket.AF_UNIX", 3, "this system does not hand files from process to process"),
        ("socket.recv_fds", 3, "this system does not hand files from process to process"),
    ],
)
def test_what_a_system_lacks_is_told_to_all(missing, failed, reason, monkeypatch):
    monkeypatch.delattr(missing)
    before = descriptors()
    assert on_a_node(3, words) == fault(failed, 0, reason)
    assert on_a_node(3, shared_memory.can_share) == [False] * 3
    assert descriptors() == before


def failing(monkeypatch, method, error):
    """Let the first call of a method of sockets fail."""
    true, calls = getattr(socket.socket, method), []

    class Socket(socket.socket):
        pass

    def fail_first(self, *arguments):
        calls.append(arguments)
        if len(calls) == 1:
            raise error
        return true(self, *arguments)

    setattr(Socket, method, fail_first)
    monkeypatch.setattr(shared_memory.socket, "socket", Socket)


def test_one_rank_that_reaches_nobody_is_told_to_all(monkeypatch):
    failing(monkeypatch, "connect", ConnectionRefusedError(111, "Connection refused"))
    said = on_a_node(3, words)
    assert said[0].startswith("EngineError: 1 of 3 ranks") and "Connection refused" in said[0]
    assert len(set(said)) == 1


def test_a_rank_without_descriptors_is_not_said_to_lack_memory(monkeypatch):
    failing(monkeypatch, "bind", OSError(24, "Too many open files"))
    said = on_a_node(3, words)
    assert "Too many open files" in said[0] and "MemoryError" not in said[0]
    assert len(set(said)) == 1


def test_a_lack_of_memory_is_one(monkeypatch):
    def ftruncate(_file, _size):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "ftruncate", ftruncate)
    said = on_a_node(3, words)
    assert said == fault(3, 0, "[Errno 28] No space left on device", "MemoryError")


def send_to(name, count):
    """Send what a stranger may; returns how many messages, each with a file, were taken."""
    taken = 0
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger, open(os.devnull) as file:
        stranger.setblocking(False)
        rights = socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [file.fileno()])
        for _ in range(count):
            with suppress(OSError):
                stranger.sendmsg([b"x" * 16], [rights], 0, name)
                taken += 1
    return taken


def test_strangers_who_fill_every_queue_neither_get_nor_give_a_file(monkeypatch):
    """Of the first rank's socket before anything is sent, of the others' before they connect."""
    bind, filled = socket.socket.bind, []

    class Socket(socket.socket):
        def bind(self, name):
            bind(self, name)
            filled.append(send_to(name, 1000))

    monkeypatch.setattr(shared_memory.socket, "socket", Socket)
    before = descriptors()
    assert on_a_node(3, words) == [[1, 2, 3]] * 3
    assert len(filled) == 3 and min(filled) > 0
    assert descriptors() == before


def test_nobody_else_can_send_to_a_rank_that_waits(monkeypatch):
    connect, taken = socket.socket.connect, []

    class Socket(socket.socket):
        def connect(self, name):
            connect(self, name)
            taken.append(send_to(self.getsockname(), 3))

    monkeypatch.setattr(shared_memory.socket, "socket", Socket)
    assert on_a_node(3, words) == [[1, 2, 3]] * 3
    assert taken == [0, 0]


def test_a_node_of_one_rank_shares_nothing():
    assert on_a_node(1, shared_memory.can_share) == [False]


@pytest.mark.parametrize("told, shared", [("0", False), ("1", True)])
def test_ranks_that_are_told_so_share_nothing(told, shared, monkeypatch):
    monkeypatch.setenv(shared_memory.ALLOWED, told)
    assert on_a_node(3, shared_memory.can_share) == [shared] * 3
