"""How arrays on devices get from rank to rank: the way that is chosen, and what arrives."""

from __future__ import annotations

import sys
import threading
from types import SimpleNamespace

import pytest
from fake_devices import WAYS
from launched import launched, with_support
from ranks import on_ranks
from shim import ShimDevice

from kernels.device import Device
from sssp import transport
from sssp.transport import choose


class FakeNCCL:
    """cupy.cuda.nccl of a rank: starts or does not."""

    def __init__(self, starts=True, names=True):
        self.starts, self.names = starts, names
        self.aborted = False

    def get_unique_id(self):
        if not self.names:
            raise RuntimeError("NCCL_ERROR_SYSTEM_ERROR")
        return (1, 2, 3)

    def NcclCommunicator(self, size, name, rank):
        assert name == (1, 2, 3)
        if not self.starts:
            raise RuntimeError("NCCL_ERROR_INVALID_USAGE")
        return self

    def abort(self):
        self.aborted = True


class PlacedDevice(ShimDevice):
    def __init__(self, place):
        super().__init__()
        self.place = place

    def bus_id(self):
        return self.place


def chosen(monkeypatch, devices, machines=None, nccl=None, aware=None):
    """The ways that ranks choose, given what each of them finds."""
    size = len(devices)
    machines, nccl = machines or ["one"] * size, nccl or [None] * size
    aware, here = aware or [False] * size, threading.local()
    monkeypatch.setattr(transport, "_nccl", lambda: nccl[here.rank])
    monkeypatch.setattr(transport, "machine_id", lambda: machines[here.rank])
    monkeypatch.setattr(transport, "_mpi_is_aware", lambda: aware[here.rank])

    def work(comm):
        here.rank = comm.rank
        return choose(comm, PlacedDevice(devices[comm.rank])).name

    return on_ranks(size, work)


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch):
    monkeypatch.delenv(transport.CUDA_AWARE, raising=False)
    monkeypatch.delenv(transport.NCCL_ALLOWED, raising=False)


def test_nccl_where_each_rank_has_a_device(monkeypatch):
    nccl = [FakeNCCL() for _ in range(3)]
    assert chosen(monkeypatch, "abc", nccl=nccl, aware=[True] * 3) == ["NCCL"] * 3


def test_devices_at_the_same_place_of_two_machines_are_two(monkeypatch):
    nccl = [FakeNCCL(), FakeNCCL()]
    assert chosen(monkeypatch, "aa", machines=["one", "two"], nccl=nccl) == ["NCCL"] * 2


def test_ranks_that_share_a_device_are_staged(monkeypatch):
    nccl = [FakeNCCL() for _ in range(3)]
    assert chosen(monkeypatch, "aba", nccl=nccl, aware=[True] * 3) == ["staged"] * 3


def test_nccl_on_all_ranks_or_none(monkeypatch):
    assert chosen(monkeypatch, "ab", nccl=[FakeNCCL(), None]) == ["staged"] * 2
    unnamed = [FakeNCCL(names=False), FakeNCCL()]
    assert chosen(monkeypatch, "ab", nccl=unnamed, aware=[True] * 2) == ["CUDA-aware MPI"] * 2


def test_nccl_that_starts_on_one_rank_alone_is_given_up(monkeypatch):
    nccl = [FakeNCCL(), FakeNCCL(starts=False)]
    assert chosen(monkeypatch, "ab", nccl=nccl) == ["staged"] * 2
    assert nccl[0].aborted


def test_mpi_that_says_it_is_aware_is_believed_if_all_ranks_do(monkeypatch):
    assert chosen(monkeypatch, "ab", aware=[True, True]) == ["CUDA-aware MPI"] * 2
    assert chosen(monkeypatch, "ab", aware=[True, False]) == ["staged"] * 2


def test_what_is_told_of_mpi_is_not_asked(monkeypatch):
    monkeypatch.setenv(transport.CUDA_AWARE, "1")
    assert chosen(monkeypatch, "aa") == ["CUDA-aware MPI"] * 2
    monkeypatch.setenv(transport.CUDA_AWARE, "0")
    assert chosen(monkeypatch, "ab", aware=[True, True]) == ["staged"] * 2


@pytest.mark.parametrize("allowed", [None, "0"])
def test_nccl_of_cupy_is_taken_where_it_is_there_and_allowed(monkeypatch, allowed):
    nccl = SimpleNamespace(available=True)
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "cupy.cuda", SimpleNamespace(nccl=nccl))
    if allowed is not None:
        monkeypatch.setenv(transport.NCCL_ALLOWED, allowed)
    assert transport._nccl() is (nccl if allowed is None else None)
    nccl.available = False
    assert transport._nccl() is None
    monkeypatch.setitem(sys.modules, "cupy.cuda", None)
    assert transport._nccl() is None


@pytest.mark.parametrize(
    ("devices", "indices"), [(4, [0, 1, 2, 3]), (2, [0, 1, 0, 1]), (1, [0] * 4)]
)
def test_ranks_of_a_node_take_its_devices_in_turn(monkeypatch, devices, indices):
    """One device for all is also what a rank sees that was given one of its own."""

    class Taken:
        def __init__(self, index):
            self.id = index

        def use(self):
            pass

    facts = {"name": b"fake", "warpSize": 32, "multiProcessorCount": 1}
    runtime = SimpleNamespace(
        getDeviceCount=lambda: devices, getDeviceProperties=lambda index: facts
    )
    fake = SimpleNamespace(cuda=SimpleNamespace(Device=Taken, runtime=runtime))
    monkeypatch.setitem(sys.modules, "cupy", fake)
    assert [Device.of_rank(rank).index for rank in range(4)] == indices


_SWAPS = """
import numpy as np
from fake_devices import WAYS, Elsewhere, device_of
from first_ranks import first_ranks
from graphs.comm import Traffic
from harness.results.ranks import rank_facts
from harness.results.schema import faults
from sssp import transport

def swap(comm, way):
    device = device_of(comm, way)
    comm.attach_device(device)
    attached = comm._transport
    facts = rank_facts(comm, 1, 1)
    assert comm.transport == facts["transport"] == way
    assert not list(faults(facts, {"$ref": "#/$defs/ranks"}))
    for seed in range(12):
        # Some ranks have nothing for some, themselves included; the buffers must grow.
        random = np.random.default_rng(seed)
        most = 20 if seed < 6 else 9000
        counts = random.integers(0, most, (comm.size, comm.size))
        counts = (counts * random.integers(0, 2, counts.shape))[comm.rank]
        arrays = [
            random.integers(0, 2**62, counts.sum()).astype(dtype) + comm.rank
            for dtype in (np.int32, np.uint64, np.float64, np.uint8)
        ]
        comm.traffic = Traffic()
        expected = comm.alltoallv(counts, *arrays)
        by_mpi, comm.traffic = comm.traffic, Traffic()
        comm.attach_device(device)
        received = comm.alltoallv(counts, *map(Elsewhere, arrays))
        for one, other in zip(received, expected, strict=True):
            assert one.dtype == other.dtype and np.array_equal(one, other)
        assert comm.traffic.messages == by_mpi.messages
        assert comm.traffic.bytes == by_mpi.bytes
        kept = [array.copy() for array in received]
        comm.alltoallv(counts, *map(Elsewhere, [array * 0 for array in arrays]))
        assert all(map(np.array_equal, received, kept)), "a buffer that was used again"
    assert comm._transport is attached, "another way for the same devices"
    if way == "NCCL":
        assert transport._nccl().groups > 12
    elif way == "staged":
        assert len(attached._pinned[0]) > transport._PINNED_BYTES

for way, comm in zip(WAYS, first_ranks(3, 3, 3), strict=True):
    swap(comm, way)
    if comm.rank == 0:
        print(f"alike: {way}")
"""


@pytest.mark.slow
@pytest.mark.mpi
def test_arrays_of_devices_arrive_as_those_of_hosts_do():
    done = launched(3, with_support(_SWAPS))
    assert done.status == 0, done.err
    assert done.out.splitlines() == [f"alike: {way}" for way in WAYS]


@pytest.mark.mpi
def test_mpi_of_the_extra_says_that_it_is_not_aware():
    program = "from sssp.transport import _mpi_is_aware; print(_mpi_is_aware())"
    done = launched(1, ["-c", program], afresh=True)
    assert (done.status, done.out) == (0, "False\n"), done.err
