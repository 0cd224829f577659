"""METIS .graph files: a line for each vertex, with its neighbours.

Source: Karypis, "METIS, version 5.1.0, manual", section 4.5.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import numpy as np

from graphs.edges import EdgeList
from graphs.errors import GraphError
from graphs.file_formats import sizes
from graphs.file_options import Options
from graphs.file_text import Text, quoted
from graphs.vertex_ids import VertexIds

_NUMBERS = re.compile(rb"[0-9 \t]*")
_EDGE_BYTES = 32  # of both ways: vertex, neighbour, weight, and what sorting takes


def read_metis(name: str, stream: BinaryIO, options: Options) -> EdgeList:
    """Read `n m [fmt [ncon]]`, then for each vertex its neighbours, from 1, perhaps with weights.

    Undirected: each edge stands at both of its ends, and must. Sizes and weights of vertices are
    passed over.
    """
    text = Text(name, stream)
    header = _header(text, options)
    counts, ends, weights = _lists(text, header, options)
    src = np.repeat(np.arange(header.n), np.array(counts, np.int64))
    dst = np.array(ends, np.int64) - 1
    weight = np.array(weights, np.int64) if header.weighted else np.ones_like(src)
    src, dst, weight = _once(name, src, dst, weight)
    if len(src) != header.m:
        fault = f"promises {header.m} edges, but the file holds {len(src)}"
        raise text.error(header.number, fault)
    weight = weight if header.weighted else options.made(header.m)
    return EdgeList(src, dst, weight, header.n, directed=False, ids=VertexIds(header.n, first=1))


class _Header(NamedTuple):
    """The header's line, vertices, edges, numbers before a vertex's neighbours, edge weights."""

    number: int
    n: int
    m: int
    passed: int
    weighted: bool


def _header(text: Text, options: Options) -> _Header:
    found = text.line_after_comments(b"%")
    if found is None:
        raise GraphError(f"{text.name}: no header 'n m [fmt [ncon]]' (vertices, edges) in the file")
    number, line = found
    words = line.split()
    if not 2 <= len(words) <= 4 or not re.fullmatch(rb"[01]{1,3}", [*words, b"0"][2]):
        fault = f"{quoted(line)} stands where the header 'n m [fmt [ncon]]' must be, fmt of 0 and 1"
        raise text.error(number, fault)
    n, m = sizes(text, number, line, words[:2])
    has_sizes, has_weights, weighted = (
        flag == "1" for flag in ([*words, b"0"][2]).decode().zfill(3)
    )
    ncon = sizes(text, number, line, words[3:])[0] if len(words) > 3 else 1
    if fault := options.present() if weighted else options.missing():
        raise text.error(number, f"{quoted(line)} {fault}")
    return _Header(number, n, m, has_sizes + ncon * has_weights, weighted)


def _lists(text: Text, header: _Header, options: Options) -> tuple[array, array, array]:
    """Return how many neighbours each vertex has, all of them in a row, and their weights."""
    counts, ends, weights = array("q"), array("q"), array("q")
    for at, line in _rows(text):
        if len(counts) == header.n:
            if line.strip():
                raise text.error(at, f"{quoted(line)} follows the {header.n} vertices promised")
            continue
        row = _row(text, at, line)[header.passed :]
        neighbours = row[::2] if header.weighted else row
        if len(row) % (1 + header.weighted):
            raise text.error(at, f"{quoted(line)}: each neighbour must have a weight behind it")
        if neighbours and not 1 <= min(neighbours) <= max(neighbours) <= header.n:
            bad = next(v for v in neighbours if not 1 <= v <= header.n)
            raise text.error(at, f"vertex id {bad} is not in 1..{header.n}")
        ends.extend(neighbours)
        weights.extend(row[1::2] if header.weighted else ())
        counts.append(len(neighbours))
        if options.most_bytes is not None and len(ends) * _EDGE_BYTES > options.most_bytes:
            fault = f"edges up to here take more than the {options.most_bytes} bytes available"
            raise text.error(at, fault)
    if len(counts) < header.n:
        fault = f"promises {header.n} vertices, but lines of {len(counts)} follow: it was cut short"
        raise text.error(header.number, fault)
    return counts, ends, weights


def _rows(text: Text) -> Iterator[tuple[int, bytes]]:
    """Yield the numbered lines that are not comments, blank ones too: vertices without an edge."""
    for number, block in text.blocks():
        for at, line in enumerate(block.split(b"\n")[:-1], number):
            if not line.startswith(b"%"):
                yield at, line


def _row(text: Text, at: int, line: bytes) -> list[int]:
    if not _NUMBERS.fullmatch(line):
        raise text.error(at, f"{quoted(line)} holds something else than whole numbers")
    words = line.split()
    if words and len(max(words, key=len)) > 18:
        raise text.error(at, f"{quoted(line)} holds a number that is too large")
    return list(map(int, words))


def _once(
    name: str, src: np.ndarray, dst: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each edge from its smaller end; GraphError if one stands at one end only."""
    if (src == dst).any():
        v = int(src[src == dst][0]) + 1
        raise GraphError(f"{name}: vertex {v} is its own neighbour, which METIS does not allow")
    up, down = src < dst, src > dst
    there = _sorted(src[up], dst[up], weight[up])
    back = _sorted(dst[down], src[down], weight[down])
    size = min(len(there[0]), len(back[0]))
    other = np.zeros(size, bool)
    for one, two in zip(there, back, strict=True):
        other |= one[:size] != two[:size]
    if len(there[0]) != len(back[0]) or other.any():
        at = int(np.argmax(other)) if other.any() else size
        longer = there if len(there[0]) > at else back
        u, v = int(longer[0][at]) + 1, int(longer[1][at]) + 1
        raise GraphError(f"{name}: edge {u}, {v} does not stand at both ends with one weight")
    return src[up], dst[up], weight[up]


def _sorted(src: np.ndarray, dst: np.ndarray, weight: np.ndarray) -> list[np.ndarray]:
    order = np.lexsort((weight, dst, src))
    return [column[order] for column in (src, dst, weight)]
