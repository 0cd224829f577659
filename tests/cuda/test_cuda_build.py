"""Kernel 1 on a device: the same rows as the CPU's, in no more memory than planned."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from devices import (
    check_same,
    devices,
    gpu_device,
    lane_device,
    sanitized,
    shim_device,
    used_on_gpu,
)
from hypothesis import given
from strategies import FLOAT32, FLOAT64, INT64, edge_lists, make_edges

import graphs.device_csr
from graphs import EdgeList, GraphError, KroneckerStream, build_csr, kronecker
from graphs.device_csr import build_device_csr
from graphs.device_edges import DeviceEdgeList, kept, on_device
from graphs.device_memory import DeviceNeed

PER_VERTEX = 450  # bytes, at edge factor 16, construction included

device = devices()


def check(device, edges):
    check_same(device, build_csr(edges), build_device_csr(on_device(device, edges)))


@given(edge_lists())
def test_rows_are_those_of_the_cpu(device, edges):
    check(device, edges)


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8", "float16"])
def test_rows_with_hubs_are_those_of_the_cpu(device, dtype, directed):
    made = kronecker(10, seed=(5, 77))
    weight = (made.weight * 200).astype(dtype)
    edges = EdgeList(made.src, made.dst, weight, made.n, directed)
    theirs, ours = build_csr(edges), build_device_csr(on_device(device, edges))
    assert ours.stats.hubs and ours.kind == theirs.kind
    check_same(device, theirs, ours)


@pytest.mark.parametrize("scale", [1, 4, 6, 10, 12])
def test_rows_of_the_official_graph_are_those_of_the_cpu(device, scale):
    stream = KroneckerStream(scale)
    check_same(device, build_csr(stream), build_device_csr(on_device(device, stream)))


@pytest.mark.parametrize("length", [1, 2, 63, 64, 65, 1023, 1025, 2048, 2049, 6000, 20_000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_of_any_length_are_sorted(device, length, dtype):
    random = np.random.default_rng(length)
    n = length + 1
    weight = random.permutation(np.repeat(random.random(length // 2 + 1), 2)[:length])
    check(device, EdgeList(np.zeros(length, np.int64), np.arange(1, n), weight.astype(dtype), n))


@pytest.mark.parametrize("length", [2, 64, 100, 3000, 10_000])
def test_of_parallel_arcs_the_lightest_stays(device, length):
    random = np.random.default_rng(length)
    src, dst = random.integers(0, 3, (2, length))
    weight = random.integers(0, 5, length).astype(np.float32)
    edges = EdgeList(src, dst, weight, 3)
    check(device, edges)
    rows = build_device_csr(on_device(device, edges)).out
    assert len(rows.arcs) <= 6


@pytest.mark.parametrize("length", [90, 5000])
def test_equal_arcs_many_times_over_become_one(device, length):
    ends = np.zeros(length, np.int64), np.ones(length, np.int64)
    rows = build_device_csr(on_device(device, EdgeList(*ends, np.ones(length, np.float32), 2))).out
    assert device.to_host(rows.indptr).tolist() == [0, 1, 2]
    assert device.to_host(rows.adj).tolist() == [1, 0]


def test_negative_zero_counts_as_zero(device):
    for dtype in (np.float32, np.float64):
        edges = EdgeList(np.array([0]), np.array([1]), np.array([-0.0], dtype), 2)
        rows = build_device_csr(on_device(device, edges)).out
        assert not np.signbit(device.to_host(rows.weight)).any()


def test_integers_beyond_32_bits_are_added_in_float64(device):
    edges = make_edges(30, "multigraph", "heavy_tailed", INT64, False, 3)
    assert edges.weight.max() > 2**32
    check(device, edges)


@pytest.mark.parametrize("directed", [False, True])
def test_the_same_graph_in_float64(device, directed):
    edges = make_edges(40, "complete", "even", INT64, directed, 8)
    theirs, ours = build_csr(edges), build_device_csr(on_device(device, edges))
    assert ours.kind == "uint32"
    check_same(device, theirs.as_float64(), ours.as_float64())


@pytest.mark.parametrize("shape", ["path", "grid", "star", "complete"])
def test_levels_of_long_and_of_wide_graphs_are_the_cpu_s(device, shape):
    check(device, make_edges(2000, shape, "even", FLOAT32, False, 4))


@pytest.mark.parametrize(
    ("src", "dst", "weight", "message"),
    [
        ([0], [5], [1.0], "edge 0: dst=5 is not in 0..2"),
        ([-1], [0], [1.0], "edge 0: src=-1 is not in 0..2"),
        ([0, 1], [1, 2], [1.0, -2.0], "edge 1: weight -2.0 is not allowed"),
        ([0], [1], [np.nan], "edge 0: weight nan is not allowed"),
    ],
)
def test_what_is_no_graph_is_refused(device, src, dst, weight, message):
    arrays = (device.to_device(np.array(a)) for a in (src, dst, weight))
    with pytest.raises(GraphError, match=message):
        build_device_csr(DeviceEdgeList(device, EdgeList(*arrays, 3)))


def test_a_graph_that_does_not_fit_is_refused_before_any_work(monkeypatch):
    device = shim_device()
    device.memory = 100 << 20
    stream = on_device(device, KroneckerStream(20))
    monkeypatch.setattr(stream, "slices", lambda: pytest.fail("edges were made"))
    with pytest.raises(GraphError, match=r"1048576 vertices and 16777216 edges need 0\.\d+ GiB"):
        build_device_csr(stream)


def test_a_row_too_long_to_be_sorted_is_refused_before_it_is_filled():
    device = shim_device()
    m = 1 << 20
    ends = np.zeros(m, np.int64), np.arange(m) % 999 + 1
    star = on_device(device, EdgeList(*ends, np.ones(m, np.float32), 1000))
    device.memory = DeviceNeed(1000, m).construction + (65 << 20)
    with pytest.raises(GraphError, match="2097152 arcs need .* GiB of device memory, available"):
        build_device_csr(star)


def edges_with(scale, size):
    """Official edges: made slice by slice with weights of 4 bytes, an edge list with those of 8."""
    made = kronecker(scale)
    wide = EdgeList(made.src, made.dst, made.weight.astype(np.float64), made.n)
    return KroneckerStream(scale) if size == 4 else wide


@pytest.mark.parametrize(("scale", "size"), [(13, 4), (15, 4), (13, 8)])
def test_construction_takes_no_more_memory_than_said(scale, size):
    device = shim_device()
    device.module("build.cu"), device.module("generate.cu")
    build_device_csr(on_device(device, edges_with(4, size)))
    edges = on_device(device, edges_with(scale, size))
    tracemalloc.start()
    try:
        csr = build_device_csr(edges)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    need = DeviceNeed(csr.n, 16 * csr.n, size)
    assert peak <= need.construction + (1 << 20)
    if size == 4:
        assert need.construction <= PER_VERTEX * csr.n
    kept = DeviceNeed(csr.n, csr.arcs // 2, size)
    assert csr.nbytes == kept.rows + 8 + 4, "bounds and ids have an entry more than vertices"
    assert peak > need.construction / 2, "the prediction is of this construction"


@pytest.mark.parametrize("scale", range(16, 32))
def test_construction_at_edge_factor_16_is_predicted_within_the_limit(scale):
    assert DeviceNeed(2**scale, 2 ** (scale + 4)).construction <= PER_VERTEX * 2**scale


def test_memory_that_goes_meanwhile_is_missed_with_the_figures(device, monkeypatch):
    stream = on_device(device, KroneckerStream(6))

    def slices():
        raise MemoryError

    monkeypatch.setattr(stream, "slices", slices)
    with pytest.raises(GraphError, match="64 vertices and 1024 edges need .* GiB of device memory"):
        build_device_csr(stream)


@pytest.mark.parametrize(("blocks", "threads"), [(1, 32), (2, 64), (3, 96)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_blocks_of_many_threads_build_the_same_rows(blocks, threads, dtype):
    device = lane_device(blocks, threads, seed=blocks)
    random = np.random.default_rng(blocks)
    # One row of several tiles, with parallel arcs of equal and of other weights, beside short ones.
    weight = np.repeat(random.random(1500), 2).astype(dtype)
    hub = EdgeList(np.zeros(3000, np.int64), random.integers(1, 2000, 3000), weight, 2000)
    check(device, hub)
    check(device, make_edges(40, "multigraph", "zero_or_one", np.dtype(dtype), True, blocks))
    check(device, make_edges(60, "path", "even", np.dtype(dtype), False, blocks))


def test_blocks_of_many_threads_build_the_official_graph():
    device = lane_device(2, 64)
    stream = KroneckerStream(8)
    check_same(device, build_csr(stream), build_device_csr(on_device(device, stream)))


@pytest.mark.slow
def test_construction_is_clean_under_the_sanitizers(request):
    assert sanitized(request)


@pytest.mark.gpu
@pytest.mark.parametrize("scale", [18, 20])
def test_rows_of_a_gpu_are_the_cpu_s_and_its_memory_is_given_back(scale):
    device, stream = gpu_device(), KroneckerStream(scale)
    with used_on_gpu() as used:
        check_same(device, build_csr(stream), build_device_csr(on_device(device, stream)))
    assert used[-1] == 0 < max(used)


@pytest.mark.gpu
def test_a_gpu_takes_no_more_memory_than_said():
    with used_on_gpu() as used:
        build_device_csr(on_device(gpu_device(), KroneckerStream(22)))
    need = DeviceNeed(1 << 22, 16 << 22).construction
    assert need / 2 < max(used) <= need + (1 << 20) <= PER_VERTEX << 22


def test_edges_that_were_made_on_the_device_are_not_looked_through_again(device, monkeypatch):
    edges = kept(on_device(device, KroneckerStream(7)))
    monkeypatch.setattr(graphs.device_csr, "check_edges", lambda _: pytest.fail("looked through"))
    check_same(device, build_csr(KroneckerStream(7)), build_device_csr(edges))


@pytest.mark.gpu
def test_parts_of_arrays_beyond_2_gib_are_small_arrays():
    """Of those CuPy has compiled its kernels by then."""
    device = gpu_device()
    items = device.xp.arange(100, dtype=np.uint64)
    large = device.xp.ndarray(2**29, np.uint64, items.data)  # as long as that, by its own account
    part = device.part(large, 10, 20)
    assert part._index_32_bits and not large[10:20]._index_32_bits
    assert part.tolist() == list(range(10, 20))


@pytest.mark.gpu
def test_float64_rows_of_a_gpu_are_the_cpu_s():
    made = kronecker(16)
    edges = EdgeList(made.src, made.dst, made.weight.astype(FLOAT64), made.n)
    check(gpu_device(), edges)
