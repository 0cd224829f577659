"""Edges in pieces, in the dtypes that validation walks them in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from graphs.edges import EdgeList, Edges, check_edges


class Chunk(NamedTuple):
    """Edges walked at once: src, dst int (m,), weight (m,) in the arithmetic of the graph."""

    src: np.ndarray
    dst: np.ndarray
    weight: np.ndarray
    directed: bool


def arithmetic_of(weight_dtype: np.dtype) -> np.dtype:
    """The dtype in which a graph's sums are taken."""
    dtype = np.dtype(weight_dtype)
    return np.dtype(np.float32 if dtype.kind == "f" and dtype.itemsize <= 4 else np.float64)


def largest_distance(weight_dtype: np.dtype) -> float:
    """The largest distance in that arithmetic: from 2^53 on float64 does not hold every integer."""
    if np.dtype(weight_dtype).kind in "iub":
        return 2.0**53 - 1
    return float(np.finfo(arithmetic_of(weight_dtype)).max)


def chunks_of(edges: Edges, most: int) -> Iterator[tuple[Chunk, EdgeList]]:
    """Walk through the slices in pieces of at most `most` edges, each with its slice.

    Raises GraphError where a slice's arrays are not edges by their dtypes or lengths.
    """
    arithmetic = arithmetic_of(edges.weight_dtype)
    usual = np.dtype(np.int64), np.dtype(np.int64), arithmetic
    for given in edges.slices():
        arrays = given.src, given.dst, given.weight
        if tuple(a.dtype for a in arrays) != usual or len({len(a) for a in arrays}) != 1:
            check_edges(given)
        for start in range(0, given.m, most):
            src, dst, weight = (
                np.require(array[start : start + most], dtype, ["C", "W"])
                for array, dtype in zip(arrays, usual, strict=True)
            )
            yield Chunk(src, dst, weight, edges.directed), given


def refuse(edges: Edges, given: EdgeList) -> None:
    """Raise GraphError for the first of a slice's edges that is not one."""
    check_edges(replace(given, n=edges.n))
