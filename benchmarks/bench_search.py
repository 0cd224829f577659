"""Whole searches beside SciPy's: the same roots, distances and predecessors from both.

In one after another, not in turn: `sssp peers` is the comparison to quote.
"""

from __future__ import annotations

from functools import cache

import pytest
from scipy.sparse.csgraph import dijkstra

from harness.peers.libraries import plain_matrix
from sssp import Solver

pytestmark = pytest.mark.parametrize("scale", [16, 18])


def bench_ours(benchmark, rows, keys, scale, threads):
    solver = Solver(rows(scale), threads=threads)
    out, roots = solver.new_answer(), keys(scale)
    benchmark.group = f"search, scale {scale}"
    answer = benchmark.pedantic(
        lambda root: solver.search(root, out=out),
        setup=lambda: ((next(roots),), {}),
        rounds=32,
        iterations=1,
        warmup_rounds=2,
    )
    assert (answer.parent >= 0).sum() > 1


def bench_scipy(benchmark, rows, keys, scale):
    matrix, roots = matrix_of(rows, scale), keys(scale)
    benchmark.group = f"search, scale {scale}"
    dist, _ = benchmark.pedantic(
        lambda root: dijkstra(matrix, directed=True, indices=root, return_predecessors=True),
        setup=lambda: ((next(roots),), {}),
        rounds=8,
        iterations=1,
        warmup_rounds=1,
    )
    assert dist.min() == 0


@cache
def matrix_of(rows, scale):
    return plain_matrix(rows(scale))
