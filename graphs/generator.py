"""Kronecker graphs of the benchmark: the official edge list, any slice of it, made in parallel.

The edges depend only on scale, edge factor and seeds, to the bit: not on the slice that is asked
for, nor on the number of threads. `kronecker` keeps what it makes; `KroneckerStream` makes the
edges anew, slice by slice, for each pass over them, so that the list never has to fit.

Source: Graph500 specification V2.0, section 3; reference code 3.0.1, generator/.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator

import numpy as np

from graphs.arguments import checked_integer
from graphs.edges import EdgeList
from graphs.errors import GraphError
from kernels.generate import generate_edges

SLICE_EDGES = 2**22
LEAST_SLICE = 2**14
MAX_SCALE = 62  # an id stays an int64, and 2^62 can still be counted to


def checked_seed(seed: object) -> tuple[int, int]:
    """Return a pair of seeds as ints, else raise GraphError."""
    try:
        pair = list(seed)  # type: ignore[call-overload]
    except TypeError:
        pair = []
    if len(pair) != 2:
        raise GraphError(f"seed must be two whole numbers, got {seed!r}")
    first, second = (checked_integer(f"seed[{i}]", pair[i], 0, 2**64 - 1) for i in (0, 1))
    return first, second


def _checked_graph(scale: int, edgefactor: int, seed: object) -> tuple[int, int, tuple[int, int]]:
    scale = checked_integer("scale", scale, 1, MAX_SCALE)
    return scale, checked_integer("edgefactor", edgefactor, 0), checked_seed(seed)


def _checked_part(scale: int, edgefactor: int, first: int, count: int | None) -> tuple[int, int]:
    m = edgefactor << scale
    first = checked_integer("first", first, 0, m)
    count = m - first if count is None else checked_integer("count", count, 0)
    if count > m - first:
        raise GraphError(
            f"edges {first}..{first + count - 1} were asked for, but scale {scale} with edge "
            f"factor {edgefactor} has {m}: count can be at most {m - first} here"
        )
    return first, count


def _empty_arrays(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count, np.float32)


@functools.cache
def compile_generator() -> None:
    """Compile the generator, or load it from the cache, so that no clock counts that."""
    generate_edges(0, *_empty_arrays(0), 1, (0, 0))


def kronecker(
    scale: int,
    edgefactor: int = 16,
    seed: tuple[int, int] = (2, 3),
    first: int = 0,
    count: int | None = None,
) -> EdgeList:
    """Edges of the official Kronecker graph, bit for bit those of the reference code.

    Parameters
    ----------
    scale : int
        The graph has 2^scale vertices; 1 .. 62 (of the large ones ask for a slice).
    edgefactor : int
        The graph has M = edgefactor * 2^scale edges; 0 or more, officially 16.
    seed : (int, int)
        The two user seeds, each 0 .. 2^64 - 1; (2, 3) is the benchmark's graph.
    first : int
        Index of the first edge wanted.
    count : int, optional
        Number of edges wanted; all the rest by default.

    Returns
    -------
    EdgeList
        src, dst int64 (count,), weight float32 (count,) in [0, 1]: undirected, in the order of
        the edge indices, self loops and parallel edges included; n = 2^scale.

    Raises
    ------
    GraphError
        An argument is out of range, or the slice is not inside 0 .. M.
    EngineError
        This process was forked from one that had run parallel kernels, or NUMBA_DISABLE_JIT is set.
    """
    scale, edgefactor, seed = _checked_graph(scale, edgefactor, seed)
    first, count = _checked_part(scale, edgefactor, first, count)
    if count >= 2**63:
        raise GraphError(f"{count} edges do not fit an array; ask for a slice (first, count)")
    src, dst, weight = _empty_arrays(count)
    # A signal is heard between two calls.
    for start in range(0, count, SLICE_EDGES):
        part = slice(start, start + SLICE_EDGES)
        generate_edges(first + start, src[part], dst[part], weight[part], scale, seed)
    return EdgeList(src, dst, weight, 1 << scale)


class KroneckerStream:
    """A Kronecker graph whose edges are made anew each time they are read (see `Edges`).

    Parameters
    ----------
    scale, edgefactor, seed
        As for `kronecker`.
    slice_edges : int, optional
        Edges in a slice, 20 bytes each; the last slice may be shorter. By default a 64th of the
        part: little beside what anybody makes of it.
    first, count : int, optional
        The part of the list to make, as for `kronecker`: all of it by default.

    Attributes
    ----------
    n, m : int
        Vertices of the graph, and edges of this part.
    generation_seconds : float
        Time spent making slices so far, over all passes.
    """

    directed = False
    weight_dtype = np.dtype(np.float32)

    def __init__(
        self,
        scale: int,
        edgefactor: int = 16,
        seed: tuple[int, int] = (2, 3),
        slice_edges: int | None = None,
        first: int = 0,
        count: int | None = None,
    ) -> None:
        self.scale, self.edgefactor, self.seed = _checked_graph(scale, edgefactor, seed)
        self.n = 1 << self.scale
        self.first, self.m = _checked_part(self.scale, self.edgefactor, first, count)
        if slice_edges is None:
            slice_edges = max(LEAST_SLICE, min(self.m // 64, SLICE_EDGES))
        self.slice_edges = checked_integer("slice_edges", slice_edges, 1)
        self.generation_seconds = 0.0

    def slices(self) -> Iterator[EdgeList]:
        """Yield the edges in order, each slice valid until the next one overwrites it.

        Passes at the same time, also of several Python threads, have arrays of their own.
        """
        compile_generator()
        arrays = _empty_arrays(min(self.slice_edges, self.m))
        for first in range(0, self.m, self.slice_edges):
            start = time.perf_counter()
            src, dst, weight = (array[: self.m - first] for array in arrays)
            generate_edges(self.first + first, src, dst, weight, self.scale, self.seed)
            self.generation_seconds += time.perf_counter() - start
            yield EdgeList(src, dst, weight, self.n)
