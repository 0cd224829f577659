"""The CUDA engine over several ranks: the same bits as one process, through the host shim.

Ranks are threads that take turns (tests/support/ranks.py), each with an engine of its own on the
one device; and, once, processes under mpirun.
"""

from __future__ import annotations

import numpy as np
import pytest
from devices import counted_requeues, devices, shim_device
from fake_devices import WAYS
from golden_data import golden_edges, golden_roots, rows, sha256_of_distances
from hypothesis import given, settings
from hypothesis import strategies as st
from launched import launched, with_support
from oracle import dijkstra
from ranks import on_ranks
from repository import run_python
from strategies import edge_list, improved_again_and_again, make_edges, searches, with_hubs

import sssp.cuda
import sssp.solver
from graphs.comm import SerialComm
from graphs.csr import build_csr
from graphs.generator import kronecker
from graphs.partition import part_of
from harness.benchmark.warmup import Plan, prepare
from harness.validation.host import validate
from sssp import Solver, cuda_missing
from sssp.cuda_rank import CUDARankEngine

device = devices()


def search_on(device, size, edges, roots, delta=None, engines=None, presolve=False):
    """Search on `size` ranks; the whole dist and parent for each root."""

    def work(comm):
        mine = part_of(edges, comm.rank, size)
        csr = build_csr(mine, threads=1, comm=comm, together=False, presolve=presolve)
        solver = Solver(csr, delta=delta, comm=comm, device=device)
        answers = [solver.search(root) for root in roots]
        if engines is not None:
            engines.append(solver._engine)
        return answers

    by_rank = on_ranks(size, work)
    return [
        [np.concatenate([getattr(a, name) for a in answers]) for name in ("dist", "parent")]
        for answers in zip(*by_rank, strict=True)
    ]


def check(edges, root, dist, parent):
    np.testing.assert_array_equal(dist, dijkstra(edges, root)[0])
    [found] = validate(edges, [(root, dist, parent)])
    assert found.valid, found.violations


@pytest.mark.slow
@settings(max_examples=100)
@given(search=searches(), size=st.integers(2, 7))
def test_any_graph_on_any_number_of_ranks(device, search, size):
    edges, root = search
    [answer] = search_on(device, size, edges, [root])
    check(edges, root, *answer)


@pytest.mark.slow
@settings(max_examples=50)
@given(
    seed=st.integers(0, 2**32 - 1),
    weights=st.sampled_from(["even", "a_third_zero", "zero", "tiny"]),
    dtype=st.sampled_from(["float32", "float64", "int64"]),
    directed=st.booleans(),
    size=st.integers(2, 5),
)
def test_graphs_with_hubs_on_ranks(device, seed, weights, dtype, directed, size):
    edges = with_hubs(seed, weights, np.dtype(dtype), directed)
    roots = np.random.default_rng(seed).integers(0, edges.n, 3).tolist()
    for root, answer in zip(roots, search_on(device, size, edges, roots), strict=True):
        check(edges, root, *answer)


@pytest.mark.parametrize("scale", [4, 6])
@pytest.mark.parametrize("size", [2, 3, 16])
def test_golden_graphs_on_ranks(device, scale, size):
    edges, roots = golden_edges(scale), golden_roots(scale)[:8]
    for root, answer in zip(roots, search_on(device, size, edges, roots), strict=True):
        check(edges, root, *answer)


def test_presolved_rows_are_searched_on_ranks(device):
    edges = kronecker(9, seed=(4, 3))
    roots = [int(edges.src[0]), 5, 400]
    answers = search_on(device, 3, edges, roots, presolve=True)
    for root, answer in zip(roots, answers, strict=True):
        check(edges, root, *answer)


@pytest.mark.slow
@pytest.mark.parametrize("size", [2, 5])
def test_golden_distances_of_scale_10_on_ranks(device, size):
    edges, told = kronecker(10), rows("roots_s10_ef16_seed_def.csv")
    engines: list[CUDARankEngine] = []
    answers = search_on(device, size, edges, [int(row["root"]) for row in told], engines=engines)
    for row, (dist, parent) in zip(told, answers, strict=True):
        assert sha256_of_distances(dist) == row["sha256_dist_float32le_N"]
        assert validate(edges, [(int(row["root"]), dist, parent)])[0].valid
    assert all(isinstance(engine, CUDARankEngine) and engine.pulled for engine in engines)


def test_queues_that_run_over_lose_nothing_on_ranks(device, monkeypatch):
    monkeypatch.setattr(sssp.cuda, "SPARE_ENTRIES", 0)
    overruns = counted_requeues(monkeypatch)
    edges = improved_again_and_again()
    for size in (2, 3):
        for root, answer in zip(
            (0, 30), search_on(device, size, edges, (0, 30), 1e30), strict=True
        ):
            check(edges, root, *answer)
    assert overruns


def test_more_arcs_within_reach_than_there_is_room_for(device, monkeypatch):
    """The list of noted arcs grows."""
    monkeypatch.setattr(CUDARankEngine, "_within", property(lambda self: self.queues[:6]))
    edges = make_edges(60, "multigraph", "even", np.dtype(np.float32), False, 2)
    hubs = with_hubs(7, "even", np.dtype(np.float32), False)
    engines: list[CUDARankEngine] = []
    for graph in (edges, hubs, kronecker(8)):
        roots = [3, 17]
        found = search_on(device, 2, graph, roots, engines=engines)
        for root, answer in zip(roots, found, strict=True):
            check(graph, root, *answer)
    assert any(len(engine.within) > 6 for engine in engines)


def test_integers_beyond_32_bits_on_ranks(device):
    edges = edge_list([(0, 1), (1, 2), (2, 3)], [2**31, 2**31, 5], 4, False, np.int64)
    [[dist, _]] = search_on(device, 2, edges, [0])
    assert dist.tolist() == [0, 2**31, 2**32, 2**32 + 5]


def test_a_rank_warms_up_on_its_own_device(monkeypatch):
    """Both ranks that it plays are on the device that the rank itself will search on."""
    shim, asked = shim_device(), []
    monkeypatch.setattr(cuda_missing, "missing", lambda: None)
    monkeypatch.setattr(sssp.solver, "device_for", lambda c: asked.append(c.node_rank) or shim)
    rank = SerialComm(rank=1, size=2, node_rank=1, node_size=2)
    prepare(Plan("float32", False, "cuda"), rank)
    assert asked == [1, 1]


WARM_UP = """
import json
import cupy
from harness.benchmark.warmup import Plan
count = cupy.cuda.runtime.getDeviceCount()
if count > 1:
    Plan("float32", False, "cuda", ranks=True).compile(1)
held = []
for device in range(count):
    with cupy.cuda.Device(device):
        held.append(cupy.get_default_memory_pool().total_bytes())
print(json.dumps(held))
"""


@pytest.mark.gpu
def test_a_rank_that_warms_up_takes_no_memory_of_other_gpus():
    held = run_python(WARM_UP)
    if len(held) < 2:
        pytest.skip("one GPU only")
    assert held[1] > 0
    assert sum(held) == held[1]


UNDER_MPIRUN = """
import numpy as np
from fake_devices import WAYS, Elsewhere, device_of
from first_ranks import first_ranks
from golden_data import rows, sha256_of_distances
from graphs.csr import build_csr
from graphs.generator import kronecker
from graphs.partition import part_of
from sssp import Solver, cuda_missing

def search(comm, way):
    part = part_of(kronecker(10), comm.rank, comm.size)
    csr = build_csr(part, threads=1, comm=comm, together=False)
    exchange = comm.alltoallv
    comm.alltoallv = lambda counts, *arrays: exchange(counts, *map(Elsewhere, arrays))
    solver = Solver(csr, comm=comm, device=device_of(comm, way))
    assert comm.transport == way
    for row in rows("roots_s10_ef16_seed_def.csv"):
        dist = np.concatenate(comm.allgather(solver.search(int(row["root"])).dist))
        assert sha256_of_distances(dist) == row["sha256_dist_float32le_N"], (way, row["root"])

for way, comm in zip(WAYS, first_ranks(2, 2, 2), strict=True):
    search(comm, way)
    if comm.rank == 0:
        print(f"equal: {way}")
"""


@pytest.mark.slow
@pytest.mark.mpi
def test_golden_distances_of_scale_10_under_mpirun():
    done = launched(2, with_support(UNDER_MPIRUN), timeout=240)
    assert done.status == 0, done.err[-4000:]
    assert done.out.splitlines() == [f"equal: {way}" for way in WAYS]
