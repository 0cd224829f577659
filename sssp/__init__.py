"""Single-source shortest paths by delta-stepping.

shortest_paths(graph, root)   distances and parents from one root, or from several
Graph(matrix)                 a graph that is searched more than once
Solver(csr)                   many searches on one graph
engines()                     which engines can run here, and why one cannot
EdgeList, build_csr, read_graph   graphs as arrays, as rows, from files
csgraph                       dijkstra and shortest_path as scipy.sparse.csgraph has them

Names are loaded when first used, so that `import sssp` stays quick.
"""

from importlib import import_module
from typing import Any

from sssp.import_check import check_neighbours

check_neighbours()

_HOME = {
    "Answer": "sssp.solver",
    "EdgeList": "graphs",
    "EngineError": "sssp.errors",
    "Graph": "sssp.graph",
    "GraphError": "graphs",
    "Solver": "sssp.solver",
    "build_csr": "graphs",
    "engines": "sssp.engine_choice",
    "read_graph": "graphs",
    "shortest_paths": "sssp.paths",
}
__all__ = [*sorted(_HOME), "csgraph"]


def __getattr__(name: str) -> Any:
    if name == "csgraph":
        return import_module("sssp.csgraph")
    if name not in _HOME:
        raise AttributeError(f"module 'sssp' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
