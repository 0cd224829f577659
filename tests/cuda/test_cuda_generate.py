"""Edges made by the CUDA generator are the official ones, to the bit, on the shim and on a GPU."""

from __future__ import annotations

import numpy as np
import pytest
from devices import devices, gpu_device, lane_device, sanitized
from golden_data import edge_table, golden_edges, rows, sha256_of_edges
from hypothesis import given, settings
from hypothesis import strategies as st

import graphs.device_edges
from graphs.device_edges import (
    DeviceEdgeList,
    DeviceStream,
    kept,
    matrix_on_device,
    on_device,
)
from graphs.edges import EdgeList
from graphs.errors import GraphError
from graphs.generator import KroneckerStream, kronecker

SHA = ("sha256_u_int64le", "sha256_v_int64le", "sha256_w_float32le")
SEEDS = st.tuples(*[st.integers(0, 2**64 - 1)] * 2)


device = devices()


def made(device, scale, edgefactor=16, seed=(2, 3), first=0, count=None) -> EdgeList:
    """Edges first .. first + count - 1, made on the device, on the host."""
    stream = DeviceStream(device, KroneckerStream(scale, edgefactor, seed))
    stream.first = first
    stream.m = stream.m - first if count is None else count
    parts = []
    for part in stream.on_host().slices():
        parts.append([part.src.copy(), part.dst.copy(), part.weight.copy()])
    src, dst, weight = (np.concatenate(column) for column in zip(*parts, strict=True))
    return EdgeList(src, dst, weight, 1 << scale)


def same(a: EdgeList, b: EdgeList) -> bool:
    return a.n == b.n and all(
        np.array_equal(getattr(a, name), getattr(b, name)) for name in ("src", "dst", "weight")
    )


@pytest.mark.parametrize("scale", [4, 6])
def test_every_listed_edge_is_golden(device, scale):
    assert same(made(device, scale), golden_edges(scale))


@pytest.mark.parametrize(
    "name",
    [f"edges_s{scale}_ef16_seed_def_head_tail.csv" for scale in (10, 16, 20)]
    + ["rejection_edges_s16_seed_def.csv"],
)
def test_listed_edges_are_golden_asked_for_one_by_one(device, name):
    scale = int(name.partition("_s")[2].partition("_")[0])
    table = list(zip(*edge_table(name), strict=True))
    for i, u, v, w in table[:: max(len(table) // 24, 1)]:
        one = made(device, scale, first=int(i), count=1)
        assert (one.src[0], one.dst[0], one.weight[0]) == (u, v, w)


@pytest.mark.parametrize("row", rows("prefix_digests.csv"), ids=lambda row: row["n_first_edges"])
def test_first_edges_are_golden(device, row):
    seed, count = (int(row["userseed1"]), int(row["userseed2"])), int(row["n_first_edges"])
    edges = made(device, int(row["scale"]), int(row["edgefactor"]), seed, count=count)
    assert sha256_of_edges(edges) == tuple(row[key] for key in SHA)


@given(
    scale=st.one_of(st.integers(1, 62), st.sampled_from([26, 27, 33, 36, 40, 62])),
    seed=SEEDS,
    where=st.fractions(0, 1),
    count=st.integers(1, 40),
)
@settings(max_examples=60)
def test_any_slice_of_any_scale_equals_the_host_s(device, scale, seed, where, count):
    count = min(count, 16 << scale)
    first = int(where * ((16 << scale) - count))
    theirs = kronecker(scale, 16, seed, first, count)
    assert same(made(device, scale, 16, seed, first, count), theirs)


@pytest.mark.parametrize("size", [1, 7, 4096, 1 << 20])
def test_slices_of_any_size_hold_the_same_edges(device, size, monkeypatch):
    monkeypatch.setattr(graphs.device_edges, "slice_edges", lambda n, m: min(size, m))
    assert same(made(device, 5), kronecker(5))


def test_nothing_is_written_behind_a_slice(device, monkeypatch):
    """The last slice is shorter than the arrays, which hold the end of the one before."""
    monkeypatch.setattr(graphs.device_edges, "slice_edges", lambda n, m: 7)
    stream = DeviceStream(device, KroneckerStream(3, edgefactor=2))
    first, _, last = list(stream.slices())
    assert last.m == 2
    whole = kronecker(3, edgefactor=2)
    for name in ("src", "dst", "weight"):
        arrays = device.to_host(getattr(first, name)), getattr(whole, name)
        assert np.array_equal(arrays[0], np.concatenate([arrays[1][14:], arrays[1][9:14]]))


def test_edges_brought_to_the_device_come_back_as_they_were(device):
    edges = kronecker(13, edgefactor=2)
    there = on_device(device, edges)
    assert isinstance(there, DeviceEdgeList)
    parts = list(there.on_host().slices())
    assert len(parts) > 1, "the slices are shorter than the list"
    for name in ("src", "dst", "weight"):
        whole = np.concatenate([getattr(part, name) for part in parts])
        assert np.array_equal(whole, getattr(edges, name))


def test_edges_that_are_kept_are_those_of_the_stream(device):
    edges = kept(on_device(device, KroneckerStream(13, edgefactor=3)))
    parts = list(edges.on_host().slices())
    src, dst, weight = (
        np.concatenate([getattr(p, name) for p in parts]) for name in ("src", "dst", "weight")
    )
    assert same(EdgeList(src, dst, weight, edges.n), kronecker(13, edgefactor=3))


def test_generating_is_timed(device):
    stream = on_device(device, KroneckerStream(6))
    assert stream.generation_seconds == 0
    list(stream.slices())
    assert stream.generation_seconds > 0


def sparse_module(device):
    if device.xp is np:
        import scipy.sparse

        return scipy.sparse
    import cupyx.scipy.sparse

    return cupyx.scipy.sparse


def matrix_there(device, matrix):
    """A COO or CSR matrix of SciPy's on the device, made without cuBLAS; a COO without cuSPARSE."""
    there = sparse_module(device)
    data = device.to_device(matrix.data)
    if matrix.format == "coo":
        places = device.to_device(matrix.row), device.to_device(matrix.col)
        return there.coo_matrix((data, places), matrix.shape)
    if device.xp is not np:
        pytest.importorskip("cupyx.cusparse", exc_type=ImportError)
    places = device.to_device(matrix.indices), device.to_device(matrix.indptr)
    return there.csr_matrix((data, *places), matrix.shape)


def in_order(edges):
    """The edges by their ends."""
    order = np.lexsort((edges.dst, edges.src))
    return EdgeList(edges.src[order], edges.dst[order], edges.weight[order], edges.n)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("format", ["coo", "csr"])
def test_a_matrix_on_the_device_is_read_as_one_of_scipy(device, symmetric, dtype, format):
    import scipy.sparse

    from sssp.graph import matrix_edges

    random = np.random.default_rng(5)
    dense = np.where(random.random((30, 30)) < 0.2, random.random((30, 30)), 0).astype(dtype)
    dense[3] = 0
    if symmetric:
        dense = dense + dense.T
    matrix = scipy.sparse.csr_matrix(dense).asformat(format)
    theirs = matrix_edges(matrix)
    ours = matrix_on_device(device, matrix_there(device, matrix))
    assert ours.directed == theirs.directed == (not symmetric)
    [part] = ours.on_host().slices()
    assert same(in_order(part), in_order(theirs))
    assert part.weight.dtype == dtype


def test_entries_of_a_coo_matrix_at_one_place_are_added(device):
    import scipy.sparse

    places = np.array([0, 1, 0, 0]), np.array([1, 0, 1, 2])
    matrix = scipy.sparse.coo_matrix((np.array([1, 2, 4, 0], np.float32), places), (3, 3))
    there = matrix_there(device, matrix)
    [part] = matrix_on_device(device, there).on_host().slices()
    edges = in_order(part)
    found = edges.src.tolist(), edges.dst.tolist(), edges.weight.tolist()
    assert found == ([0, 0, 1], [1, 2, 0], [5.0, 0.0, 2.0]), "explicit zeros are arcs"
    assert there.nnz == 4, "the user's matrix is as it was"


def test_a_matrix_that_is_no_graph_is_refused(device):
    coo_matrix = sparse_module(device).coo_matrix
    with pytest.raises(GraphError, match=r"square matrix, got one of shape \(2, 3\)"):
        matrix_on_device(device, coo_matrix((2, 3), dtype=np.float32))
    with pytest.raises(GraphError, match="dtype complex128"):
        matrix_on_device(device, coo_matrix((2, 2), dtype=np.complex128))


@pytest.mark.gpu
def test_edges_of_a_gpu_are_the_host_s_at_scale_20():
    edges = made(gpu_device(), 20)
    assert same(edges, kronecker(20))


@pytest.mark.parametrize(("blocks", "threads"), [(1, 32), (2, 64), (3, 96)])
def test_grids_of_any_size_make_the_same_edges(blocks, threads):
    edges = made(lane_device(blocks, threads), 16, first=12_345, count=1000)
    assert same(edges, kronecker(16, first=12_345, count=1000))


@pytest.mark.slow
def test_the_generator_is_clean_under_the_sanitizers(request):
    assert sanitized(request)
