"""The backend `sssp` of networkx: its functions for shortest paths, on arrays.

networkx finds this module by the entry point networkx.backends, and calls `can_run`, then
`convert_from_nx`, then the function with the converted graph, which it keeps for the next call.
What is not searched here (weights by a function, negative ones, all pairs) is left to networkx by
`can_run`, and what the conversion finds (weights that are not numbers) by a NotImplementedError.

Distances are what networkx adds up, to the bit, and integers where all weights are; dictionaries
have its order, by distance. Of several shortest paths, another may be returned.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Hashable
from typing import Any

import networkx as nx
import numpy as np

from sssp.networkx_graph import ConvertedGraph, convert_from_nx, convert_to_nx, has_negative
from sssp.networkx_info import FUNCTIONS
from sssp.networkx_search import Search, numbers_of

__all__ = ["can_run", "convert_from_nx", "convert_to_nx", "should_run", *FUNCTIONS]

Node = Hashable  # None stands for no node, as in networkx
_FEW = 100  # a first call breaks even at about 170 nodes, later ones at 40


def multi_source_dijkstra(
    G: ConvertedGraph,
    sources: Collection[Node],
    target: Node = None,
    cutoff: float | None = None,
    weight: Hashable = "weight",
) -> tuple[Any, Any]:
    sources = _not_empty(sources)
    if target is not None:
        return _to_target(G, sources, target, cutoff, weight)
    search = Search(G, sources, weight, cutoff)
    return search.lengths(), search.paths()


def multi_source_dijkstra_path(
    G: ConvertedGraph,
    sources: Collection[Node],
    cutoff: float | None = None,
    weight: Hashable = "weight",
) -> dict[Node, list[Node]]:
    return Search(G, _not_empty(sources), weight, cutoff).paths()


def multi_source_dijkstra_path_length(
    G: ConvertedGraph,
    sources: Collection[Node],
    cutoff: float | None = None,
    weight: Hashable = "weight",
) -> dict[Node, Any]:
    return Search(G, _not_empty(sources), weight, cutoff).lengths()


def single_source_dijkstra(
    G: ConvertedGraph,
    source: Node,
    target: Node = None,
    cutoff: float | None = None,
    weight: Hashable = "weight",
) -> tuple[Any, Any]:
    return multi_source_dijkstra(G, [source], target, cutoff, weight)


def single_source_dijkstra_path(
    G: ConvertedGraph, source: Node, cutoff: float | None = None, weight: Hashable = "weight"
) -> dict[Node, list[Node]]:
    return Search(G, [source], weight, cutoff).paths()


def single_source_dijkstra_path_length(
    G: ConvertedGraph, source: Node, cutoff: float | None = None, weight: Hashable = "weight"
) -> dict[Node, Any]:
    return Search(G, [source], weight, cutoff).lengths()


def dijkstra_path(
    G: ConvertedGraph, source: Node, target: Node, weight: Hashable = "weight"
) -> Any:
    return multi_source_dijkstra(G, [source], target, None, weight)[1]  # None: to all


def dijkstra_path_length(
    G: ConvertedGraph, source: Node, target: Node, weight: Hashable = "weight"
) -> Any:
    return _to_target(G, [source], target, None, weight)[0]


# Where no weight is negative, Bellman and Ford find the same.


def single_source_bellman_ford(
    G: ConvertedGraph, source: Node, target: Node = None, weight: Hashable = "weight"
) -> tuple[Any, Any]:
    return multi_source_dijkstra(G, [source], target, None, weight)


def single_source_bellman_ford_path(
    G: ConvertedGraph, source: Node, weight: Hashable = "weight"
) -> dict[Node, list[Node]]:
    return Search(G, [source], weight).paths()


def single_source_bellman_ford_path_length(
    G: ConvertedGraph, source: Node, weight: Hashable = "weight"
) -> dict[Node, Any]:
    return Search(G, [source], weight).lengths()


bellman_ford_path = dijkstra_path
bellman_ford_path_length = dijkstra_path_length


def single_source_shortest_path_length(
    G: ConvertedGraph, source: Node, cutoff: float | None = None
) -> dict[Node, int]:
    return Search(G, [source], None, None if cutoff is None else np.ceil(cutoff)).lengths()


def shortest_path(
    G: ConvertedGraph,
    source: Node = None,
    target: Node = None,
    weight: Hashable = None,
    method: str = "dijkstra",
) -> Any:
    _check_method(method)
    if source is None:
        return Search(G, [_given(target)], weight, backward=True).paths()
    if target is None:
        return Search(G, [source], weight).paths()
    if target not in G and (weight is None or method == "dijkstra"):
        raise nx.NodeNotFound(f"Target {target} is not in G")
    return _to_target(G, [source], target, None, weight)[1]


def shortest_path_length(
    G: ConvertedGraph,
    source: Node = None,
    target: Node = None,
    weight: Hashable = None,
    method: str = "dijkstra",
) -> Any:
    _check_method(method)
    if source is None:
        return Search(G, [_given(target)], weight, backward=True).lengths()
    if target is None:
        return Search(G, [source], weight).lengths()
    if target not in G and weight is None:
        raise nx.NodeNotFound(f"Target {target} is not in G")
    return _to_target(G, [source], target, None, weight)[0]


def _to_target(
    G: ConvertedGraph, sources: list[Node], target: Node, cutoff: float | None, weight: Hashable
) -> tuple[Any, list[Node]]:
    """Length and path from the nearest source."""
    numbers_of(G, sources)
    if target in sources:
        return 0, [target]
    if target not in G:
        raise nx.NetworkXNoPath(f"No path to {target}.")
    return Search(G, sources, weight, cutoff, target).to(target)


def _not_empty(sources: Collection[Node]) -> list[Node]:
    if not sources:
        raise ValueError("sources must not be empty")
    return list(sources)


def _given(target: Node) -> Node:
    if target is None:
        raise NotImplementedError(_ALL_PAIRS)
    return target


def _check_method(method: str) -> None:
    if method not in ("dijkstra", "bellman-ford"):
        raise ValueError(f"method not supported: {method}")


_ALL_PAIRS = "paths between all pairs are not searched here; give source or target"
_SIGNATURES = {name: inspect.signature(globals()[name]) for name in FUNCTIONS}


def can_run(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool | str:
    """True, or why a call is left to networkx, of those that can be known before conversion."""
    try:
        given = _SIGNATURES[name].bind(*args, **kwargs).arguments
    except TypeError:
        return True  # an argument too many or too few: let networkx find the words
    if callable(given.get("weight")):
        return "weights by a function are not searched here"
    pairs = name in ("shortest_path", "shortest_path_length")
    if pairs and given.get("source") is None and given.get("target") is None:
        return _ALL_PAIRS
    default = _SIGNATURES[name].parameters.get("weight")
    weight = given.get("weight", default and default.default)
    if weight is not None and has_negative(given["G"], weight):
        return "negative weights are not searched here"
    return True


def should_run(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool | str:
    """True, or why networkx had better do it itself; a backend that is named runs in any case."""
    graph = args[0] if args else kwargs["G"]
    if len(graph) < _FEW:
        return f"{len(graph)} nodes: networkx is done before a graph is converted, below {_FEW}"
    return True
