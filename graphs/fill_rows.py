"""The middle of kernel 1: vertices are labelled, rows are filled, sorted and deduped."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from graphs.arc_stream import ArcStream, RankArcStream
from graphs.comm import Comm
from graphs.edges import Edges
from graphs.halo import Halo
from graphs.labels import settle_labels
from graphs.layout import Layout
from graphs.pages import give_back_freed, lazy_zeros
from graphs.partition import Partition
from graphs.vertex_order import VertexOrder, order_vertices
from graphs.weights import Codes
from kernels.groups import Rows, Ways


def row_bounds(degree: np.ndarray, order: np.ndarray, threads: int) -> np.ndarray:
    """int64 (own + 1,): where the row of each own vertex starts, in this order."""
    from kernels.build import gather

    indptr = np.zeros(len(degree) + 1, np.int64)
    gather(degree, order, threads, indptr[1:])
    return np.cumsum(indptr, out=indptr)


def fill(arcs: ArcStream | RankArcStream, indptr: np.ndarray, layout: Layout,
         local_id: np.ndarray, ways: Ways) -> tuple[Rows, np.ndarray]:  # fmt: skip
    """Rows of the given bounds (by index), filled, sorted, without parallel arcs; their lengths."""
    from kernels.sort_rows import close_gaps, sort_rows

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


class Filled(NamedTuple):
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


def fill_rows(
    edges: Edges, threads: int, comm: Comm, together: bool, partition: Partition
) -> Filled:
    """Label the vertices and fill the outgoing rows; collective."""
    both = not edges.directed
    codes = Codes(edges, comm)
    arcs: ArcStream | RankArcStream = ArcStream(edges, codes, threads)
    if comm.size > 1:
        arcs = RankArcStream(edges, codes, threads, comm, partition)
    degree = arcs.degrees(Ways(True, True))
    order = order_vertices(degree, edges.directed, comm)
    layout, halo, local_id, global_id = _label(arcs, order, comm, together)
    if comm.size > 1:
        give_back_freed()
    if not both:
        degree = arcs.degrees(Ways(True, False))
    rows, lengths = fill(
        arcs, row_bounds(degree, order.order, threads), layout, local_id, Ways(True, both)
    )
    return Filled(arcs, codes, order, layout, halo, local_id, global_id, rows, lengths)
