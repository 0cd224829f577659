"""Validate answers from the edge list: Graph500 specification V2.0, section 8, made exact.

An answer is a root, and a distance and a parent for each vertex. A vertex is reached where its
distance is a number, neither negative nor infinite. The rules:

1. root          parent[root] = root and dist[root] = 0; a parent is a vertex or -1; no distance
                 is NaN or negative; dist is inf exactly where parent is -1.
2. tree          the parents of every vertex that has one lead to the root, and go round nowhere.
3. parent edge   the edge from each vertex's parent is in the edge list.
4. distance      dist[v] = dist[parent[v]] + weight of such an edge, exactly.
5. relaxed       no edge gives a reached vertex a smaller distance.
6. component     no edge leads from a reached vertex to an unreached one.

An undirected edge is walked both ways. Together the rules leave one possible `dist`, to the bit:
rules 2 to 4 make it the length of a path from the root, rules 5 and 6 no more than any other's.

Sums are taken in the arithmetic of the graph: float32 where the weights are float32, else float64,
where integers below 2^53 are exact. A `dist` of another dtype is compared by value: a float64
distance that is no float32 number breaks rule 4 in a float32 graph.

Only slices of the edge list are read, never the solver's rows, and several answers share a pass,
as edges may have to be made again for it. Memory beyond the answers themselves: 3 bytes a vertex
and answer, 4 where a rule is broken. An answer of other dtypes is converted: 8 bytes a vertex for
parents that are not int64, and up to 8 for distances that are not in the graph's arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from graphs.edges import EdgeList, Edges, check_edges
from harness.candidate import Arc, Candidate, Chunk, checked_answer
from kernels import validate as kernels

RULES = {1: "root", 2: "tree", 3: "parent edge", 4: "distance", 5: "relaxed", 6: "component"}

# Edges walked at once. Bounds the copies of those whose dtypes are not the usual ones.
_CHUNK = 2**22

Answer = tuple[int, np.ndarray, np.ndarray]
BrokenRules = dict[int, tuple[int, int]]  # rule: vertices that break it, the smallest of them
Arcs = dict[int, Arc]  # rule: the arc that shows it


@dataclass(frozen=True)
class Violation:
    """One broken rule: how many vertices break it, the smallest of them, and how it does."""

    rule: int
    name: str
    count: int
    first: int
    detail: str

    def __str__(self) -> str:
        vertices = "1 vertex" if self.count == 1 else f"{self.count} vertices"
        return f"rule {self.rule} ({self.name}): {vertices}, first v={self.first}: {self.detail}"


class Counts(NamedTuple):
    """What an answer traversed.

    m                   edges with an end in the root's component (directed: with a reached
                        source), parallel edges each, self loops left out (the reference's count)
    m_with_self_loops   the same with self loops (the specification's count)
    reached             vertices reached, the root included
    """

    m: int
    m_with_self_loops: int
    reached: int


@dataclass(frozen=True)
class Validation:
    """What an answer is worth: `valid` where there are no violations; counts as in `Counts`."""

    valid: bool
    m: int
    m_with_self_loops: int
    reached: int
    violations: list[Violation]


def validate(edges: Edges, answers: Iterable[Answer]) -> list[Validation]:
    """Check answers against all the rules, in one pass over the edges.

    Parameters
    ----------
    edges : Edges
        The graph as it was read or generated.
    answers : iterable of (root, dist, parent)
        dist float32 or float64 (n,), parent of any integer dtype (n,); their values may be
        anything. Unreached: inf and -1.

    Returns
    -------
    list of Validation
        In the order of the answers. A broken rule costs up to two more passes, to say how.

    Raises
    ------
    GraphError
        An answer of a wrong shape or dtype, a root that is no vertex, or edges that are none.
    """
    arithmetic = _arithmetic(edges.weight_dtype)
    candidates = [Candidate(edges.n, arithmetic, *answer) for answer in answers]
    if not candidates:
        return []
    for chunk, given in _chunks(edges):
        for candidate in candidates:
            if candidate.walk(chunk):
                _refuse(edges, given)
    _find_parent_edges(edges, candidates)
    broken = [candidate.broken_rules() for candidate in candidates]
    arcs = _find_arcs(edges, candidates, broken)
    return [
        _validation(candidate, rules, found)
        for candidate, rules, found in zip(candidates, broken, arcs, strict=True)
    ]


def count_m(edges: Edges, answers: Iterable[Answer]) -> list[Counts]:
    """Count what each answer traversed, as `validate` does, but check no rule.

    One pass over the edges; takes and raises what `validate` does.
    """
    checked = [checked_answer(edges.n, *answer) for answer in answers]
    reached = [(dist >= 0) & (dist < np.inf) for _, dist, _ in checked]
    counts = np.zeros((len(checked), 2), np.int64)
    for chunk, given in _chunks(edges) if checked else ():
        for i, marks in enumerate(reached):
            m, self_loops, faults = kernels.count_edges(chunk.src, chunk.dst, chunk.directed, marks)
            if faults:
                _refuse(edges, given)
            counts[i] += m, m + self_loops
    return [
        Counts(int(m), int(with_loops), int(np.count_nonzero(marks)))
        for (m, with_loops), marks in zip(counts, reached, strict=True)
    ]


def _arithmetic(weight_dtype: np.dtype) -> np.dtype:
    """The dtype in which a graph's sums are taken."""
    dtype = np.dtype(weight_dtype)
    return np.dtype(np.float32 if dtype.kind == "f" and dtype.itemsize <= 4 else np.float64)


def _chunks(edges: Edges) -> Iterator[tuple[Chunk, EdgeList]]:
    """Walk through the slices in pieces, each with the slice it comes from."""
    arithmetic = _arithmetic(edges.weight_dtype)
    usual = np.dtype(np.int64), np.dtype(np.int64), arithmetic
    for given in edges.slices():
        arrays = given.src, given.dst, given.weight
        if tuple(a.dtype for a in arrays) != usual or len({len(a) for a in arrays}) != 1:
            check_edges(given)
        for start in range(0, given.m, _CHUNK):
            src, dst, weight = (
                np.ascontiguousarray(array[start : start + _CHUNK], dtype)
                for array, dtype in zip(arrays, usual, strict=True)
            )
            yield Chunk(src, dst, weight, edges.directed), given


def _refuse(edges: Edges, given: EdgeList) -> None:
    """Raise GraphError for the first of a slice's edges that is none."""
    check_edges(replace(given, n=edges.n))


def _find_parent_edges(edges: Edges, candidates: list[Candidate]) -> None:
    """Mark parent edges that are not tight, in one more pass where there is one to look for."""
    loose = [candidate for candidate in candidates if 3 in candidate.broken_rules()]
    for chunk, _ in _chunks(edges) if loose else ():
        for candidate in loose:
            candidate.walk_parents(chunk)


def _find_arcs(edges: Edges, candidates: list[Candidate], broken: list[BrokenRules]) -> list[Arcs]:
    """For each answer and rule that edges have broken, the arc that shows it, in one more pass."""
    wanted = [
        (i, rule, first)
        for i, rules in enumerate(broken)
        for rule, (_, first) in rules.items()
        if rule >= 4
    ]
    arcs: list[Arcs] = [{} for _ in candidates]
    for chunk, _ in _chunks(edges) if wanted else ():
        for i, rule, v in wanted:
            tail = candidates[i].parent[v] if rule == 4 else None
            arc = candidates[i].best_arc(chunk, v, tail)
            if arc is not None:
                arcs[i][rule] = min(arc, arcs[i].get(rule, arc))
    return arcs


def _validation(candidate: Candidate, broken: BrokenRules, arcs: Arcs) -> Validation:
    violations = [
        Violation(rule, RULES[rule], count, first, candidate.detail(rule, first, arcs.get(rule)))
        for rule, (count, first) in broken.items()
    ]
    return Validation(
        valid=not violations,
        m=candidate.m,
        m_with_self_loops=candidate.m + candidate.self_loops,
        reached=int(candidate.reached),
        violations=violations,
    )
