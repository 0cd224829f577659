"""What a run takes of memory, in bytes: on a host, and on each of several ranks.

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
that differ: `first_that_fits` and `scale_that_fits` take any of them. What a device takes is in
graphs/device_memory.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self, TypeVar

if TYPE_CHECKING:
    from graphs.edges import DeviceEdges, Edges

GIB = 2**30

# Arrays of host and device alike. Where bytes depend on those of a weight, a dict has both.
EDGE_ID_BYTES = 16  # src, dst: int64 each
ARC_BYTES = {4: 8, 8: 16}  # neighbour and weight, as graphs.rows.ARC_DTYPES
_ROW_BYTES = 16  # a vertex: row bound int64, label int32, original id int32
PARENT_BYTES = 8  # int64, of an answer

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
KEPT_ID_BYTES = 4  # int32
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
        return (
            self._share(self.edges * (EDGE_ID_BYTES + self.weight_bytes)) if self.edges_kept else 0
        )

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
        return self._share(self.n * (PARENT_BYTES + self.weight_bytes + self._marks))

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
        return KEPT_ID_BYTES if self.n < 2**31 else 2 * KEPT_ID_BYTES

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
        ends = self.edges // 10 * 2 * (self._kept_id + 2 * size + KEPT_ID_BYTES)
        return self._share(kept + max(kept, ends) + bounds)

    @property
    def rows(self) -> int:
        return self.arcs * ARC_BYTES[self.weight_bytes] // 40 + self.n * (8 + self.weight_bytes)

    @property
    def search(self) -> int:
        return self._share(self.rows + self.n * _PRESOLVED_SEARCH)


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
