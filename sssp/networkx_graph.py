"""Graphs of networkx as arrays: what its backend `sssp` searches, and the way there and back."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from itertools import chain
from typing import Any, NamedTuple

import networkx as nx
import numpy as np

from sssp.arcs import Arcs


class Weights(NamedTuple):
    """One attribute of all arcs; `whole` says that all are integers, `mixed` that only some are."""

    array: np.ndarray
    whole: bool
    mixed: bool


class ConvertedGraph:
    """A graph of networkx, its adjacency as the arrays of a CSR matrix.

    nodes             its nodes of whatever kind, in its order
    number            the place of each node among them
    indptr, indices   row i holds the neighbours (successors) of node i; each edge between two nodes
                      of an undirected graph is in two rows, parallel edges are there side by side
    weights           an attribute of the arcs by its name
    """

    __networkx_backend__ = "sssp"

    def __init__(self, graph: Any, defaults: dict[Any, Any]):
        self.directed, self.multigraph = graph.is_directed(), graph.is_multigraph()
        self.nodes = list(graph)
        self.number = {node: i for i, node in enumerate(self.nodes)}
        self.labels = np.fromiter(self.nodes, object, len(self.nodes))
        rows = [graph._adj[node] for node in self.nodes]  # the views are several times slower
        bounds = _bounds(rows)
        ends = np.fromiter(self._numbers(chain.from_iterable(rows)), np.int64, bounds[-1])
        if self.multigraph:
            rows = [keys for row in rows for keys in row.values()]  # the edges side by side
            parallel = _bounds(rows)
            ends, bounds = np.repeat(ends, np.diff(parallel)), parallel[bounds]
        self.indptr, self.indices = bounds, ends
        self.weights = {
            name: _weights([data.get(name, default) for row in rows for data in row.values()])
            for name, default in defaults.items()
        }
        self._arcs: dict[Hashable, Arcs] = {}

    def _numbers(self, nodes: Iterator[Any]) -> Iterator[int]:
        if self.nodes == list(range(len(self.nodes))):
            return nodes
        return map(self.number.__getitem__, nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    def __contains__(self, node: object) -> bool:
        try:
            return node in self.number
        except TypeError:  # not hashable
            return False

    def is_directed(self) -> bool:
        return self.directed

    def is_multigraph(self) -> bool:
        return self.multigraph

    def arcs(self, weight: Hashable, backward: bool) -> Arcs:
        """What a search by a weight reads, None for the number of edges; to or from the root."""
        backward &= self.directed
        key = weight, backward
        if key not in self._arcs:
            arrays = self.indptr, self.indices, self.values(weight).array
            self._arcs[key] = Arcs(*(_transposed(*arrays) if backward else arrays))
        return self._arcs[key]

    def values(self, weight: Hashable) -> Weights:
        """The weights of that name; ones for None."""
        if weight is None:
            return Weights(np.ones(len(self.indices), np.int32), True, False)
        if weight not in self.weights:
            raise NotImplementedError(
                f"this graph of the backend sssp holds {list(self.weights)}, not {weight!r}; "
                "convert it with that attribute, or hand in the graph of networkx"
            )
        return self.weights[weight]


def _bounds(rows: list[Any]) -> np.ndarray:
    """Where each begins if they are put one after the other, and where the last one ends."""
    return np.concatenate(([0], np.cumsum(np.fromiter(map(len, rows), np.int64, len(rows)))))


def _weights(values: list[Any]) -> Weights:
    """Weights as an array, or NotImplementedError: those are left to networkx."""
    kinds = set(map(type, values))
    wholes = {kind for kind in kinds if issubclass(kind, (int, np.signedinteger))}
    others = {kind for kind in kinds - wholes if not issubclass(kind, float)}
    if others:
        names = sorted(kind.__name__ for kind in others)
        raise NotImplementedError(
            f"weights of type {', '.join(names)}: only int and float are added here"
        )
    try:
        array = np.array(values, np.int64 if wholes == kinds else np.float64)
    except OverflowError:
        raise NotImplementedError("an integer weight is beyond 64 bits") from None
    if len(array) and not (array.min() >= 0 and array.max() < np.inf):
        raise NotImplementedError("a weight is negative, infinite or NaN")
    return Weights(array, wholes == kinds, bool(wholes) and wholes != kinds)


def has_negative(graph: Any, weight: Hashable) -> bool:
    """Has an edge a negative weight? It is looked for until the graph has been converted."""
    kept = getattr(graph, "__networkx_cache__", {}).get("backends", {}).get("sssp", {}).values()
    # networkx keeps a word instead where a conversion has failed.
    converted = (one for one in (graph, *kept) if isinstance(one, ConvertedGraph))
    if any(weight in one.weights for one in converted) or isinstance(graph, ConvertedGraph):
        return False
    rows: Any = getattr(graph, "_adj", {}).values()  # another backend's has none
    if graph.is_multigraph():
        rows = (keys for row in rows for keys in row.values())
    try:
        return any(data.get(weight, 1) < 0 for row in rows for data in row.values())
    except TypeError:  # no numbers, which the conversion refuses
        return False


def _transposed(
    indptr: np.ndarray, indices: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The arcs turned round."""
    from scipy.sparse import csr_array

    n = len(indptr) - 1
    back = csr_array((weights, indices, indptr), shape=(n, n)).T.tocsr()
    return back.indptr, back.indices, back.data


def convert_from_nx(
    graph: Any,
    *,
    edge_attrs: dict[Any, Any] | None = None,
    preserve_edge_attrs: bool = False,
    **_: Any,
) -> ConvertedGraph:
    """The graph as arrays, with the attributes of edges that are asked for and their defaults.

    Raises
    ------
    NotImplementedError
        A weight is not an int or float, negative, or not finite; or all attributes are to be kept.
    """
    if preserve_edge_attrs:
        raise NotImplementedError("the backend sssp keeps the attributes that are named, not all")
    return ConvertedGraph(graph, edge_attrs or {})


def convert_to_nx(result: Any) -> Any:
    """A graph with the edges and weights that the arrays hold; anything else as it is."""
    if not isinstance(result, ConvertedGraph):
        return result
    kinds = {(False, False): nx.Graph, (True, False): nx.DiGraph,
             (False, True): nx.MultiGraph, (True, True): nx.MultiDiGraph}  # fmt: skip
    graph = kinds[result.directed, result.multigraph]()
    graph.add_nodes_from(result.nodes)
    columns = [(name, weights.array.tolist()) for name, weights in result.weights.items()]
    starts = np.repeat(np.arange(len(result)), np.diff(result.indptr)).tolist()
    for at, (u, v) in enumerate(zip(starts, result.indices.tolist(), strict=True)):
        if result.directed or u <= v:
            data = {name: column[at] for name, column in columns}
            graph.add_edges_from([(result.nodes[u], result.nodes[v], data)])
    return graph
