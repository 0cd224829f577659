"""Device memory that building a graph needs, and the refusal where there is less.

Peak in bytes, each part at its largest:

    slice    edges as they are made or read, and their weights as they are sorted
    order    degrees, their order, and what the library sorts them with: before there are arcs
    filled   arcs before parallel ones go, room to sort a part of the rows, and the vertices'
             degrees, labels and row bounds
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graphs.device_edges import slice_edges
from graphs.errors import GraphError

# Rows are sorted and packed a part at a time: this share of the arcs, or one row if it is longer.
PARTS = 32
# By the bytes of a weight: a neighbour and a weight; an edge in a slice, with its weight's code.
ARC_BYTES = {4: 8, 8: 16}
_SLICE_EDGE = {4: 24, 8: 32}
_ORDER_PER_VERTEX = 64
# Degree, order, label, row bounds, cursors, and the bounds of a part.
_FILL_PER_VERTEX = 36
# Label, original, row bounds.
_ROWS_PER_VERTEX = 16
# What is taken for granted: compiled kernels, small arrays, the allocator's rounding.
BASE = 64 << 20


@dataclass(frozen=True)
class BuildNeed:
    """Bytes that building a graph takes on a device.

    n, edges       vertices and input edges
    weight_bytes   bytes of a weight in the rows: 4 or 8
    longest        arcs of the longest row, parallel ones counted; 0: not known yet
    """

    n: int
    edges: int
    weight_bytes: int = 4
    longest: int = 0

    @property
    def arcs(self) -> int:
        """Bytes of the arcs, two for each edge: of one direction twice as many, or of both."""
        return 2 * self.edges * ARC_BYTES[self.weight_bytes]

    @property
    def slice(self) -> int:
        return slice_edges(self.n, self.edges) * _SLICE_EDGE[self.weight_bytes]

    @property
    def construction(self) -> int:
        """The peak."""
        part = 2 * self.edges // PARTS
        spare = (part + max(self.longest, part)) * ARC_BYTES[self.weight_bytes]
        filled = self.arcs + spare + self.n * _FILL_PER_VERTEX
        return max(self.n * _ORDER_PER_VERTEX, filled) + self.slice

    @property
    def rows(self) -> int:
        """What stays: rows, label, original."""
        return self.arcs + self.n * _ROWS_PER_VERTEX


def too_little(what: str, need: int, device: Any) -> str:
    """Say how much memory something needs, and how much a device has."""
    return (
        f"{what} need {_gib(need)} of device memory, available are {_gib(device.free_bytes())} of "
        f"{_gib(device.total_bytes())} ({device.name})"
    )


def refuse_device(what: str, need: int, device: Any) -> None:
    """Raise GraphError, with the figures, if a device has fewer bytes left than are needed."""
    if need + BASE > device.free_bytes():
        raise GraphError(too_little(what, need, device))


def _gib(size: int) -> str:
    return f"{size / 2**30:.3g} GiB"
