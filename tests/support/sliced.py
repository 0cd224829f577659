"""Shared: edges that come slice by slice, as a generator makes them."""

from __future__ import annotations

from collections.abc import Iterator

from graphs.edges import EdgeList


class Sliced:
    """Edges in slices of a few: the arrays do not outlive their turn. `passes` counts readings."""

    generation_seconds = 0.0

    def __init__(self, edges: EdgeList, size: int):
        self.edges, self.size, self.passes = edges, size, 0
        self.n, self.m, self.directed = edges.n, edges.m, edges.directed
        self.weight_dtype = edges.weight_dtype

    def slices(self) -> Iterator[EdgeList]:
        self.passes += 1
        arrays = [self.edges.src, self.edges.dst, self.edges.weight]
        for start in range(0, self.m, self.size):
            src, dst, weight = (array[start : start + self.size].copy() for array in arrays)
            yield EdgeList(src, dst, weight, self.n, self.directed)
            for array in (src, dst, weight):
                array.fill(0)
