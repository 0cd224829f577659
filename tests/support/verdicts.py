"""Shared: what validation finds in one answer, in one process and among ranks."""

from __future__ import annotations

import numpy as np
from ranks import on_ranks

from graphs.edges import EdgeList
from graphs.partition import Partition, part_of
from harness.validation.host import Answer, Validator, validate
from harness.validation.verdict import RULES, Counts, Validation


def verdict(edges: EdgeList, root: int, dist, parent) -> Validation:
    """Validate one answer; a plain list of distances takes the dtype of the weights."""
    if isinstance(dist, list):
        dist = np.array(dist, edges.weight_dtype if edges.weight_dtype.kind == "f" else float)
    answer = root, dist, np.asarray(parent)
    [found] = validate(edges, [answer])
    assert found.valid == (not found.violations)
    assert all(violation.name == RULES[violation.rule] for violation in found.violations)
    size = 2 + edges.m % 5
    assert among_ranks(size, edges, [answer]) == [([found], counted([found]))] * size
    return found


def among_ranks(
    size: int, edges: EdgeList, answers: list[Answer]
) -> list[tuple[list[Validation], list[Counts]]]:
    """Validate answers on `size` ranks, and count; return what each of them gets."""

    def work(comm) -> tuple[list[Validation], list[Counts]]:
        validator = Validator(part_of(edges, comm.rank, size), comm)
        own = [own_block(answer, comm.rank, size) for answer in answers]
        return validator.validate(own), validator.count_m(own)

    return on_ranks(size, work)


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
