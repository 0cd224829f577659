"""One answer under validation: its arrays checked and converted, and what the edges say of it.

The walks are compiled (kernels/validate.py). Here are the state of an answer between the slices of
a pass, and the words for what is wrong. A rank has the answer of its own vertices (`AnswerCheck`)
and looks at the endpoints of its edges (`EdgeView`), which may be vertices of other ranks
(harness/validation/endpoints.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from graphs.arguments import as_integer, plain_array
from graphs.errors import GraphError
from harness.validation.chunks import Chunk, arithmetic_of, largest_distance
from harness.validation.endpoints import Endpoints
from kernels import validate as kernels


class Arc(NamedTuple):
    """An edge walked from u to v: `through` is dist[u] + weight. Ordered by `through`."""

    through: np.floating
    u: int
    weight: np.floating


class EdgeView:
    """An answer at the ends of some edges, and the marks that these leave.

    dist         (k,)        in the arithmetic of the graph, inf where there is no distance
    parent       int (k,)    as indices of ends
    tight        uint8 (k,)  mark, see `kernels.validate.mark_edges`
    relaxable    uint8 (k,)  mark, see there
    seen         uint8 (k,)  mark, see `kernels.validate.mark_parent_edges`
    """

    def __init__(self, dist: np.ndarray, parent: np.ndarray):
        self.dist, self.parent = dist, parent
        self.tight = np.zeros(len(dist), np.uint8)
        self.relaxable = np.zeros(len(dist), np.uint8)
        self.seen = self.tight
        self.m = 0
        self.self_loops = 0

    def walk(self, chunk: Chunk) -> int:
        """Mark and count a chunk of edges; return how many of them are not edges."""
        m, self_loops, faults = kernels.mark_edges(
            *chunk, self.dist, self.parent, self.tight, self.relaxable
        )
        self.m += m
        self.self_loops += self_loops
        return faults

    def walk_parents(self, chunk: Chunk) -> int:
        """Mark the parent edges in a chunk, tight or not; return 0 as no fault."""
        if self.seen is self.tight:
            self.seen = self.tight.copy()
        kernels.mark_parent_edges(chunk.src, chunk.dst, chunk.directed, self.parent, self.seen)
        return 0

    def best_arc(
        self, chunk: Chunk, v: int, tail: int | None, index: Callable[[np.ndarray], np.ndarray]
    ) -> Arc | None:
        """The arc into v with the least sum in a chunk: from `tail`, or from any reached vertex.

        The chunk's ends are vertices here; `index` finds what they are in this view.
        """
        into = np.flatnonzero(chunk.dst == v)
        tails, weight = chunk.src[into], chunk.weight[into]
        if not chunk.directed:
            out = np.flatnonzero(chunk.src == v)
            tails = np.concatenate([tails, chunk.dst[out]])
            weight = np.concatenate([weight, chunk.weight[out]])
        dist = self.dist[index(tails)]
        keep = dist < np.inf if tail is None else tails == tail
        tails, weight, dist = tails[keep], weight[keep], dist[keep]
        if len(tails) == 0:
            return None
        with np.errstate(over="ignore"):
            through = dist + weight
        best = np.lexsort((weight, tails, through))[0]
        return Arc(through[best], int(tails[best]), weight[best])


class AnswerCheck:
    """An answer (root, dist, parent) for the vertices of this rank, all of them in one process.

    dist         (count,)   as given
    dist_checked (count,)   in the arithmetic of the graph and at most its largest distance, inf
                            where dist is not a distance; dist itself where that is the same
    parent       (count,)   int64
    tight, relaxable        marks of all edges
    seen                    the same; a tight edge is a parent edge, so that it is `tight` until
                            other parent edges were looked for
    """

    def __init__(
        self,
        endpoints: Endpoints,
        weight_dtype: np.dtype,
        root: int,
        dist: np.ndarray,
        parent: np.ndarray,
    ):
        self.endpoints, self.arithmetic = endpoints, arithmetic_of(weight_dtype)
        self.root, self.dist, self.given_parent = checked_answer(endpoints, root, dist, parent)
        self.parent = as_int64(self.given_parent, endpoints.n)
        faults, first, self.reached = kernels.check_vertices(
            self.dist, self.parent, self.root, endpoints.first, endpoints.n
        )
        self.root_rule = faults, first
        self.dist_checked = self.dist
        if faults or not as_sums_are(self.dist, weight_dtype):
            self.dist_checked = np.empty(endpoints.count, self.arithmetic)
            kernels.clean_distances(self.dist, self.dist_checked, largest_distance(weight_dtype))
        self.ancestors = endpoints.ancestors(self.parent, self.root)
        self.tight = self.relaxable = self.seen = np.empty(0, np.uint8)

    def view(self) -> EdgeView:
        """What the edges are compared with."""
        return EdgeView(
            self.endpoints.fetch(self.dist_checked), self.endpoints.fetch_parents(self.parent)
        )

    def take(self, view: EdgeView) -> None:
        """Take the marks of a pass over all edges."""
        self.tight = self.seen = self.endpoints.give_back(view.tight)
        self.relaxable = self.endpoints.give_back(view.relaxable)
        view.relaxable = np.empty(0, np.uint8)
        self.tree_rule = self.ancestors.check(self.dist_checked, self.tight)

    def take_seen(self, view: EdgeView) -> None:
        """Take the marks of a pass that looked for parent edges."""
        self.seen = self.endpoints.give_back(view.seen)

    def faults(self) -> np.ndarray:
        """Vertices here that break each rule, and the smallest of them, by what is marked.

        Returns int64 (6, 2), n for the smallest where there is none.
        """
        tally = kernels.tally_marks(
            self.dist, self.dist_checked, self.parent,
            kernels.Marks(self.seen, self.tight, self.relaxable), self.root,
            self.endpoints.first, self.endpoints.n,
        )  # fmt: skip
        return np.array([self.root_rule, self.tree_rule, *tally.reshape(2, 4).T], np.int64)

    def detail(self, rule: int, v: int, arc: Arc | None) -> str:
        """How vertex v breaks a rule; `arc` is the `best_arc` of rules 4 to 6.

        Collective: every rank says it, of a vertex of any.
        """
        if rule == 1:
            return self._root_detail(v)
        if rule == 2:
            return self._tree_detail(v)
        if rule == 3:
            return f"parent edge ({self.parent_of(v)}, {v}) is not in the graph"
        x, dist_checked = self.endpoints.at(self.dist, v), self.endpoints.at(self.dist_checked, v)
        if rule == 4 and dist_checked != x:
            if self.arithmetic == np.float64:
                return f"dist[{v}] = {x!s} is not below 2^53, where float64 holds every integer"
            return f"dist[{v}] = {x!s} is not a {self.arithmetic} number, as all sums here are"
        assert arc is not None, "an edge has marked v"
        edge = f"edge ({arc.u}, {v}) of weight {arc.weight!s}"
        if rule == 6:
            return f"{edge} leads there, and {arc.u} is reached, but dist[{v}] = inf"
        return f"{edge} makes dist[{arc.u}] + weight = {arc.through!s}, but dist[{v}] = {x!s}"

    def parent_of(self, v: int) -> int:
        """The parent of any vertex. Collective."""
        return int(self.endpoints.at(self.parent, v))

    def _root_detail(self, v: int) -> str:
        x, p = self.endpoints.at(self.dist, v), self.endpoints.at(self.given_parent, v)
        if v == self.root:
            if p != v:
                return f"parent[{v}] = {p}, but {v} is the root, which is its own parent"
            return f"dist[{v}] = {x!s}, but {v} is the root, whose distance is 0"
        if np.isnan(x):
            return f"dist[{v}] = nan"
        if x < 0:
            return f"dist[{v}] = {x!s} is negative (the distance of an unreached vertex is inf)"
        if not -1 <= p < self.endpoints.n:
            return f"parent[{v}] = {p} is neither a vertex (0 .. {self.endpoints.n - 1}) nor -1"
        if p == -1:
            return f"dist[{v}] = {x!s}, but parent[{v}] = -1 (an unreached vertex has dist inf)"
        return f"dist[{v}] = inf, but parent[{v}] = {p} (an unreached vertex has parent -1)"

    def _tree_detail(self, v: int) -> str:
        end = self.ancestors.end(v)
        p = self.parent_of(end)
        if not 0 <= p < self.endpoints.n:
            given = self.endpoints.at(self.given_parent, end)
            return f"its parents lead to {end}, whose parent is {given}"
        cycle = [str(end), str(p)]
        while p != end and len(cycle) < 6:
            p = self.parent_of(p)
            cycle.append(str(p))
        if p != end:
            cycle.append("...")
        return f"its parents run into the cycle {' -> '.join(cycle)}"


def checked_answer(
    endpoints: Endpoints, root: int, dist: np.ndarray, parent: np.ndarray
) -> tuple[int, np.ndarray, np.ndarray]:
    """Return the answer as an int and two plain arrays, or raise GraphError for what they are.

    Their values are not looked at: wrong ones are what validation reports.
    """
    number = as_integer(root)
    if number is None:
        raise GraphError(f"the root must be an integer, got {root!r}")
    if not 0 <= number < endpoints.n:
        raise GraphError(f"root {number} is not a vertex; the graph's are 0 .. {endpoints.n - 1}")
    dist, parent = plain_array("dist", dist), plain_array("parent", parent)
    if dist.dtype.kind != "f" or dist.dtype.itemsize not in (4, 8):
        raise GraphError(
            f"dist must be float32 or float64 (inf where unreached), got dtype {dist.dtype}"
        )
    if parent.dtype.kind not in "iu":
        raise GraphError(
            f"parent must hold integers (-1 where unreached), got dtype {parent.dtype}"
        )
    return number, _as_row("dist", dist, endpoints), _as_row("parent", parent, endpoints)


def _as_row(name: str, array: np.ndarray, endpoints: Endpoints) -> np.ndarray:
    """Return the array without gaps."""
    if array.shape != (endpoints.count,):
        holder = (
            "the graph has" if endpoints.count == endpoints.n else f"rank {endpoints.rank} owns"
        )
        raise GraphError(
            f"{name} has shape {array.shape}; {holder} {endpoints.count} vertices, "
            f"so it must be ({endpoints.count},)"
        )
    return np.ascontiguousarray(array)


def as_int64(parent: Any, n: int) -> Any:
    """Parents in n vertices as int64, on the host or on a device; none becomes a vertex or -1."""
    if parent.dtype == np.uint64:
        parent = parent.clip(None, np.uint64(n))  # 2^64 - 1 must not turn into -1
    return parent.astype(np.int64, copy=False)


def as_sums_are(dist: Any, weight_dtype: np.dtype) -> bool:
    """Could these distances, on the host or on a device, all be sums of such weights?"""
    if dist.dtype != arithmetic_of(weight_dtype):
        return False
    if np.dtype(weight_dtype).kind == "f":
        return True
    return not bool(((dist > largest_distance(weight_dtype)) & (dist < np.inf)).any())
