"""A model of a search on P ranks: its work, and three costs of communication.

    seconds = work         seconds_per_arc * arcs of the busiest rank * ranks that share its cores
            + latency      collectives * ceil(log2 P) * latency
            + overhead     messages / P * overhead
            + transfer     bytes / P / bandwidth

Counts are those of a search (collectives, messages, bytes, arcs: what a result file has); latency,
overhead and bandwidth are the network's (`scaling_wires.py` measures them between ranks), the
seconds of an arc are those of one process at the same number of vertices a rank. Nothing is fitted
to the runs it is then compared with.

Left out: waiting for slower ranks beyond their larger share of the arcs; congestion, as if every
rank could send at full bandwidth whatever the others do; work that goes with the vertices and not
with the arcs touched, which is why the seconds of an arc must be taken at about the same number of
vertices a rank.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Wires:
    """What lies between two ranks.

    latency     seconds of a step of a small collective
    overhead    seconds that one more message costs its sender
    bandwidth   bytes a second that leave a rank
    """

    latency: float
    overhead: float
    bandwidth: float


@dataclass(frozen=True)
class Counts:
    """What a search did, in all of its `ranks`.

    arcs_largest    arcs touched by the rank that touched most
    """

    ranks: int
    vertices: int
    arcs: float
    arcs_largest: float
    collectives: float
    messages: float
    bytes: float


@dataclass(frozen=True)
class CostBreakdown:
    """Seconds of a search, by what they go into."""

    work: float
    latency: float
    overhead: float
    transfer: float

    @property
    def total(self) -> float:
        return self.work + self.latency + self.overhead + self.transfer


def predict(
    counts: Counts, wires: Wires, seconds_per_arc: float, ranks_sharing_cores: float = 1.0
) -> CostBreakdown:
    """Return the seconds of a search.

    Parameters
    ----------
    counts : Counts
    wires : Wires
    seconds_per_arc : float
        Of a rank that has its cores to itself.
    ranks_sharing_cores : float
        Ranks that take turns on the same cores; 1 where each has its own.
    """
    steps = math.ceil(math.log2(counts.ranks))
    alone = counts.ranks == 1
    return CostBreakdown(
        work=seconds_per_arc * counts.arcs_largest * ranks_sharing_cores,
        latency=counts.collectives * steps * wires.latency,
        overhead=0.0 if alone else counts.messages / counts.ranks * wires.overhead,
        transfer=0.0 if alone else counts.bytes / counts.ranks / wires.bandwidth,
    )


def viewers(degrees: np.ndarray, ranks: int) -> float:
    """Return how many other ranks see a vertex, summed over the vertices.

    A vertex's neighbours lie on any of the ranks with equal chances: ids are scrambled.

    Parameters
    ----------
    degrees : int array
        Neighbours of each vertex.
    ranks : int
    """
    miss = (1 - 1 / ranks) ** degrees.astype(np.float64)
    return float((ranks - 1) * np.sum(1 - miss))


def grown(counted: Counts, degrees: np.ndarray, ranks: int, vertices: int) -> Counts:
    """Return what a search would count on more ranks and vertices.

    Arcs go with the vertices, bytes with those who see them (`viewers`); a rank sends to as many of
    the others in a collective as in the counted search; the collectives and the share of the
    busiest rank stay.

    Parameters
    ----------
    counted : Counts
        A search on several ranks, the more the better.
    degrees : int array
        Neighbours of each vertex of its graph.
    ranks, vertices : int
        Of the search asked about.
    """
    size = vertices / counted.vertices
    arcs = counted.arcs * size
    share = counted.arcs_largest * counted.ranks / counted.arcs
    pairs = ranks * (ranks - 1) / (counted.ranks * (counted.ranks - 1))
    return Counts(
        ranks=ranks,
        vertices=vertices,
        arcs=arcs,
        arcs_largest=share * arcs / ranks,
        collectives=counted.collectives,
        messages=counted.messages * pairs,
        bytes=counted.bytes * size * viewers(degrees, ranks) / viewers(degrees, counted.ranks),
    )
