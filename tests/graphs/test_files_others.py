"""LDBC Graphalytics, METIS, Parquet, and files that are packed."""

from __future__ import annotations

import bz2
import gzip
import importlib
import io
import lzma
import sys
import tarfile

import numpy as np
import pytest
from graph_files import DATA, MTX, put, refusal, tuples

from graphs import GraphError, files, read_graph

LDBC = DATA / "graphalytics"
MATRIX = (MTX.replace("real", "integer") + "3 3 2\n1 2 2\n2 3 3\n").encode()
EDGES = [(0, 1, 2), (1, 2, 3)]


def answers(name: str) -> dict[int, float]:
    rows = (line.split() for line in (LDBC / f"{name}-SSSP").read_text().splitlines())
    return {int(vertex): float(dist) for vertex, dist in rows}


@pytest.mark.parametrize("suffix", [".v", ".e", ".properties"])
@pytest.mark.parametrize(
    ("name", "root"),
    [("example-directed", 1), ("example-undirected", 2)]
    + [("test-sssp-directed", 1), ("test-sssp-undirected", 1)],
)
def test_graphalytics_own_graphs_have_the_distances_that_they_say(name, root, suffix):
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import dijkstra

    edges = read_graph(LDBC / f"{name}{suffix}")
    assert edges.directed is ("undirected" not in name)
    matrix = coo_array((edges.weight, (edges.src, edges.dst)), shape=(edges.n, edges.n))
    found = dijkstra(matrix, edges.directed, edges.ids.vertex(root))
    ids = edges.ids.of(np.arange(edges.n)).tolist()
    expected = answers(name)
    assert sorted(ids) == sorted(expected)
    assert dict(zip(ids, found.tolist(), strict=True)) == pytest.approx(expected, rel=1e-15)


def graphalytics(folder, e="5 90 1.5\n90 1000000007 2\n", v="90\n5\n1000000007\n6\n", more=""):
    properties = "graph.g.directed = false\ngraph.g.edge-properties.names = weight\n" + more
    for suffix, text in (("v", v), ("e", e), ("properties", "# c\n" + properties)):
        put(folder, f"g.{suffix}", text)
    return folder / "g.e"


def test_vertices_of_graphalytics_without_an_edge_are_vertices(tmp_path):
    edges = read_graph(graphalytics(tmp_path))
    assert tuples(edges) == [(0, 2, 1.5), (2, 3, 2.0)]
    assert edges.ids.of(np.arange(4)).tolist() == [5, 6, 90, 1000000007]
    assert (edges.n, edges.directed) == (4, False)
    assert [path[-4:] for path in files.files_of(str(tmp_path / "g.v"))] == ["/g.v", "/g.e", "ties"]


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"v": "5\n90\n6\n"}, "g.e: edge 1: vertex 1000000007 is not in "),
        ({"v": "5\n90\n5\n"}, "g.v: vertex 5 stands there twice"),
        ({"v": "\n"}, "g.v: no vertex in the file"),
        ({"v": "5 1\n"}, "g.v, line 1: '5 1' has 2 columns, an edge 'id' has 1"),
        ({"e": "5 90\n"}, "g.e, line 1: '5 90' has 2 columns, an edge 'u v w' has 3"),
        ({"more": "graph.g.meta.edges = 3\n"}, "promises 3 edges, but "),
        ({"more": "graph.g.meta.vertices = 5\n"}, "promises 5 vertices, but "),
        ({"more": "graph.g.directed = yes\n"}, "'directed' must be true or false, got 'yes'"),
        ({"more": "graph.g.sssp.weight-property = km\n"}, "the weight 'km' must be the first"),
    ],
)
def test_a_bad_graph_of_graphalytics_is_refused(tmp_path, change, wanted):
    path = graphalytics(tmp_path, **change)
    with pytest.raises(GraphError, match="^[^\n]*$") as error:
        read_graph(path)
    assert wanted in str(error.value)


def test_a_missing_part_of_graphalytics_is_named(tmp_path):
    path = graphalytics(tmp_path)
    (tmp_path / "g.v").unlink()
    with pytest.raises(GraphError, match=r"g\.v: cannot be read: No such file"):
        read_graph(path)
    (tmp_path / "g.properties").unlink()
    assert read_graph(put(tmp_path, "g.e", "0 1 2\n")).ids.first == 0  # a plain edge list
    with pytest.raises(GraphError, match=r"g\.properties: cannot be read: No such file"):
        read_graph(path, format="ldbc")


METIS = {
    "weights": "% c\n4 3 001\n2 7 3 8\n1 7\n% c\n1 8 4 9\n3 9\n",
    "and sizes": "4 3 111 2\n5 0 0 2 7 3 8\n5 0 0 1 7\n5 0 0 1 8 4 9\n5 0 0 3 9\n\n",
}


@pytest.mark.parametrize("case", METIS)
def test_a_metis_file_holds_each_edge_twice_and_gives_it_once(tmp_path, case):
    edges = read_graph(put(tmp_path, "g.graph", METIS[case]))
    assert tuples(edges) == [(0, 1, 7), (0, 2, 8), (2, 3, 9)]
    assert (edges.n, edges.directed, edges.ids.first) == (4, False, 1)


def test_a_metis_file_may_have_no_weights_and_lonely_vertices(tmp_path):
    path = put(tmp_path, "g.graph", "3 1\n3\n\n1")
    assert "has no weights; give --weights unit" in refusal(path)
    assert tuples(read_graph(path, weights="unit")) == [(0, 2, 1)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("% c\n", ": no header 'n m [fmt [ncon]]'"),
        ("3\n", ", line 1: '3' stands where the header 'n m"),
        ("3 1 2\n", ", line 1: '3 1 2' stands where the header"),
        ("0 0 1\n", ", line 1: '0 0 1' has no vertices"),
        ("3 x 1\n", ", line 1: 'x' in '3 x 1' is not a number"),
        ("2 1 1\n2 5\n", ", line 1: promises 2 vertices, but lines of 1 follow"),
        ("2 1 1\n2 5\n1 5\n1 5\n", ", line 4: '1 5' follows the 2 vertices promised"),
        ("2 1 1\n2\n1 5\n", ", line 2: '2': each neighbour must have a weight"),
        ("2 1 1\n0 5\n1 5\n", ", line 2: vertex id 0 is not in 1..2"),
        ("2 1 1\n3 5\n1 5\n", ", line 2: vertex id 3 is not in 1..2"),
        ("2 1 1\n2 -5\n1 5\n", ", line 2: '2 -5' holds something else than whole numbers"),
        ("2 1 1\n2 5\n1 9999999999999999999\n", ", line 3: '1 9999999999999999999' holds a"),
        ("2 1 1\n2 5\n1 6\n", ": edge 1, 2 does not stand at both ends with one weight"),
        ("2 1 1\n2 5\n\n", ": edge 1, 2 does not stand at both ends"),
        ("2 2 1\n2 5\n1 5\n", ", line 1: promises 2 edges, but the file holds 1"),
        ("2 1 1\n1 5\n\n", ": vertex 1 is its own neighbour"),
        (f"{10**18} 1 1\n2 5\n", f"promises {10**18} vertices, but lines of 1"),
        (f"2 1 011 {10**17}\n2 5\n1 5\n", ": promises 1 edges, but the file holds 0"),
    ],
)
def test_a_bad_metis_file_is_refused_by_line_and_value(tmp_path, text, wanted):
    found = refusal(put(tmp_path, "g.graph", text))
    assert wanted.removeprefix(": promises") in found, found


def tar(*members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size, info.type, info.linkname = len(content), kind, "/etc/passwd"
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


SUITE = tar(("g/g_b.mtx", b"%%MatrixMarket"), ("g/README", b"x"), ("g/g.mtx", MATRIX))


@pytest.mark.parametrize(
    ("name", "content"),
    {
        "g.mtx.gz": gzip.compress(MATRIX, mtime=0),
        "g.mtx.bz2": bz2.compress(MATRIX),
        "G.MTX.XZ": lzma.compress(MATRIX),
        "g.tar.gz": gzip.compress(SUITE, mtime=0),
        "g.tgz": gzip.compress(SUITE, mtime=0),
        "g.tar.bz2": bz2.compress(SUITE),
        "g.tar": SUITE,
        "other.tar.xz": lzma.compress(tar(("./x/only.mtx", MATRIX), ("x/Makefile", b"all:"))),
        "out.g.bz2": bz2.compress(b"% asym weighted\n1 2 2\n2 3 3\n"),
    }.items(),
)
def test_a_packed_file_is_read_as_the_file_in_it(tmp_path, name, content):
    assert tuples(read_graph(put(tmp_path, name, content))) == EDGES


@pytest.mark.parametrize(
    ("name", "content", "wanted"),
    [
        ("g.mtx.bz2", bz2.compress(MATRIX)[:-9], "cannot be unpacked"),
        ("g.mtx.bz2", MATRIX, "cannot be "),
        ("g.mtx.xz", lzma.compress(MATRIX)[:-9], "cannot be unpacked"),
        ("g.mtx.xz", MATRIX, "cannot be unpacked"),
        ("g.tar.gz", gzip.compress(SUITE[:700], mtime=0), "cannot be unpacked"),
        ("g.tar.gz", gzip.compress(MATRIX, mtime=0), "cannot be unpacked"),
        ("g.tar", tar(("README", b"x")), "of the files in it, one must be a graph; there are none"),
        ("g.tar", tar(("a.gr", b""), ("b.el", b"")), "several, none with its name: 'a.gr, b.el'"),
        ("g.tar", tar(("g.mtx", b""), kind=tarfile.SYMTYPE), "there are none"),
        ("g.tar", tar(("x/g.mtx", MATRIX[:-4])), ": x/g.mtx, line 4: '2' has 1 columns"),
    ],
)
def test_a_damaged_packed_file_is_refused(tmp_path, name, content, wanted):
    assert wanted in refusal(put(tmp_path, name, content))


def test_a_tar_header_that_says_it_is_huge_gets_no_memory(tmp_path):
    info = tarfile.TarInfo("g.mtx")
    info.type, info.size = tarfile.XHDTYPE, 1 << 30
    content = info.tobuf(tarfile.USTAR_FORMAT) + bytes(2048)
    assert "a header of 1073741824 bytes" in refusal(put(tmp_path, "g.tar", content))


def test_text_that_unpacks_to_more_than_the_memory_is_read_no_further(tmp_path):
    text = b"0 1 2\n" * 300_000
    for name, pack in (("g.el.bz2", bz2.compress), ("g.el.xz", lzma.compress)):
        with pytest.raises(GraphError, match="take more than the 1000000 bytes available"):
            read_graph(put(tmp_path, name, pack(text)), most_bytes=10**6)


def test_graphalytics_is_read_from_an_archive_as_from_its_files(tmp_path):
    graphalytics(tmp_path)
    parts = [
        (f"x/g.{end}", (tmp_path / f"g.{end}").read_bytes()) for end in ("e", "v", "properties")
    ]
    whole = read_graph(tmp_path / "g.e")
    for name in ("g.tar.gz", "other.tgz"):
        for order in (parts, parts[::-1]):
            packed = gzip.compress(tar(*order, ("x/g-SSSP", b"5 0\n")))
            edges = read_graph(put(tmp_path, name, packed))
            assert tuples(edges) == tuples(whole)
            assert (edges.n, edges.directed) == (whole.n, False)
            assert np.array_equal(edges.ids.given, whole.ids.given)
    damaged = gzip.compress(tar(*parts[:1], *parts[2:]))
    assert "of the files in it, one must be" in refusal(put(tmp_path, "g.tar.gz", damaged))
    alone = read_graph(put(tmp_path, "g.tar", tar(("g.e", b"0 1 2\n1 2 3\n"))))
    assert (tuples(alone), alone.directed) == (EDGES, True)


@pytest.mark.parametrize(
    ("name", "content", "modules", "extra"),
    [
        ("g.el.zst", b"(\xb5/\xfd", ("backports.zstd", "compression.zstd"), "zstd"),
        ("g.parquet", b"PAR1", ("pyarrow",), "parquet"),
    ],
)
def test_an_extra_that_is_missing_is_named(tmp_path, monkeypatch, name, content, modules, extra):
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)
    assert f"pip install 'sssp-bench[{extra}]'" in refusal(put(tmp_path, name, content))


def zstd():
    if sys.version_info < (3, 14):
        return pytest.importorskip("backports.zstd", reason="the extra zstd is not installed")
    return importlib.import_module("compression.zstd")


def test_zst_files_are_read(tmp_path):
    packed = zstd().compress(b"0 1 2\n1 2 3\n")
    assert tuples(read_graph(put(tmp_path, "g.el.zst", packed))) == EDGES
    assert "cannot be unpacked" in refusal(put(tmp_path, "g.el.zst", packed[:-3]))
    assert "cannot be unpacked" in refusal(put(tmp_path, "g.el.zst", b"0 1 2\n"))
    assert tuples(read_graph(put(tmp_path, "g.tar.zst", zstd().compress(SUITE)))) == EDGES


def test_zst_files_that_unpack_to_more_than_the_memory_are_read_no_further(tmp_path):
    path = put(tmp_path, "g.el.zst", zstd().compress(b"0 1 2\n" * 300_000))
    with pytest.raises(GraphError, match="take more than the 1000000 bytes available"):
        read_graph(path, most_bytes=10**6)


def test_parquet_files_are_read(tmp_path):
    pyarrow = pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
    from pyarrow import parquet

    path = tmp_path / "g.parquet"

    def write(**columns):
        parquet.write_table(pyarrow.table(columns), path)
        return path

    edges = read_graph(write(Target=[1, 2], source=[0, 1], w=np.array([2.5, 3], np.float32)))
    assert (tuples(edges), edges.weight.dtype) == ([(0, 1, 2.5), (1, 2, 3.0)], np.float32)
    assert tuples(read_graph(write(u=[0, 1], v=[1, 2]), weights="unit")) == [(0, 1, 1), (1, 2, 1)]
    assert "has no weights" in refusal(write(u=[0, 1], v=[1, 2]))
    assert "lacks 1 values" in refusal(write(u=[0, None], v=[1, 2], w=[1, 1]))
    assert "column 'u' must hold ids" in refusal(write(u=[0.5, 1], v=[1, 2], w=[1, 1]))
    assert "column 'v' must hold ids" in refusal(write(u=[0, 1], v=[-1, 2], w=[1, 1]))
    assert "edge 1: weight -1 is not allowed" in refusal(write(u=[0, 1], v=[1, 2], w=[1, -1]))
    assert "weights must be float32" in refusal(write(u=[0], v=[1], w=["x"]))
    assert "has only a, b; the source of an edge is one column" in refusal(write(a=[0], b=[1]))
    assert "no edges in the file" in refusal(write(u=np.empty(0, int), v=np.empty(0, int), w=[]))
    assert "2 edges take more than the 9" in refusal(
        write(u=[0, 1], v=[1, 2], w=[1, 1]), most_bytes=9
    )
    assert "not a readable Parquet file" in refusal(put(tmp_path, path.name, b"PAR1 and more"))
