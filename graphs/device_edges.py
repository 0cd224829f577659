"""Edges on a device: made there slice by slice, or brought there once.

What reads them gets slices of arrays on the device: a graph of the official generator never
crosses to it, nor back. The edges are those of `graphs.generator`, to the bit.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from graphs.arguments import check_matrix, kernel_ids
from graphs.device_memory import slice_edges
from graphs.edges import DeviceEdges, EdgeList, Edges
from graphs.errors import GraphError
from graphs.generator import KroneckerStream
from kernels.generate import EDGE_STRIDE_BITS
from kernels.quadrants import scramble_values
from kernels.rng import seed_state, skip, transitions

if TYPE_CHECKING:
    from kernels.device import Device


class DeviceStream:
    """A Kronecker graph whose edges are made anew on the device each time they are read.

    Parameters
    ----------
    device : kernels.device.Device
    stream : KroneckerStream
        Which graph, and which part of its edges.

    Attributes
    ----------
    n, m : int
        Vertices and edges.
    generation_seconds : float
        Time spent making slices so far, over all passes.
    """

    directed = False
    weight_dtype = np.dtype(np.float32)

    def __init__(self, device: Device, stream: KroneckerStream):
        self.device, self.n, self.m = device, stream.n, stream.m
        self.scale, self.seed = stream.scale, stream.seed
        self.first = stream.first
        self.generation_seconds = 0.0

    def slices(self) -> Iterator[EdgeList]:
        """Yield the edges in order, each slice valid until the next one overwrites it."""
        xp, size = self.device.xp, slice_edges(self.n, self.m)
        arrays = xp.empty(size, np.int64), xp.empty(size, np.int64), xp.empty(size, np.float32)
        matrices = transitions(EDGE_STRIDE_BITS, size.bit_length())
        powers = self.device.to_device(matrices.astype(np.uint32))
        for start in range(0, self.m, size):
            self.device.synchronize()  # what is still being read is not ours to count
            began = time.perf_counter()
            src, dst, weight = (array[: self.m - start] for array in arrays)
            self._make(self.first + start, powers, src, dst, weight)
            self.device.synchronize()
            self.generation_seconds += time.perf_counter() - began
            yield EdgeList(src, dst, weight, self.n)

    def on_host(self) -> HostSlices:
        """The same edges as arrays of the host, one slice at a time."""
        return HostSlices(self)

    def _make(self, first: int, powers: Any, src: Any, dst: Any, weight: Any) -> None:
        """Write the edges first, first + 1, ... of the whole graph."""
        state = skip(seed_state(self.seed), first << EDGE_STRIDE_BITS)
        val0, val1 = scramble_values(self.seed)
        # A power of two, so that a thread comes to its next edge by one product.
        threads = 1 << (256 * self.device.blocks).bit_length() - 1
        self.device.module("generate.cu").launch(
            "generate_edges", min(threads, len(src)),
            self.device.to_device(np.array(state, np.uint32)), powers, np.uint64(val0),
            np.uint64(val1), np.int32(self.scale), np.int64(len(src)), src, dst, weight,
        )  # fmt: skip


class DeviceEdgeList:
    """Edges that are kept on the device.

    Parameters
    ----------
    device : kernels.device.Device
    edges : EdgeList
        Of arrays on the device.
    checked : bool
        They are known to be those of a graph.
    """

    generation_seconds = 0.0

    def __init__(self, device: Device, edges: EdgeList, checked: bool = False):
        self.device, self.edges, self.checked = device, edges, checked
        self.n, self.m, self.directed = edges.n, edges.m, edges.directed
        self.weight_dtype = np.dtype(edges.weight.dtype)

    def slices(self) -> Iterator[EdgeList]:
        """Yield the edges in order, views of some of them at a time."""
        size = slice_edges(self.n, self.m)
        arrays = self.edges.src, self.edges.dst, self.edges.weight
        for start in range(0, self.m, size):
            src, dst, weight = (self.device.part(array, start, start + size) for array in arrays)
            # What presolve keeps has ids of 32 bits.
            src, dst = (ends.astype(np.int64, copy=False) for ends in (src, dst))
            yield replace(self.edges, src=src, dst=dst, weight=weight)

    def max_weight(self) -> float:
        """The largest weight, 0 where there are no edges.

        By parts, as CuPy has kernels of their own for arrays beyond 2 GiB.
        """
        size, weight = slice_edges(self.n, self.m), self.edges.weight
        parts = (self.device.part(weight, i, i + size) for i in range(0, self.m, size))
        return max((float(part.max()) for part in parts), default=0.0)

    def on_host(self) -> HostSlices:
        """The same edges as arrays of the host, one slice at a time."""
        return HostSlices(self)


class HostSlices:
    """Edges on a device, slice by slice as the host sees them."""

    def __init__(self, edges: DeviceEdges):
        self._edges = edges
        self.n, self.m, self.directed = edges.n, edges.m, edges.directed
        self.weight_dtype = edges.weight_dtype

    @property
    def generation_seconds(self) -> float:
        return self._edges.generation_seconds

    def slices(self) -> Iterator[EdgeList]:
        """Yield the edges in order, as arrays of the host."""
        to_host = self._edges.device.to_host
        for part in self._edges.slices():
            src, dst, weight = (to_host(array) for array in (part.src, part.dst, part.weight))
            yield replace(part, src=src, dst=dst, weight=weight)


def kept(stream: DeviceEdges) -> DeviceEdgeList:
    """All edges of a stream, kept on its device."""
    xp = stream.device.xp
    src, dst = xp.empty(stream.m, np.int64), xp.empty(stream.m, np.int64)
    weight = xp.empty(stream.m, np.float32)
    end = 0
    for part in stream.slices():
        here = slice(end, end + part.m)
        src[here], dst[here], weight[here] = part.src, part.dst, part.weight
        end += part.m
    return DeviceEdgeList(stream.device, EdgeList(src, dst, weight, stream.n), checked=True)


def on_device(device: Device, edges: Edges) -> DeviceEdges:
    """The same edges on a device: generated there where they can be, else copied once.

    Raises GraphError for edges of another kind than `KroneckerStream` and `EdgeList`.
    """
    if isinstance(edges, KroneckerStream):
        return DeviceStream(device, edges)
    if not isinstance(edges, EdgeList):
        raise GraphError(f"{type(edges).__name__} cannot be brought to a device")
    arrays = kernel_ids(edges.src), kernel_ids(edges.dst), edges.weight
    src, dst, weight = map(device.to_device, arrays)
    return DeviceEdgeList(device, replace(edges, src=src, dst=dst, weight=weight))


def matrix_on_device(device: Device, matrix: Any) -> DeviceEdgeList:
    """The edges of a cupyx.scipy.sparse matrix, as `sssp.shortest_paths` reads one of scipy.sparse.

    Entry (i, j) is an arc from i to j, explicit zeros included; a COO matrix adds up entries of
    the same place. A symmetric matrix is an undirected graph.

    Raises
    ------
    GraphError
        It is not square, has no vertex, or its entries are no real numbers.
    ImportError
        CuPy needs cuSPARSE to read this format, and finds none.
    """
    check_matrix(matrix)
    xp, n = device.xp, int(matrix.shape[0])
    src, dst, weight = _entries(xp, matrix)
    src, dst = src.astype(np.int64), dst.astype(np.int64)
    directed = not _symmetric(xp, n, src, dst, weight)
    if not directed:
        upper = src <= dst
        src, dst, weight = src[upper], dst[upper], weight[upper]
    return DeviceEdgeList(device, EdgeList(src, dst, weight, n=n, directed=directed))


def _entries(xp: Any, matrix: Any) -> tuple[Any, Any, Any]:
    """Row, column and value of each entry.

    CuPy converts with cuSPARSE, half a gigabyte that the extras leave out; COO is read without.
    """
    if matrix.format == "coo":
        matrix = matrix.copy()
        matrix.sum_duplicates()
        return matrix.row, matrix.col, matrix.data
    rows = matrix if matrix.format == "csr" else matrix.tocsr()
    places = xp.arange(len(rows.data), dtype=rows.indptr.dtype)
    row = xp.searchsorted(rows.indptr, places, side="right") - 1
    return row, rows.indices, rows.data


def words(xp: Any, weight: Any) -> Any:
    """Weights as integers that order like them, -0.0 as 0.0.

    By their bits: CuPy's arithmetic takes the smallest numbers of float32 for zero.
    """
    if weight.dtype.kind != "f":
        return weight
    bits = weight.view(np.dtype(f"u{weight.dtype.itemsize}"))
    minus_zero = bits.dtype.type(1 << (8 * weight.dtype.itemsize - 1))
    return xp.where(bits == minus_zero, bits.dtype.type(0), bits)


def _symmetric(xp: Any, n: int, src: Any, dst: Any, weight: Any) -> bool:
    ours, theirs = src * n + dst, dst * n + src
    order, reverse = xp.argsort(ours, kind="stable"), xp.argsort(theirs, kind="stable")
    weight = words(xp, weight)
    same = (ours[order] == theirs[reverse]) & (weight[order] == weight[reverse])
    return bool(same.all())
