"""The rows a search walks: a graph as kernel 1 leaves it, whole or one rank's part of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NotRequired, Self, TypedDict

import numpy as np

from graphs.forest import Forest
from graphs.halo import Halo
from graphs.layout import Layout
from kernels.groups import Rows

ARC_DTYPES = {
    "float32": np.dtype([("adj", "<i4"), ("weight", "<f4")]),
    "uint32": np.dtype([("adj", "<i4"), ("weight", "<u4")]),
    "float64": np.dtype([("adj", "<i8"), ("weight", "<f8")]),
}


@dataclass(frozen=True)
class GraphStats:
    """What the whole graph is like; the same on every rank.

    n              vertices
    arcs           arcs kept: two for an undirected edge
    reachable      vertices with arcs; all of them where there are no hubs
    directed       False: `CSR.incoming` is `CSR.out`
    weight_dtype   dtype of the weights as handed in
    max_weight     largest weight
    sample         weights of arcs spread evenly over the graph
    hubs           a few vertices hold most of the arcs
    long_rows      the average row is long enough for stopping early in it
    levels         of a breadth-first search from the longest row to LEVEL_VERTICES vertices
    """

    n: int
    arcs: int
    reachable: int
    directed: bool
    weight_dtype: np.dtype
    max_weight: float
    sample: np.ndarray
    hubs: bool
    long_rows: bool
    levels: int


class PresolveFacts(TypedDict):
    """What presolve has done, as `solver.presolve` of a result file; results/schema.json says more.

    Without what was taken off where dropping does not pay: then all edges stay, and hub is None.
    """

    hub: int | None
    light_below: float | None
    rounds: int
    slack: float | None
    kept_edges: int
    bounds: str
    seconds: dict[str, float]
    core: NotRequired[int]
    core_arcs: NotRequired[int]
    leaves: NotRequired[int]


@dataclass(frozen=True)
class CSR:
    """A graph as kernel 1 leaves it; under several ranks, the part of one of them.

    out         rows of outgoing arcs, by label; other ranks' vertices have none
    incoming    rows of incoming arcs, by label; None for a directed graph of short rows without
                hubs, whose search never pulls
    kind        arithmetic of the distances: "float32", "float64", or "uint32" for integers
    layout      which labels are what
    halo        which ranks see what; None for one process
    stats       what the whole graph is like
    first       original id of the first own vertex
    local_id    int32 (n,)          label of each own vertex
    global_id   int (labels + 1,)   original id of each label; -1 after the last
    degree_positive   bool (n,), original order: has an arc to leave by, and so may be a search key
    forest      trees that are not in the rows but for the way to them (graphs.trees); None: no such
    presolved   what was dropped (graphs.presolve); None: nothing
    """

    out: Rows
    incoming: Rows | None
    kind: str
    layout: Layout
    halo: Halo | None
    stats: GraphStats
    first: int
    local_id: np.ndarray
    global_id: np.ndarray
    degree_positive: np.ndarray
    forest: Forest | None = field(default=None, kw_only=True)
    presolved: PresolveFacts | None = field(default=None, kw_only=True)

    @property
    def n(self) -> int:
        """Own vertices."""
        return len(self.local_id)

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
        arrays = [self.local_id, self.global_id] + [a for r in rows for a in (r.indptr, r.arcs)]
        if self.forest is not None:
            arrays.append(self.forest.leaf_weight)
        return sum(a.nbytes for a in arrays) + (self.halo.nbytes if self.halo else 0)

    @property
    def limit(self) -> float:
        """The first sum that is beyond the range of the distances."""
        return 2**32 - 1 if self.kind == "uint32" else float(np.finfo(self.kind).max)

    @cached_property
    def never_overflows(self) -> bool:
        """No path, however long, can be beyond that range."""
        return self.stats.max_weight * (self.stats.n - 1) < self.limit

    def as_float64(self) -> Self:
        """The same graph with its distances in float64."""
        out = self._widened(self.out)
        incoming = self.incoming
        if incoming is not None:
            incoming = out if incoming is self.out else self._widened(incoming)
        forest = self.forest
        if forest is not None:
            forest = replace(forest, leaf_weight=forest.leaf_weight.astype(np.float64))
        return replace(self, kind="float64", out=out, incoming=incoming, forest=forest)

    def _widened(self, rows: Rows) -> Rows:
        """The same rows with weights in float64."""
        arcs = np.empty(len(rows.arcs), ARC_DTYPES["float64"])
        arcs["adj"] = rows.arcs["adj"]
        arcs["weight"] = rows.arcs["weight"]
        return Rows(rows.indptr, arcs)
