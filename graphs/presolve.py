"""Presolve: kernel 1 keeps the edges that a search can use, which are few where there are hubs.

An edge (a, b) of weight w goes where the way a -> h -> b over one vertex h is shorter than w. On
a Kronecker graph with edge factor 16 a twentieth of the edges stays. No root is known here, and
the distances from every root are those of the whole graph, to the bit.

1. h is the vertex with most edges in a sample; U(v) is the length of *some* path h -> v: first one
   of light edges only (a tenth of all), found in a few rounds over them.
2. One pass over all edges keeps those with w within U(a) + U(b): about a tenth. A few rounds over
   these lower U to the distance from h.
3. These bounds drop half of what was kept.

The edges are read twice, slice by slice; what is kept of them stays in memory.

Why it is exact. Distances are sums rounded after each arc, from the root outwards. Let e be half
the gap between 1 and the next number (2^-24 for float32), so that a rounded sum is within a
factor of 1 +- e of the exact one. U(v) is such a sum along a path of at most r arcs (one more a
round), whose exact length is at most U(v) / (1 - e)^r. The detour D -> a -> h -> b from a prefix of
rounded length D takes k <= 2 r arcs, and its rounded length is at most

    (D + (U(a) + U(b)) / (1 - e)^k) (1 + e)^k.

Over the arc it is at least (D + w) (1 - e). So the detour is no longer, *as rounded*, where

    w > g (U(a) + U(b)) + (g - 1) D,    g = (1 + e)^k / (1 - e)^(k + 1),

and as rounding is monotone, nothing that follows makes it longer. D is at most the largest
distance between two vertices of the component of h, over h at most 2 max U times the rounding of k
arcs. Take, of all simple paths that have the least rounded length from a root to v, one of least
exact length. If one of its arcs was dropped, the detour, with its loops cut out, has no larger
rounded length and a smaller exact one: a contradiction. So no such path has lost an arc, whatever
else was dropped. The same holds of the first bounds, with a guess for D that is checked afterwards
by the final ones: paths of kept edges are paths of the graph. Integers are added exactly: g = 1.
In other components U is infinite, and nothing goes. Each vertex keeps its lightest edge: U is at
least the weight of the first and of the last arc of its path, so no detour is shorter than that.

Sources: bounds over landmarks as in Goldberg and Harrelson 2005; the Graph500 code for Fugaku
presolves, too.
"""

from __future__ import annotations

import math
from time import perf_counter

import numpy as np

from graphs.comm import Comm
from graphs.edges import DeviceEdges, EdgeList, Edges
from graphs.errors import GraphError
from graphs.owned_bounds import selection
from graphs.rows import PresolveFacts
from graphs.selection import Detours, Selection
from graphs.weights import weight_kind

# Share of the edges that the first bounds are made of. Where no more than ALL_LIGHT edges are, all.
LIGHT_SHARE = 0.1
ALL_LIGHT = 1 << 14
# Rounds over the edges kept go on while more than this share of the vertices gains by one.
WORTH = 1 / 256
# The graph is long, and has no use for a hub, where rounds still reach new vertices after these.
MOST_ROUNDS = 64
# It does not pay to drop less than half of a sample of the edges.
PAYS = 0.5


def _below(weights: np.ndarray, m: int) -> float:
    """The weight below which an edge is light, from a sample of the weights of m edges."""
    if m <= ALL_LIGHT or len(weights) == 0:
        return math.inf
    below = weights.dtype.type(np.quantile(weights, LIGHT_SHARE))
    if np.mean(weights < below) < LIGHT_SHARE / 4:  # many weights are equal
        below = np.nextafter(below, weights.dtype.type(np.inf))
    return float(below)


def presolve(
    edges: Edges, threads: int, comm: Comm, bounds: str | None = None
) -> tuple[Edges, PresolveFacts, Detours | None]:
    """Keep the edges of an undirected graph that a search can use; collective.

    Parameters
    ----------
    edges : Edges
        Checked edges (`graphs.csr` checks them): ids in range, weights finite and not negative.
        Under several ranks, this rank's part of them.
    threads : int
        The result does not depend on it.
    comm : Comm
    bounds : str, optional
        Where ranks keep the bounds; see `graphs.owned_bounds.selection`.

    Returns
    -------
    Edges
        The edges kept, of this rank's, as an EdgeList; all of them, as they are, where dropping
        does not pay.
    PresolveFacts
        What was done, as `solver.presolve` of a result file (results/schema.json) begins.
    Detours, optional
        By which edges were dropped; None where it does not pay. Where owners keep the bounds,
        those of the own vertices.

    Raises
    ------
    GraphError
        The edges are directed, or no bounds are kept in this way.
    """
    started = perf_counter()
    refuse_directed(edges)
    # Of integers, the largest weight says how they are added; those have a list.
    max_weight = 0.0
    if isinstance(edges, EdgeList) and edges.weight_dtype.kind != "f":
        max_weight = float(edges.weight.max(initial=0))
    kind = weight_kind(edges.weight_dtype, comm.allreduce_max(max_weight))
    return drop(edges, selection(edges, kind, threads, comm, bounds), started)


def refuse_directed(edges: Edges | DeviceEdges) -> None:
    """Raise GraphError if edges are walked one way."""
    if edges.directed:
        raise GraphError(
            "presolve needs an undirected graph, got directed edges; leave presolve out, or walk "
            "each edge both ways (--symmetrize, directed=False)"
        )


def drop(
    edges: Edges, selection: Selection, started: float
) -> tuple[Edges, PresolveFacts, Detours | None]:
    """Keep the edges that a search can use, see `presolve`; the clock runs since `started`."""
    comm = selection.comm
    facts: PresolveFacts = {
        "hub": None, "light_below": None, "rounds": 0, "slack": None, "kept_edges": edges.m,
        "bounds": selection.way, "seconds": {},
    }  # fmt: skip
    found = _drop(edges, selection, facts)
    kept, detours = (edges, None) if found is None else found
    facts["kept_edges"] = int(comm.allreduce_sum([kept.m])[0])
    facts["seconds"] = {"edges": comm.allreduce_max(perf_counter() - started)}
    return kept, facts, detours


def _drop(edges: Edges, selection: Selection, facts: PresolveFacts) -> tuple[Edges, Detours] | None:
    """The edges to keep, and the detours by which; None where it does not pay."""
    comm = selection.comm
    sample = selection.sample(edges)
    m = int(comm.allreduce_sum([edges.m])[0])
    weights = np.concatenate(comm.allgather(selection.weights(sample)[:: comm.size]))
    below = _below(weights, m)
    light = selection.lighter(edges, below)
    hub = next((hub for hub in comm.allgather(selection.hub(light)) if hub >= 0), -1)
    if hub < 0:
        return None
    first = selection.from_hub(hub, light)
    del light
    # A guess, which is checked below.
    longest = 4 * (selection.largest(first) + selection.max_weight)
    if not longest < selection.most:
        return None  # sums may be infinite, and then bound nothing
    useful = selection.useful(sample, selection.detours(first, longest)).m
    useful, seen = comm.allreduce_sum([useful, sample.m]).tolist()
    if useful > PAYS * seen:
        return None
    while True:
        kept = selection.useful(edges, selection.detours(first, longest))
        bounds = selection.lower(kept, first, WORTH, MOST_ROUNDS)
        if not bounds.closed:
            return None
        needed = 2 * selection.largest(bounds) * (1 + selection.gain(2 * bounds.rounds))
        if needed <= longest:
            break
        longest = 2 * needed
    del first
    detours = selection.detours(bounds, needed)
    facts["hub"], facts["rounds"], facts["slack"] = hub, bounds.rounds, detours.slack
    facts["light_below"] = below if below < math.inf else None
    return selection.useful(kept, detours), detours
