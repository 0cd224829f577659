"""What networkx reads of the backend `sssp` when it is imported: names, nothing that takes time."""

from __future__ import annotations

from typing import Any

FUNCTIONS = (
    "bellman_ford_path",
    "bellman_ford_path_length",
    "dijkstra_path",
    "dijkstra_path_length",
    "multi_source_dijkstra",
    "multi_source_dijkstra_path",
    "multi_source_dijkstra_path_length",
    "shortest_path",
    "shortest_path_length",
    "single_source_bellman_ford",
    "single_source_bellman_ford_path",
    "single_source_bellman_ford_path_length",
    "single_source_dijkstra",
    "single_source_dijkstra_path",
    "single_source_dijkstra_path_length",
    "single_source_shortest_path_length",
)
_NOTE = "Weights are int or float, finite and at least 0; no functions."
_PAIRS = " Not between all pairs: source or target is given."


def get_info() -> dict[str, Any]:
    """What the entry point networkx.backend_info calls."""
    pairs = ("shortest_path", "shortest_path_length")
    return {
        "backend_name": "sssp",
        "project": "sssp-bench",
        "package": "sssp",
        "short_summary": "Shortest paths on arrays, compiled by numba.",
        "functions": {
            name: {"additional_docs": _NOTE + (_PAIRS if name in pairs else "")}
            for name in FUNCTIONS
        },
    }
