"""Vertices are taken off a graph: its rows are those of the core, the others follow at the end.

A vertex with a single arc lies on no shortest path but those that begin or end there. Nor does
one of several arcs where any two of them, weights v and w from a to b, are longer than the way
a -> h -> b over the hub: v + w > g (U(a) + U(b)) + slack, with the bounds of graphs.presolve, whose
proof holds for two arcs as for one (a rounding more, which it has to spare). Such vertices
are taken off one after another, each by the arcs that are left then, until the core is left.

So of the paths that the proof ends with, of least rounded and then of least exact length, one
leads over no vertex between two that were taken off later or not at all. It climbs from the root
to vertices taken off ever later, may cross the core, and then descends to ever earlier ones. The
search pushes along arcs that climb or cross, and at the end each vertex taken off looks at its
arcs upwards, the last one first. Sums are those of the whole graph's paths, added in their order.
No arc is dropped.

Sources: contraction hierarchies (Geisberger et al. 2008), without a shortcut; one-to-all search on
them in Delling et al. 2011 (PHAST).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from graphs.forest import Forest
from graphs.layout import Layout
from graphs.presolve import Detours
from graphs.rows import CSR, Rows
from kernels.groups import TOGETHER

# Weights by which delta is chosen, at most.
SAMPLE = 1 << 16


def passes_of(first: int, sizes: list[int]) -> list[range]:
    """Ranges of labels for rounds of such sizes, small ones together."""
    passes: list[range] = []
    for size in sizes:
        last = passes[-1] if passes else range(0)
        if passes and len(last) + size <= TOGETHER:
            passes[-1] = range(last.start, last.stop + size)
        elif size:
            passes.append(range(first, first + size))
        first += size
    return passes


def take_off_trees(csr: CSR, threads: int, detours: Detours | None = None) -> CSR:
    """Return the same undirected graph of one process with its core apart (`CSR.forest`).

    Without detours, only trees are taken off.
    """
    from kernels.build import gather, order_by_degree
    from kernels.take_off import CORE, hold, rows_upwards, take_off

    layout, rows, global_id = csr.layout, csr.out, csr.global_id
    connected = layout.reachable
    if detours is None:
        detours = Detours(np.full(csr.n, np.inf, np.float32), 1.0, 0.0)
    length = np.empty(connected, detours.length.dtype)
    gather(detours.length, global_id[:connected], threads, length)
    marks = np.empty(2 * connected, np.int32)
    order, round_ends, leaves = take_off(*rows, length, detours.factor, detours.slack, marks)
    del length
    level, degree = marks[::2], marks[1::2]

    def by_degree(vertices: np.ndarray) -> np.ndarray:
        return vertices[order_by_degree(degree[vertices].astype(np.int64))]

    core = by_degree(np.flatnonzero(level == CORE).astype(np.int32))
    # Rows of one length in a row, so that the end of none is a surprise.
    parts = [by_degree(part) for part in np.split(order, round_ends[:-1])][::-1]
    labelled = np.concatenate([core, *parts])
    labels = len(labelled)
    label = np.full(layout.labels + 1, labels, np.int32)  # of what has none: nobody
    label[labelled] = np.arange(labels, dtype=np.int32)
    indptr, arcs = rows_upwards(
        labelled, len(core), degree[labelled].astype(np.int64), rows, label, threads
    )
    leaf_weight = np.zeros(csr.n, rows.arcs.dtype["weight"])
    holds = np.zeros(labels, bool)
    at = hold(leaves, rows, (label, global_id), threads, holds, leaf_weight)
    held = np.flatnonzero(holds).astype(np.int32)
    label[leaves] = labels + np.cumsum(holds, dtype=np.int32)[at]
    local_id = np.empty(csr.n, np.int32)
    gather(label, csr.local_id, threads, local_id)
    ids = np.full(labels + 1, -1, global_id.dtype)
    ids[:labels] = global_id[labelled]
    upwards = Rows(indptr, arcs)
    within = int(indptr[len(core)])
    stats = replace(
        csr.stats,
        reachable=len(core),
        arcs=within,
        sample=arcs["weight"][: within : max(within // SAMPLE, 1)].copy(),
    )
    return replace(
        csr,
        stats=stats,
        out=upwards,
        incoming=upwards,
        layout=Layout.of_one_process(labels, 0, 0),
        local_id=local_id,
        global_id=ids,
        forest=Forest(len(core), passes_of(len(core), [len(part) for part in parts]), held,
                      leaf_weight, len(leaves)),
    )  # fmt: skip
