"""The CUDA engine on presolved graphs: the core searched, the trees walked, the same bits."""

from __future__ import annotations

import numpy as np
import pytest
from devices import devices, lane_device, sanitized
from golden_data import rows, sha256_of_distances
from hypothesis import given, settings
from oracle import dijkstra
from strategies import DTYPES, SHAPES, edge_list, edge_lists, make_edges, with_hubs
from verdicts import verdict

import graphs.presolve
import graphs.trees
from graphs import GraphError, kronecker
from graphs.device_csr import build_device_csr
from graphs.device_edges import on_device
from sssp import Solver

device = devices()


@pytest.fixture(autouse=True)
def _drops_what_it_can(monkeypatch):
    """Two stages of bounds on the smallest graphs, and no sample says that it does not pay."""
    monkeypatch.setattr(graphs.presolve, "ALL_LIGHT", 8)
    monkeypatch.setattr(graphs.presolve, "PAYS", 1.0)


def solver_on(device, edges):
    return Solver(build_device_csr(on_device(device, edges), presolve=True))


def check_all(device, edges, roots=None):
    """From every root the distances of the oracle, and parents that pass the validation."""
    solver = solver_on(device, edges)
    for root in range(edges.n) if roots is None else roots:
        answer = solver.search(root)
        expected, _ = dijkstra(edges, root)
        assert answer.dist.dtype == expected.dtype
        assert np.array_equal(answer.dist, expected), root
        found = verdict(edges, root, answer.dist, answer.parent)
        assert found.valid, (root, found.violations)
    return solver


@pytest.mark.slow
@settings(max_examples=100)
@given(edges=edge_lists(directed=False, max_n=20))
def test_every_root_of_any_graph(device, edges):
    check_all(device, edges)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_graphs_with_hubs(device, dtype):
    for seed, weights in enumerate(["even", "a_third_zero", "tiny"]):
        check_all(device, with_hubs(seed, weights, dtype, False), range(0, 120, 17))


@pytest.mark.parametrize("together", [4, graphs.trees.TOGETHER])
@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_trees_of_any_depth(device, shape, together, monkeypatch):
    """Rounds by the whole grid and by one block; roots in the core, in trees, and alone."""
    monkeypatch.setattr(graphs.trees, "TOGETHER", together)
    edges = make_edges(30, shape, "even", np.dtype(np.float32), False, 5)
    check_all(device, edges, range(0, 30, 3))


def test_the_references_own_distances(device):
    solver = solver_on(device, kronecker(10))
    for row in rows("roots_s10_ef16_seed_def.csv")[:16]:
        answer = solver.search(int(row["root"]))
        assert sha256_of_distances(answer.dist) == row["sha256_dist_float32le_N"]
    assert solver._engine.pulled


def test_integers_beyond_32_bits_are_added_in_64(device):
    ends = [(0, 1), (1, 2), (2, 3), (3, 4), (2, 5), (0, 2)]
    check_all(device, edge_list(ends, [2**31] * 6, 6, dtype=np.int64))


def test_a_sum_that_is_infinite_is_an_error_as_without(device):
    """On the way from a root in a tree, and at a leaf."""
    edges = edge_list([(0, 1), (1, 2), (2, 0), (2, 3)], [1e38, 1e38, 1e38, 3e38], 4)
    solver = solver_on(device, edges)
    for root in (0, 3):
        with pytest.raises(GraphError, match="beyond the range of float32"):
            solver.search(root)


@pytest.mark.parametrize(("blocks", "threads"), [(1, 32), (3, 64)])
def test_warps_walk_the_trees(blocks, threads):
    edges = kronecker(6, edgefactor=2, seed=(blocks, 3))
    check_all(lane_device(blocks, threads, seed=blocks), edges, range(0, 64, 9))


@pytest.mark.slow
def test_trees_are_clean_under_the_sanitizers():
    assert "passed" in sanitized("tests/cuda/test_cuda_trees.py", "-k", "depth or hubs or beyond")
