"""Single-source shortest paths by delta-stepping.

shortest_paths(graph, root)   distances and parents from one root, or from several
Graph(matrix)                 a graph that is searched more than once
Solver(csr)                   many searches on one graph
engines()                     which engines can run here, and why one cannot

Names are loaded when first used, so that `import sssp` stays quick.
"""

from importlib import import_module
from typing import Any

from sssp.import_check import check_neighbours

check_neighbours()

_HOME = {
    "Answer": "solver",
    "EngineError": "errors",
    "Graph": "graph",
    "Solver": "solver",
    "engines": "solver",
    "shortest_paths": "paths",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'sssp' has no attribute {name!r}")
    return getattr(import_module(f"sssp.{_HOME[name]}"), name)
