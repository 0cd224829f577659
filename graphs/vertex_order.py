"""How kernel 1 labels vertices: by falling degree where a few of them hold most of the arcs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphs.comm import Comm
from graphs.layout import Layout

# Rows of more arcs than this on average are long: a push or a pull that stops early pays.
LONG_ROWS = 8
# Where the 1/16 of the vertices with the most arcs hold this share of them, there are hubs.
HUB_SHARE = 0.25


def has_hubs(connected: int, top: int, arcs: int) -> bool:
    """Do the 1/16 of the connected vertices that have the most arcs, `top`, hold many of all?"""
    return connected > 64 and top > HUB_SHARE * arcs


def has_long_rows(reachable: int, arcs: int, directed: bool) -> bool:
    """Does a vertex have more than LONG_ROWS arcs each way, on average?"""
    return arcs > 2 * LONG_ROWS * max(reachable, 1) // (1 + (not directed))


@dataclass(frozen=True)
class VertexOrder:
    """How the vertices are labelled.

    order       int32 (n,)   own vertices as they follow each other: rows, leaves, the rest; on a
                device where its edges are
    rows        of them with rows to push
    leaves      of them with a single arc, which are settled at the end
    isolated    of them that are never reached
    reachable   vertices of the whole graph that may be reached
    hubs        do a few vertices of the whole graph hold most of the arcs?
    long_rows   are rows of the whole graph long enough to stop early in them?
    """

    order: np.ndarray
    rows: int
    leaves: int
    isolated: int
    reachable: int
    hubs: bool
    long_rows: bool

    def layout(self) -> Layout:
        """Return the labels of one process: its vertices in this order."""
        return Layout.of_one_process(self.rows, self.leaves, self.isolated)


def order_vertices(degree: np.ndarray, directed: bool, comm: Comm) -> VertexOrder:
    """Order the vertices by the arcs of both directions; hubs and long rows by the whole graph."""
    from kernels.build import order_by_degree

    n = len(degree)
    order = order_by_degree(degree)
    connected = int(np.count_nonzero(degree))
    top = int(degree[order[: max(connected // 16, 1)]].sum())
    top, arcs, reachable, total = comm.allreduce_sum(
        [top, int(degree.sum()), connected, n]
    ).tolist()
    hubs = has_hubs(reachable, top, arcs)
    long_rows = has_long_rows(reachable, arcs, directed)
    if not hubs:
        return VertexOrder(np.arange(n, dtype=np.int32), n, 0, 0, total, False, bool(long_rows))
    rows = connected if directed else int(np.count_nonzero(degree > 1))
    return VertexOrder(
        order, rows, connected - rows, n - connected, reachable, bool(hubs), bool(long_rows)
    )
