"""Presolve on a device: the same edges kept as on the host, from edges that are made or kept there.

The stages, and why they are right, are those of `graphs.presolve`; here is what they are made of on
a device (kernels/presolve.cu). Of each slice the places of the edges to keep are listed in their
order, so that nothing depends on how threads run: bounds, edges and facts are those of the host.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any, cast

import numpy as np

from graphs.comm import SerialComm
from graphs.device_edges import DeviceEdgeList
from graphs.edges import DeviceEdges, EdgeList, Edges, check_edges
from graphs.growing import Growing
from graphs.presolve import drop, refuse_directed
from graphs.rows import PresolveFacts
from graphs.selection import Detours, Selection
from graphs.weights import weight_kind


class DeviceSelection(Selection):
    """Reads edges on a device slice by slice, and selects some (see `Selection`)."""

    def __init__(self, edges: DeviceEdges, kind: str):
        super().__init__(edges, kind, 1, SerialComm())
        self.device = edges.device
        self.xp = self.device.xp
        self.module = self.device.module("presolve.cu")

    def _launch(self, kernel: str, threads: int, *arguments: Any) -> None:
        """Start a kernel for lengths of this graph's size."""
        self.module.launch(f"{kernel}_{self.dtype.itemsize}", threads, *arguments)

    def _listed(self, edges: Edges) -> EdgeList | None:
        return edges.edges if isinstance(edges, DeviceEdgeList) else None

    def _edges(self, listed: EdgeList) -> Edges:
        return DeviceEdgeList(self.device, listed, checked=True)

    def _on_host(self, array: Any) -> np.ndarray:
        return self.device.to_host(array)

    def select(self, edges: Edges, listing: Callable[..., Any], *arguments: Any) -> Edges:
        dtypes = np.dtype(np.int32), np.dtype(np.int32), edges.weight_dtype
        kept = Growing(self.xp, self.device.part, dtypes, edges.m)
        for part in edges.slices():
            listed = listing((part.src, part.dst, self.lengths(part.weight)), *arguments)
            room = kept.more(len(listed), part.m)
            for array, values in zip(room, (part.src, part.dst, part.weight), strict=True):
                array[...] = values[listed]
        src, dst, weight = kept.filled()
        return self._edges(EdgeList(src, dst, weight, self.n))

    def _list_lighter(self, part: tuple[Any, ...], *rest: Any) -> Any:
        (below,) = rest
        weight = part[2]
        self.max_weight = max(self.max_weight, float(weight.max()))
        limit = self.device.to_device(np.array([below], self.dtype))
        return self._places("mark_lighter", len(weight), weight, limit)

    def _list_useful(self, part: tuple[Any, ...], *rest: Any) -> Any:
        length, factor, slack = rest
        limits = self.device.to_device(np.array([factor, slack], np.float64))
        return self._places("mark_useful", len(part[2]), *part, length, limits)

    def _places(self, kernel: str, m: int, *arguments: Any) -> Any:
        """The places, ascending, of the edges of a slice that a kernel marks: int32."""
        words = -(-m // 32)
        marked, ends = self.xp.empty(words, np.uint32), self.xp.empty(words, np.int64)
        self._launch(kernel, m, *arguments, np.int64(m), marked, ends)
        ends = self.xp.cumsum(ends)
        places = self.xp.empty(int(ends[-1]), np.int32)
        self.module.launch("list_marked", m, marked, ends, np.int64(words), places)
        return places

    def _rounds(self, edges: Edges, length: Any) -> Callable[[], tuple[int, int]]:
        xp, n = self.xp, self.n
        bits, lowered = length.view(self.bits), length.view(self.bits).copy()
        changed = xp.full(-(-n // 32), 0xFFFFFFFF, np.uint32)
        taken = xp.empty(2, np.uint64)
        listed = self._selected(edges)
        weight = self.lengths(listed.weight)

        def run_round() -> tuple[int, int]:
            self._launch(
                "relax_edges", max(edges.m, 1), listed.src, listed.dst, weight, np.int64(edges.m),
                bits, changed, lowered,
            )  # fmt: skip
            taken.fill(0)
            self._launch(
                "take_lowered", n, bits, lowered, self.unreached, np.int64(n), changed, taken
            )
            total, found = self.device.to_host(taken).tolist()
            return total, found

        return run_round


def presolve_on_device(
    edges: DeviceEdges,
) -> tuple[DeviceEdges, PresolveFacts, Detours | None]:
    """Keep the edges of an undirected graph that a search can use.

    Returns
    -------
    DeviceEdges
        The edges kept, a `DeviceEdgeList` of 32-bit ids; all of them, as they are, where dropping
        does not pay.
    dict, Detours or None
        As of `graphs.presolve.presolve`; the lengths are on the device.

    Raises
    ------
    GraphError
        The edges are directed, or are not a graph.
    """
    started = perf_counter()
    refuse_directed(edges)
    max_weight = 0.0
    if isinstance(edges, DeviceEdgeList) and not edges.checked:
        check_edges(edges.edges)
        max_weight = edges.max_weight()
    kind = weight_kind(edges.weight_dtype, max_weight)
    kept, facts, detours = drop(edges, DeviceSelection(edges, kind), started)
    return cast("DeviceEdges", kept), facts, detours
