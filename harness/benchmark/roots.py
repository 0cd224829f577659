"""Roots of a run: the official search keys, or those the user names; and one to warm up with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphs.comm import Comm
from harness.benchmark.source import Source
from harness.console.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from graphs.csr import CSR
    from graphs.edges import Edges


def draw_keys(source: Source, csr: CSR, count: int, comm: Comm | None = None) -> np.ndarray:
    """Return the official search keys of a graph, `count` of them or all there are.

    Raises
    ------
    UsageError
        If there is not one.
    """
    from graphs.keys import search_keys

    n = csr.stats.n
    keys = search_keys(n, csr.degree_positive, source.seed, min(count, n), "spec", comm)
    if len(keys) == 0:
        raise UsageError(f"{source}: no edge other than self loops, nothing to search")
    return keys


def given_roots(roots: list[int], edges: Edges, csr: CSR, comm: Comm) -> np.ndarray:
    """Return the vertices of roots that are given by their ids.

    Raises
    ------
    UsageError
        If one is not a vertex, or has no edge: a search from there traverses nothing.
    """
    import numpy as np

    from graphs.edges import ids_of

    ids = ids_of(edges)
    keys = np.array([ids.vertex(root) for root in roots], np.int64)
    own = keys - csr.first
    mine = (own >= 0) & (own < csr.n)
    lonely = mine & ~csr.degree_positive[np.where(mine, own, 0)]
    for root, *found in zip(roots, *comm.allgather(lonely), strict=True):
        if any(found):
            raise UsageError(f"--root {root}: has no edge, a search from there finds nothing")
    return keys


def warmup_root(csr: CSR, keys: np.ndarray, comm: Comm | None = None) -> int:
    """Return a root to warm up with: a vertex that is not a key, where there is one."""
    import numpy as np

    others = csr.degree_positive.copy()
    own = keys[(keys >= csr.first) & (keys < csr.first + csr.n)] - csr.first
    others[own] = False
    found = csr.first + int(np.argmax(others)) if others.any() else None
    every = [found] if comm is None else comm.allgather(found)
    return next((root for root in every if root is not None), int(keys[0]))
