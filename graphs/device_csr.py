"""Kernel 1 on a device: from edges there to rows there, the same as `graphs.build_csr`'s.

The edges are read twice, slice by slice, and never kept. The first pass counts arcs, the second one
writes them into their rows, in labels already. Then some rows at a time are sorted, lose parallel
arcs and move up to those before them, so that only a small part of the arcs is there twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from graphs.device_edges import DeviceEdgeList, words
from graphs.device_memory import (
    PARTS,
    DeviceNeed,
    PresolvedDeviceNeed,
    refuse_device,
    sort_room,
    too_little,
)
from graphs.device_rows import WEIGHTS, DeviceCSR, DeviceRows
from graphs.edges import DeviceEdges, check_edges
from graphs.errors import GraphError
from graphs.levels import LEVEL_VERTICES, MOST_LEVELS
from graphs.memory import ARC_BYTES
from graphs.rows import GraphStats
from graphs.trees import SAMPLE
from graphs.vertex_order import VertexOrder, has_hubs, has_long_rows
from graphs.weights import weight_kind

if TYPE_CHECKING:
    from kernels.device import Device

# Arcs of a row that one warp sorts, and that a small block sorts; see kernels/build.cu.
_SHORT = 64
_TILE = 2048
_WARP = 32


class _Builder:
    """What the steps of construction share: the edges, the device, and how weights are coded."""

    def __init__(self, edges: DeviceEdges):
        self.edges, self.device, self.xp = edges, edges.device, edges.device.xp
        self.max_weight = 0.0
        self.given = False
        if isinstance(edges, DeviceEdgeList):
            self.given = True
            if not edges.checked:
                check_edges(edges.edges)
            self.max_weight = edges.max_weight()
        self.kind = weight_kind(edges.weight_dtype, self.max_weight)
        self.weight_bytes = 8 if self.kind == "float64" else 4
        self.module = self.device.module("build.cu")

    def launch(self, kernel: str, threads: int, *arguments: Any, block: int = 256) -> None:
        """Start a kernel for arcs of this graph's size."""
        name = f"{kernel}_{self.weight_bytes}"
        self.module.launch(name, max(threads, 1), *arguments, block=block)

    def degrees(self, forward: bool, backward: bool) -> Any:
        """Arcs of each vertex, self loops left out: int64 (n,)."""
        degree = self.xp.zeros(self.edges.n, np.int64)
        for part in self.edges.slices():
            if not self.given:
                self.max_weight = max(self.max_weight, float(part.weight.max()))
            self.module.launch(
                "count_arcs", part.m, part.src, part.dst, np.int64(part.m),
                np.bool_(forward), np.bool_(backward), degree,
            )  # fmt: skip
        return degree

    def bits(self, weight: Any) -> Any:
        """Weights as the words of arcs, which order like them; -0.0 counts as 0.0."""
        return words(self.xp, weight.astype(WEIGHTS[self.kind], copy=False))

    def fill(self, degree: Any, local_id: Any, forward: bool, backward: bool) -> DeviceRows:
        """Rows of the given degrees (by label), sorted, without parallel arcs."""
        xp, n = self.xp, self.edges.n
        indptr = xp.zeros(n + 1, np.int64)
        xp.cumsum(degree, out=indptr[1:])
        longest, total = int(degree.max()), int(indptr[-1])
        del degree
        size = self.weight_bytes
        need = total * ARC_BYTES[size] + n * 8 + sort_room(total, longest + 1, size)
        refuse_device(f"{total} arcs", need, self.device)
        arcs = xp.empty(total if self.weight_bytes == 4 else (total, 2), np.uint64)
        cursor = indptr[:-1].copy()
        for part in self.edges.slices():
            self.launch(
                "scatter", part.m, part.src, part.dst, self.bits(part.weight), np.int64(part.m),
                np.bool_(forward), np.bool_(backward), local_id, cursor, arcs,
            )  # fmt: skip
        del cursor
        return DeviceRows(indptr, arcs[: self._sort(indptr, arcs)], self.kind)

    def _sort(self, indptr: Any, arcs: Any) -> int:
        """Sort the rows, drop parallel arcs and close the gaps, in place; returns arcs kept."""
        xp, n = self.xp, self.edges.n
        ends = xp.arange(0, len(arcs), max(len(arcs) // PARTS, 1 << 14))
        starts = self.device.to_host(xp.searchsorted(indptr, ends))
        few = np.arange(0, n, max(n // 8, 1 << 12))
        blocks = np.unique(np.concatenate([starts, few, [n]])).astype(np.int64)
        bounds = self.device.to_host(indptr[self.device.to_device(blocks)])
        spare = xp.empty((int(np.diff(bounds).max()), *arcs.shape[1:]), np.uint64)
        end = 0
        for first, last in zip(blocks[:-1], blocks[1:], strict=True):
            kept = self._sort_part(indptr, int(first), int(last), arcs, spare)
            size = int(kept[-1])
            self.launch("pack_rows", size, indptr, first, last, kept, arcs, spare)
            arcs[end : end + size] = spare[:size]
            indptr[first:last] = kept[:-1] + end
            end += size
        indptr[n] = end
        return end

    def _sort_part(self, indptr: Any, first: int, last: int, arcs: Any, spare: Any) -> Any:
        """Sort the rows first .. last - 1; returns where each starts among what they keep."""
        xp = self.xp
        kept = xp.empty(last - first, np.int64)
        rows = np.int64(first), np.int64(last)
        self.launch(
            "sort_short_rows", _WARP * (last - first), indptr, *rows, np.int64(_SHORT), arcs, kept,
            block=_WARP,
        )  # fmt: skip
        for least, most, block in ((_SHORT + 1, _TILE, 256), (_TILE + 1, len(arcs), 1024)):
            self.launch(
                "sort_rows", block * (last - first), indptr, *rows, np.int64(least),
                np.int64(most), arcs, spare, kept, block=block,
            )  # fmt: skip
        starts = xp.zeros(last - first + 1, np.int64)
        xp.cumsum(kept, out=starts[1:])
        return starts

    def levels(self, rows: DeviceRows) -> int:
        """Levels of a breadth-first search from the longest row; see graphs.levels."""
        xp, n = self.xp, self.edges.n
        enough = min(LEVEL_VERTICES, n // 2 + 1)
        levels = xp.zeros(1, np.int64)
        self.launch(
            "count_levels", 256, rows.indptr, rows.arcs,
            np.int64(int(xp.argmax(rows.indptr[1:] - rows.indptr[:-1]))), np.int32(enough),
            np.int64(MOST_LEVELS), xp.zeros(n // 32 + 1, np.uint32), xp.empty(enough, np.int64),
            levels,
        )  # fmt: skip
        return int(levels[0])

    def order(self, degree: Any) -> VertexOrder:
        """Order the vertices by falling degree where there are hubs (graphs.vertex_order)."""
        xp, n, both = self.xp, self.edges.n, not self.edges.directed
        order = xp.argsort(-degree, kind="stable").astype(np.int32)
        connected, arcs = int(xp.count_nonzero(degree)), int(degree.sum())
        top = int(degree[order[: max(connected // 16, 1)]].sum())
        hubs = has_hubs(connected, top, arcs)
        long_rows = has_long_rows(connected, arcs, self.edges.directed)
        if not hubs:
            return VertexOrder(xp.arange(n, dtype=np.int32), n, 0, 0, n, False, long_rows)
        rows = int(xp.count_nonzero(degree > 1)) if both else connected
        return VertexOrder(order, rows, connected - rows, n - connected, connected, True, long_rows)


def build_device_csr(edges: DeviceEdges, presolve: bool = False) -> DeviceCSR:
    """Build the rows of a graph on the device that its edges are on.

    Parameters
    ----------
    edges : DeviceEdges
    presolve : bool
        Keep only the edges that a search can use, and take off vertices of few of them, as
        `graphs.build_csr` does (graphs.presolve, graphs.trees).

    Returns
    -------
    DeviceCSR
        The same rows as `graphs.build_csr` builds of the same edges.

    Raises
    ------
    GraphError
        Ids out of range, weights negative, NaN or infinite, 2^31 vertices and more, or more than
        the device has memory for: then nothing has been done yet. `presolve` of a directed graph.
    """
    if edges.n >= 2**31 - 1:
        raise GraphError(f"n={edges.n} is not allowed; a device holds less than 2^31 vertices")
    if presolve:
        planned = PresolvedDeviceNeed.of(edges)
        return _within(planned, edges.device, lambda: _build_presolved(edges))
    builder = _Builder(edges)
    need = DeviceNeed(edges.n, edges.m, builder.weight_bytes)
    return _within(need, edges.device, lambda: _build(builder))


def _within(need: DeviceNeed, device: Device, build: Callable[[], DeviceCSR]) -> DeviceCSR:
    """Build rows where there is memory for them, else raise GraphError with the figures."""
    refuse_device(str(need), need.construction, device)
    try:
        return build()
    except MemoryError as error:  # another process has taken it meanwhile
        raise GraphError(too_little(str(need), need.construction, device)) from error


def _sample(device: Device, rows: DeviceRows, arcs: int) -> np.ndarray:
    """Weights spread evenly over the first arcs of the rows, float64 on the host.

    By a kernel of ours: CuPy has others for arrays beyond 2 GiB, and would compile one here, while
    the construction is timed.
    """
    step, dtype = max(arcs // SAMPLE, 1), np.dtype(WEIGHTS[rows.kind])
    weight = device.xp.empty(-(-arcs // step), f"u{dtype.itemsize}")
    device.module("build.cu").launch(
        f"sample_weights_{dtype.itemsize}", max(len(weight), 1), rows.arcs, np.int64(step),
        np.int64(len(weight)), weight,
    )  # fmt: skip
    return device.to_host(weight).view(dtype).astype(np.float64, copy=False)


def _build_presolved(edges: DeviceEdges) -> DeviceCSR:
    from graphs.device_presolve import presolve_on_device
    from graphs.device_trees import take_off_trees

    kept, facts, detours = presolve_on_device(edges)
    started = perf_counter()
    csr = _build(_Builder(kept))
    del kept
    built = perf_counter()
    facts["seconds"] |= {"rows": built - started}
    csr = take_off_trees(csr, detours)
    assert csr.forest is not None
    sample = _sample(edges.device, csr.out, csr.stats.arcs)
    facts |= {"core": csr.forest.core, "core_arcs": csr.stats.arcs, "leaves": csr.forest.leaves}
    facts["seconds"]["trees"] = perf_counter() - built
    return replace(csr, stats=replace(csr.stats, sample=sample), presolved=facts)


def _build(builder: _Builder) -> DeviceCSR:
    edges, xp, n = builder.edges, builder.xp, builder.edges.n
    both = not edges.directed
    degree = builder.degrees(True, True)
    order = builder.order(degree)
    local_id = xp.empty(n, np.int32)
    local_id[order.order] = xp.arange(n, dtype=np.int32)

    def fill(degree: Any, forward: bool, backward: bool) -> DeviceRows:
        return builder.fill(degree[order.order], local_id, forward, backward)

    if both:
        out = fill(degree, True, True)
        incoming: DeviceRows | None = out
    else:
        out = fill(builder.degrees(True, False), True, False)
        incoming = None
        if order.hubs or order.long_rows:
            incoming = fill(builder.degrees(False, True), False, True)
    global_id = xp.full(n + 1, -1, np.int32)
    global_id[:-1] = order.order
    has_arcs = (out.indptr[1:] > out.indptr[:-1])[local_id]
    stats = GraphStats(
        n=n,
        arcs=len(out.arcs),
        reachable=order.reachable,
        directed=edges.directed,
        weight_dtype=edges.weight_dtype,
        max_weight=builder.max_weight,
        sample=_sample(edges.device, out, len(out.arcs)),
        hubs=order.hubs,
        long_rows=order.long_rows,
        levels=builder.levels(out),
    )
    return DeviceCSR(
        out=out,
        incoming=incoming,
        kind=builder.kind,
        layout=order.layout(),
        halo=None,
        stats=stats,
        first=0,
        local_id=local_id,
        global_id=global_id,
        degree_positive=edges.device.to_host(has_arcs),
        device=edges.device,
    )
