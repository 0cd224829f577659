"""Kernel 1: from edges to the rows a search walks.

Self loops are dropped, of parallel edges the lightest stays, each row is sorted by weight, and
where a few vertices hold most of the arcs the vertices are relabelled by falling degree, so that
these share cache lines. Answers leave in original ids. The edges are read twice, slice by slice,
and never kept: peak memory is the arcs before parallel ones go (8 bytes each) and about 40 bytes
a vertex. Several ranks do the same together, each for the rows it owns.
"""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter

import numpy as np

from graphs.arguments import checked_flag, checked_threads
from graphs.comm import Comm, SerialComm
from graphs.edges import EdgeList, Edges, check_edges
from graphs.errors import GraphError
from graphs.fill_rows import fill, fill_rows, row_bounds
from graphs.halo import MOST_RANKS, exchange_leaves
from graphs.levels import count_levels
from graphs.pages import give_back_freed
from graphs.partition import Partition
from graphs.presolve import presolve as presolve_edges
from graphs.rank_core import share_core
from graphs.rank_trees import Built, hang_trees
from graphs.rows import CSR, GraphStats, Rows
from graphs.selection import Detours
from graphs.trees import SAMPLE, take_off_trees
from graphs.vertex_order import VertexOrder
from graphs.weights import Codes
from kernels.groups import Ways


def _check(edges: Edges, comm: Comm) -> None:
    """Refuse what is not a graph: the same on every rank, whichever of them has found the fault."""
    fault = None
    try:
        if isinstance(edges, EdgeList):
            check_edges(edges)
        elif not hasattr(edges, "slices"):
            raise GraphError(f"{type(edges).__name__} holds no edges; give an EdgeList")
    except GraphError as error:
        fault = str(error)
    faults = [found for found in comm.allgather(fault) if found]
    if faults:
        raise GraphError(faults[0])
    if comm.size > MOST_RANKS:
        raise GraphError(f"{comm.size} ranks are not allowed; at most {MOST_RANKS} are")
    largest = edges.n // comm.size + 1
    if largest >= 2**31 - 1:
        raise GraphError(
            f"n={edges.n} is not allowed on {comm.size} process(es); "
            "each holds less than 2^31 vertices"
        )


def _sample(rows: Rows, comm: Comm) -> np.ndarray:
    """Weights of arcs spread evenly over the rows of all ranks, in their type."""
    most = max(SAMPLE // comm.size, 1)
    ours = rows.weight[:: max(len(rows.arcs) // most, 1)]
    return np.concatenate(comm.allgather(ours))


def build_csr(
    edges: Edges,
    threads: int | None = None,
    comm: Comm | None = None,
    together: bool = True,
    presolve: bool = False,
    bounds: str | None = None,
) -> CSR:
    """Build the rows of a graph (kernel 1).

    Parameters
    ----------
    edges : Edges
        An `EdgeList`, or edges made in slices. Under several ranks, this rank's part of them:
        any part, as long as each edge is in one.
    threads : int, optional
        Threads to use; one a core by default. The result does not depend on it.
    comm : sssp.mpi_comm.Comm, optional
        The ranks that build together; each gets the rows of its own vertices.
    together : bool
        Let ranks that can read each other's memory keep the distances of a search in one array, and
        send each other only what to queue. The CUDA engine needs False.
    presolve : bool
        Keep only the edges that a search can use, and search the trees among them apart
        (graphs.presolve): the same distances, for every root, from fewer arcs. For undirected
        graphs. Ranks that are not together keep the trees in their rows.
    bounds : str, optional
        Where ranks keep the bounds by which edges are dropped: "copies" of all on every rank, or
        each at the "owners" of its vertex. By default the owners from 8 ranks on that do not all
        share memory. The result does not depend on it.

    Returns
    -------
    CSR

    Raises
    ------
    GraphError
        Ids out of range, weights negative, NaN or infinite, or 2^31 vertices and more a rank;
        `presolve` of a directed graph, or of 2^31 vertices and more; or `bounds` of another name,
        or without `presolve`.
    EngineError
        This process was forked from one that had run parallel kernels, or NUMBA_DISABLE_JIT is set.
    """
    from kernels.threads import check_threads_run, thread_count, using

    check_threads_run()
    comm = SerialComm() if comm is None else comm
    threads = thread_count(checked_threads(threads))
    _check(edges, comm)
    presolve = checked_flag("presolve", presolve)
    if bounds is not None and not presolve:
        raise GraphError(f"bounds={bounds!r} goes with presolve=True only; leave it out")
    with using(threads, turns=comm.size == 1):
        if presolve:
            return _build_presolved(edges, threads, comm, together, bounds)
        return _build(edges, threads, comm, together)


def _build_presolved(
    edges: Edges, threads: int, comm: Comm, together: bool, bounds: str | None
) -> CSR:
    if comm.size > 1:
        return _build_presolved_ranks(edges, threads, comm, together, bounds)
    kept, facts, detours = presolve_edges(edges, threads, comm, bounds)
    started = perf_counter()
    csr = _build(kept, threads, comm, together)
    del kept
    built = perf_counter()
    facts["seconds"] |= {"rows": built - started}
    csr = take_off_trees(csr, threads, detours)
    assert csr.forest is not None
    facts |= {"core": csr.forest.core, "core_arcs": csr.stats.arcs, "leaves": csr.forest.leaves}
    facts["seconds"]["trees"] = perf_counter() - built
    return replace(csr, presolved=facts)


def _of_own(detours: Detours, partition: Partition, rank: int, bounds: str) -> Detours:
    """The same with bounds of the own vertices only, so that those of others can go."""
    if bounds == "owners":
        return detours
    first = partition.first(rank)
    return detours._replace(length=detours.length[first : first + partition.count(rank)].copy())


def _build_presolved_ranks(
    edges: Edges, threads: int, comm: Comm, together: bool, bounds: str | None
) -> CSR:
    """The core of the edges kept and the trees on it; the whole where there are no edges."""
    if together and edges.n >= 2**31:  # kernels.trees: a parent is an id of 32 bits there
        raise GraphError(
            f"presolve on ranks is for less than 2^31 vertices, got n={edges.n}; leave presolve out"
        )
    kept, facts, detours = presolve_edges(edges, threads, comm, bounds)
    if detours is not None:
        detours = _of_own(detours, Partition(kept.n, comm.size), comm.rank, facts["bounds"])
    if not together:
        return replace(_build(kept, threads, comm, together), presolved=facts)
    started = perf_counter()
    partition = Partition(kept.n, comm.size)
    filled = fill_rows(kept, threads, comm, False, partition)
    if int(comm.allreduce_sum([len(filled.rows.arcs)])[0]) == 0:
        return replace(_build(kept, threads, comm, together), presolved=facts)
    assert filled.halo is not None
    built = Built(
        filled.rows, filled.layout, filled.halo, filled.local_id, filled.global_id, partition,
        kept.weight_dtype, filled.codes.max_weight,
    )  # fmt: skip
    facts["seconds"]["rows"] = comm.allreduce_max(perf_counter() - started)
    started = perf_counter()
    del kept, filled
    hung = hang_trees(comm, built)
    del built
    give_back_freed()

    def build(edges: Edges, home: Comm, block: Partition) -> CSR:
        return _build(edges, threads, home, together, block)

    csr = share_core(comm, hung, build, threads, detours)
    assert csr.forest is not None
    leaves = int(comm.allreduce_sum([csr.forest.leaves])[0])
    facts |= {"core": csr.stats.reachable, "core_arcs": csr.stats.arcs, "leaves": leaves}
    facts["seconds"]["trees"] = comm.allreduce_max(perf_counter() - started)
    return replace(csr, presolved=facts)


def _build(
    edges: Edges, threads: int, comm: Comm, together: bool, partition: Partition | None = None
) -> CSR:
    partition = partition or Partition(edges.n, comm.size)
    arcs, codes, order, layout, halo, local_id, global_id, out, lengths = fill_rows(
        edges, threads, comm, together, partition
    )
    incoming: Rows | None = out
    if edges.directed:
        incoming = None
        if order.hubs or order.long_rows:
            ways = Ways(False, True)
            bounds = row_bounds(arcs.degrees(ways), order.order, threads)
            incoming = fill(arcs, bounds, layout, local_id, ways)[0]
    stats = _stats(edges, codes, order, out, comm, count_levels(out, lengths, layout, halo, comm))
    if halo is not None:
        start, end = out.indptr[[layout.leaves.start, layout.leaves.stop]]
        halo = exchange_leaves(comm, layout, halo, out.adj[start:end])
    degree_positive = np.empty(layout.n, bool)
    degree_positive[order.order] = lengths > 0
    return CSR(
        out=out,
        incoming=incoming,
        kind=codes.kind,
        layout=layout,
        halo=halo,
        stats=stats,
        first=partition.first(comm.rank),
        local_id=local_id[: layout.n].copy() if comm.size > 1 else local_id,
        global_id=global_id,
        degree_positive=degree_positive,
    )


def _stats(
    edges: Edges, codes: Codes, order: VertexOrder, out: Rows, comm: Comm, levels: int
) -> GraphStats:
    """What the whole graph is like; collective."""
    return GraphStats(
        n=edges.n,
        arcs=int(comm.allreduce_sum([len(out.arcs)])[0]),
        reachable=order.reachable,
        directed=edges.directed,
        weight_dtype=edges.weight_dtype,
        max_weight=codes.max_weight,
        sample=_sample(out, comm),
        hubs=order.hubs,
        long_rows=order.long_rows,
        levels=levels,
    )
