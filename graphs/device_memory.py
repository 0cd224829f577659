"""What a run takes of a device's memory, in bytes, and whether that is there.

The terms are those of graphs/memory.py: a device's graph and answers live on it, so that its peak
is one of the same parts. `device_search` is what the CUDA engine allocates for a search.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from graphs.errors import GraphError
from graphs.memory import ARC_BYTES, EDGE_ID_BYTES, KEPT_ID_BYTES, PARENT_BYTES, Need, gib

if TYPE_CHECKING:
    from kernels.device import Device

_STATE = {4: 8, 8: 16}  # distance and parent of a label, as kernels.tentative packs them
_ENTRY = {4: 16, 8: 24}  # of a queue: vertex and offset int32, distance and key
QUEUES = 4  # near, next, far, spare; a rank on a device has one more, for other ranks


# A device: compiled kernels, small arrays, the allocator's rounding.
DEVICE_BASE = 64 * 2**20
# Rows are sorted and packed a part at a time: this share of the arcs, or one row if it is longer.
PARTS = 32
# An edge of a slice: two ids, its weight, and the weight's code.
_SLICE_EDGE = {4: EDGE_ID_BYTES + 8, 8: EDGE_ID_BYTES + 16}
# Enough edges in a slice to keep a device busy; fewer where they would be much beside the graph.
_SLICE_EDGES = 1 << 24
_LEAST_SLICE = 1 << 12
# A vertex, before there are arcs: degrees, their order, and what the library sorts them with.
_DEVICE_ORDER = 64
# A vertex, while the rows are filled: degree, row bounds and cursor int64, order and label int32,
# bounds of a part.
_DEVICE_FILL = 36
# A vertex, while vertices are taken off: the rows' bounds and labels, old and new; the bound of the
# distance from the hub; of those with arcs seven int32, two of them lists of a round, and marks.
_DEVICE_TREES = 56
CHUNK = 512  # arcs of a chunk of a long row, as in kernels/push.cuh
# Entries a queue has room for beyond one for each vertex that can be reached.
SPARE_ENTRIES = 1024
DEVICE_MOST_ANSWERS = 4  # with more of them a run would take more than 450 bytes a vertex
_ANCESTOR = 4  # a vertex: where the parents of the answer that is checked lead, int32


@dataclass(frozen=True)
class DeviceNeed(Need):
    """Bytes that a run takes of one device at its peak; its graph and answers live there."""

    base = DEVICE_BASE
    most_answers = DEVICE_MOST_ANSWERS
    _marks = 2

    @property
    def slice(self) -> int:
        """Edges as they are made or read, and their weights as they are sorted."""
        return slice_edges(self.n, self.edges) * _SLICE_EDGE[self.weight_bytes]

    @property
    def construction(self) -> int:
        """A slice, and the larger of the vertices' order and the rows as they are filled."""
        arcs = self.arcs * ARC_BYTES[self.weight_bytes]
        spare = sort_room(self.arcs, self.arcs // PARTS, self.weight_bytes)
        return max(self.n * _DEVICE_ORDER, arcs + spare + self.n * _DEVICE_FILL) + self.slice

    @property
    def search(self) -> int:
        """The rows, what a search takes beside them, and the slice that validation reads."""
        entries, size = self.n + SPARE_ENTRIES, self.weight_bytes
        return self.rows + self.slice + sum(device_search(self.n, entries, self.arcs, size, size))

    @property
    def checking(self) -> int:
        return self.n * _ANCESTOR


@dataclass(frozen=True)
class PresolvedDeviceNeed(DeviceNeed):
    """Bytes that a run takes of one device where kernel 1 keeps what a search can use.

    For graphs with hubs, as `PresolvedNeed`. An eighth of the edges is held at once, room to grow
    counted, then half of these, and their rows. What is searched, the core and the tree vertices on
    which others hang, is a third of the vertices at most.
    """

    @property
    def _kept(self) -> int:
        """A list of the edges that the first bounds leave."""
        return self.edges * (2 * KEPT_ID_BYTES + self.weight_bytes) // 8

    @property
    def construction(self) -> int:
        """A slice, and the largest of: lists and bounds; a list, bounds, rows; rows and trees."""
        size, n = self.weight_bytes, self.n
        lists = self._kept + max(3 * size * n, self._kept // 2 + 2 * size * n)
        arcs = self.arcs // 16
        rows = arcs * ARC_BYTES[size]
        filled = rows + sort_room(arcs, arcs // PARTS, size) + n * _DEVICE_FILL
        listed = self._kept // 2 + size * n + max(n * _DEVICE_ORDER, filled)
        return self.slice + n // 8 + max(lists, listed, rows + n * _DEVICE_TREES)

    @property
    def rows(self) -> int:
        """Labels and weights of leaves by vertex; bounds, ids and the core's arcs by label."""
        arcs = self.arcs // 32 * ARC_BYTES[self.weight_bytes]
        return self.n * (4 + self.weight_bytes) + self._labels * 12 + arcs

    @property
    def search(self) -> int:
        entries, size = self._labels + SPARE_ENTRIES, self.weight_bytes
        arrays = device_search(
            self._labels, entries, self.arcs // 32, size, size, vertices=self.n
        )  # fmt: skip
        return self.rows + self.slice + sum(arrays)

    @property
    def _labels(self) -> int:
        return self.n // 3


class DeviceSearch(NamedTuple):
    """Bytes of what a search on a device takes beside the rows, array by array."""

    state: int  # distance and parent of each label
    queues: int
    hubs: int  # chunks of rows of more than CHUNK arcs: two for each CHUNK arcs at most
    answer: int  # distance and parent in original ids


def device_search(
    labels: int,
    capacity: int,
    arcs: int,
    weight_bytes: int,
    dist_bytes: int,
    queues: int = QUEUES,
    vertices: int | None = None,
) -> DeviceSearch:
    """Return what the CUDA engine allocates, in bytes.

    Parameters
    ----------
    labels : int
        Vertices that are searched.
    capacity : int
        Entries that each queue has room for.
    arcs : int
        Entries of the rows.
    weight_bytes, dist_bytes : int
        Of one weight, 4 or 8; of one distance of the answer.
    queues : int
        Queues.
    vertices : int, optional
        Vertices of the answer; as many as labels by default.
    """
    entry = _ENTRY[weight_bytes]
    return DeviceSearch(
        state=labels * _STATE[weight_bytes],
        queues=queues * entry * capacity,
        hubs=entry * (2 * arcs // CHUNK + 1),
        answer=(labels if vertices is None else vertices) * (PARENT_BYTES + dist_bytes),
    )


def slice_edges(n: int, m: int) -> int:
    """Return the edges in a slice, on a device, of a graph of n vertices and m edges."""
    return max(min(_SLICE_EDGES, max(n, _LEAST_SLICE), m), 1)


def sort_room(arcs: int, longest: int, weight_bytes: int) -> int:
    """Return the bytes a device sorts a part of the rows in, whose longest has `longest` arcs."""
    return (arcs // PARTS + longest) * ARC_BYTES[weight_bytes]


def too_little(what: str, need: int, device: Device) -> str:
    """Say how much memory of a device something needs, and how much there is."""
    return (
        f"{what} need {gib(need)} of device memory, available are {gib(device.free_bytes())} of "
        f"{gib(device.total_bytes())} ({device.name})"
    )


def refuse_device(what: str, need: int, device: Device) -> None:
    """Raise GraphError, with the figures, if a device has fewer bytes left than are needed."""
    if need + DEVICE_BASE > device.free_bytes():
        raise GraphError(too_little(what, need, device))
