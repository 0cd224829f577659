"""Shared: graphs, made once a session, and the numbers of threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from itertools import cycle
from typing import Any

import pytest

from harness.commands.options import use_default_threads
from harness.machine.facts import default_threads

# Before numba is imported: it asks for the number of threads once.
use_default_threads()

from graphs import CSR, EdgeList, build_csr, kronecker, search_keys  # noqa: E402


@cache
def edges_of(scale: int) -> EdgeList:
    return kronecker(scale)


@cache
def rows_of(scale: int) -> CSR:
    return build_csr(edges_of(scale))


def keys_in_turn(scale: int) -> Iterator[int]:
    """The first official search keys of a graph, over and over."""
    graph = rows_of(scale)
    return cycle(search_keys(graph.n, graph.degree_positive, count=16).tolist())


@pytest.fixture
def edges() -> Callable[[int], EdgeList]:
    """The official edge list of a scale."""
    return edges_of


@pytest.fixture
def rows() -> Callable[[int], CSR]:
    """The same graph as kernel 1 leaves it."""
    return rows_of


@pytest.fixture
def keys() -> Callable[[int], Iterator[int]]:
    """The keys of its searches, one for each round."""
    return keys_in_turn


def pytest_generate_tests(metafunc: Any) -> None:
    """Run whatever asks for `threads` with one thread and with all of them."""
    if "threads" in metafunc.fixturenames:
        counts = sorted({1, default_threads()})
        metafunc.parametrize("threads", counts, ids=lambda count: f"threads={count}")
