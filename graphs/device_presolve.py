"""Presolve on a device: the same edges kept as on the host, from edges that are made or kept there.

The stages, and why they are right, are those of `graphs.presolve`; here is what they are made of on
a device (kernels/presolve.cu). Of each slice the places of the edges to keep are listed in their
order, so that nothing depends on how threads run: bounds, edges and facts are those of the host.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np

from graphs.comm import SerialComm
from graphs.device_edges import DeviceEdgeList
from graphs.edges import DeviceEdges, EdgeList, check_edges
from graphs.presolve import drop, refuse_directed
from graphs.selection import Detours, Selection
from graphs.weights import weight_kind

# Room for kept edges beyond what the slices so far suggest.
_SPARE_SHARE, _SPARE_EDGES = 1 / 8, 1 << 12


class _Kept:
    """Edges kept of slices that are not there any more: 32-bit ids, weights as they came."""

    def __init__(self, edges: DeviceEdges):
        self.device, self.n, self.all = edges.device, edges.n, edges.m
        self.seen = self.m = 0
        xp = self.device.xp
        self.arrays = xp.empty(0, np.int32), xp.empty(0, np.int32), xp.empty(0, edges.weight_dtype)

    def add(self, part: EdgeList, places: Any) -> None:
        """Append the edges of a slice at these places."""
        end = self.m + len(places)
        self.seen += part.m
        if end > len(self.arrays[0]):
            self._grow(end)
        for array, values in zip(self.arrays, (part.src, part.dst, part.weight), strict=True):
            self.device.part(array, self.m, end)[...] = values[places]
        self.m = end

    def _grow(self, least: int) -> None:
        """Make room for as many as the rest will have, if it is like what was seen."""
        likely = least * (self.all / self.seen) * (1 + _SPARE_SHARE)
        room = min(int(likely) + _SPARE_EDGES, self.all)
        grown = []
        for array in self.arrays:
            longer = self.device.xp.empty(room, array.dtype)
            self.device.part(longer, 0, self.m)[...] = self.device.part(array, 0, self.m)
            grown.append(longer)
        self.arrays = tuple(grown)

    def edges(self) -> DeviceEdgeList:
        """What was kept."""
        src, dst, weight = (self.device.part(array, 0, self.m) for array in self.arrays)
        return DeviceEdgeList(self.device, EdgeList(src, dst, weight, self.n), checked=True)


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

    def _listed(self, edges: Any) -> EdgeList | None:
        return edges.edges if isinstance(edges, DeviceEdgeList) else None

    def _edges(self, listed: EdgeList) -> Any:
        return DeviceEdgeList(self.device, listed, checked=True)

    def _on_host(self, array: Any) -> np.ndarray:
        return self.device.to_host(array)

    def select(self, edges: Any, listing: Callable[..., Any], *arguments: Any) -> Any:
        kept = _Kept(edges)
        for part in edges.slices():
            listed = listing((part.src, part.dst, self.lengths(part.weight)), *arguments)
            kept.add(part, listed)
        return kept.edges()

    def _list_lighter(self, part: tuple[Any, ...], *rest: Any) -> Any:
        (below,) = rest
        weight = part[2]
        self.heaviest = max(self.heaviest, float(weight.max()))
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

    def _rounds(self, edges: Any, length: Any) -> Callable[[], tuple[int, int]]:
        xp, n = self.xp, self.n
        bits, lowered = length.view(self.bits), length.view(self.bits).copy()
        changed = xp.full(-(-n // 32), 0xFFFFFFFF, np.uint32)
        taken = xp.empty(2, np.uint64)
        listed = self._listed(edges)
        assert listed is not None
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
) -> tuple[DeviceEdges, dict[str, Any], Detours | None]:
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
        The edges are directed, or are no graph.
    """
    started = perf_counter()
    refuse_directed(edges)
    heaviest = 0.0
    if isinstance(edges, DeviceEdgeList) and not edges.checked:
        check_edges(edges.edges)
        heaviest = edges.heaviest()
    kind = weight_kind(edges.weight_dtype, heaviest)
    return drop(edges, DeviceSelection(edges, kind), started)
