"""What a graph on a device takes of its memory, and the refusal where that is not there.

Peak in bytes, each part at its largest:

    slice          edges as they are made or read, and their weights as they are sorted
    construction   arcs before parallel ones go, room to sort a part of the rows, and the vertices'
                   degrees, labels and row bounds
    search         the rows and the engine's arrays
    answer         distance and parent of each vertex, and what validation holds beside them

Construction is over before the first answer is made.
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
# Degrees while they are sorted: twice, their order, the library's buffers. No arcs yet.
_ORDER_PER_VERTEX = 64
# Degree, order, label, row bounds, cursors, and the bounds of a part.
_BUILD_PER_VERTEX = 36
# Label, original, row bounds; states, queues and marks of the engine.
_ROWS_PER_VERTEX = 16
_ENGINE_PER_VERTEX = 64
# Marks and ancestors.
_VALIDATION_PER_VERTEX = 7
MOST_ANSWERS = 4
_BASE = 64 << 20


@dataclass(frozen=True)
class DeviceNeed:
    """Bytes that a graph takes on a device at its peak.

    n, edges       vertices and input edges
    weight_bytes   bytes of a weight in the rows: 4 or 8
    directed       rows of both directions are built, one after the other
    longest        arcs of the longest row, parallel ones counted; 0: not known yet
    answers        answers held at once
    """

    n: int
    edges: int
    weight_bytes: int = 4
    directed: bool = False
    longest: int = 0
    answers: int = 1

    @property
    def arcs(self) -> int:
        """Bytes of the arcs: two for each edge."""
        return 2 * self.edges * ARC_BYTES[self.weight_bytes]

    @property
    def slice(self) -> int:
        return slice_edges(self.n, self.edges) * _SLICE_EDGE[self.weight_bytes]

    @property
    def construction(self) -> int:
        part = 2 * self.edges // PARTS + max(self.longest, 2 * self.edges // PARTS)
        filled = self.arcs + part * ARC_BYTES[self.weight_bytes] + self.n * _BUILD_PER_VERTEX
        return max(self.n * _ORDER_PER_VERTEX, filled) + self.slice

    @property
    def answer(self) -> int:
        return self.n * (8 + self.weight_bytes + _VALIDATION_PER_VERTEX)

    @property
    def search(self) -> int:
        return self.arcs + self.n * (_ROWS_PER_VERTEX + _ENGINE_PER_VERTEX)

    @property
    def total(self) -> int:
        return max(self.construction, self.search + self.slice + self.answers * self.answer)


def refuse_device(what: str, need: int, device: Any) -> None:
    """Raise GraphError, with the figures, if a device has fewer bytes left than are needed."""
    free = device.free_bytes()
    if need + _BASE > free:
        raise GraphError(
            f"{what} need {_gib(need)} of device memory, available are {_gib(free)} of "
            f"{_gib(device.total_bytes())} ({device.name})"
        )


def _gib(size: int) -> str:
    return f"{size / 2**30:.3g} GiB"
