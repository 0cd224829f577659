"""Arcs: the arrays of a CSR matrix, checked, as kernels read them; and one search on them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphs.arguments import as_integer
from graphs.errors import GraphError
from kernels import arcs as check
from kernels import direct, near_far
from kernels.threads import check_threads_run
from sssp.arc_types import column, types_of

EXACT = 2.0**53
# Ids and places of fewer than this are int32.
MOST_IDS = 2**31 - 1
_NONE = np.empty(0, np.int32)


class Arcs:
    """The arrays of a CSR matrix, checked: what a search reads.

    Parameters
    ----------
    indptr : int32 or int64 (n + 1,)
    indices : int32 or int64 (m,)
        Row i holds arcs from i to indices[indptr[i]:indptr[i + 1]], in any order. Self loops and
        parallel arcs are allowed.
    weights : (m,)
        At least 0, finite; of any real type.
    check_later : bool
        Check bounds and entries with the first search, which then reads them once.

    Raises
    ------
    GraphError
        The arrays do not fit each other, an index is not a vertex, or a weight is not allowed.
    EngineError
        NUMBA_DISABLE_JIT is set.
    """

    def __init__(self, indptr: Any, indices: Any, weights: Any, check_later: bool = False):
        check_threads_run(1)
        indptr, indices = column("indptr", indptr), column("indices", indices)
        weights = column("weights", weights)
        types = types_of(indptr.dtype, indices.dtype, weights.dtype)
        if not 1 <= len(indptr) - 1 < MOST_IDS:
            raise GraphError(f"a graph has 1 to 2^31 - 2 vertices, got {len(indptr) - 1}")
        self.n = len(indptr) - 1
        self.dtype, self.integers = types.dist, types.integers
        self.matrix = direct.Matrix(
            np.asarray(indptr, types.ids, order="C"),
            np.asarray(indices, types.ids, order="C"),
            np.asarray(weights, types.weights, order="C"),
        )
        self._large, self._most, self._has_large = types.large, types.most, False
        self.m = int(self.matrix.indptr[-1])  # any number before they are checked
        self._checked = False
        if not check_later:
            self.check()

    def check(self) -> None:
        """Check what has not been checked; raises as the constructor does."""
        if not (self._checked or check.is_graph(self.matrix, self._most)):
            self._check_one_by_one()
        self._checked = True

    def _check_one_by_one(self) -> None:
        """Find what is wrong, or the weight that is large."""
        self.m = self._checked_bounds()
        self._check_indices(self.matrix.indices[: self.m])
        self._has_large = self._largest(self.matrix.weights[: self.m]) >= self._large
        if self._has_large:
            self._most = np.finfo(self.matrix.weights.dtype).max

    def _checked_bounds(self) -> int:
        """How many entries there are; refuse bounds of rows that do not rise from 0."""
        indptr, indices, weights = self.matrix
        entries = min(len(indices), len(weights))
        rising = bool((indptr[1:] >= indptr[:-1]).all())
        if not (indptr[0] == 0 and indptr[-1] <= entries and rising):
            raise GraphError(
                "the matrix's arrays do not fit each other: indptr must rise from 0 to at most "
                f"{entries}, the entries that there are"
            )
        return int(indptr[-1])

    def _check_indices(self, indices: np.ndarray) -> None:
        """Refuse what is not a vertex; below 0 as unsigned it is beyond all of them."""
        if len(indices) and int(indices.view(f"u{indices.itemsize}").max()) >= self.n:
            first = indices[(indices < 0) | (indices >= self.n)][0]
            raise GraphError(
                f"the matrix's arrays do not fit each other: index {first} is not a vertex; "
                f"ids are 0..{self.n - 1}"
            )

    @staticmethod
    def _largest(weights: np.ndarray) -> float:
        """The largest weight; refuse those that are not allowed."""
        if len(weights) == 0:
            return 0.0
        largest = float(weights.max())  # NaN if one is
        if weights.min() >= 0 and largest < np.inf:
            return largest
        first = int(np.flatnonzero(~((weights >= 0) & (weights < np.inf)))[0])
        raise GraphError(
            f"entry {first}: weight {weights[first]} is not allowed; "
            "weights must be finite and >= 0"
        )

    def both_ways(self) -> Arcs:
        """The arcs, and each turned round; the same where that is what they are already."""
        self.check()
        at = np.empty(self.n, np.int64)
        if check.is_symmetric(self.matrix, at):
            return self
        m = 2 * self.m
        ids = np.int32 if m < MOST_IDS else np.int64
        indptr, indices = np.empty(self.n + 1, ids), np.empty(m, ids)
        twice = direct.Matrix(indptr, indices, np.empty(m, self.matrix.weights.dtype))
        check.put_both_ways(self.matrix, at, twice)
        return self._with(twice, m=m)

    def unweighted(self) -> Arcs:
        """The arcs with weights of 1.0."""
        self.check()
        ones = np.ones(len(self.matrix.indices))
        return self._with(
            self.matrix._replace(weights=ones), dtype=ones.dtype, integers=False,
            _has_large=False, _most=np.float64(1),
        )  # fmt: skip

    def _with(self, matrix: direct.Matrix, **changed: Any) -> Arcs:
        other = object.__new__(Arcs)
        other.__dict__.update(self.__dict__, matrix=matrix, **changed)
        return other

    def vertex(self, name: str, value: Any) -> int:
        """A vertex as an int; raises GraphError for what is none."""
        number = as_integer(value)
        if number is None:
            raise GraphError(f"{name}={value!r} is not an integer")
        if not 0 <= number < self.n:
            raise GraphError(f"{name}={number} is not a vertex; ids are 0..{self.n - 1}")
        return number

    def roots(self, values: Any) -> np.ndarray:
        """Vertices as int64 (k,), one as int64 (); raises GraphError for what is none."""
        found = np.asarray(values)
        if found.ndim == 0:
            return np.array(self.vertex("root", values), np.int64)
        if found.ndim != 1 or (len(found) and found.dtype.kind not in "iu"):
            raise GraphError(f"root={values!r} is not an integer, nor a list of them")
        roots = found.astype(np.int64)
        # Below 0 as unsigned they are beyond all vertices, as those beyond int64 are below 0.
        if len(roots) and np.maximum.reduce(roots.view(np.uint64)) >= self.n:
            self.vertex("root", found[(found < 0) | (found >= self.n)][0])
        return roots

    def search(
        self, sources: np.ndarray, limit: float, target: int, with_source: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Search from the nearest of checked sources; the arrays of the answer, see `search`."""
        n = self.n
        dist, parent = np.empty(n, self.dtype), np.empty(n, np.int32)
        source = np.empty(n, np.int32) if with_source else _NONE
        found, queue = direct.Tree(dist, parent, source), near_far.queue(n, self.m, self.dtype)
        farthest = self._run(direct.search, sources, limit, target, queue, found)
        self._finish(found, farthest, limit, target)
        return dist, parent, source

    def search_each(
        self, sources: np.ndarray, limit: float, target: int, dist: np.ndarray, parent: np.ndarray
    ) -> None:
        """Search from each of checked sources, and write a row of (k, n) arrays for it."""
        queue = near_far.queue(self.n, self.m, self.dtype)
        found = direct.Tree(dist, parent, _NONE)
        if len(sources) == 0:
            self.check()
        farthest = self._run(direct.search_each, sources, limit, target, queue, found)
        if target >= 0 or not self._surely_in_range(farthest):
            for one in zip(dist, parent, strict=True):
                self._finish(direct.Tree(*one, _NONE), farthest, limit, target)

    def _run(
        self, function: Any, sources: np.ndarray, limit: float, target: int,
        queue: near_far.Queue, found: direct.Tree,
    ) -> float:  # fmt: skip
        """Run a kernel of kernels.direct; refuse what it finds to be no graph."""
        ids, weights = self.matrix.indices.dtype, self.matrix.weights.dtype
        run = direct.entry(function, ids, weights, found.dist.dtype)
        for _ in range(2):
            farthest = run(
                self.matrix, sources, limit, target, self._most, self._checked, queue, found
            )
            if farthest != direct.WRONG:
                self._checked = True
                return farthest
            self._check_one_by_one()  # returns where a weight is large: then it is allowed
        raise GraphError("the matrix has changed while it was searched; search it again")

    def _finish(self, found: direct.Tree, farthest: float, limit: float, target: int) -> None:
        """Take back what is beyond the target, and refuse what the type does not hold."""
        if target >= 0:
            dist, parent, source = found
            beyond = dist > dist[target]
            dist[beyond] = np.inf
            parent[beyond] = -1
            if len(source):
                source[beyond] = -1
            limit = limit if np.isinf(dist[target]) else 0.0
        self._check_range(farthest, found.dist, limit)

    def looked_at(self, dist: np.ndarray) -> int:
        """How many arcs lead from what is reached."""
        reached = dist < np.inf
        return self.m if reached.all() else int(np.diff(self.matrix.indptr)[reached].sum())

    def _surely_in_range(self, farthest: float) -> bool:
        return farthest < (EXACT if self.integers else self._large) and not self._has_large

    def _check_range(self, farthest: float, dist: np.ndarray, limit: float) -> None:
        """Refuse distances that their type does not hold: inexact integers, infinite sums."""
        if self._surely_in_range(farthest):
            return
        if farthest >= (EXACT if self.integers else self._large):
            farthest = float(dist[dist < np.inf].max())
        if self.integers and farthest >= EXACT:
            raise GraphError(
                f"a distance is at or beyond 2^53 (about {farthest:.6g}), where float64 does "
                "not hold every integer; scale the weights down"
            )
        if limit < math.inf or (farthest < self._large and not self._has_large):
            return
        reached = np.repeat(dist < np.inf, np.diff(self.matrix.indptr))
        used = self.matrix.indices[: len(reached)]
        if np.any(reached & np.isinf(dist[used])):
            raise GraphError(
                f"a distance is beyond the range of {self.dtype}: the largest weight is "
                f"{self.matrix.weights[: len(used)].max():g}; scale the weights down"
            )
