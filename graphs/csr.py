"""Kernel 1: from edges to the rows a search walks.

Self loops are dropped, of parallel edges the lightest stays, each row is sorted by weight, and
where a few vertices hold most of the arcs the vertices are relabelled by falling degree, so that
these share cache lines. Answers leave in original ids. The edges are read twice, slice by slice,
and never kept: peak memory is the arcs before parallel ones go (8 bytes each) and about 40 bytes
a vertex. Several ranks do the same together, each for the rows it owns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter
from typing import NamedTuple

import numpy as np

from graphs.arc_stream import ArcStream, RankArcStream
from graphs.arguments import checked_threads
from graphs.comm import Comm, SerialComm
from graphs.edges import EdgeList, Edges, check_edges
from graphs.errors import GraphError
from graphs.halo import MOST_RANKS, Halo, exchange_leaves
from graphs.labels import settle_labels
from graphs.layout import Layout
from graphs.levels import count_levels
from graphs.pages import give_back_freed, lazy_zeros
from graphs.partition import Partition
from graphs.presolve import presolve as presolve_edges
from graphs.rank_core import share_core
from graphs.rank_trees import Built, hang_trees
from graphs.rows import CSR, GraphStats, Rows
from graphs.selection import Detours
from graphs.trees import SAMPLE, take_off_trees
from graphs.weights import Codes
from kernels.groups import Ways

# Rows of more arcs than this on average are long: a push or a pull that stops early pays.
LONG_ROWS = 8
# Where the 1/16 of the vertices with the most arcs hold this share of them, there are hubs.
HUB_SHARE = 0.25


def has_hubs(connected: int, top: int, arcs: int) -> bool:
    """Do the 1/16 of the connected vertices that have the most arcs, `top`, hold many of all?"""
    return connected > 64 and top > HUB_SHARE * arcs


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


def _order(degree: np.ndarray, directed: bool, comm: Comm) -> VertexOrder:
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
    long_rows = arcs > 2 * LONG_ROWS * max(reachable, 1) // (1 + (not directed))
    if not hubs:
        return VertexOrder(np.arange(n, dtype=np.int32), n, 0, 0, total, False, bool(long_rows))
    rows = connected if directed else int(np.count_nonzero(degree > 1))
    return VertexOrder(
        order, rows, connected - rows, n - connected, reachable, bool(hubs), bool(long_rows)
    )


def _bounds(degree: np.ndarray, order: np.ndarray, threads: int) -> np.ndarray:
    """int64 (own + 1,): where the row of each own vertex starts, in this order."""
    from kernels.build import gather

    indptr = np.zeros(len(degree) + 1, np.int64)
    gather(degree, order, threads, indptr[1:])
    return np.cumsum(indptr, out=indptr)


def _fill(arcs: ArcStream | RankArcStream, indptr: np.ndarray, layout: Layout,
          local_id: np.ndarray, ways: Ways) -> tuple[Rows, np.ndarray]:  # fmt: skip
    """Rows of the given bounds (by index), filled, sorted, without parallel arcs; their lengths."""
    from kernels.build import close_gaps, sort_rows

    n, threads = layout.n, arcs.threads
    keys = np.empty(indptr[n], np.uint64)
    # Starts move to ends as the rows fill, and the end of a row is the start of the next.
    cursor = indptr[:-1].copy()
    arcs.fill(layout, local_id, ways, cursor, keys)
    del cursor
    target = max(len(keys) // (64 * threads), 1 << 14)
    starts = np.searchsorted(indptr, np.arange(0, len(keys), target))
    blocks = np.unique(np.concatenate([[0], starts, [n]])).astype(np.int64)
    lengths = np.empty(n, np.int32)
    block_lengths = np.empty(len(blocks) - 1, np.int64)
    floats = arcs.codes.kind == "float32"
    sort_rows(indptr, keys, floats, blocks, layout.labels, threads, lengths, block_lengths)
    kept = close_gaps(indptr, lengths, blocks, block_lengths, keys)
    keys.resize(kept, refcheck=False)
    return Rows(_by_label(indptr, layout), arcs.codes.arcs(keys)), lengths


def _by_label(indptr: np.ndarray, layout: Layout) -> np.ndarray:
    """Bounds of rows by label, from those of own vertices by index."""
    if layout.n == layout.labels:
        return indptr
    bounds = lazy_zeros(layout.labels + 1, np.int64)
    index = 0
    for own in (layout.rows, layout.leaves, layout.isolated):
        bounds[own.start : own.stop + 1] = indptr[index : index + len(own) + 1]
        index += len(own)
    return bounds


def _check(edges: Edges, comm: Comm) -> None:
    """Refuse what is no graph: the same on every rank, whichever of them has found the fault."""
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


def _label(
    arcs: ArcStream | RankArcStream, order: VertexOrder, comm: Comm, together: bool
) -> tuple[Layout, Halo | None, np.ndarray, np.ndarray]:
    """Label the own vertices, and those of other ranks that arcs lead to.

    Returns the layout and the halo; int32 (own + those of others,) the label of each own vertex,
    then of each other; and the original id of each label, -1 after the last.
    """
    from kernels.build import scatter

    layout, halo = order.layout(), None
    first, ids, of_ids = 0, np.empty(0, np.int64), np.empty(0, np.int32)
    if isinstance(arcs, RankArcStream):
        first, ids = arcs.first, arcs.take_ghosts()
        index = np.empty(len(order.order), np.int32)
        index[order.order] = np.arange(len(index), dtype=np.int32)
        layout, halo, of_ids = settle_labels(
            comm, arcs.partition, index, order.rows, order.leaves, ids, together
        )
    own = len(order.order)
    local_id = np.empty(own + len(of_ids), np.int32)
    label = layout.of_own(np.arange(own, dtype=np.int32))
    scatter(label, order.order, arcs.threads, local_id)
    local_id[own:] = of_ids
    n = arcs.edges.n
    array = np.empty if halo is None or len(halo.node_peers) == 1 else comm.shared_zeros
    global_id = array(layout.labels + 1, np.dtype(np.int32 if n < 2**31 else np.int64))
    global_id[label] = order.order.astype(global_id.dtype) + global_id.dtype.type(first)
    global_id[of_ids] = ids  # what a node peer writes, too, is the same
    global_id[layout.labels] = -1
    return layout, halo, local_id, global_id


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
        `presolve` of a directed graph; or `bounds` of another name, or without `presolve`.
    EngineError
        This process was forked from one that had run parallel kernels, or NUMBA_DISABLE_JIT is set.
    """
    from kernels.threads import check_threads_run, thread_count, using

    check_threads_run()
    comm = SerialComm() if comm is None else comm
    threads = thread_count(checked_threads(threads))
    _check(edges, comm)
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
    kept, facts, detours = presolve_edges(edges, threads, comm, bounds)
    if detours is not None:
        detours = _of_own(detours, Partition(kept.n, comm.size), comm.rank, facts["bounds"])
    if not together:
        return replace(_build(kept, threads, comm, together), presolved=facts)
    started = perf_counter()
    partition = Partition(kept.n, comm.size)
    filled = _fill_rows(kept, threads, comm, False, partition)
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


class _Filled(NamedTuple):
    """Rows, and what they were made of."""

    arcs: ArcStream | RankArcStream
    codes: Codes
    order: VertexOrder
    layout: Layout
    halo: Halo | None
    local_id: np.ndarray
    global_id: np.ndarray
    rows: Rows
    lengths: np.ndarray


def _fill_rows(
    edges: Edges, threads: int, comm: Comm, together: bool, partition: Partition
) -> _Filled:
    both = not edges.directed
    codes = Codes(edges, comm)
    arcs: ArcStream | RankArcStream = ArcStream(edges, codes, threads)
    if comm.size > 1:
        arcs = RankArcStream(edges, codes, threads, comm, partition)
    degree = arcs.degrees(Ways(True, True))
    order = _order(degree, edges.directed, comm)
    layout, halo, local_id, global_id = _label(arcs, order, comm, together)
    if comm.size > 1:
        give_back_freed()
    if not both:
        degree = arcs.degrees(Ways(True, False))
    rows, lengths = _fill(
        arcs, _bounds(degree, order.order, threads), layout, local_id, Ways(True, both)
    )
    return _Filled(arcs, codes, order, layout, halo, local_id, global_id, rows, lengths)


def _build(
    edges: Edges, threads: int, comm: Comm, together: bool, partition: Partition | None = None
) -> CSR:
    partition = partition or Partition(edges.n, comm.size)
    arcs, codes, order, layout, halo, local_id, global_id, out, lengths = _fill_rows(
        edges, threads, comm, together, partition
    )
    incoming: Rows | None = out
    if edges.directed:
        incoming = None
        if order.hubs or order.long_rows:
            ways = Ways(False, True)
            bounds = _bounds(arcs.degrees(ways), order.order, threads)
            incoming = _fill(arcs, bounds, layout, local_id, ways)[0]
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
