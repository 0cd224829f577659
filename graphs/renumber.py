"""Ids of a file as vertices: kept where they are dense, else numbered in ascending order."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from graphs.vertex_ids import VertexIds
from kernels.threads import available_cores

# Ids are kept as they are where the largest is below this, or below this multiple of the edges:
# vertices without an edge then cost little.
_SMALL = 1 << 20
_PER_EDGE = 4
_HASHED_FROM = 1 << 20  # edges that are worth compiling for


def numbered(
    src: np.ndarray, dst: np.ndarray, first: int = 0
) -> tuple[np.ndarray, np.ndarray, VertexIds]:
    """Return ends of edges as vertices, from their ids, and the vertices' ids.

    Ids that are sparse are numbered in ascending order, those without an edge left out.

    Parameters
    ----------
    src, dst : ndarray of int64, shape (m,)
        At least one edge; `first` or more. They may be overwritten.
    first : int
        The least id of the format.
    """
    n = int(max(src.max(), dst.max())) - first + 1
    if n <= max(_SMALL, _PER_EDGE * len(src)):
        if first:
            src -= first
            dst -= first
        return src, dst, VertexIds(n, first)
    if len(src) < _HASHED_FROM:
        given, ends = np.unique(np.concatenate([src, dst]), return_inverse=True)
        return ends[: len(src)], ends[len(src) :], VertexIds(len(given), given=given)
    given = _renumber([src, dst])
    return src, dst, VertexIds(len(given), given=given)


def vertices_of(ids: VertexIds, columns: list[np.ndarray]) -> list[np.ndarray]:
    """Return the vertices of columns of ids, int64; -1 for an id that no vertex has."""
    if ids.given is None or len(columns[0]) < _HASHED_FROM:
        return [ids.vertices(column) for column in columns]
    numbers = [column.copy() for column in columns]
    vertices = ids.vertices(_renumber(numbers))
    return [vertices[of_column] for of_column in numbers]


def _renumber(columns: list[np.ndarray]) -> np.ndarray:
    """Write the number of each id over it; return the ids, ascending."""
    from kernels import renumber  # what is compiled is imported only here

    multiplier = np.uint64(secrets.randbits(64) | 1)
    table, held = np.full(1 << 16, -1, np.int64), 0
    for ids in columns:
        done = 0
        while done < len(ids):
            # At most half full, so that a free slot is near.
            done, held = renumber.collect(ids, done, multiplier, table, held, len(table) // 2)
            if done < len(ids):
                larger = np.full(4 * len(table), -1, np.int64)
                renumber.collect(table, 0, multiplier, larger, 0, len(table))
                table = larger
    given = np.sort(table[table >= 0])
    ranks = np.empty(len(table), np.int32 if len(table) < 1 << 31 else np.int64)
    renumber.rank(given, multiplier, table, ranks)
    with ThreadPoolExecutor(min(available_cores(), len(columns))) as pool:
        list(pool.map(lambda ids: renumber.number(ids, multiplier, table, ranks), columns))
    return given
