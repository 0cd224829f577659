"""Graphs: edges made or read, search keys, and the rows a solver walks.

Names are loaded when first used, so that `import graphs` stays quick.
"""

from importlib import import_module
from typing import Any

_HOME = {
    "CSR": "csr",
    "EdgeList": "edges",
    "Edges": "edges",
    "GraphError": "errors",
    "KroneckerStream": "generator",
    "build_csr": "csr",
    "kronecker": "generator",
    "read_graph": "files",
    "search_keys": "keys",
    "write_edges": "files",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'graphs' has no attribute {name!r}")
    return getattr(import_module(f"graphs.{_HOME[name]}"), name)
