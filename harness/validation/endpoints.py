"""The endpoints of the edges that validation walks, and the vertices that a rank checks.

One process has every vertex: an end is its own index into the answer's arrays (`Endpoints`). A rank
holds a part of the edges, whose ends are anybody's vertices, and owns a block of vertices
(`RankEndpoints`). The ends are found once for a graph: a bit a vertex numbers them, and the owners
are sent those bits. From then on an owner sends what it has of them in that order, without ids, and
marks come back the same way. So the walkers see arrays as those of one process, only shorter.

Calls on ranks are collective, and none is made while slices are read: ranks have different
numbers of those.

Memory of a rank, k ends of n vertices: n/8 + n/128 bytes, n/8 as an owner; for an answer 10k for
float32 distances, 2k fewer once its marks are back; ids of 8 bytes from 2^31 vertices on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np

from graphs.comm import Comm
from graphs.edges import Edges
from graphs.errors import GraphError
from graphs.partition import Partition
from graphs.vertex_set import VertexSet, members_of_block
from harness.validation.ancestors import Ancestors, RankAncestors
from harness.validation.chunks import Chunk, chunks_of, refuse

T = TypeVar("T")

# Of what is copied at once, a rank takes this share of what it holds, but not too little.
_PIECES, _LEAST_PIECE, _MOST_PIECE = 64, 2**12, 2**18


class Endpoints:
    """One process: all vertices, each end its own index.

    n, first, count   vertices of the graph; the first that is owned here, and how many are
    rank              among others
    is_serial         is there no other rank?
    chunk_edges       edges to walk at once; bounds the copies of those that are not as they must be
    """

    is_serial = True
    chunk_edges = 2**22

    def __init__(self, n: int):
        self.n, self.first, self.count, self.rank = n, 0, n, 0

    def allgather(self, value: T) -> list[T]:
        """Every rank's value, on every rank."""
        return [value]

    def together(self, work: Callable[[], T]) -> T:
        """Do a rank's own work; a GraphError on any rank is raised on all of them."""
        message = None
        try:
            result = work()
        except GraphError as error:
            message = str(error)
        for found in self.allgather(message):
            if found is not None:
                raise GraphError(found)
        return result

    def allreduce_sum(self, values: Any) -> list[Any]:
        """Sums over the ranks of some numbers, in rows or not."""
        return np.sum(self.allgather(np.array(values, np.int64)), axis=0).tolist()

    def at(self, array: np.ndarray, v: int) -> Any:
        """The element of vertex v of an array over the owned vertices, on every rank."""
        index = v - self.first
        own = array[index] if 0 <= index < self.count else None
        return next(value for value in self.allgather(own) if value is not None)

    def read(self, edges: Edges) -> None:
        """Find the ends, unless that was done. Raises GraphError where they are not vertices."""

    def index(self, ids: np.ndarray) -> np.ndarray:
        """The indices of ends in what is fetched."""
        return ids

    def local(self, chunk: Chunk) -> Chunk:
        """The chunk with its ends as indices."""
        return chunk

    def fetch(self, values: np.ndarray) -> np.ndarray:
        """The values of the ends; `values` are of the owned vertices, (count,)."""
        return values

    def fetch_parents(self, parent: np.ndarray) -> np.ndarray:
        """The parents of the ends as indices; -1 or no index where no edge here has that end."""
        return parent

    def give_back(self, marks: np.ndarray) -> np.ndarray:
        """The marks of the owned vertices, uint8 (count,), by any rank's edges."""
        return marks

    def ancestors(self, parent: np.ndarray, root: int) -> Ancestors:
        """Where the parents of the owned vertices lead."""
        return Ancestors(parent, root)


class RankEndpoints(Endpoints):
    """A rank among others.

    Parameters
    ----------
    n : int
        Vertices of the graph.
    comm : Comm
        The ranks, which own the blocks of `Partition(n, comm.size)`.
    """

    is_serial = False

    def __init__(self, n: int, comm: Comm):
        self.n, self.comm, self.rank = n, comm, comm.rank
        self.partition = Partition(n, comm.size)
        self.first, self.count = self.partition.first(comm.rank), self.partition.count(comm.rank)
        self.dtype = np.dtype(np.int32 if n <= 2**31 else np.int64)
        self.ends: VertexSet | None = None

    def allgather(self, value: T) -> list[T]:
        return self.comm.allgather(value)

    def read(self, edges: Edges) -> None:
        if self.ends is not None:
            return
        ends = VertexSet(self.n)
        self.chunk_edges = _piece_of(edges.m)

        def add() -> None:
            for chunk, given in chunks_of(edges, self.chunk_edges):
                if ends.add(chunk.src) + ends.add(chunk.dst):
                    refuse(edges, given)

        self.together(add)
        ends.number()
        self._send_to_owners(ends)
        self.ends = ends

    def _send_to_owners(self, ends: VertexSet) -> None:
        """Send each owner the bits of its block: the vertices that are ends here."""
        bounds = self.partition.bounds
        blocks = [ends.block(*bounds[rank : rank + 2]) for rank in range(self.comm.size)]
        lengths = np.array([len(block) for block in blocks], np.int64)
        bits = self.comm.alltoallv(lengths, np.concatenate(blocks))[1]
        self.blocks = bits.reshape(self.comm.size, len(bits) // self.comm.size)
        self.asked = np.array([len(self._places(rank)) for rank in range(self.comm.size)], np.int64)
        self.wanted = self.comm.alltoallv(np.ones_like(self.asked), self.asked)[1]

    def _places(self, rank: int) -> np.ndarray:
        """Places in the own block of the vertices that are ends on a rank, ascending."""
        return members_of_block(self.blocks[rank], self.first, self.count, self.dtype)

    def _parts(self) -> Iterator[tuple[slice, np.ndarray]]:
        """What is sent to each rank that asks: where it is in all that is sent, and its places."""
        start = 0
        for rank, count in enumerate(self.asked.tolist()):
            if count:
                yield slice(start, start + count), self._places(rank)
            start += count

    def index(self, ids: np.ndarray) -> np.ndarray:
        return self._ends.numbers(ids, np.empty(len(ids), self.dtype))

    def local(self, chunk: Chunk) -> Chunk:
        return chunk._replace(src=self.index(chunk.src), dst=self.index(chunk.dst))

    @property
    def _ends(self) -> VertexSet:
        assert self.ends is not None, "read() comes first"
        return self.ends

    def fetch(self, values: np.ndarray) -> np.ndarray:
        sent = np.empty(self.asked.sum(), values.dtype)
        for part, places in self._parts():
            sent[part] = values[places]
        return self.comm.alltoallv(self.asked, sent)[1]

    def fetch_parents(self, parent: np.ndarray) -> np.ndarray:
        sent = np.empty(self.asked.sum(), self.dtype)
        for part, places in self._parts():
            values = parent[places]
            sent[part] = np.where((values >= 0) & (values < self.n), values, -1)
        parents = self.comm.alltoallv(self.asked, sent)[1]
        return self._ends.numbers(parents, parents)

    def give_back(self, marks: np.ndarray) -> np.ndarray:
        received = self.comm.alltoallv(self.wanted, marks)[1]
        own = np.zeros(self.count, np.uint8)
        for part, places in self._parts():  # a rank asks for no vertex twice
            own[places] |= received[part]
        return own

    def ancestors(self, parent: np.ndarray, root: int) -> Ancestors:
        return RankAncestors(self.comm, self.partition, parent, root)


def _piece_of(total: int) -> int:
    return max(_LEAST_PIECE, min(total // _PIECES, _MOST_PIECE))
