"""Graphs in .npz files: edge lists, written and read, and matrices of scipy.sparse."""

from __future__ import annotations

import gzip
import hashlib
import os

import numpy as np
import pytest
import scipy.sparse
from graph_files import assert_same, edge_list, edge_lists, put, tuples
from hypothesis import given

from graphs import EdgeList, GraphError, files, read_graph, write_edges


@given(edge_lists())
def test_our_archives_give_back_their_edges(tmp_path_factory, meant):
    path = tmp_path_factory.mktemp("ours") / "graph.npz"
    write_edges(path, meant)
    read = read_graph(path)
    assert_same(read, meant)
    assert read.directed is meant.directed


def test_an_archive_of_ours_is_what_numpy_reads(tmp_path):
    write_edges(tmp_path / "g.npz", edge_list([(0, 1, 0.5), (2, 2, 1)], 4, np.float32))
    with np.load(tmp_path / "g.npz") as arrays:
        assert set(arrays.files) == {"src", "dst", "weight", "n", "directed"}
        assert (arrays["src"].tolist(), arrays["dst"].tolist()) == ([0, 2], [1, 2])
        assert (arrays["weight"].tolist(), arrays["weight"].dtype) == ([0.5, 1], np.float32)
        assert (int(arrays["n"]), bool(arrays["directed"])) == (4, False)


def test_the_same_edges_give_the_same_bytes(tmp_path):
    for name in ("a.npz", "b.npz"):
        write_edges(tmp_path / name, edge_list([(0, 1, 5)], 2))
    digests = {hashlib.sha256((tmp_path / n).read_bytes()).digest() for n in ("a.npz", "b.npz")}
    assert len(digests) == 1


class InSlices:
    """Edges handed out two at a time, in buffers that the next slice overwrites."""

    directed, generation_seconds, weight_dtype = True, 0.0, np.dtype(np.float32)

    def __init__(self, edges: EdgeList):
        self.edges, self.n, self.m = edges, edges.n, edges.m

    def slices(self):
        buffers = [
            np.empty(2, a.dtype) for a in (self.edges.src, self.edges.dst, self.edges.weight)
        ]
        for first in range(0, self.m, 2):
            size = min(2, self.m - first)
            for buffer, name in zip(buffers, ("src", "dst", "weight"), strict=True):
                buffer[:size] = getattr(self.edges, name)[first : first + size]
            yield EdgeList(*(buffer[:size] for buffer in buffers), self.n, True)


def test_edges_made_slice_by_slice_are_written_whole(tmp_path):
    meant = edge_list([(u, (3 * u) % 7, u / 4) for u in range(7)], 7, np.float32)
    write_edges(tmp_path / "g.npz", InSlices(meant))
    assert_same(read_graph(tmp_path / "g.npz"), meant)
    assert read_graph(tmp_path / "g.npz").directed is True


def refusal(path, edges) -> str:
    """Return the message with which writing is refused; nothing may be left in the folder."""
    before = set(os.listdir(path.parent)) if path.parent.is_dir() else set()
    with pytest.raises(GraphError) as error:
        write_edges(path, edges)
    assert (set(os.listdir(path.parent)) if path.parent.is_dir() else set()) == before
    assert str(path) in str(error.value)
    return str(error.value)


def test_writing_says_why_it_cannot_and_leaves_nothing(tmp_path):
    edges = edge_list([(0, 1, 5)], 2)
    (tmp_path / "folder.npz").mkdir()
    put(tmp_path, "file", "")
    assert "No such file or directory" in refusal(tmp_path / "missing" / "g.npz", edges)
    assert "Not a directory" in refusal(tmp_path / "file" / "g.npz", edges)
    assert "Is a directory" in refusal(tmp_path / "folder.npz", edges)
    assert "File name too long" in refusal(tmp_path / ("g" * 300 + ".npz"), edges)
    assert "ends in .npz" in refusal(tmp_path / "g.gr", edges)
    assert "ends in .npz" in refusal(tmp_path / "g.npz.gz", edges)


def test_edges_that_are_no_graph_are_not_written(tmp_path):
    good = put(tmp_path, "g.npz", b"as it was")
    assert "edge 0: dst=2 is not in 0..1" in refusal(good, edge_list([(0, 2, 5)], 2))
    assert "weight -5 is not allowed" in refusal(good, edge_list([(0, 1, -5)], 2))
    assert "at least one vertex, got n=0" in refusal(good, edge_list([], 0))
    assert good.read_bytes() == b"as it was"


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path):
    resource = pytest.importorskip("resource")
    path = put(tmp_path, "g.npz", b"as it was")
    many = edge_list([(0, 1, 5)] * 1000, 2)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        message = refusal(path, many)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "cannot be written: File too large" in message
    assert path.read_bytes() == b"as it was"


def test_an_interrupt_while_writing_leaves_nothing(tmp_path):
    class Interrupted(InSlices):
        def slices(self):
            yield from super().slices()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_edges(tmp_path / "g.npz", Interrupted(edge_list([(0, 1, 5)], 2, np.float32)))
    assert os.listdir(tmp_path) == []


def test_an_archive_without_n_and_directed_is_undirected_up_to_its_largest_id(tmp_path):
    weight = np.array([1, 2], ">f4")
    np.savez_compressed(tmp_path / "g.npz", src=[0, 7], dst=[3, 1], weight=weight, note="ours")
    edges = read_graph(tmp_path / "g.npz")
    assert tuples(edges) == [(0, 3, 1.0), (7, 1, 2.0)]
    assert (edges.n, edges.directed, edges.weight.dtype) == (8, False, np.float32)
    assert edges.weight.dtype.isnative


def test_sparse_ids_of_an_archive_without_n_are_numbered_and_given_back(tmp_path):
    np.savez(tmp_path / "g.npz", src=[7, 10**12], dst=[10**12, 2 * 10**9], weight=[5, 6])
    edges = read_graph(tmp_path / "g.npz")
    assert (edges.n, tuples(edges)) == (3, [(0, 2, 5), (2, 1, 6)])
    assert edges.ids.of(np.arange(3)).tolist() == [7, 2 * 10**9, 10**12]


@pytest.mark.parametrize(
    ("given", "read"),
    [("f2", "f4"), ("f4", "f4"), ("f8", "f8"), ("i1", "i8"), ("u4", "i8"), ("u8", "i8")],
)
def test_weights_keep_their_dtype_and_integers_become_int64(tmp_path, given, read):
    np.savez(tmp_path / "g.npz", src=[0], dst=[1], weight=np.array([7], given))
    edges = read_graph(tmp_path / "g.npz")
    assert (edges.weight.tolist(), edges.weight.dtype) == ([7], np.dtype(read))


def test_minus_zero_in_an_archive_becomes_zero(tmp_path):
    np.savez(tmp_path / "ours.npz", src=[0], dst=[1], weight=np.array([-0.0], np.float32))
    matrix = scipy.sparse.csr_array((np.array([-0.0]), [1], [0, 1, 1]), shape=(2, 2))
    scipy.sparse.save_npz(tmp_path / "scipy.npz", matrix)
    for name in ("ours.npz", "scipy.npz"):
        weight = read_graph(tmp_path / name).weight
        assert weight.tolist() == [0.0]
        assert not np.signbit(weight).any(), name


def test_a_packed_archive_too_large_for_memory_is_unpacked_on_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_UNPACKED_IN_MEMORY", 100)
    meant = edge_list([(v, 49 - v, 1) for v in range(50)], 50, np.float32)
    write_edges(tmp_path / "g.npz", meant)
    packed = gzip.compress((tmp_path / "g.npz").read_bytes())
    assert_same(read_graph(put(tmp_path, "g.npz.gz", packed)), meant)


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr", "dia"])
@pytest.mark.parametrize("kind", ["array", "matrix"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.bool_])
def test_a_saved_matrix_is_read_as_csgraph_reads_it(tmp_path, form, kind, dtype):
    entries = np.array([3, 0, 2, 1], dtype), ([0, 1, 2, 3], [2, 3, 0, 0])
    matrix = getattr(scipy.sparse, f"coo_{kind}")(entries, shape=(6, 6)).asformat(form)
    scipy.sparse.save_npz(tmp_path / "matrix.npz", matrix)
    edges = read_graph(tmp_path / "matrix.npz")
    csgraph = matrix.tocsr().tocoo()  # what csgraph makes of it first, whatever it then computes
    theirs = zip(csgraph.row.tolist(), csgraph.col.tolist(), csgraph.data.tolist(), strict=True)
    assert sorted(tuples(edges)) == sorted(theirs)
    assert (edges.n, edges.directed) == (6, True)
    assert edges.weight.dtype == (np.int64 if np.dtype(dtype).kind in "ib" else dtype)
    if form in ("csr", "csc", "coo"):
        assert (1, 3, 0) in tuples(edges)  # a stored zero


def test_repeated_entries_of_a_saved_matrix_stay_parallel_edges(tmp_path):
    matrix = scipy.sparse.coo_array((np.array([1, 2]), ([0, 0], [1, 1])), shape=(2, 2))
    scipy.sparse.save_npz(tmp_path / "twice.npz", matrix)
    assert tuples(read_graph(tmp_path / "twice.npz")) == [(0, 1, 1), (0, 1, 2)]


def test_a_matrix_saved_with_all_its_coordinates_in_one_array_is_read(tmp_path):
    arrays = {"format": b"coo", "shape": [3, 3], "data": [2.5], "coords": [[0], [2]]}
    np.savez(tmp_path / "coords.npz", **arrays, _is_array=True)
    assert tuples(read_graph(tmp_path / "coords.npz")) == [(0, 2, 2.5)]
