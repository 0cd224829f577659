"""Text formats: DIMACS .gr, Matrix Market .mtx and GAP .wel, their headers and what they mean.

Sources: 9th DIMACS Implementation Challenge, "Challenge file formats"; Boisvert, Pozo, Remington,
"The Matrix Market exchange formats", NISTIR 5935; the GAP benchmark suite's reader.h (.wel).
"""

from __future__ import annotations

from typing import BinaryIO

from graphs.edges import EdgeList
from graphs.errors import GraphError
from graphs.file_lines import EdgeLines
from graphs.file_options import Options
from graphs.file_text import Text, quoted
from graphs.file_words import LARGEST, Layout
from graphs.renumber import numbered
from graphs.vertex_ids import VertexIds

_GR = Layout(line="a u v w", comments=b"c", lead=b"a", first_id=1)
_MTX = Layout(line="row column weight", comments=b"%", first_id=1)
_PATTERN = Layout(line="row column", comments=b"%", first_id=1)
_WEL = Layout(line="u v w", comments=b"#")
_FIELDS = {
    "integer": "integer",
    "unsigned-integer": "integer",
    "real": "real",
    "double": "real",
    "pattern": "pattern",
}


def read_gr(name: str, stream: BinaryIO, options: Options) -> EdgeList:
    """Read a DIMACS shortest-path file: `c` comments, `p sp n m`, then m arcs `a u v w` from 1."""
    text = Text(name, stream)
    found = text.line_after_comments(_GR.comments)
    if found is None:
        raise GraphError(f"{name}: no problem line 'p sp n m' (vertices, arcs) in the file")
    number, line = found
    words = line.split()
    if words[:2] != [b"p", b"sp"] or len(words) != 4:
        fault = f"{quoted(line)} stands where the problem line 'p sp n m' (vertices, arcs) must be"
        raise text.error(number, fault)
    n, m = sizes(text, number, line, words[2:])
    return promised_edges(text, _GR, (number, n, m), "any", options, directed=True)


def read_mtx(name: str, stream: BinaryIO, options: Options) -> EdgeList:
    """Read a Matrix Market coordinate file of integers or reals, or a pattern without weights.

    A `general` matrix is a directed graph, entry (row, column) the edge row -> column. A
    `symmetric` one is undirected: every stored entry is one edge. Entries stored as zero are
    edges of weight 0, repeated entries parallel edges.
    """
    text = Text(name, stream)
    first = text.line()
    weights, symmetric = _banner(text, first[1] if first else b"", options)
    found = text.line_after_comments(_MTX.comments)
    if found is None:
        raise GraphError(
            f"{name}: no size line 'rows columns entries' in the file: it is cut short"
        )
    number, line = found
    words = line.split()
    if len(words) != 3:
        fault = f"{quoted(line)} stands where the size line 'rows columns entries' must be"
        raise text.error(number, fault)
    rows, columns, entries = sizes(text, number, line, words)
    if rows != columns:
        fault = f"a {rows} x {columns} matrix is no graph; it must have as many rows as columns"
        raise text.error(number, fault)
    layout = _PATTERN if weights == "pattern" else _MTX
    promised = number, rows, entries
    return promised_edges(text, layout, promised, weights, options, directed=not symmetric)


def _banner(text: Text, line: bytes, options: Options) -> tuple[str, bool]:
    """Return what the first line says: kind of weights, and whether the matrix is symmetric."""
    words = line.decode("latin-1").lower().split()
    # Some programs write a single %.
    if len(words) != 5 or words[0].lstrip("%") != "matrixmarket" or words[1] != "matrix":
        fault = f"{quoted(line)} stands where the header '%%MatrixMarket matrix coordinate real "
        raise text.error(1, fault + "general' (or integer, or pattern, or symmetric) must be")
    form, field, symmetry = words[2:]
    allowed = "edges need 'coordinate', then 'real', 'integer' or 'pattern', then 'general' or "
    allowed += "'symmetric'"
    if form != "coordinate":
        raise text.error(1, f"a matrix in {quoted(form)} format is not read; {allowed}")
    if field not in _FIELDS:
        raise text.error(1, f"a matrix with field {quoted(field)} is not read; {allowed}")
    fault = options.missing() if field == "pattern" else options.present()
    if fault:
        raise text.error(1, f"a matrix with field {quoted(field)} {fault}")
    if symmetry not in ("general", "symmetric"):
        raise text.error(1, f"a matrix that is {quoted(symmetry)} is not read; {allowed}")
    return _FIELDS[field], symmetry == "symmetric"


def read_wel(name: str, stream: BinaryIO, options: Options) -> EdgeList:
    """Read a weighted edge list of the GAP suite: lines `u v w`, ids from 0, directed.

    Lines that start with `#` are comments.
    """
    return free_edges(Text(name, stream), _WEL, options, directed=True)


def promised_edges(
    text: Text,
    layout: Layout,
    promised: tuple[int, int, int],
    weights: str,
    options: Options,
    directed: bool,
) -> EdgeList:
    """Return the edges that follow a header: its line, vertices and edges are `promised`."""
    if layout.columns > 2 and (fault := options.present()):
        raise GraphError(f"{text.name}: {fault}")
    number, n, m = promised
    lines = EdgeLines(text, layout, n, m, number, weights, options.most_bytes)
    src, dst, weight = lines.read()
    src -= layout.first_id
    dst -= layout.first_id
    if layout.columns < 3:
        weight = options.made(len(src))
    return EdgeList(src, dst, weight, n, directed, ids=VertexIds(n, layout.first_id))


def free_edges(text: Text, layout: Layout, options: Options, directed: bool) -> EdgeList:
    """Return the edges that are left of a text without a header, vertices by their ids."""
    if layout.columns > 2 and (fault := options.present()):
        raise GraphError(f"{text.name}: {fault}")
    src, dst, weight = EdgeLines(text, layout, most_bytes=options.most_bytes).read()
    if not len(src):
        raise GraphError(f"{text.name}: no edges in the file, so there is no vertex either")
    if layout.columns < 3:
        weight = options.made(len(src))
    src, dst, ids = numbered(src, dst, layout.first_id)
    return EdgeList(src, dst, weight, ids.n, directed, ids=ids)


def sizes(text: Text, number: int, line: bytes, words: list[bytes]) -> list[int]:
    """Return a header's numbers, vertices first: at least one vertex, no negative count."""
    found = []
    for word in words:
        plain = word.isdigit() and len(word) < 20
        if not plain or int(word) > LARGEST:
            fault = f"{quoted(word)} in {quoted(line)} is not a number in 0..{LARGEST}"
            raise text.error(number, fault)
        found.append(int(word))
    if found[0] < 1:
        raise text.error(number, f"{quoted(line)} has no vertices; a graph needs at least one")
    return found
