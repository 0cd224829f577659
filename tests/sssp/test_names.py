"""What a caller needs can be imported from `sssp`, and is loaded when it is first used."""

from __future__ import annotations

import importlib

import pytest

import graphs
import sssp


@pytest.mark.parametrize("name", ["EdgeList", "GraphError", "build_csr", "read_graph"])
def test_what_makes_graphs_is_that_of_the_package_graphs(name):
    assert getattr(sssp, name) is getattr(graphs, name)


def test_every_name_is_there_and_another_is_not():
    assert all(hasattr(sssp, name) for name in sssp.__all__)
    assert sssp.csgraph is importlib.import_module("sssp.csgraph")
    with pytest.raises(AttributeError, match="'sssp' has no attribute 'nonsense'"):
        sssp.nonsense  # noqa: B018
