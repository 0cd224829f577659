"""What a run takes of memory, in bytes: on a host, on each of several ranks, on a device.

Plain numbers in, bytes out; nothing is allocated here. The peak of a run, each part at its largest:

    base            what is there before the graph is
    edge_list       the edges, where they are kept
    construction    kernel 1 above the edge list, the rows it leaves included
    search          the rows and the arrays of a search
    checking        what validation holds once, however many answers wait for it
    answer          an answer that waits for validation, with its marks

The edges live as long as the run; construction is over before the first answer is made, so the
rest of the peak is the larger of construction and all that comes after.

A mode that takes something else (a part of the arcs, say) is a subclass that overrides the terms
that differ: `first_that_fits` and `scale_that_fits` take any of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Self, TypeVar

from graphs.errors import GraphError

if TYPE_CHECKING:
    from graphs.edges import DeviceEdges, Edges
    from kernels.device import Device

GIB = 2**30

# Arrays of host and device alike. Where bytes depend on those of a weight, a dict has both.
_EDGE_IDS = 16  # src, dst: int64 each
ARC_BYTES = {4: 8, 8: 16}  # neighbour and weight, as graphs.rows.ARC_DTYPES
_ROW_BYTES = 16  # a vertex: row bound int64, label int32, original id int32
_PARENT = 8  # int64, of an answer
_STATE = {4: 8, 8: 16}  # distance and parent of a label, as kernels.tentative packs them
_ENTRY = {4: 16, 8: 24}  # of a queue: vertex and offset int32, distance and key
QUEUES = 4  # near, next, far, spare; a rank on a device has one more, for other ranks

# A process of the host: Python, numba and what it compiled.
BASE = 512 * 2**20
# The ranks of a machine share the pages of libraries and leave compiling to one process; what each
# then has of its own was 95 MB, with the memory that MPI shares among 4 ranks.
RANK_BASE = 192 * 2**20
# Arcs as keys of 8 bytes; weights of 8 are sorted as such keys, too, and unfolded to arcs of 16
# afterwards, with the keys still there, and of each edge its weight (8) and the place of that (4).
_SORTED_ARC = {4: 8, 8: 8 + 16 + (8 + 4) // 2}
# A vertex: degree, row bounds and cursor int64; order, label, original id, length of the row int32;
# whether it has arcs; and slack.
_CONSTRUCTION = 48
# A vertex: whether it has arcs (1), its state (8), and what is written of the queues, which have
# room for 64 bytes of each vertex that can be reached.
_SEARCH = 48
# Answers that wait for one pass over regenerated edges, at most: with more of them a run whose edge
# list is not kept would take more than 400 bytes a vertex (edge factor 16).
MOST_ANSWERS = 6
# A rank holds one answer, and makes its edges again unless it has to keep them: it is to need no
# more than 1.3 x 400 bytes x n / ranks.
_ANSWERS_OF_A_RANK = 1
# The same of presolved graphs, whose run is to take no more than 100 bytes a vertex.
PRESOLVED_MOST_ANSWERS = 4
_KEPT_ID = 4  # int32
# From this many ranks on, unless all share memory, each bound is at the owner of its vertex
# (graphs.owned_bounds). Copies of all of them, 12 bytes for each vertex of the graph, would take as
# much memory of each rank as all else of it, 100 bytes for each of its own vertices. On fewer ranks
# owners send less, too, but looking up takes longer than copying.
OWNERS_FROM = 8
# A vertex, while ranks take trees off: the arc by which it hangs, and what is asked about it. Two
# ranks took 110 bytes of each of their vertices at scale 21, and 102 at scale 22.
_RANK_TREES = 16
_PRESOLVED_SEARCH = 16  # a vertex: states and queues of a core of a sixth of them
# A rank's arrays over an even share of the whole: ghosts, uneven shares, what is under way.
_RANK_FACTOR = 1.3
# An arc: the matrix of the peers and, while it is made, its transpose, 12 bytes an entry each.
_PEER_MATRIX = 24
# The same where one call builds and searches: edges of a matrix, the test whether it is symmetric,
# rows of float64.
ONE_SHOT = 72

# A device: compiled kernels, small arrays, the allocator's rounding.
DEVICE_BASE = 64 * 2**20
# Rows are sorted and packed a part at a time: this share of the arcs, or one row if it is longer.
PARTS = 32
# An edge of a slice: two ids, its weight, and the weight's code.
_SLICE_EDGE = {4: _EDGE_IDS + 8, 8: _EDGE_IDS + 16}
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
class Need:
    """Bytes that a process of a run takes of a host at its peak.

    Parameters
    ----------
    n, edges : int
        Vertices and input edges of the whole graph.
    weight_bytes : int
        Bytes of a weight: 4 or 8.
    edges_kept : bool
        Whether the edge list stays in memory.
    answers : int
        Answers that are held at once, to be validated in one pass over the edges.
    ranks : int
        Processes that hold the graph together.
    """

    n: int
    edges: int
    weight_bytes: int = 4
    edges_kept: bool = True
    answers: int = 1
    ranks: int = 1

    # Bytes of marks of a vertex in an answer under validation: 3, and 4 where a rule is broken.
    _marks = 4

    @classmethod
    def of(cls, edges: Edges | DeviceEdges, ranks: int = 1) -> Self:
        """Return the need of a run on edges that are in memory, the whole graph's."""
        weight_bytes = 8 if edges.weight_dtype.itemsize > 4 else 4
        return cls(edges.n, edges.m, weight_bytes, ranks=ranks)

    def __str__(self) -> str:
        return f"{self.n} vertices and {self.edges} edges"

    @property
    def most_answers(self) -> int:
        return MOST_ANSWERS if self.ranks == 1 else _ANSWERS_OF_A_RANK

    @property
    def base(self) -> int:
        return BASE if self.ranks == 1 else RANK_BASE

    @property
    def edge_list(self) -> int:
        return self._share(self.edges * (_EDGE_IDS + self.weight_bytes)) if self.edges_kept else 0

    @property
    def arcs(self) -> int:
        """Every edge twice: in both directions, or in its row and in the reverse one."""
        return 2 * self.edges

    @property
    def rows(self) -> int:
        """The rows of the whole graph, parallel arcs and self loops counted."""
        return self.arcs * ARC_BYTES[self.weight_bytes] + self.n * _ROW_BYTES

    @property
    def construction(self) -> int:
        return self._share(self.arcs * _SORTED_ARC[self.weight_bytes] + self.n * _CONSTRUCTION)

    @property
    def search(self) -> int:
        return self._share(self.rows + self.n * _SEARCH)

    @property
    def checking(self) -> int:
        return 0

    @property
    def answer(self) -> int:
        return self._share(self.n * (_PARENT + self.weight_bytes + self._marks))

    @property
    def total(self) -> int:
        after = self.search + self.checking + self.answers * self.answer
        return self.base + self.edge_list + max(self.construction, after)

    @property
    def reading(self) -> int:
        """Bytes to read the edges and hold one answer, without rows."""
        return self.base + self.edge_list + self.answer

    @property
    def peer_matrix(self) -> int:
        """Bytes of the graph once more, as other libraries take it."""
        return self.arcs * _PEER_MATRIX

    def with_answers(self, room: int) -> Self:
        """Return the same with as many answers at once as `room` bytes hold, one at least."""
        if self.edges_kept:
            return self
        spare = room - self.base - self.search - self.checking
        return replace(self, answers=min(self.most_answers, max(1, spare // self.answer)))

    def _share(self, size: int) -> int:
        return size if self.ranks == 1 else int(_RANK_FACTOR * size / self.ranks)


@dataclass(frozen=True)
class PresolvedNeed(Need):
    """Bytes that a run takes of a host where kernel 1 keeps what a search can use.

    A tenth of the edges is held at once, with room to join their parts; then a twentieth as rows.
    For graphs with hubs, as the generator's are: of others more is kept.
    """

    @property
    def most_answers(self) -> int:
        return PRESOLVED_MOST_ANSWERS if self.ranks == 1 else _ANSWERS_OF_A_RANK

    @property
    def _kept_id(self) -> int:
        return _KEPT_ID if self.n < 2**31 else 2 * _KEPT_ID

    @property
    def construction(self) -> int:
        kept = self.edges * (2 * self._kept_id + self.weight_bytes) // 10
        rows = kept // 2 + self.arcs * _SORTED_ARC[self.weight_bytes] // 20
        vertex = _CONSTRUCTION + (_RANK_TREES if self.ranks > 1 else 0)
        return max(self._with_bounds(kept), self._share(rows + self.n * vertex))

    def _with_bounds(self, kept: int) -> int:
        """What the edges kept take with bounds, of which there are three arrays at once.

        On few ranks each has them all. On more the owners have them, and of each edge kept a rank
        has the places of both ends: at most two vertices, a bound, the next and what is asked for.
        """
        size = self.weight_bytes
        bounds = 3 * size * self.n
        if self.ranks < OWNERS_FROM:
            return self._share(2 * kept) + bounds
        ends = self.edges // 10 * 2 * (self._kept_id + 2 * size + _KEPT_ID)
        return self._share(kept + max(kept, ends) + bounds)

    @property
    def rows(self) -> int:
        return self.arcs * ARC_BYTES[self.weight_bytes] // 40 + self.n * (8 + self.weight_bytes)

    @property
    def search(self) -> int:
        return self._share(self.rows + self.n * _PRESOLVED_SEARCH)


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
        return self.edges * (2 * _KEPT_ID + self.weight_bytes) // 8

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
    """Return what the CUDA engine allocates, with room for `capacity` entries in each queue.

    `vertices` are those of the answer: as many as labels by default.
    """
    entry = _ENTRY[weight_bytes]
    return DeviceSearch(
        state=labels * _STATE[weight_bytes],
        queues=queues * entry * capacity,
        hubs=entry * (2 * arcs // CHUNK + 1),
        answer=(labels if vertices is None else vertices) * (_PARENT + dist_bytes),
    )


def slice_edges(n: int, m: int) -> int:
    """Return the edges in a slice, on a device, of a graph of n vertices and m edges."""
    return max(min(_SLICE_EDGES, max(n, _LEAST_SLICE), m), 1)


def sort_room(arcs: int, longest: int, weight_bytes: int) -> int:
    """Return the bytes a device sorts a part of the rows in, whose longest has `longest` arcs."""
    return (arcs // PARTS + longest) * ARC_BYTES[weight_bytes]


AnyNeed = TypeVar("AnyNeed", bound=Need)


def first_that_fits(ways: Sequence[AnyNeed], room: int, margin: int = 0) -> AnyNeed | None:
    """Return the first of some ways to run that fits, with as many answers as fit; None if none.

    Parameters
    ----------
    ways : sequence of Need
        The best first, with one answer each.
    room, margin : int
        Bytes there are, and those of them that only the last way may take, for one answer.
    """
    for way in ways:
        if way.total <= (room if way is ways[-1] else room - margin):
            return way.with_answers(room - margin)
    return None


def scale_that_fits(ways: Sequence[Need], room: int, margin: int = 0) -> str:
    """Say which smaller graph of the generator would fit, given ways to run one of 2^scale."""
    while ways[0].n > 2:
        ways = [replace(way, n=way.n // 2, edges=way.edges // 2) for way in ways]
        if first_that_fits(ways, room, margin):
            return f"scale {ways[0].n.bit_length() - 1} fits"
    return "no scale fits"


def gib(size: int) -> str:
    """Return a number of bytes in GiB, for a reader."""
    return f"{size / GIB:.3g} GiB" if size < 1000 * GIB else f"{size / GIB:.0f} GiB"


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
