"""The CUDA engine on presolved graphs: the core searched, the trees walked, the same bits."""

from __future__ import annotations

import numpy as np
import pytest
from devices import devices, lane_device, sanitized
from golden_data import rows, sha256_of_distances
from hypothesis import given, settings
from strategies import DTYPES, SHAPES, edge_list, edge_lists, make_edges, with_hubs
from verdicts import assert_right

import graphs.presolve
from graphs import GraphError, build_csr, kronecker
from graphs.device_csr import build_device_csr
from graphs.device_edges import on_device
from sssp import Solver
from sssp.cuda_tuning import CudaTuning

device = devices()


@pytest.fixture(autouse=True)
def _drops_what_it_can(monkeypatch):
    """Two stages of bounds on the smallest graphs, and no sample says that it does not pay."""
    monkeypatch.setattr(graphs.presolve, "ALL_LIGHT", 8)
    monkeypatch.setattr(graphs.presolve, "PAYS", 1.0)


@pytest.fixture(scope="module", params=["there", "host"])
def solver_on(request):
    """A solver on a device, of rows built there, or built on the host and copied."""

    def solver(device, edges, tuning=None):
        if request.param == "there":
            csr = build_device_csr(on_device(device, edges), presolve=True)
        else:
            csr = build_csr(edges, presolve=True)
        return Solver(csr, engine="cuda", device=device, tuning=tuning)

    return solver


def check_all(solver, edges, roots=None):
    """From every root the distances of the oracle, and parents that pass the validation."""
    assert_right(solver, edges, range(edges.n) if roots is None else roots)


@pytest.mark.slow
@settings(max_examples=100)
@given(edges=edge_lists(directed=False, max_n=20))
def test_every_root_of_any_graph(device, edges, solver_on):
    check_all(solver_on(device, edges), edges)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_graphs_with_hubs(device, dtype, solver_on):
    for seed, weights in enumerate(["even", "a_third_zero", "tiny"]):
        edges = with_hubs(seed, weights, dtype, False)
        check_all(solver_on(device, edges), edges, range(0, 120, 17))


@pytest.mark.parametrize("narrow", [0, 4, 2048])
@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_trees_of_any_depth(device, shape, narrow, solver_on):
    """Rounds by the whole grid and by one block; roots in the core, in trees, and alone."""
    edges = make_edges(30, shape, "even", np.dtype(np.float32), False, 5)
    solver = solver_on(device, edges, CudaTuning(narrow=narrow))
    check_all(solver, edges, range(0, 30, 3))


def test_ways_up_cross_and_meet(device, solver_on):
    """Ways up over vertices that were taken off part and meet; that of fewer arcs is longer."""
    ends, weights = [(0, leaf) for leaf in range(1, 21)], [1.0] * 20
    layers = [[1, 2, 3]] + [list(range(first, first + 3)) for first in range(21, 36, 3)]
    for depth, layer in enumerate(layers[1:], 1):
        for v in layer:
            for back, length in ((1, 1.0), (2, 1.3)):
                for u in layers[depth - back] if depth >= back else []:
                    ends.append((v, u))
                    weights.append(4.0**depth * length * (1 + (u * v % 7) / 512))
    edges = edge_list(ends, weights, 36)
    solver = solver_on(device, edges)
    forest = solver.csr.forest
    assert forest.core <= 6 and forest.leaves == 17
    check_all(solver, edges)


def test_the_references_own_distances(device, solver_on):
    solver = solver_on(device, kronecker(10))
    for row in rows("roots_s10_ef16_seed_def.csv")[:16]:
        answer = solver.search(int(row["root"]))
        assert sha256_of_distances(answer.dist) == row["sha256_dist_float32le_N"]
    assert solver._engine.pulled


def test_integers_beyond_32_bits_are_added_in_64(device, solver_on):
    ends = [(0, 1), (1, 2), (2, 3), (3, 4), (2, 5), (0, 2)]
    edges = edge_list(ends, [2**31] * 6, 6, dtype=np.int64)
    check_all(solver_on(device, edges), edges)


def test_a_sum_that_is_infinite_is_an_error_as_without(device, solver_on):
    """On the way from a root in a tree, and at a leaf."""
    edges = edge_list([(0, 1), (1, 2), (2, 0), (2, 3)], [1e38, 1e38, 1e38, 3e38], 4)
    solver = solver_on(device, edges)
    for root in (0, 3):
        with pytest.raises(GraphError, match="beyond the range of float32"):
            solver.search(root)


@pytest.mark.parametrize(("blocks", "threads"), [(1, 32), (3, 64)])
def test_warps_walk_the_trees(blocks, threads, solver_on):
    edges = kronecker(6, edgefactor=2, seed=(blocks, 3))
    solver = solver_on(lane_device(blocks, threads, seed=blocks), edges, CudaTuning(narrow=4))
    check_all(solver, edges, range(0, 64, 9))


@pytest.mark.slow
def test_trees_are_clean_under_the_sanitizers(request):
    assert sanitized(request)
