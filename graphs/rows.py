"""The rows a search walks: a graph as kernel 1 leaves it, whole or one rank's part of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from graphs.halo import Halo
from kernels.groups import Rows

ARC_DTYPES = {
    "float32": np.dtype([("adj", "<i4"), ("weight", "<f4")]),
    "uint32": np.dtype([("adj", "<i4"), ("weight", "<u4")]),
    "float64": np.dtype([("adj", "<i8"), ("weight", "<f8")]),
}


@dataclass(frozen=True)
class CSR:
    """A graph as kernel 1 leaves it; under several ranks, the part of one of them.

    Labels are, in this order: own vertices with rows to push, ghosts (graphs.halo), own leaves,
    ghosts that are leaves, own vertices without arcs. One process has no ghosts. Ranks that label
    together (graphs.labels) have the first two of each rank, then the next two of each, then the
    last.

    n              own vertices
    first          original id of the first of them
    directed       False: `incoming` is `out`
    kind           arithmetic of the distances: "float32", "float64", or "uint32" for integers
    weight_dtype   dtype of the weights as handed in
    out            rows of outgoing arcs, by label; other ranks' vertices have none
    incoming       rows of incoming arcs, by label; None for a directed graph of short rows
                   without hubs, whose search never pulls
    label          int32 (n,)            label of each own vertex
    original       int (labels + 1,)     original id of each label; -1 after the last
    rows_from, rows_to             own vertices with rows to push
    ghosts_to      ghosts that are no leaves, [rows_to, ghosts_to)
    plain          labels from here on have one single arc, or none
    leaves_from, leaves_to         own leaves
    ghost_leaves_to                ghosts that are leaves, [leaves_to, ghost_leaves_to)
    reachable      labels from here on have no arcs at all
    isolated_from  the first own vertex without arcs
    hubs           a few vertices hold most of the arcs
    long_rows      the average row is long enough for stopping early in it
    levels         of a breadth-first search from the longest row to LEVEL_VERTICES vertices
    heaviest       largest weight of the whole graph
    degree_positive   bool (n,), original order: has an arc to leave by, and so may be a search key
    sample         weights of arcs spread evenly over the whole graph
    graph_n, graph_arcs, graph_reachable   vertices, arcs kept, vertices with arcs: the whole graph
    halo           None for one process
    """

    n: int
    first: int
    directed: bool
    kind: str
    weight_dtype: np.dtype
    out: Rows
    incoming: Rows | None
    label: np.ndarray
    original: np.ndarray
    rows_from: int
    rows_to: int
    ghosts_to: int
    plain: int
    leaves_from: int
    leaves_to: int
    ghost_leaves_to: int
    reachable: int
    isolated_from: int
    hubs: bool
    long_rows: bool
    levels: int
    heaviest: float
    degree_positive: np.ndarray
    sample: np.ndarray
    graph_n: int
    graph_arcs: int
    graph_reachable: int
    halo: Halo | None = None

    @property
    def labels(self) -> int:
        """Labels: own vertices and ghosts, and those of the ranks that label with this one."""
        return len(self.out.indptr) - 1

    @property
    def own(self) -> tuple[int, int]:
        """The own vertices with rows to push: first label, and the one after the last."""
        return self.rows_from, self.rows_to

    @property
    def segments(self) -> list[tuple[int, int]]:
        """Labels of own vertices with arcs, and of ghosts: the first and the end of each range."""
        if self.ghosts_to == self.leaves_from:
            return [(self.rows_from, self.ghost_leaves_to)]
        return [(self.rows_from, self.ghosts_to), (self.leaves_from, self.ghost_leaves_to)]

    @property
    def indptr(self) -> np.ndarray:
        """int64 (labels + 1,): bounds of the outgoing rows."""
        return self.out.indptr

    @property
    def adj(self) -> np.ndarray:
        """int32 (arcs,): neighbours, labels; int64 beside float64 weights."""
        return self.out.adj

    @property
    def weight(self) -> np.ndarray:
        """(arcs,): weights, ascending within a row."""
        return self.out.weight

    @property
    def arcs(self) -> int:
        """Arcs kept: two for an undirected edge."""
        return len(self.out.arcs)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        rows = [self.out]
        if self.incoming is not None and self.incoming is not self.out:
            rows.append(self.incoming)
        arrays = [self.label, self.original] + [a for r in rows for a in (r.indptr, r.arcs)]
        return sum(a.nbytes for a in arrays) + (self.halo.nbytes if self.halo else 0)

    @property
    def limit(self) -> float:
        """The first sum that is beyond the range of the distances."""
        return 2**32 - 1 if self.kind == "uint32" else float(np.finfo(self.kind).max)

    @property
    def never_overflows(self) -> bool:
        """No path, however long, can be beyond that range."""
        return self.heaviest * (self.graph_n - 1) < self.limit

    def as_float64(self) -> CSR:
        """The same graph with its distances in float64."""

        def widen(rows: Rows) -> Rows:
            arcs = np.empty(len(rows.arcs), ARC_DTYPES["float64"])
            arcs["adj"] = rows.arcs["adj"]
            arcs["weight"] = rows.arcs["weight"]
            return Rows(rows.indptr, arcs)

        out = widen(self.out)
        incoming = self.incoming
        if incoming is not None:
            incoming = out if incoming is self.out else widen(incoming)
        return replace(self, kind="float64", out=out, incoming=incoming)
