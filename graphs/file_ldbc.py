"""Graphs of LDBC Graphalytics: NAME.v, NAME.e and NAME.properties, side by side.

Source: "The LDBC Graphalytics Benchmark", version 1.0, sections 2.1.1 and 2.2.1. The file names
that the properties hold are not followed: the three have one name.
"""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol

import numpy as np

from graphs.edges import EdgeList
from graphs.errors import GraphError
from graphs.file_lines import EdgeLines
from graphs.file_options import Options
from graphs.file_text import Text
from graphs.file_words import Layout
from graphs.renumber import vertices_of
from graphs.vertex_ids import VertexIds

SUFFIXES = (".v", ".e", ".properties")
_COMMENTS = b"#"
_MOST_PROPERTIES = 1 << 16  # bytes


class Open(Protocol):
    """What opens a file by its name."""

    def __call__(self, name: str) -> AbstractContextManager[BinaryIO]: ...


def read_ldbc(stem: str, open_file: Open, options: Options) -> EdgeList:
    """Read vertices `id`, edges `u v [w]` between them, and whether these are directed."""
    vertices, edges, properties = (stem + suffix for suffix in SUFFIXES)
    with open_file(properties) as stream:
        found = _properties(properties, stream.read(_MOST_PROPERTIES))
    directed = {"true": True, "false": False}.get(found.get("directed", ""))
    if directed is None:
        said = found.get("directed")
        raise GraphError(f"{properties}: 'directed' must be true or false, got {said!r}")
    names = [name.strip() for name in found.get("edge-properties.names", "").split(",")]
    weighted = names != [""]
    wanted = found.get("sssp.weight-property", names[0])
    if weighted and wanted != names[0]:
        raise GraphError(f"{properties}: the weight {wanted!r} must be the first edge property")
    if fault := options.present() if weighted else options.missing():
        raise GraphError(f"{edges}: {fault}")
    form = "u v w" + " more" * (len(names) - 1) if weighted else "u v"
    with open_file(vertices) as stream:
        ids = _ids(Text(vertices, stream), options)
    with open_file(edges) as stream:
        lines = EdgeLines(
            Text(edges, stream), Layout(form, _COMMENTS), most_bytes=options.most_bytes
        )
        ends, weight = (columns := lines.read())[:2], columns[2]
    for what, file, count in (("vertices", vertices, ids.n), ("edges", edges, len(weight))):
        said = found.get(f"meta.{what}", str(count))
        if said != str(count):
            raise GraphError(f"{properties}: promises {said} {what}, but {file} holds {count}")
    src, dst = vertices_of(ids, list(ends))
    for place, column in zip((src, dst), ends, strict=True):
        _check_known(place, column, edges, vertices)
    weight = weight if weighted else options.made(len(src))
    return EdgeList(src, dst, weight, ids.n, directed, ids=ids)


def _properties(name: str, content: bytes) -> dict[str, str]:
    """Return the properties of the graph, without `graph.NAME.` in front."""
    found = {}
    for line in content.decode("latin-1").splitlines():
        if line.strip() and line.lstrip()[0] not in "#!":
            key, _, value = line.partition("=")
            # The name may have points in it: it is the same for all, and the keys are known.
            key = re.sub(
                r"^graph\..*?\.(?=(directed|meta|edge-properties|sssp)\b)", "", key.strip()
            )
            found[key] = value.strip()
    if not found:
        raise GraphError(f"{name}: no line 'key = value' in the file")
    return found


def _ids(text: Text, options: Options) -> VertexIds:
    """Return the ids of the vertex file, ascending."""
    lines = EdgeLines(text, Layout("id", _COMMENTS), most_bytes=options.most_bytes)
    given = np.sort(lines.read()[0])
    if not len(given):
        raise GraphError(f"{text.name}: no vertex in the file; a graph needs at least one")
    again = np.flatnonzero(given[1:] == given[:-1])
    if len(again):
        raise GraphError(f"{text.name}: vertex {given[again[0]]} stands there twice")
    n, first = len(given), int(given[0])
    follow = int(given[-1]) - first + 1 == n
    return VertexIds(n, first) if follow else VertexIds(n, given=given)


def _check_known(found: np.ndarray, column: np.ndarray, edges: str, vertices: str) -> None:
    """Refuse an end of an edge that is not a vertex."""
    unknown = np.flatnonzero(found < 0)
    if len(unknown):
        fault = f"edge {unknown[0]}: vertex {column[unknown[0]]} is not in {vertices}"
        raise GraphError(f"{edges}: {fault}")
