"""Text formats: DIMACS .gr, Matrix Market .mtx and GAP .wel, their headers and what they mean.

Sources: 9th DIMACS Implementation Challenge, "Challenge file formats"; Boisvert, Pozo, Remington,
"The Matrix Market exchange formats", NISTIR 5935; the GAP benchmark suite's reader.h (.wel).
"""

from __future__ import annotations

from typing import BinaryIO

from graphs.edges import EdgeList
from graphs.errors import GraphError
from graphs.file_lines import LARGEST, EdgeLines, Layout
from graphs.file_text import Text, quoted

_GR = Layout(line="a u v w", comment="c", lead="a", first_id=1)
_MTX = Layout(line="row column weight", comment="%", first_id=1)
_WEL = Layout(line="u v w", comment="#")
_FIELDS = {
    "integer": "integer",
    "unsigned-integer": "integer",
    "real": "real",
    "double": "real",
}


def read_gr(name: str, stream: BinaryIO, most_bytes: int | None = None) -> EdgeList:
    """Read a DIMACS shortest-path file: `c` comments, `p sp n m`, then m arcs `a u v w` from 1."""
    text = Text(name, stream)
    found = text.line_after_comments(_GR.comment)
    if found is None:
        raise GraphError(f"{name}: no problem line 'p sp n m' (vertices, arcs) in the file")
    number, line = found
    words = line.split()
    if words[:2] != ["p", "sp"] or len(words) != 4:
        fault = f"{quoted(line)} stands where the problem line 'p sp n m' (vertices, arcs) must be"
        raise text.error(number, fault)
    n, m = _sizes(text, number, line, words[2:])
    edges = EdgeLines(text, _GR, n, m, promised=number, most_bytes=most_bytes)
    return EdgeList(*edges.read(), n=n, directed=True)


def read_mtx(name: str, stream: BinaryIO, most_bytes: int | None = None) -> EdgeList:
    """Read a Matrix Market coordinate file of integers or reals.

    A `general` matrix is a directed graph, entry (row, column) the edge row -> column. A
    `symmetric` one is undirected: every stored entry is one edge. Entries stored as zero are
    edges of weight 0, repeated entries parallel edges.
    """
    text = Text(name, stream)
    first = text.line()
    banner = first[1] if first else ""
    weights, symmetric = _banner(text, banner)
    found = text.line_after_comments(_MTX.comment)
    if found is None:
        raise GraphError(
            f"{name}: no size line 'rows columns entries' in the file: it is cut short"
        )
    number, line = found
    words = line.split()
    if len(words) != 3:
        fault = f"{quoted(line)} stands where the size line 'rows columns entries' must be"
        raise text.error(number, fault)
    rows, columns, entries = _sizes(text, number, line, words)
    if rows != columns:
        fault = f"a {rows} x {columns} matrix is no graph; it must have as many rows as columns"
        raise text.error(number, fault)
    edges = EdgeLines(
        text, _MTX, rows, entries, promised=number, weights=weights, most_bytes=most_bytes
    )
    return EdgeList(*edges.read(), n=rows, directed=not symmetric)


def _banner(text: Text, line: str) -> tuple[str, bool]:
    """Return what the first line says: kind of weights, and whether the matrix is symmetric."""
    words = line.lower().split()
    if len(words) != 5 or words[:2] != ["%%matrixmarket", "matrix"]:
        fault = f"{quoted(line)} stands where the header '%%MatrixMarket matrix coordinate real "
        raise text.error(1, fault + "general' (or integer, or symmetric) must be")
    form, field, symmetry = words[2:]
    allowed = "edges need 'coordinate', then 'real' or 'integer', then 'general' or 'symmetric'"
    if form != "coordinate":
        raise text.error(1, f"a matrix in {quoted(form)} format is not read; {allowed}")
    if field not in _FIELDS:
        no_weights = " has no weights" if field == "pattern" else " is not read"
        raise text.error(1, f"a matrix with field {quoted(field)}{no_weights}; {allowed}")
    if symmetry not in ("general", "symmetric"):
        raise text.error(1, f"a matrix that is {quoted(symmetry)} is not read; {allowed}")
    return _FIELDS[field], symmetry == "symmetric"


def read_wel(name: str, stream: BinaryIO, most_bytes: int | None = None) -> EdgeList:
    """Read a weighted edge list of the GAP suite: lines `u v w`, ids from 0, directed.

    Lines that start with `#` are comments.
    """
    src, dst, weight = EdgeLines(Text(name, stream), _WEL, most_bytes=most_bytes).read()
    if not len(src):
        raise GraphError(f"{name}: no edges in the file, so there is no vertex either")
    n = int(max(src.max(), dst.max())) + 1
    return EdgeList(src, dst, weight, n=n, directed=True)


def _sizes(text: Text, number: int, line: str, words: list[str]) -> list[int]:
    """Return a header's numbers, vertices first: at least one vertex, no negative count."""
    sizes = []
    for word in words:
        plain = word.isascii() and word.isdigit() and len(word) < 20
        if not plain or int(word) > LARGEST:
            fault = f"{quoted(word)} in {quoted(line)} is not a number in 0..{LARGEST}"
            raise text.error(number, fault)
        sizes.append(int(word))
    if sizes[0] < 1:
        raise text.error(number, f"{quoted(line)} has no vertices; a graph needs at least one")
    return sizes
