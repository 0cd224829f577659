"""Shared: what validation finds in one answer, in one process and among ranks."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from oracle import dijkstra
from ranks import on_ranks

from graphs.edges import EdgeList
from graphs.partition import Partition, part_of
from harness.validation.host import Answer, Validator, validate
from harness.validation.verdict import RULES, Counts, Validation
from sssp import Solver
from sssp.engine import Answer as Found


def verdict(edges: EdgeList, root: int, dist, parent) -> Validation:
    """Validate one answer; a plain list of distances takes the dtype of the weights."""
    if isinstance(dist, list):
        dist = np.array(dist, edges.weight_dtype if edges.weight_dtype.kind == "f" else float)
    [found] = verdicts(edges, [(root, dist, np.asarray(parent))])
    return found


def verdicts(edges: EdgeList, answers: list[Answer]) -> list[Validation]:
    """Validate several answers together, in one process and among ranks."""
    all_found = validate(edges, answers)
    for found in all_found:
        assert found.valid == (not found.violations)
        assert all(violation.name == RULES[violation.rule] for violation in found.violations)
    size = 2 + edges.m % 2  # more of them in tests/ranks/test_validation_ranks.py
    assert among_ranks(size, edges, answers) == [(all_found, counted(all_found))] * size
    return all_found


def assert_right(
    solver: Solver,
    edges: EdgeList,
    roots: Iterable[int],
    judged: Callable[[EdgeList, list[Answer]], list[Validation]] = verdicts,
) -> None:
    """From each root the solver has the right answer: see `assert_answers`."""
    found = ((root, solver.search(root)) for root in roots)
    assert_answers(edges, [(root, one.dist, one.parent) for root, one in found], judged)


def assert_answers(
    edges: EdgeList,
    answers: list[Answer],
    judged: Callable[[EdgeList, list[Answer]], list[Validation]] = validate,
) -> None:
    """These have the distances of the oracle, to the bit, and parents that pass the validation."""
    for root, dist, _ in answers:
        expected, _ = dijkstra(edges, root)
        assert dist.dtype == expected.dtype
        assert np.array_equal(dist, expected), root
    for (root, *_), found in zip(answers, judged(edges, answers), strict=True):
        assert found.valid, (root, found.violations)


def joined(roots: Iterable[int], by_rank: list[list[Found]]) -> list[Answer]:
    """The answers of the whole graph from those of ranks, one of each rank for each root."""
    return [
        (root, np.concatenate([a.dist for a in found]), np.concatenate([a.parent for a in found]))
        for root, found in zip(roots, zip(*by_rank, strict=True), strict=True)
    ]


def among_ranks(
    size: int, edges: EdgeList, answers: list[Answer]
) -> list[tuple[list[Validation], list[Counts]]]:
    """Validate answers on `size` ranks, and count; return what each of them gets."""

    def work(comm) -> tuple[list[Validation], list[Counts]]:
        validator = Validator(part_of(edges, comm.rank, size), comm)
        own = [own_block(answer, comm.rank, size) for answer in answers]
        return validator.validate(own), validator.count_m(own)

    return on_ranks(size, work)


def spoilt_answers(edges: EdgeList, root: int) -> list[Answer]:
    """A right answer and wrong ones: of each rule, in rank after rank."""
    dist, parent = dijkstra(edges, root)
    answers = [(root, dist, parent)]
    for shift in (1, edges.n // 2, edges.n - 1):
        answers.append((root, dist, np.roll(parent, shift)))
        answers.append((root, np.roll(dist, shift), parent))
    farthest = int(np.argmax(np.where(np.isinf(dist), -1, dist)))
    for value in (np.nan, np.inf, -1, dist[farthest] * 2, dist[farthest] / 2):
        wrong = dist.copy()
        wrong[farthest] = value
        answers.append((root, wrong, parent))
    return answers


def own_block(answer: Answer, rank: int, size: int) -> Answer:
    """A rank's block of an answer."""
    root, dist, parent = answer
    partition = Partition(len(dist), size)
    block = slice(partition.first(rank), partition.first(rank + 1))
    return root, dist[block], parent[block]


def counted(found: list[Validation]) -> list[Counts]:
    """What `count_m` has to say where validation says this."""
    return [Counts(v.m, v.m_with_self_loops, v.reached) for v in found]


def broken(edges: EdgeList, root: int, dist, parent) -> set[str]:
    """The names of the broken rules."""
    return {violation.name for violation in verdict(edges, root, dist, parent).violations}


def said(edges: EdgeList, root: int, dist, parent) -> list[str]:
    """The broken rules as a user reads them."""
    return [str(violation) for violation in verdict(edges, root, dist, parent).violations]
