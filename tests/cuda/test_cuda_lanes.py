"""The CUDA engine with whole warps: blocks of 32 lanes and more, as fibers on one CPU thread.

The kernels' lanes meet, deal rows to each other and run among each other, in an order drawn at
random (tests/support/shim/fibers.h); answers are equal to the bit whatever the order.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from devices import far_pull
from golden_data import golden_edges, golden_roots, rows, sha256_of_distances
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import dijkstra
from ranks import on_ranks
from shim import LaneDevice, ShimDevice, compiler_missing
from strategies import edge_list, make_edges, searches, with_hubs

import kernels.device
import sssp.cuda
from graphs.csr import build_csr
from graphs.device_memory import CHUNK
from graphs.generator import kronecker
from graphs.partition import part_of
from harness.validation.host import validate
from sssp import Solver
from sssp.cuda_tuning import CudaTuning

pytestmark = pytest.mark.skipif(compiler_missing() is not None, reason=str(compiler_missing()))

SHAPES = {"blocks": st.integers(1, 3), "most_threads": st.sampled_from([32, 64, 96])}


def check(solver, edges, root):
    answer = solver.search(root)
    np.testing.assert_array_equal(answer.dist, dijkstra(edges, root)[0])
    [found] = validate(edges, [(root, answer.dist, answer.parent)])
    assert found.valid, found.violations
    return answer


@pytest.fixture(scope="module")
def device():
    return LaneDevice()


@pytest.mark.parametrize("scale", [4, pytest.param(6, marks=pytest.mark.slow)])
def test_golden_graphs(device, scale):
    edges = golden_edges(scale)
    solver = Solver(build_csr(edges), device=device)
    for root in golden_roots(scale):
        check(solver, edges, root)


@pytest.mark.slow
def test_golden_distances_of_scale_10_to_the_bit(device):
    solver = Solver(build_csr(kronecker(10)), device=device)
    for row in rows("roots_s10_ef16_seed_def.csv"):
        dist = solver.search(int(row["root"])).dist
        assert sha256_of_distances(dist) == row["sha256_dist_float32le_N"]
    assert solver._engine.pulled


@pytest.mark.slow
@settings(max_examples=50)
@given(search=searches(), seed=st.integers(0, 2**20), **SHAPES)
def test_random_graphs(search, seed, blocks, most_threads):
    edges, root = search
    lanes = LaneDevice(blocks, most_threads, seed)
    check(Solver(build_csr(edges), device=lanes), edges, root)


@pytest.mark.slow
@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**20),
    weights=st.sampled_from(["even", "a_third_zero", "zero", "tiny"]),
    dtype=st.sampled_from(["float32", "float64", "int64"]),
    directed=st.booleans(),
    **SHAPES,
)
def test_graphs_with_hubs(seed, weights, dtype, directed, blocks, most_threads):
    edges = with_hubs(seed, weights, np.dtype(dtype), directed)
    solver = Solver(build_csr(edges), device=LaneDevice(blocks, most_threads, seed))
    for root in np.random.default_rng(seed).integers(0, edges.n, 2).tolist():
        check(solver, edges, root)


@pytest.mark.slow
def test_long_rows_are_cut_and_dealt(device):
    """Rows of several chunks, beside short ones, pushed whole and up to a bucket's end."""
    random = np.random.default_rng(4)
    ends = [(hub, v) for hub in range(3) for v in range(3, 2400, hub + 1)]
    ends += [(int(u), int(v)) for u, v in random.integers(0, 2400, (3000, 2))]
    for dtype in (np.float32, np.float64):
        edges = edge_list(ends, random.random(len(ends)), 2400, False, dtype)
        for delta in (None, 1e-3, 1e9):
            solver = Solver(build_csr(edges), device=device, delta=delta)
            assert np.diff(solver.csr.out.indptr).max() > 2 * CHUNK
            for root in (0, 7):
                check(solver, edges, root)


def test_long_rows_are_pulled_together(device):
    """A lane gives up after some arcs, and the warp takes one such row after another."""
    edges, solver = far_pull(device)
    for root in (0, 3):
        check(solver, edges, root)
        assert solver._engine.pulled


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_zero_weights_make_no_cycle_of_parents(dtype):
    for seed in range(12):
        edges = make_edges(90, "multigraph", "zero_or_one", np.dtype(dtype), False, seed)
        check(Solver(build_csr(edges), device=LaneDevice(3, 64, seed)), edges, seed)


OFFER = """
#include "grid.cuh"
#include "tentative.cuh"

extern "C" __global__ void offer(u64 *state, const u64 *dist, i64 parent, i64 *seen)
{
    seen[0] = improve(state, 0, (Dist)dist[0], parent);
    seen[1] = (i64)dist_of(state, 0);
    seen[2] = parent_of(state, 0);
}
"""


@pytest.mark.parametrize("kind", ["float32", "uint32", "float64"])
def test_an_equal_way_never_changes_the_parent(kind, monkeypatch, tmp_path):
    """Two lanes may find it at once, and parents would form a cycle over arcs of weight 0."""
    for name in ("grid.cuh", "tentative.cuh"):
        (tmp_path / name).write_text((kernels.device.FOLDER / name).read_text())
    (tmp_path / "offer.cu").write_text(OFFER)
    monkeypatch.setattr(kernels.device, "FOLDER", tmp_path)
    module = ShimDevice().module("offer.cu", **{f"KIND_{kind.upper()}": 1})
    state = np.array([9, 2] if kind == "float64" else [9 << 32 | 2, 0], np.uint64)
    seen = np.zeros(3, np.int64)
    found = []
    for dist, parent in ((9, 3), (10, 4), (8, 6), (8, 7)):
        module.launch("offer", 1, state, np.array([dist], np.uint64), np.int64(parent), seen)
        found.append(seen.tolist())
    assert found == [[0, 9, 2], [0, 9, 2], [1, 8, 6], [0, 8, 6]]


@pytest.mark.slow
@settings(max_examples=20)
@given(search=searches(), size=st.integers(2, 4), seed=st.integers(0, 2**20))
def test_several_ranks(search, size, seed):
    edges, root = search
    lanes = LaneDevice(2, 32, seed)

    def work(comm):
        csr = build_csr(part_of(edges, comm.rank, size), threads=1, comm=comm)
        answer = Solver(csr, comm=comm, device=lanes).search(root)
        return answer.dist, answer.parent

    dist, parent = (np.concatenate(part) for part in zip(*on_ranks(size, work), strict=True))
    np.testing.assert_array_equal(dist, dijkstra(edges, root)[0])
    assert validate(edges, [(root, dist, parent)])[0].valid


def test_a_queue_that_runs_over_loses_nothing(monkeypatch):
    monkeypatch.setattr(sssp.cuda, "SPARE_ENTRIES", 0)
    ends = [(0, i) for i in range(1, 21)]
    ends += [(i, t) for i in range(1, 21) for t in range(21, 41)]
    weight = list(range(1, 21)) + [100 - 3 * i for i in range(1, 21) for _ in range(20)]
    edges = edge_list(ends, weight, 41)
    for seed in range(5):
        lanes = LaneDevice(2, 64, seed)
        check(Solver(build_csr(edges), device=lanes, delta=1e30), edges, 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_search_in_one_launch(dtype):
    """Blocks wait for each other at the grid's own barrier; more than 4 entries are for all."""
    pulled = False
    for seed in range(2):
        lanes = LaneDevice(3, 32, seed)
        for edges in (kronecker(6), with_hubs(seed, "a_third_zero", np.dtype(dtype), seed == 1)):
            solver = Solver(build_csr(edges), device=lanes, tuning=CudaTuning(narrow=4))
            check(solver, edges, 3)
            pulled |= solver._engine.pulled
    assert pulled


FAULTY = """
#include "grid.cuh"

extern "C" __global__ void divergent(u64 *x)
{
    if (lane_of_warp() < 7) x[0] = warp_sum(x[0]);
}

extern "C" __global__ void mismatched(u64 *x)
{
    if (lane_of_warp() < 7) __syncwarp();
    else x[0] = __ballot_sync(ALL_LANES, 1);
}

extern "C" __global__ void unguarded(u64 *x)
{
    u64 old = x[0];
    atomicAdd(x + 1, 1ull);
    x[0] = old + 1;
}

extern "C" __global__ void counted(u64 *x)
{
    atomicAdd(x, 1ull);
    __shared__ u64 sum;
    if (threadIdx.x == 0) sum = 0;
    __syncthreads();
    atomicAdd(&sum, 1ull);
    __syncthreads();
    if (threadIdx.x == 0) atomicAdd(x + 1, sum == blockDim.x);
}
"""


def test_fibers_see_lanes_that_miss_each_other_and_lost_updates(monkeypatch, tmp_path):
    (tmp_path / "faulty.cu").write_text(FAULTY)
    grid = (Path(kernels.device.__file__).parent / "grid.cuh").read_text()
    (tmp_path / "grid.cuh").write_text(grid)
    monkeypatch.setattr(kernels.device, "FOLDER", tmp_path)
    module = LaneDevice(3, 64).module("faulty.cu")
    x = np.zeros(2, np.uint64)
    with pytest.raises(AssertionError, match="threads wait for others that have ended"):
        module.launch("divergent", 64, x)
    with pytest.raises(AssertionError, match="threads meet at"):
        module.launch("mismatched", 64, x)
    x[:] = 0
    module.launch("unguarded", 192, x)
    assert x[1] == 192 and x[0] < 192
    x[:] = 0
    module.launch("counted", 192, x)
    assert x.tolist() == [192, 3]
