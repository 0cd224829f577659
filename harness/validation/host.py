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
where integers below 2^53 are exact; a larger distance of theirs breaks rule 4. A `dist` of another
dtype is compared by value: a float64 distance that float32 does not hold breaks rule 4 in a float32
graph.

Only slices of the edge list are read, never the solver's rows, and several answers share a pass,
as edges may have to be made again for it. Memory beyond the answers themselves: 3 bytes a vertex
and answer, 4 where a rule is broken. An answer of other dtypes is converted: 8 bytes a vertex for
parents that are not int64, and up to 8 for distances that are not in the graph's arithmetic.

Among ranks each has a part of the edges and a block of the answer; the walks are the same, over
what the owners of the ends of its edges send (harness/validation/endpoints.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from graphs.edges import Edges
from harness.validation.answer_check import AnswerCheck, Arc, EdgeView, checked_answer
from harness.validation.chunks import Chunk, chunks_of, refuse
from harness.validation.endpoints import Comm, Endpoints, RankEndpoints
from harness.validation.verdict import RULES, Counts, Validation, Violation
from kernels import validate as kernels

Answer = tuple[int, np.ndarray, np.ndarray]
BrokenRules = dict[int, tuple[int, int]]  # rule: vertices that break it, the smallest of them
Arcs = dict[int, Arc]  # rule: the arc that shows it


def validate(edges: Edges, answers: Iterable[Answer], comm: Comm | None = None) -> list[Validation]:
    """Check answers as `Validator` does, to a graph that no more are expected of."""
    return Validator(edges, comm).validate(answers)


def count_m(edges: Edges, answers: Iterable[Answer], comm: Comm | None = None) -> list[Counts]:
    """Count as `Validator` does, in a graph of which no more answers are expected."""
    return Validator(edges, comm).count_m(answers)


class Validator:
    """Validates answers to one graph.

    Several Python threads may use one; where they share arrays, these must not change meanwhile.
    Under ranks all calls are collective, and every rank gets the verdict on whole answers: each
    gives its part of the edges, and of each answer the block of vertices that it owns.

    Parameters
    ----------
    edges : Edges
        The graph as it was read or generated, or this rank's part of it: ids and n are the graph's.
    comm : Comm, optional
        The ranks that have the rest; nobody where it is left out.
    endpoints : Endpoints, optional
        What `comm` leads to otherwise.
    """

    def __init__(self, edges: Edges, comm: Comm | None = None, endpoints: Endpoints | None = None):
        self.edges = edges
        if endpoints is None:
            endpoints = (
                Endpoints(edges.n)
                if comm is None or comm.size == 1
                else RankEndpoints(edges.n, comm)
            )
        self.endpoints = endpoints

    def validate(self, answers: Iterable[Answer]) -> list[Validation]:
        """Check answers against all the rules, in one pass over the edges.

        Parameters
        ----------
        answers : iterable of (root, dist, parent)
            dist float32 or float64 (n,), parent of any integer dtype (n,); their values may be
            anything. Unreached: inf and -1. From a rank: those of the vertices it owns.

        Returns
        -------
        list of Validation
            In the order of the answers. A broken rule costs up to two more passes, to say how.

        Raises
        ------
        GraphError
            An answer of a wrong shape or dtype, a root that is not a vertex, or a faulty edge: on
            all ranks, if on one.
        EngineError
            This process was forked from one that had run parallel kernels.
        """
        answers = list(answers)  # whatever makes them may need the threads, too
        with kernels.using(turns=self.endpoints.is_serial):
            return self._validate(answers)

    def _validate(self, answers: list[Answer]) -> list[Validation]:
        weights = self.edges.weight_dtype
        checks = self.endpoints.together(
            lambda: [AnswerCheck(self.endpoints, weights, *answer) for answer in answers]
        )
        if not checks:
            return []
        self.endpoints.read(self.edges)
        views = [check.view() for check in checks]
        self._walk(lambda chunk: sum(view.walk(chunk) for view in views))
        for check, view in zip(checks, views, strict=True):
            check.take(view)
        broken = self._find_parent_edges(checks, views)
        arcs = self._find_arcs(checks, views, broken)
        counts = self.endpoints.allreduce_sum(
            [(s.m, s.self_loops, c.reached) for s, c in zip(views, checks, strict=True)]
        )
        return [
            _validation(check, rules, found, Counts(m, m + self_loops, reached))
            for check, rules, found, (m, self_loops, reached) in zip(
                checks, broken, arcs, counts, strict=True
            )
        ]

    def count_m(self, answers: Iterable[Answer]) -> list[Counts]:
        """Count what each answer traversed, as `validate` does, but check no rule.

        One pass over the edges; takes and raises what `validate` does.
        """
        answers = list(answers)
        with kernels.using(turns=self.endpoints.is_serial):
            return self._count_m(answers)

    def _count_m(self, answers: list[Answer]) -> list[Counts]:
        dists = self.endpoints.together(
            lambda: [checked_answer(self.endpoints, *answer)[1] for answer in answers]
        )
        if not dists:
            return []
        own = [(dist >= 0) & (dist < np.inf) for dist in dists]
        counts = np.array([(0, 0, np.count_nonzero(reached)) for reached in own], np.int64)
        self.endpoints.read(self.edges)
        marks = [self.endpoints.fetch(reached) for reached in own]

        def count(chunk: Chunk) -> int:
            found = [kernels.count_edges(*chunk[:2], chunk.directed, reached) for reached in marks]
            counts[:, :2] += np.array(found)[:, :2]
            return found[0][2]

        self._walk(count)
        return [
            Counts(m, m + self_loops, reached)
            for m, self_loops, reached in self.endpoints.allreduce_sum(counts)
        ]

    def _walk(self, step: Callable[[Chunk], int]) -> None:
        """Take a step on each chunk, ends as indices; it returns how many of the edges are none."""

        def walk() -> None:
            for chunk, given in chunks_of(self.edges, self.endpoints.chunk_edges):
                if step(self.endpoints.local(chunk)):
                    refuse(self.edges, given)

        self.endpoints.together(walk)

    def _broken_rules(self, checks: list[AnswerCheck]) -> list[BrokenRules]:
        """Vertices that break each broken rule, and the smallest of them, by what is marked."""
        faults = self.endpoints.allgather(np.stack([check.faults() for check in checks]))
        counts = np.sum([found[:, :, 0] for found in faults], axis=0).tolist()
        firsts = np.min([found[:, :, 1] for found in faults], axis=0).tolist()
        return [
            {rule: (c, v) for rule, (c, v) in enumerate(zip(*pair, strict=True), 1) if c}
            for pair in zip(counts, firsts, strict=True)
        ]

    def _find_parent_edges(
        self, checks: list[AnswerCheck], views: list[EdgeView]
    ) -> list[BrokenRules]:
        """Say which rules are broken, once parent edges that are not tight were looked for."""
        broken = self._broken_rules(checks)
        loose = [i for i, rules in enumerate(broken) if 3 in rules]
        if not loose:
            return broken
        self._walk(lambda chunk: sum(views[i].walk_parents(chunk) for i in loose))
        for i in loose:
            checks[i].take_seen(views[i])
        return self._broken_rules(checks)

    def _find_arcs(
        self, checks: list[AnswerCheck], views: list[EdgeView], broken: list[BrokenRules]
    ) -> list[Arcs]:
        """For each answer and rule that edges have broken, the arc that shows it, in one pass."""
        wanted = [
            (i, rule, first, checks[i].parent_of(first) if rule == 4 else None)
            for i, rules in enumerate(broken)
            for rule, (_, first) in rules.items()
            if rule >= 4
        ]
        arcs: list[Arcs] = [{} for _ in checks]
        for chunk, _ in chunks_of(self.edges, self.endpoints.chunk_edges) if wanted else ():
            for i, rule, v, tail in wanted:
                _keep_least(arcs[i], rule, views[i].best_arc(chunk, v, tail, self.endpoints.index))
        merged: list[Arcs] = [{} for _ in checks]
        for of_rank in self.endpoints.allgather(arcs):
            for i, rule, _, _ in wanted:
                _keep_least(merged[i], rule, of_rank[i].get(rule))
        return merged


def _keep_least(arcs: Arcs, rule: int, arc: Arc | None) -> None:
    if arc is not None:
        arcs[rule] = min(arc, arcs.get(rule, arc))


def _validation(check: AnswerCheck, broken: BrokenRules, arcs: Arcs, counts: Counts) -> Validation:
    violations = [
        Violation(rule, RULES[rule], count, first, check.detail(rule, first, arcs.get(rule)))
        for rule, (count, first) in broken.items()
    ]
    return Validation(not violations, *counts, violations)
