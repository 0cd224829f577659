"""Delta, the switch from push to pull and early exit, chosen from the graph alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from graphs.csr import CSR
from graphs.errors import GraphError

_SAMPLE = 1 << 16
NEVER = 1 << 60


@dataclass(frozen=True)
class Choices:
    """How a graph is searched.

    delta            width of a bucket, in units of the weights
    early            a push stops where the bucket ends (rows are long enough for it to pay)
    switch           share of the vertices to settle before the rest pulls; None: never
    switch_settled   the same as a number of vertices
    switch_arcs      arcs the settled vertices must hold as well
    finish_arcs      arcs to spend on pushing out short settled rows before the pull
    """

    delta: float
    early: bool
    switch: float | None
    switch_settled: int
    switch_arcs: int
    finish_arcs: int


def weight_quantile(csr: CSR, share: float) -> float:
    """The weight below which about `share` of the arcs lie, from a fixed sample of them."""
    if csr.arcs == 0:
        return 0.0
    sample = csr.weight[:: max(csr.arcs // _SAMPLE, 1)]
    return float(np.quantile(sample.astype(np.float64), min(share, 1.0)))


def choose(csr: CSR, delta: float | None = None) -> Choices:
    """Choose for a graph; `delta` overrides the choice of the bucket width.

    Raises
    ------
    GraphError
        `delta` is not a number above 0.
    """
    if delta is not None and not (delta > 0 and math.isfinite(delta)):
        raise GraphError(f"delta={delta} is not allowed; it must be a finite number above 0")
    vertices = max(csr.reachable, 1)
    early = csr.arcs > 8 * vertices
    if delta is None:
        if csr.hubs:
            # A bucket in which about a tenth of the vertices could be reached by light arcs.
            delta = weight_quantile(csr, 0.1 * vertices / max(csr.arcs, 1))
        else:
            delta = 2 * weight_quantile(csr, 0.5)
            if early:
                delta *= 4 * vertices / max(csr.arcs, 1)
    pulls = csr.hubs and csr.incoming is not None
    switch = 0.05 if pulls else None
    return Choices(
        delta=delta,
        early=early,
        switch=switch,
        switch_settled=int(switch * vertices) + 1 if switch is not None else NEVER,
        switch_arcs=csr.arcs // 3,
        finish_arcs=csr.arcs // 256,
    )
