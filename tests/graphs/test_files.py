"""Text files of graphs: every format is read as it was meant, edge for edge."""

from __future__ import annotations

import gzip

import networkx as nx
import numpy as np
import pytest
import scipy.io
import scipy.sparse
from graph_files import (
    DATA,
    FORMATS,
    MTX,
    TEXT,
    assert_same,
    edge_list,
    edge_lists,
    put,
    text_of,
    tuples,
)
from hypothesis import given
from hypothesis import strategies as st

from graphs import GraphError, file_text, read_graph, write_edges

DTYPES = (np.int64, np.float64)
ENDS = st.sampled_from(["\n", "\r\n", "\r", "  \n", " \t\n  # 1 2 3\n\n"])


def largest_id(edges) -> int:
    return int(max(edges.src.max(), edges.dst.max()))


@pytest.mark.slow
@given(edge_lists(DTYPES, min_size=1), ENDS)
def test_text_files_give_back_their_edges(tmp_path_factory, meant, end):
    folder = tmp_path_factory.mktemp("text")
    for suffix in TEXT:
        read = read_graph(put(folder, f"g.{suffix}", text_of(suffix, meant, end)))
        assert_same(read, meant, largest_id(meant) + 1 if suffix == "wel" else None)
        assert read.directed is True


@pytest.mark.slow
@given(edge_lists(DTYPES, min_size=1), ENDS, st.integers(60, 200), st.sampled_from(TEXT))
def test_blocks_do_not_show(tmp_path_factory, meant, end, block, suffix):
    """However much is read at once: the same edges, and the same line in an error."""
    folder = tmp_path_factory.mktemp("blocks")
    text = text_of(suffix, meant, end)
    good = put(folder, f"good.{suffix}", text)
    bad = put(folder, f"bad.{suffix}", text + ("a 1 1 oops" if suffix == "gr" else "1 1 oops"))
    with pytest.raises(GraphError) as at_once:
        read_graph(bad)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_text, "BLOCK", block)
        assert tuples(read_graph(good)) == tuples(meant)
        with pytest.raises(GraphError) as in_blocks:
            read_graph(bad)
    assert str(in_blocks.value) == str(at_once.value)


@pytest.mark.parametrize("suffix", TEXT)
def test_many_lines_are_all_read(tmp_path, suffix):
    m, n = 10**5, 9**5
    rng = np.random.default_rng(5)
    rows = zip(*(rng.integers(0, n, m).tolist() for _ in range(3)), strict=True)
    meant = edge_list([*rows, (n - 1, 0, 0)], n)
    assert_same(read_graph(put(tmp_path, f"big.{suffix}", text_of(suffix, meant))), meant)


def test_a_long_header_of_comments_is_no_trouble(tmp_path):
    comments = ("c " + "x" * 300 + "\n") * 5000
    text = comments + "p sp 2 1\n" + comments + "a 1 2 3\n" + comments
    assert tuples(read_graph(put(tmp_path, "g.gr", text))) == [(0, 1, 3)]


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_gz_file_is_read_as_the_file_in_it(tmp_path, suffix):
    meant = edge_list([(0, 1, 3), (1, 2, 0), (1, 2, 7)], 3)
    if suffix == "npz":
        write_edges(tmp_path / "plain.npz", meant)
        content = (tmp_path / "plain.npz").read_bytes()
    else:
        content = text_of(suffix, meant).encode()
    assert_same(read_graph(put(tmp_path, f"g.{suffix}.gz", gzip.compress(content))), meant)
    assert_same(read_graph(str(put(tmp_path, f"G.{suffix.upper()}", content))), meant)


@pytest.mark.parametrize("suffix", FORMATS)
def test_symmetrize_walks_both_ways_and_leaves_the_edges_alone(tmp_path, suffix):
    meant = edge_list([(0, 1, 3), (1, 2, 4)], 3, directed=True)
    path = tmp_path / f"g.{suffix}"
    if suffix == "npz":
        write_edges(path, meant)
    else:
        put(tmp_path, path.name, text_of(suffix, meant))
    assert read_graph(path).directed is True
    assert read_graph(path, symmetrize=True).directed is False
    assert_same(read_graph(path, symmetrize=True), meant)


def test_a_dimacs_file_has_directed_arcs_and_ids_from_1(tmp_path):
    text = "c sample\np sp 6 3\nc arcs\na 1 2 17\na 6 6 0\na 1 2 17\n"
    edges = read_graph(put(tmp_path, "sample.gr", text))
    assert tuples(edges) == [(0, 1, 17), (5, 5, 0), (0, 1, 17)]
    assert (edges.n, edges.directed, edges.weight.dtype) == (6, True, np.int64)


@pytest.mark.parametrize("suffix", ["gr", "mtx"])
def test_vertices_without_edges_are_a_graph(tmp_path, suffix):
    edges = read_graph(put(tmp_path, f"g.{suffix}", text_of(suffix, edge_list([], 5))))
    assert (edges.n, edges.m) == (5, 0)


def test_a_symmetric_matrix_is_undirected_and_each_stored_entry_one_edge(tmp_path):
    text = MTX.replace("general", "symmetric") + "3 3 3\n2 1 0.5\n3 3 2\n2 1 0.5\n"
    edges = read_graph(put(tmp_path, "g.mtx", text))
    assert tuples(edges) == [(1, 0, 0.5), (2, 2, 2.0), (1, 0, 0.5)]
    assert edges.directed is False


@pytest.mark.parametrize(
    "header",
    [
        "%%MatrixMarket  MATRIX    Coordinate    Real General\n\n",
        "%%matrixmarket matrix coordinate double general\n% comment\n\n",
    ],
)
def test_a_matrix_header_may_be_spelt_as_others_do(tmp_path, header):
    assert tuples(read_graph(put(tmp_path, "g.mtx", header + "2 2 1\n1 2 3\n"))) == [(0, 1, 3.0)]


def test_zeros_and_repeated_entries_of_a_matrix_are_edges(tmp_path):
    text = MTX.replace("real", "integer") + "2 2 3\n1 2 0\n1 2 4\n1 2 4\n"
    assert tuples(read_graph(put(tmp_path, "g.mtx", text))) == [(0, 1, 0), (0, 1, 4), (0, 1, 4)]


@pytest.mark.slow
@given(edge_lists(DTYPES, min_size=1), st.sampled_from(["general", "symmetric"]))
def test_what_scipy_writes_is_read_as_scipy_reads_it(tmp_path_factory, meant, symmetry):
    path = tmp_path_factory.mktemp("scipy") / "matrix.mtx"
    entries = meant.weight, (meant.src, meant.dst)
    matrix = scipy.sparse.coo_array(entries, shape=(meant.n, meant.n))
    scipy.io.mmwrite(path, matrix, symmetry=symmetry)
    # Where the matrix is symmetric scipy adds the mirrored entries behind the stored ones.
    ours, theirs = read_graph(path), scipy.io.mmread(path, spmatrix=False)
    assert ours.src.tolist() == theirs.row.tolist()[: ours.m]
    assert ours.dst.tolist() == theirs.col.tolist()[: ours.m]
    assert ours.weight.tolist() == theirs.data.tolist()[: ours.m]
    assert ours.weight.dtype == theirs.data.dtype
    assert ours.directed is (symmetry == "general")


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(
    ("weights", "dtype", "values"),
    [
        (["3", "+4", "-0", "007"], np.int64, [3, 4, 0, 7]),
        (["3", "1e3", ".5", "5."], np.float64, [3.0, 1000.0, 0.5, 5.0]),
        (["9223372036854775807"], np.int64, [2**63 - 1]),
        (["99999999999999999999", "0.5"], np.float64, [1e20, 0.5]),
        (["0.5", "99999999999999999999"], np.float64, [0.5, 1e20]),
        (["1e-400"], np.float64, [0.0]),
    ],
)
def test_text_weights_are_integers_where_all_are(
    tmp_path, monkeypatch, weights, dtype, values, together
):
    lines = [f"0 1 {weight}\n" for weight in weights]
    if not together:  # one line a block
        monkeypatch.setattr(file_text, "BLOCK", max(map(len, lines)))
    read = read_graph(put(tmp_path, "g.wel", "".join(lines))).weight
    assert (read.tolist(), read.dtype) == (values, dtype)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("g.gr", "p sp 2 1\na 1 2 -0.0\n"),
        ("g.wel", "0 1 -0.0\n"),
        ("g.mtx", MTX + "2 2 1\n1 2 -0.0\n"),
    ],
)
def test_minus_zero_becomes_zero(tmp_path, name, text):
    weight = read_graph(put(tmp_path, name, text)).weight
    assert weight.tolist() == [0.0]
    assert not np.signbit(weight).any()


def test_karate_as_scipy_wrote_it_is_karate():
    edges = read_graph(DATA / "karate.mtx")
    assert (edges.n, edges.m, edges.directed) == (34, 78, False)
    ours = {(min(u, v), max(u, v), w) for u, v, w in tuples(edges)}
    assert ours == set(nx.karate_club_graph().edges(data="weight"))


@pytest.mark.parametrize(("name", "m"), [("les_miserables.wel", 254), ("les_miserables.npz", 508)])
def test_les_miserables_as_networkx_and_scipy_wrote_it(name, m):
    graph = nx.convert_node_labels_to_integers(nx.les_miserables_graph())
    edges = read_graph(DATA / name)
    theirs = {(min(u, v), max(u, v), w) for u, v, w in graph.edges(data="weight")}
    assert {(min(u, v), max(u, v), w) for u, v, w in tuples(edges)} == theirs
    assert (edges.n, edges.m, edges.directed) == (77, m, True)


def test_other_people_s_files_are_read():
    edges = read_graph(DATA / "netgen-2.gr")
    assert (edges.n, edges.m, edges.directed, edges.weight.dtype) == (400, 1416, True, np.int64)
    assert tuples(edges)[0] == (0, 216, 10000)
    int64 = tuples(read_graph(DATA / "mmio_int64.mtx"))
    assert int64 == [(0, 0, 2147483648), (0, 1, 2**63 - 1), (1, 1, 2**63 - 1)]
