"""Edge lists: what a graph is before kernel 1 turns it into rows.

`EdgeList` holds every edge; a class with the same few members (`Edges`) may make them slice by
slice instead, for graphs whose edges do not fit. Kernel 1 and the validator read slices only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from graphs.arguments import as_integer, checked_flag, plain_array
from graphs.errors import GraphError
from graphs.vertex_ids import VertexIds


class Edges(Protocol):
    """Edges that can be read over and over, in slices.

    n                    vertices, ids 0 .. n-1
    m                    edges, self loops and parallel edges counted
    directed             False: each edge is walked both ways
    weight_dtype         dtype of the weights
    generation_seconds   time spent so far making slices (0 where the edges are kept)
    """

    @property
    def n(self) -> int: ...

    @property
    def m(self) -> int: ...

    @property
    def directed(self) -> bool: ...

    @property
    def generation_seconds(self) -> float: ...

    @property
    def weight_dtype(self) -> np.dtype: ...

    def slices(self) -> Iterator[EdgeList]: ...


class DeviceEdges(Edges, Protocol):
    """Edges whose slices are arrays on a device (`kernels.device.Device`).

    on_host   the same edges, their slices as arrays of the host
    """

    @property
    def device(self) -> Any: ...

    def on_host(self) -> Edges: ...


@dataclass(frozen=True)
class EdgeList:
    """Edges as three arrays.

    src, dst   int64 (m,)   vertex ids, 0 .. n-1; other integer types work, too
    weight     (m,)         float32, float64 or an integer type; finite and not negative
    n          vertices
    directed   False: an undirected tuple, walked both ways
    ids        the ids of the vertices in the file they come from, where these are others

    Lists and whatever else NumPy makes an array of are converted, as are other byte orders, and
    float16 weights to float32. What
    cannot be three plain arrays of one dimension (a mask, a second dimension), an `n` that is no
    whole number and a `directed` that is not a bool raise GraphError here; dtypes and values are
    looked at where the graph is used.
    """

    src: np.ndarray
    dst: np.ndarray
    weight: np.ndarray
    n: int
    directed: bool = False
    generation_seconds: float = 0.0
    ids: VertexIds | None = None

    def __post_init__(self) -> None:
        for name in ("src", "dst", "weight"):
            given = getattr(self, name)
            array = plain_array(name, given)
            if array.ndim != 1:
                raise GraphError(f"{name} has shape {array.shape}; one dimension is allowed, (m,)")
            if name != "weight" and len(array) == 0:
                array = array.astype(np.int64, copy=False)  # of nothing, NumPy makes float64
            if name == "weight" and array.dtype == np.float16:
                array = array.astype(np.float32)
            if array is not given:
                object.__setattr__(self, name, array)
        n = as_integer(self.n)
        if n is None:
            raise GraphError(f"n={self.n!r} is not allowed; it must be a whole number from 1 on")
        object.__setattr__(self, "directed", checked_flag("directed", self.directed))
        object.__setattr__(self, "n", n)

    @property
    def m(self) -> int:
        return len(self.src)

    @property
    def weight_dtype(self) -> np.dtype:
        return self.weight.dtype

    def slices(self) -> Iterator[EdgeList]:
        yield self


def ids_of(edges: Edges) -> VertexIds:
    """Return the ids of a graph's vertices, 0 .. n-1 where it does not say."""
    return getattr(edges, "ids", None) or VertexIds(edges.n)


def check_edges(edges: EdgeList) -> EdgeList:
    """Return `edges` if they are a graph, else raise GraphError naming the first fault."""
    if edges.n < 1:
        raise GraphError(f"a graph needs at least one vertex, got n={edges.n}")
    lengths = len(edges.src), len(edges.dst), len(edges.weight)
    if len(set(lengths)) != 1:
        raise GraphError(f"src, dst and weight differ in length: {lengths}")
    for name in ("src", "dst"):
        ids = getattr(edges, name)
        if ids.dtype.kind not in "iu":
            raise GraphError(f"{name} must hold integers, got dtype {ids.dtype}")
        if len(ids) and _largest_bits(ids) >= edges.n:  # negative ids are large then
            first = int(np.flatnonzero((ids < 0) | (ids >= edges.n))[0])
            raise GraphError(f"edge {first}: {name}={ids[first]} is not in 0..{edges.n - 1}")
    check_weights(edges.weight)
    return edges


def _largest_bits(values: Any) -> int:
    """The largest of the bits of integers or floats, as numbers without a sign."""
    return int(values.view(f"u{values.dtype.itemsize}").max())


def check_weight_dtype(dtype: np.dtype) -> None:
    """Raise GraphError for a type that weights cannot have."""
    if dtype.kind not in "fiub" or dtype.itemsize > 8:
        raise GraphError(
            f"weights must be float32, float64 or integers, got dtype {dtype}; convert them"
        )


def check_weights(weight: np.ndarray) -> None:
    """Raise GraphError at the first weight that is negative, NaN, infinite or no real number."""
    check_weight_dtype(weight.dtype)
    if len(weight) == 0 or weight.dtype.kind in "ub":
        return
    # Bits of floats order like the floats; the sign, and what is infinite or NaN, are above them.
    if weight.dtype.kind == "f" and _largest_bits(weight) < _largest_bits(
        np.array([np.inf], weight.dtype)
    ):
        return
    least, most = weight.min(), weight.max()
    if least >= 0 and most < np.inf:  # False for NaN, which min() hands through
        return
    bad = weight < 0
    if weight.dtype.kind == "f":
        bad |= ~np.isfinite(weight)
    first = int(np.flatnonzero(bad)[0])
    raise GraphError(
        f"edge {first}: weight {weight[first]} is not allowed; weights must be finite and >= 0"
    )
