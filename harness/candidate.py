"""One answer under validation: its arrays checked and converted, and what the edges say of it.

The walks are compiled (kernels/validate.py); here are the answer's state between the slices of a
pass, and the words for what is wrong.
"""

from __future__ import annotations

import operator
from typing import NamedTuple

import numpy as np

from graphs.errors import GraphError
from kernels import validate as kernels


class Chunk(NamedTuple):
    """Edges walked at once: src, dst int64 (m,), weight (m,) in the arithmetic of the graph."""

    src: np.ndarray
    dst: np.ndarray
    weight: np.ndarray
    directed: bool


class Arc(NamedTuple):
    """An edge walked from u to v: `through` is dist[u] + weight. Ordered by `through`."""

    through: np.floating
    u: int
    weight: np.floating


class Candidate:
    """An answer (root, dist, parent) and its marks.

    dist         (n,)   as given
    clean        (n,)   in the arithmetic of the graph, inf where dist is no distance; dist itself
                        where that is the same
    parent       (n,)   int64
    tight, late  uint8 (n,)   marks, see `kernels.validate.mark_edges`
    seen         uint8 (n,)   mark, see `kernels.validate.mark_parent_edges`; tight itself at first,
                              as a tight edge is a parent edge
    """

    def __init__(
        self, n: int, arithmetic: np.dtype, root: int, dist: np.ndarray, parent: np.ndarray
    ):
        self.n = n
        self.root, self.dist, self.given_parent = checked_answer(n, root, dist, parent)
        self.parent = _as_int64(self.given_parent, n)
        self.arithmetic = arithmetic
        faults, first, self.reached = kernels.check_vertices(self.dist, self.parent, self.root)
        self.root_rule = faults, first
        self.tree_rule = kernels.check_tree(self.parent, self.root)
        self.clean = self.dist
        if faults or self.dist.dtype != self.arithmetic:
            self.clean = np.empty(n, self.arithmetic)
            kernels.clean_distances(self.dist, self.clean)
        self.tight = np.zeros(n, np.uint8)
        self.late = np.zeros(n, np.uint8)
        self.seen = self.tight
        self.m = 0
        self.self_loops = 0

    def walk(self, chunk: Chunk) -> int:
        """Mark and count a chunk of edges; return how many of them are no edges."""
        m, self_loops, faults = kernels.mark_edges(
            *chunk, self.clean, self.parent, self.tight, self.late
        )
        self.m += m
        self.self_loops += self_loops
        return faults

    def walk_parents(self, chunk: Chunk) -> None:
        """Mark the parent edges in a chunk, tight or not."""
        if self.seen is self.tight:
            self.seen = self.tight.copy()
        kernels.mark_parent_edges(chunk.src, chunk.dst, chunk.directed, self.parent, self.seen)

    def broken_rules(self) -> dict[int, tuple[int, int]]:
        """Vertices that break each broken rule, and the smallest of them, by what is marked."""
        marks = kernels.tally_marks(
            self.dist, self.clean, self.parent, self.root, self.seen, self.tight, self.late
        )
        rules = [self.root_rule, self.tree_rule, *marks]
        return {
            rule: (int(count), int(first)) for rule, (count, first) in enumerate(rules, 1) if count
        }

    def best_arc(self, chunk: Chunk, v: int, tail: int | None) -> Arc | None:
        """The arc into v with the least sum in a chunk: from `tail`, or from any reached vertex."""
        into = np.flatnonzero(chunk.dst == v)
        tails, weight = chunk.src[into], chunk.weight[into]
        if not chunk.directed:
            out = np.flatnonzero(chunk.src == v)
            tails = np.concatenate([tails, chunk.dst[out]])
            weight = np.concatenate([weight, chunk.weight[out]])
        keep = self.clean[tails] < np.inf if tail is None else tails == tail
        tails, weight = tails[keep], weight[keep]
        if len(tails) == 0:
            return None
        with np.errstate(over="ignore"):
            through = self.clean[tails] + weight
        best = np.lexsort((weight, tails, through))[0]
        return Arc(through[best], int(tails[best]), weight[best])

    def detail(self, rule: int, v: int, arc: Arc | None) -> str:
        """How vertex v breaks a rule; `arc` is the `best_arc` of rules 4 to 6."""
        if rule == 1:
            return self._root_detail(v)
        if rule == 2:
            return self._tree_detail(v)
        x = self.dist[v]
        if rule == 3:
            return f"parent edge ({self.parent[v]}, {v}) is not in the graph"
        if rule == 4 and self.clean[v] != x:
            return f"dist[{v}] = {x!s} is not a {self.arithmetic} number, as all sums here are"
        assert arc is not None, "an edge has marked v"
        edge = f"edge ({arc.u}, {v}) of weight {arc.weight!s}"
        if rule == 6:
            return f"{edge} leads there, and {arc.u} is reached, but dist[{v}] = inf"
        return f"{edge} makes dist[{arc.u}] + weight = {arc.through!s}, but dist[{v}] = {x!s}"

    def _root_detail(self, v: int) -> str:
        x, p = self.dist[v], self.given_parent[v]
        if v == self.root:
            if p != v:
                return f"parent[{v}] = {p}, but {v} is the root, which is its own parent"
            return f"dist[{v}] = {x!s}, but {v} is the root, whose distance is 0"
        if np.isnan(x):
            return f"dist[{v}] = nan"
        if x < 0:
            return f"dist[{v}] = {x!s} is negative (the distance of an unreached vertex is inf)"
        if not -1 <= p < self.n:
            return f"parent[{v}] = {p} is neither a vertex (0 .. {self.n - 1}) nor -1"
        if p == -1:
            return f"dist[{v}] = {x!s}, but parent[{v}] = -1 (an unreached vertex has dist inf)"
        return f"dist[{v}] = inf, but parent[{v}] = {p} (an unreached vertex has parent -1)"

    def _tree_detail(self, v: int) -> str:
        unknown = np.zeros(self.n, np.uint8)
        _, end = kernels.follow_parents(self.parent, self.root, unknown, np.int64(v))
        p = int(self.parent[end])
        if not 0 <= p < self.n:
            return f"its parents lead to {end}, whose parent is {self.given_parent[end]}"
        cycle = [str(end), str(p)]
        while p != end and len(cycle) < 6:
            p = int(self.parent[p])
            cycle.append(str(p))
        if p != end:
            cycle.append("...")
        return f"its parents run into the cycle {' -> '.join(cycle)}"


def checked_answer(
    n: int, root: int, dist: np.ndarray, parent: np.ndarray
) -> tuple[int, np.ndarray, np.ndarray]:
    """Return the answer as an int and two plain arrays, or raise GraphError for what they are.

    Their values are not looked at: wrong ones are what validation reports.
    """
    try:
        root = operator.index(root)
    except TypeError:
        raise GraphError(f"the root must be an integer, got {root!r}") from None
    if not 0 <= root < n:
        raise GraphError(f"root {root} is not a vertex; the graph's are 0 .. {n - 1}")
    dist, parent = np.asarray(dist), np.asarray(parent)
    if dist.dtype.kind != "f" or dist.dtype.itemsize not in (4, 8):
        raise GraphError(
            f"dist must be float32 or float64 (inf where unreached), got dtype {dist.dtype}"
        )
    if parent.dtype.kind not in "iu":
        raise GraphError(
            f"parent must hold integers (-1 where unreached), got dtype {parent.dtype}"
        )
    return root, _as_row("dist", dist, n), _as_row("parent", parent, n)


def _as_row(name: str, array: np.ndarray, n: int) -> np.ndarray:
    """Return the array without gaps and in this machine's byte order."""
    if array.shape != (n,):
        raise GraphError(
            f"{name} has shape {array.shape}; the graph has {n} vertices, so it must be ({n},)"
        )
    return np.ascontiguousarray(array, array.dtype.newbyteorder("="))


def _as_int64(parent: np.ndarray, n: int) -> np.ndarray:
    if parent.dtype == np.uint64:
        # 2^64 - 1 must not turn into -1, which is allowed.
        parent = np.minimum(parent, np.uint64(n))
    return parent.astype(np.int64, copy=False)
