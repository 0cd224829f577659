"""Delta, the switch from push to pull and early exit, chosen from the graph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphs.arguments import checked_delta
from graphs.csr import CSR
from kernels.heap import HEAP_LIMIT
from kernels.push import NEVER

# A graph that expands is searched to LEVEL_VERTICES in about this many levels, at most.
EXPANDS = 10
# Of a core, whose trees were taken off, rows have four arcs on average: see docs/presolve.md.
_CORE_SHARE, _CORE_SWITCH = 0.2, 0.05
# Where ever more is queued soon, threads share it early: a first bucket of 576 rows led to 3,400,
# and one thread pushed them. Elsewhere a heap of HEAP_LIMIT rows is faster (docs/CPU.md).
_ALONE_EXPANDING = 64


@dataclass(frozen=True)
class Choices:
    """How a graph is searched.

    delta            width of a bucket, in units of the weights
    stop_at_bucket_end   a push stops where the bucket ends (rows are long enough for it to pay)
    switch           share of the vertices to settle before the rest pulls; None: never
    switch_settled   the same as a number of vertices of the whole graph
    switch_arcs      arcs the settled vertices must hold as well
    finish_arcs      arcs a rank may spend on pushing out short settled rows before the pull
    alone            queued rows up to which one thread works by itself
    """

    delta: float
    stop_at_bucket_end: bool
    switch: float | None
    switch_settled: int
    switch_arcs: int
    finish_arcs: int
    alone: int


def weight_quantile(csr: CSR, share: float) -> float:
    """The weight below which `share` of the arcs with weight lie, from a sample."""
    sample = csr.stats.sample[csr.stats.sample > 0].astype(np.float64)
    return float(np.quantile(sample, min(share, 1.0))) if len(sample) else 0.0


def choose(csr: CSR, delta: float | None = None, wider: float = 1.0) -> Choices:
    """Choose for a graph.

    `delta` overrides the choice of the bucket width. Where a round costs more than some arcs, the
    width that is chosen is made `wider` times as large.

    Raises
    ------
    GraphError
        `delta` is not a number above 0.
    """
    delta = checked_delta(delta)
    stats = csr.stats
    vertices = max(stats.reachable, 1)
    expands = stats.levels <= EXPANDS
    # Short rows, by what was dropped; where that did not pay, a graph is searched as any other.
    dropped = csr.presolved is not None and csr.presolved["hub"] is not None
    if delta is None:
        if expands:
            # A bucket in which a share of the vertices has an arc that light.
            share = 0.05 if stats.hubs else 2.0
            if dropped and stats.hubs:
                share = _CORE_SHARE
            delta = weight_quantile(csr, share * vertices / max(stats.arcs, 1))
        else:
            delta = 2.6 * weight_quantile(csr, 0.5)
        delta *= wider
    switch = None
    if csr.incoming is not None and expands:
        switch = 0.025 if stats.hubs else 0.5
        if dropped and stats.hubs:
            switch = _CORE_SWITCH
    arcs_part = 5 if dropped else 3
    return Choices(
        delta=delta,
        stop_at_bucket_end=stats.long_rows and expands,
        switch=switch,
        switch_settled=int(switch * vertices) + 1 if switch is not None else NEVER,
        switch_arcs=stats.arcs // arcs_part if stats.hubs else 0,
        finish_arcs=csr.arcs // 1024,
        alone=_ALONE_EXPANDING if expands else HEAP_LIMIT,
    )
