"""Text files that do not hold a graph: one GraphError that names file, line and value."""

from __future__ import annotations

import gzip
import os

import pytest
from graph_files import DATA, FORMATS, MTX, put, refusal
from hypothesis import given
from hypothesis import strategies as st

from graphs import GraphError, read_graph
from graphs.edges import check_edges

GR = "c a graph\np sp 3 2\n"
INTEGERS = MTX.replace("real", "integer")


TEXTS = {
    # DIMACS
    "gr: cut short": (GR + "a 1 2 3\n", ", line 2: promises 2 edges, but the file holds 1"),
    "gr: cut in a line": (GR + "a 1 2 3\na 1 2", ", line 4: 'a 1 2' has 3 columns, an edge 'a u"),
    "gr: too many": (GR + "a 1 2 3\n" * 3, ", line 5: 'a 1 2 3' follows the 2 edges that the"),
    "gr: id 0": (GR + "a 1 2 3\na 0 2 3\n", ", line 4: vertex id 0 is not in 1..3"),
    "gr: id above n": (GR + "a 1 4 3\na 1 2 3\n", ", line 3: vertex id 4 is not in 1..3"),
    "gr: negative id": (GR + "a 1 -2 3\n", ", line 3: vertex id -2 is not in 1..3"),
    "gr: id beyond int64": (GR + "a 1 99999999999999999999 3\n", "id 99999999999999999999 is not"),
    "gr: endless id": (GR + f"a 1 {'9' * 9999} 3\n", "9... is not in 1..3"),
    "gr: float id": (GR + "a 1 2.0 3\n", ", line 3: vertex id '2.0' is not an integer"),
    "gr: negative weight": (GR + "a 1 2 3\na 1 2 -3\n", ", line 4: weight -3 is not allowed; weig"),
    "gr: text weight": (GR + "\na 1 2 x3\n", ", line 4: weight 'x3' is not a number"),
    "gr: weight with _": (GR + "a 1 2 1_0\n", ", line 3: weight '1_0' is not a number"),
    "gr: hexadecimal": (GR + "a 1 2 0x5\n", ", line 3: weight '0x5' is not a number"),
    "gr: comment behind": (GR + "a 1 2 3 c near\n", ", line 3: 'a 1 2 3 c near' has 6 columns"),
    "gr: other line": (GR + "a 1 2 3\ne 1 2 3\n", "line 4: 'e 1 2 3' is neither an edge 'a u v w'"),
    "gr: longer lead": (GR + "arc 1 2 3\n", ", line 3: 'arc 1 2 3' is neither an edge"),
    "gr: second header": (GR + "p sp 3 2\n", ", line 3: 'p sp 3 2' is neither an edge"),
    "gr: no header": ("a 1 2 3\n", ", line 1: 'a 1 2 3' stands where the problem line 'p sp n m'"),
    "gr: comments only": ("c nothing\n\n", ": no problem line 'p sp n m' (vertices, arcs) in"),
    "gr: other problem": ("p max 3 2\n", ", line 1: 'p max 3 2' stands where the problem line"),
    "gr: short header": ("p sp 3\n", ", line 1: 'p sp 3' stands where the problem line"),
    "gr: no vertices": ("p sp 0 0\n", ", line 1: 'p sp 0 0' has no vertices; a graph needs at"),
    "gr: negative m": ("p sp 3 -1\n", ", line 1: '-1' in 'p sp 3 -1' is not a number in 0..9223"),
    "gr: float n": ("p sp 3.0 1\n", ", line 1: '3.0' in 'p sp 3.0 1' is not a number"),
    "gr: endless n": (f"p sp {'9' * 9999} 1\n", ", line 1: '999999999"),
    "gr: huge m": ("p sp 3 99999999999999\na 1 2 3\n", "promises 99999999999999 edges, but the"),
    "gr: binary": (GR + "a 1 2 3\n\0\0\0", ", line 4: holds a zero byte, so this is no text file"),
    "gr: not that format": ("%PDF-1.4\n\xe2\xe3\n", ", line 1: '%PDF-1.4' stands where the"),
    "gr: one long line": ("x" * (1 << 22), ", line 1: is longer than 1048576 characters"),
    # GAP weighted edge list
    "wel: two columns": ("0 1 2\n0 1\n", ", line 2: '0 1' has 2 columns, an edge 'u v w' has 3"),
    "wel: four columns": ("0 1 2 3\n", ", line 1: '0 1 2 3' has 4 columns, an edge 'u v w'"),
    "wel: negative id": ("# ids\n-1 1 2\n", ", line 2: vertex id -1 is not in 0..922337203685477"),
    "wel: largest id": ("0 9223372036854775807 2\n", "id 9223372036854775807 is not in 0..9223372"),
    "wel: nan": ("0 1 2\n0 1 nan\n", ", line 2: weight nan is not allowed; weights must be fini"),
    "wel: infinity": ("0 1 -Infinity\n", ", line 1: weight -Infinity is not allowed; weights mu"),
    "wel: float overflow": ("0 1 1\n0 1 1e400\n", ", line 2: weight 1e400 is too large for float"),
    "wel: integer overflow": ("0 1 1\n0 1 9223372036854775808\n0 1 2\n", ", line 2: weight 92233"),
    "wel: endless integer": (f"0 1 {'9' * 9999}\n", "9... is too large for float64"),
    "wel: commas": ("0,1,2\n", ", line 1: '0,1,2' has 1 columns, an edge 'u v w' has 3"),
    "wel: not ASCII": ("0 1 \xb2\n", ", line 1: weight '\\xb2' is not a number"),
    "wel: comments only": ("# nothing\n", ": no edges in the file, so there is no vertex eith"),
    # Matrix Market
    "mtx: no header": ("3 3 1\n1 2 3\n", ", line 1: '3 3 1' stands where the header '%%MatrixMar"),
    "mtx: short header": (
        "%%MatrixMarket matrix coordinate real\n",
        ", line 1: '%%MatrixMarket ma",
    ),
    "mtx: dense": (MTX.replace("coordinate", "array"), ", line 1: a matrix in 'array' format is n"),
    "mtx: pattern": (MTX.replace("real", "pattern"), "line 1: a matrix with field 'pattern' has n"),
    "mtx: complex": (MTX.replace("real", "complex"), "line 1: a matrix with field 'complex' is no"),
    "mtx: skew": (MTX.replace("general", "skew-symmetric"), "a matrix that is 'skew-symmetric' is"),
    "mtx: hermitian": (MTX.replace("general", "hermitian"), "a matrix that is 'hermitian' is not"),
    "mtx: no sizes": (MTX + "% end\n", ": no size line 'rows columns entries' in the file: it is"),
    "mtx: two sizes": (MTX + "3 3\n", ", line 2: '3 3' stands where the size line 'rows columns"),
    "mtx: rectangular": (MTX + "3 4 0\n", ", line 2: a 3 x 4 matrix is no graph; it must have as"),
    "mtx: empty matrix": (MTX + "0 0 0\n", ", line 2: '0 0 0' has no vertices; a graph needs at"),
    "mtx: cut short": (MTX + "3 3 2\n1 2 3\n", ", line 2: promises 2 edges, but the file holds 1"),
    "mtx: too many": (MTX + "3 3 1\n1 2 3\n1 3 3\n", ", line 4: '1 3 3' follows the 1 edges that"),
    "mtx: row 0": (MTX + "% c\n\n3 3 1\n0 2 3\n", ", line 5: vertex id 0 is not in 1..3"),
    "mtx: column 4": (MTX + "3 3 1\n1 4 3\n", ", line 3: vertex id 4 is not in 1..3"),
    "mtx: no weight": (MTX + "3 3 1\n1 2\n", ", line 3: '1 2' has 2 columns, an edge 'row colum"),
    "mtx: fourth column": (MTX + "3 3 1\n1 2 3 4\n", ", line 3: '1 2 3 4' has 4 columns, an edg"),
    "mtx: weight and more": (MTX + "3 3 1\n1 2 3x\n", ", line 3: weight '3x' is not a number"),
    "mtx: negative": (MTX + "3 3 1\n1 2 -0.5\n", ", line 3: weight -0.5 is not allowed; weights"),
    "mtx: infinite": (MTX + "3 3 1\n1 2 inf\n", ", line 3: weight inf is not allowed; weights"),
    "mtx: overflow": (MTX + "3 3 1\n1 2 1e999\n", ", line 3: weight 1e999 is too large for floa"),
    "mtx: no integer": (INTEGERS + "3 3 1\n1 2 5.5\n", ", line 3: weight 5.5 is not an integer, w"),
    "mtx: beyond int64": (INTEGERS + "3 3 1\n1 2 9223372036854775808\n", "5808 is too large for a"),
}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize("case", TEXTS)
def test_a_bad_text_file_is_refused_by_line_and_value(tmp_path, case, packed):
    text, wanted = TEXTS[case]
    content = text.encode("latin-1")
    name = f"graph.{case.split(':')[0]}"
    if packed:
        path = put(tmp_path, name + ".gz", gzip.compress(content, 1))
    else:
        path = put(tmp_path, name, content)
    assert wanted in refusal(path)


def test_the_first_bad_line_of_a_long_file_is_named(tmp_path):
    lines = ["0 1 2\n"] * 400_000
    lines[300_000], lines[300_001] = "0 1 -2\n", "oops\n"
    assert refusal(put(tmp_path, "g.wel", "".join(lines))).startswith(", line 300001: weight -2 is")


def test_other_people_s_matrices_that_are_no_graphs_are_refused():
    assert ", line 29: weight -2.800e+02 is not allowed" in refusal(DATA / "mmio_general.mtx")
    assert ", line 1: a matrix that is 'skew-symmetric'" in refusal(DATA / "mmio_skew.mtx")
    assert ", line 1: a matrix with field 'pattern' has no" in refusal(DATA / "mmio_pattern.mtx")


@pytest.mark.parametrize("suffix", FORMATS)
def test_empty_missing_and_unreadable_files_say_so(tmp_path, suffix):
    assert ": the file is empty" in refusal(put(tmp_path, f"g.{suffix}", b""))
    assert ": the file is empty" in refusal(put(tmp_path, f"g.{suffix}.gz", b""))
    assert ": the file is empty" in refusal(put(tmp_path, f"h.{suffix}.gz", gzip.compress(b"")))
    assert "No such file or directory" in refusal(tmp_path / f"missing.{suffix}")
    (tmp_path / f"folder.{suffix}").mkdir()
    assert "is a folder, not a file" in refusal(tmp_path / f"folder.{suffix}")


def test_a_file_without_permission_is_refused(tmp_path, monkeypatch):
    path = put(tmp_path, "g.wel", "0 1 2\n")
    path.chmod(0)
    if os.access(path, os.R_OK):  # the superuser may read it nevertheless

        def refuse(*arguments):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("builtins.open", refuse)
    assert ": cannot be read: Permission denied" in refusal(path)


@pytest.mark.parametrize("suffix", FORMATS)
def test_damaged_gz_files_are_refused(tmp_path, suffix):
    name = f"g.{suffix}.gz"
    header = {"gr": GR, "mtx": MTX, "wel": "", "npz": "PK"}[suffix]
    whole = gzip.compress(header.encode() + b"\n" * 10**5)
    assert "cannot be unpacked" in refusal(put(tmp_path, name, whole[:-9]))
    assert "cannot be unpacked" in refusal(put(tmp_path, name, whole[:-4] + b"\0\0\0\1"))
    assert "cannot be unpacked" in refusal(put(tmp_path, name, "p sp 3 2\n"))


@pytest.mark.parametrize("name", ["graph.xyz", "graph", "graph.gz", ".gr", "graph.gr.lz4"])
def test_an_unknown_suffix_is_refused_with_the_known_ones(tmp_path, name):
    said = refusal(tmp_path / name)
    assert ": unknown suffix" in said
    assert "known are .gr, .mtx, .wel, .npz, .el," in said
    assert "--format names the format" in said


@pytest.mark.parametrize("path", [None, 7, "a\0b.gr"])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(GraphError, match="path"):
        read_graph(path)


GOOD = {
    "gr": b"c graph\np sp 6 3\na 1 2 17\nc\na 1 3 10\na 5 6 20\n",
    "mtx": MTX.encode() + b"% c\n5 5 3\n1 2 1.5\n2 3 0\n5 1 1e3\n",
    "wel": b"0 1 2.5\n1 2 3\n# c\n2 0 1e-3\n",
}


@given(st.sampled_from(list(GOOD)), st.data())
def test_a_file_changed_anywhere_is_a_graph_or_refused(tmp_path_factory, suffix, data):
    content = bytearray(GOOD[suffix])
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 4)))
    content[start:end] = data.draw(
        st.binary(max_size=3) | st.sampled_from([b"-", b"nan", b"1e999", b" ", b"\n", b"9" * 30])
    )
    path = put(tmp_path_factory.mktemp("changed"), f"g.{suffix}", bytes(content))
    try:
        edges = read_graph(path)
    except GraphError as error:
        assert str(error).startswith(str(path))
    else:
        check_edges(edges)
