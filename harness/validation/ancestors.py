"""Rule 2 of validation: the parents of every reached vertex lead to the root.

Among ranks each vertex has a pointer, to its parent at first, and asks the pointer's owner for
that one's pointer: after k rounds it points 2^k parents on. A vertex whose pointer has not come to
the root or to a vertex without a parent after n steps is on a cycle, or leads into one. Mostly that
is needed for few vertices: where every parent edge gives the distance exactly, a parent is never
farther from the root than its child, and a cycle can only be among those that are as near.

Source of the pointers: J. C. Wyllie, The complexity of parallel computations, 1979.
"""

from __future__ import annotations

import numpy as np

from graphs.comm import Comm
from graphs.partition import Partition
from kernels import validate as kernels

# A pointer that has come to its end: to the root; below that, astray at vertex _ASTRAY - pointer.
_ROOTED, _ASTRAY = -1, -2


def enough_steps(n: int) -> int:
    """Steps after which no chain of n vertices is still on its way: a power of two."""
    return 1 << (n - 1).bit_length()


class Ancestors:
    """The parents of all vertices, in one process.

    Parameters
    ----------
    parent : int64 (n,)
        Any values.
    root : int
    """

    def __init__(self, parent: np.ndarray, root: int):
        self.parent, self.root = parent, root

    def check(self, dist_checked: np.ndarray, tight: np.ndarray) -> tuple[int, int]:
        """Return the vertices here whose parents do not lead to the root, and the smallest of them.

        dist_checked   (count,)         their distances, inf where they have none
        tight          uint8 (count,)   what all edges have marked, see `kernels.mark_edges`
        """
        return kernels.check_tree(self.parent, self.root)

    def end(self, v: int) -> int:
        """Where the parents of v have led after n steps: on a cycle, or where they end."""
        steps = enough_steps(len(self.parent))
        return int(kernels.ancestor(self.parent, self.root, np.int64(v), steps))


class RankAncestors(Ancestors):
    """The parents of a rank's own vertices, among others. Calls are collective.

    Parameters
    ----------
    comm : Comm
    partition : Partition
    parent : int64 (count,)
        Of the own vertices.
    root : int
    """

    def __init__(self, comm: Comm, partition: Partition, parent: np.ndarray, root: int):
        super().__init__(parent, root)
        self.comm, self.partition = comm, partition
        self.first = partition.first(comm.rank)

    def check(self, dist_checked: np.ndarray, tight: np.ndarray) -> tuple[int, int]:
        n, first = self.partition.n, self.first
        if self._descend(dist_checked, tight):
            return 0, n
        self.pointer = self._pointers()
        self._follow(self.pointer, enough_steps(n))
        astray = np.flatnonzero((self.pointer != _ROOTED) & (self.parent != -1))
        return len(astray), first + int(astray[0]) if len(astray) else n

    def end(self, v: int) -> int:
        index = v - self.first
        inside = 0 <= index < len(self.parent)
        pointers = self.comm.allgather(int(self.pointer[index]) if inside else None)
        pointer = next(value for value in pointers if value is not None)
        return pointer if pointer >= 0 else _ASTRAY - pointer

    def _pointers(self) -> np.ndarray:
        """A pointer to each parent; a vertex without one has come to its end."""
        count = len(self.parent)
        pointer = _ASTRAY - np.arange(self.first, self.first + count)
        np.copyto(pointer, self.parent, where=(self.parent >= 0) & (self.parent < self.partition.n))
        if 0 <= self.root - self.first < count:
            pointer[self.root - self.first] = _ROOTED
        return pointer

    def _descend(self, dist_checked: np.ndarray, tight: np.ndarray) -> bool:
        """Whether distances show that all parents lead to the root.

        They do where each reached vertex has a parent (the root apart), each parent edge is tight,
        and the vertices whose parent is as near as themselves lead to one that has a nearer parent.
        For then a step towards the parent never goes farther from the root, and to a reached
        vertex if it goes nearer; it could only go round among the vertices as near.
        """
        doubtful = np.where(self.parent == -1, dist_checked < np.inf, tight == 0)
        index = self.root - self.first
        if 0 <= index < len(doubtful):
            doubtful[index] = False
        if self._count(doubtful):
            return False
        pointer = self._pointers()
        pointer[tight == 2] = _ROOTED
        self._follow(pointer, 2 * self._count(pointer >= 0))
        return self._count((pointer != _ROOTED) & (self.parent != -1)) == 0

    def _follow(self, pointer: np.ndarray, steps: int) -> None:
        """Move pointers on until each has come to its end, or by at least `steps`."""
        done = 1
        while done < steps:
            waiting = pointer >= 0
            if self._count(waiting) == 0:
                return
            pointer[waiting] = self._ask(pointer, pointer[waiting])
            done *= 2

    def _ask(self, pointer: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The pointers of some vertices, from their owners."""
        asked, back = np.unique(targets, return_inverse=True)
        counts = np.diff(np.searchsorted(asked, self.partition.bounds))
        received, wanted = self.comm.alltoallv(counts, asked)
        values = self.comm.alltoallv(received, pointer[wanted - self.first])[1]
        return values[back]

    def _count(self, marked: np.ndarray) -> int:
        """How many are marked, on all ranks."""
        return sum(self.comm.allgather(int(np.count_nonzero(marked))))
