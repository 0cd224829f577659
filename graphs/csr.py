"""Kernel 1: from edges to the rows a search walks.

Self loops are dropped, of parallel edges the lightest stays, each row is sorted by weight, and
where a few vertices hold most of the arcs the vertices are relabelled by falling degree, so that
these share cache lines. Answers leave in original ids. The edges are read twice, slice by slice,
and never kept: peak memory is the arcs before parallel ones go (8 bytes each) and about 40 bytes
a vertex. Several ranks do the same together, each for the rows it owns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphs.arguments import checked_threads
from graphs.comm import Comm, SerialComm
from graphs.edges import EdgeList, Edges, check_edges
from graphs.errors import GraphError
from graphs.halo import MOST_RANKS, Halo, make_halo
from graphs.labels import Labels, settle_labels
from graphs.levels import count_levels
from graphs.pages import give_back_freed, untouched
from graphs.partition import Partition
from graphs.parts import Parts, RankParts
from graphs.rows import CSR, Rows
from graphs.weights import Codes

# Rows of more arcs than this on average are long: a push or a pull that stops early pays.
LONG_ROWS = 8
# Where the 1/16 of the vertices with the most arcs hold this share of them, there are hubs.
HUB_SHARE = 0.25
# Weights by which delta is chosen, at most.
SAMPLE = 1 << 16


@dataclass(frozen=True)
class _Order:
    """How the vertices are labelled.

    order       int32 (n,)   own vertices as they follow each other: rows, leaves, the rest
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


def _order(degree: np.ndarray, directed: bool, comm: Comm) -> _Order:
    """Order the vertices by the arcs of both directions; hubs and long rows by the whole graph."""
    from kernels.build import order_by_degree

    n = len(degree)
    order = order_by_degree(degree)
    connected = int(np.count_nonzero(degree))
    top = int(degree[order[: max(connected // 16, 1)]].sum())
    top, arcs, reachable, total = comm.allreduce_sum(
        [top, int(degree.sum()), connected, n]
    ).tolist()
    hubs = reachable > 64 and top > HUB_SHARE * arcs
    long_rows = arcs > 2 * LONG_ROWS * max(reachable, 1) // (1 + (not directed))
    if not hubs:
        return _Order(np.arange(n, dtype=np.int32), n, 0, 0, total, False, bool(long_rows))
    rows = connected if directed else int(np.count_nonzero(degree > 1))
    return _Order(
        order, rows, connected - rows, n - connected, reachable, bool(hubs), bool(long_rows)
    )


def _alone(order: _Order) -> Labels:
    """The labels of one process: its own vertices, in their order."""
    none = np.empty(0, np.int32)
    connected = order.rows + order.leaves
    n = connected + order.isolated
    return Labels(
        own=n,
        rows=order.rows,
        leaves=order.leaves,
        ghost_label=none,
        ghost_owner=none,
        plain_ghosts=0,
        link_start=none,
        link_rank=none,
        link_label=none,
        nodes=1,
        near=none,
        rank_rows_from=none,
        rank_rows_to=none,
        rank_leaves_from=none,
        rows_from=0,
        plain=order.rows,
        leaves_from=order.rows,
        isolated_from=connected,
        reachable=connected,
        labels=n,
    )


def _bounds(degree: np.ndarray, order: np.ndarray) -> np.ndarray:
    """int64 (own + 1,): where the row of each own vertex starts, in this order."""
    indptr = np.zeros(len(degree) + 1, np.int64)
    indptr[1:] = degree[order]
    return np.cumsum(indptr, out=indptr)


def _fill(parts: Parts | RankParts, indptr: np.ndarray, labels: Labels, label: np.ndarray,
          forward: bool, backward: bool) -> tuple[Rows, np.ndarray]:  # fmt: skip
    """Rows of the given bounds (by index), filled, sorted, without parallel arcs; their lengths."""
    from kernels.build import close_gaps, sort_rows

    n, threads = labels.own, parts.threads
    keys = np.empty(indptr[n], np.uint64)
    # Starts move to ends as the rows fill, and the end of a row is the start of the next.
    cursor = indptr[:-1].copy()
    parts.fill(labels, label, forward, backward, cursor, keys)
    del cursor
    target = max(len(keys) // (64 * threads), 1 << 14)
    starts = np.searchsorted(indptr, np.arange(0, len(keys), target))
    blocks = np.unique(np.concatenate([[0], starts, [n]])).astype(np.int64)
    lengths = np.empty(n, np.int32)
    block_lengths = np.empty(len(blocks) - 1, np.int64)
    floats = parts.codes.kind == "float32"
    sort_rows(indptr, keys, floats, blocks, labels.labels, threads, lengths, block_lengths)
    kept = close_gaps(indptr, lengths, blocks, block_lengths, keys)
    keys.resize(kept, refcheck=False)
    return Rows(_by_label(indptr, labels), parts.codes.arcs(keys)), lengths


def _by_label(indptr: np.ndarray, labels: Labels) -> np.ndarray:
    """Bounds of rows by label, from those of own vertices by index."""
    if labels.own == labels.labels:
        return indptr
    bounds = untouched(labels.labels + 1, np.int64)
    last = labels.rows + labels.leaves
    bounds[labels.rows_from : labels.rows_to + 1] = indptr[: labels.rows + 1]
    bounds[labels.leaves_from : labels.leaves_to + 1] = indptr[labels.rows : last + 1]
    bounds[labels.isolated_from : labels.isolated_from + labels.own - last + 1] = indptr[last]
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


def _place(
    parts: Parts | RankParts, order: _Order, comm: Comm, together: bool
) -> tuple[Labels, np.ndarray, np.ndarray]:
    """Label the own vertices, and those of other ranks that arcs lead to.

    Returns the labels; int32 (own + those of others,) that of each own vertex, then of each other;
    and the original id of each label, -1 after the last.
    """
    labels, of_ghosts = _alone(order), np.empty(0, np.int32)
    first, ghosts = 0, np.empty(0, np.int64)
    if isinstance(parts, RankParts):
        first, ghosts = parts.first, parts.take_ghosts()
        index = np.empty(len(order.order), np.int32)
        index[order.order] = np.arange(len(index), dtype=np.int32)
        labels, of_ghosts = settle_labels(
            comm, parts.partition, index, order.rows, order.leaves, ghosts, together
        )
    label = np.empty(labels.own + len(of_ghosts), np.int32)
    label[order.order] = labels.of_own(np.arange(labels.own, dtype=np.int32))
    label[labels.own :] = of_ghosts
    n = parts.edges.n
    array = comm.shared_zeros if len(labels.near) > 1 else np.empty
    original = array(labels.labels + 1, np.dtype(np.int32 if n < 2**31 else np.int64))
    original[label[: labels.own]] = np.arange(first, first + labels.own, dtype=original.dtype)
    original[of_ghosts] = ghosts  # what a neighbour writes, too, is the same
    original[labels.labels] = -1
    return labels, label, original


def _halo(rows: Rows, labels: Labels, comm: Comm) -> Halo | None:
    if comm.size == 1:
        return None
    start, end = rows.indptr[[labels.leaves_from, labels.leaves_to]]
    return make_halo(comm, labels, rows.adj[start:end])


def _sample(rows: Rows, comm: Comm) -> np.ndarray:
    """Weights of arcs spread evenly over the rows of all ranks, in their type."""
    most = max(SAMPLE // comm.size, 1)
    ours = rows.weight[:: max(len(rows.arcs) // most, 1)]
    return np.concatenate(comm.allgather(ours))


def build_csr(
    edges: Edges, threads: int | None = None, comm: Comm | None = None, together: bool = True
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
        tell each other no more than what to queue. The CUDA engine needs False.

    Returns
    -------
    CSR

    Raises
    ------
    GraphError
        Ids out of range, weights negative, NaN or infinite, or 2^31 vertices and more a rank.
    EngineError
        This process was forked from one that had run parallel kernels, or NUMBA_DISABLE_JIT is set.
    """
    from kernels.threads import check_threads_run, thread_count, using

    check_threads_run()
    comm = SerialComm() if comm is None else comm
    threads = thread_count(checked_threads(threads))
    _check(edges, comm)
    both = not edges.directed
    with using(threads, turns=comm.size == 1):
        codes = Codes(edges, comm)
        parts: Parts | RankParts = Parts(edges, codes, threads)
        if comm.size > 1:
            parts = RankParts(edges, codes, threads, comm)
        degree = parts.degrees(True, True)
        order = _order(degree, edges.directed, comm)
        labels, label, original = _place(parts, order, comm, together)
        if comm.size > 1:
            give_back_freed()

        def fill(forward: bool, backward: bool) -> tuple[Rows, np.ndarray]:
            arcs = degree if both else parts.degrees(forward, backward)
            bounds = _bounds(arcs, order.order)
            return _fill(parts, bounds, labels, label, forward, backward)

        out, lengths = fill(True, both)
        incoming: Rows | None = out
        if not both:
            incoming = fill(False, True)[0] if order.hubs or order.long_rows else None
        levels = count_levels(out, lengths, labels, comm)
    degree_positive = np.empty(labels.own, bool)
    degree_positive[order.order] = lengths > 0
    own = label[: labels.own]
    return CSR(
        n=labels.own,
        first=Partition(edges.n, comm.size).first(comm.rank),
        directed=edges.directed,
        kind=codes.kind,
        weight_dtype=edges.weight_dtype,
        out=out,
        incoming=incoming,
        label=own.copy() if comm.size > 1 else label,
        original=original,
        rows_from=labels.rows_from,
        rows_to=labels.rows_to,
        ghosts_to=labels.ghosts_to,
        plain=labels.plain,
        leaves_from=labels.leaves_from,
        leaves_to=labels.leaves_to,
        ghost_leaves_to=labels.ghost_leaves_to,
        reachable=labels.reachable,
        isolated_from=labels.isolated_from,
        hubs=order.hubs,
        long_rows=order.long_rows,
        levels=levels,
        heaviest=codes.heaviest,
        degree_positive=degree_positive,
        sample=_sample(out, comm),
        graph_n=edges.n,
        graph_arcs=int(comm.allreduce_sum([len(out.arcs)])[0]),
        graph_reachable=order.reachable,
        halo=_halo(out, labels, comm),
    )
