"""Presolve on a device: the edges, bounds and facts of the CPU, in no more memory than planned."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from devices import devices, lane_device, sanitized, shim_device
from oracle import dijkstra
from strategies import DTYPES, SHAPES, make_edges, with_hubs

import graphs.device_trees
import graphs.presolve
from graphs import EdgeList, GraphError, KroneckerStream, build_csr, kronecker
from graphs.comm import SerialComm
from graphs.device_csr import build_device_csr
from graphs.device_edges import DeviceEdgeList, on_device
from graphs.device_memory import DEVICE_MOST_ANSWERS, DeviceNeed, PresolvedDeviceNeed
from graphs.device_presolve import presolve_on_device
from graphs.presolve import presolve
from sssp import Solver

device = devices()


@pytest.fixture
def drops(monkeypatch):
    """Two stages of bounds on the smallest graphs, and no sample says that it does not pay."""
    monkeypatch.setattr(graphs.presolve, "ALL_LIGHT", 8)
    monkeypatch.setattr(graphs.presolve, "PAYS", 1.0)


def check(device, edges):
    """Presolve on both; the same edges are kept by the same bounds. Returns the device's rows."""
    theirs, facts, _ = presolve(edges, 2, SerialComm())
    ours, told, _ = presolve_on_device(on_device(device, edges))
    assert {**told, "seconds": 0} == {**facts, "seconds": 0}
    if facts["hub"] is not None:
        assert isinstance(ours, DeviceEdgeList)
        for name in ("src", "dst", "weight"):
            there = device.to_host(getattr(ours.edges, name))
            assert np.array_equal(there, getattr(theirs, name))
            assert there.dtype == getattr(theirs, name).dtype
    csr = build_device_csr(on_device(device, edges), presolve=True)
    host = build_csr(edges, presolve=True).presolved
    assert csr.presolved.keys() == host.keys()
    # In another order not quite the same vertices are taken off.
    assert abs(csr.presolved["core"] - host["core"]) <= 2 + host["core"] / 16
    return csr


@pytest.mark.parametrize("shape", sorted(SHAPES))
@pytest.mark.parametrize("weights", ["even", "tiny"])
def test_any_graph_is_that_of_the_cpu(device, shape, weights, drops):
    check(device, make_edges(40, shape, weights, np.dtype(np.float32), False, 11))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_graphs_with_hubs_are_those_of_the_cpu(device, dtype, drops):
    for seed, weights in enumerate(["even", "a_third_zero", "heavy_tailed"]):
        csr = check(device, with_hubs(seed, weights, dtype, False))
    assert csr.presolved["kept_edges"] > 0


@pytest.mark.parametrize("scale", [6, 10, 12])
def test_official_graphs_are_those_of_the_cpu(device, scale):
    csr = check(device, KroneckerStream(scale))
    assert csr.presolved["hub"] is not None
    assert csr.presolved["kept_edges"] < csr.n * 16 / 8


@pytest.mark.parametrize("dtype", ["float64", "int64", "uint8"])
def test_a_list_of_other_weights_is_that_of_the_cpu(device, dtype):
    made = kronecker(10, seed=(5, 77))
    weight = (made.weight * 200).astype(dtype)
    csr = check(device, EdgeList(made.src, made.dst, weight, made.n))
    solver, plain = Solver(csr, output="device"), Solver(build_csr(kronecker_of(made, weight)))
    root = int(np.argmax(csr.degree_positive))
    dist = device.to_host(solver.search(root).dist)
    assert np.array_equal(dist, plain.search(root).dist)


def kronecker_of(made, weight):
    return EdgeList(made.src, made.dst, weight, made.n)


def test_where_it_does_not_pay_all_edges_stay(device):
    grid = make_edges(3000, "grid", "even", np.dtype(np.float32), False, 2)
    csr = check(device, grid)
    assert csr.presolved["hub"] is None and csr.presolved["kept_edges"] == grid.m


def test_deep_trees_may_stay_in_the_core(device, monkeypatch, drops):
    monkeypatch.setattr(graphs.device_trees, "MOST_ROUNDS", 3)
    edges = make_edges(60, "path", "even", np.dtype(np.float32), False, 4)
    csr = build_device_csr(on_device(device, edges), presolve=True)
    assert csr.forest.core > 40
    solver = Solver(csr, output="device")
    for root in range(0, 60, 7):
        dist = device.to_host(solver.search(root).dist)
        assert np.array_equal(dist, dijkstra(edges, root)[0])


def test_a_directed_graph_is_refused(device):
    edges = on_device(device, make_edges(9, "path", "even", np.dtype(np.float32), True, 4))
    with pytest.raises(GraphError, match="presolve needs an undirected graph"):
        build_device_csr(edges, presolve=True)


@pytest.mark.parametrize(("blocks", "threads"), [(1, 32), (3, 96)])
def test_warps_keep_the_same(blocks, threads, drops):
    lanes = lane_device(blocks, threads, seed=blocks)
    check(lanes, with_hubs(blocks, "a_third_zero", np.dtype(np.float32), False))
    check(lanes, make_edges(70, "path", "even", np.dtype(np.float64), False, 4))
    check(lanes, KroneckerStream(6))


def used(device, edges):
    """The most bytes that its construction takes of the shim's memory, and the rows."""
    build_device_csr(on_device(device, kronecker_with(4, edges.weight_dtype)), presolve=True)
    there = on_device(device, edges)
    tracemalloc.start()
    try:
        csr = build_device_csr(there, presolve=True)
        return tracemalloc.get_traced_memory()[1], csr
    finally:
        tracemalloc.stop()


def kronecker_with(scale, dtype):
    made = kronecker(scale)
    return EdgeList(made.src, made.dst, made.weight.astype(dtype), made.n)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_construction_takes_no_more_memory_than_said(dtype):
    scale = 15
    edges = KroneckerStream(scale) if dtype == np.float32 else kronecker_with(scale, dtype)
    peak, csr = used(shim_device(), edges)
    need = PresolvedDeviceNeed(csr.n, 16 * csr.n, np.dtype(dtype).itemsize)
    assert need.construction / 2 < peak <= need.construction + (1 << 20)
    assert csr.nbytes <= need.rows, "what is left of it"


def test_scale_29_fits_80_gb_with_four_answers_waiting():
    need = PresolvedDeviceNeed(2**29, 2**33, edges_kept=False, answers=DEVICE_MOST_ANSWERS)
    assert need.construction < 84 << 29, "84 bytes a vertex"
    assert need.total < 65e9
    plain = DeviceNeed(2**29, 2**33, edges_kept=False)
    assert plain.total > 3 * need.total, "what a run takes that keeps all edges"


@pytest.mark.slow
def test_presolve_is_clean_under_the_sanitizers(request):
    assert sanitized(request)
