"""SciPy's own tests of `dijkstra` and `shortest_path` pass with those of sssp.csgraph."""

from __future__ import annotations

import importlib.util

import pytest

from sssp import csgraph

THEIRS = "scipy.sparse.csgraph.tests.test_shortest_path"
NOT_OURS = {
    "test_yen_directed": "calls yen only",
    "test_yen_dense": "calls yen only",
    "test_yen_undirected": "calls yen only",
    "test_yen_unweighted": "calls yen only",
    "test_yen_no_paths": "calls yen only",
    "test_yen_negative_weights": "calls yen only",
    "test_yen_source_sink_validation": "calls yen only",
}

# Some distributions leave the tests of SciPy out.
pytest.importorskip(THEIRS.rpartition(".")[0], reason="this SciPy is installed without its tests")
# A module of its own, as SciPy's stays what it is.
spec = importlib.util.find_spec(THEIRS)
theirs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(theirs)
vars(theirs).update(dijkstra=csgraph.dijkstra, shortest_path=csgraph.shortest_path)
TESTS = {name: test for name, test in vars(theirs).items() if name.startswith("test_")}
globals().update({name: test for name, test in TESTS.items() if name not in NOT_OURS})


def names_of(code):
    """The names that a function looks up, and those in it."""
    inner = [const for const in code.co_consts if hasattr(const, "co_names")]
    return set(code.co_names).union(*map(names_of, inner))


def test_the_tests_left_out_are_those_that_call_nothing_of_ours():
    silent = {
        name
        for name, test in TESTS.items()
        if not names_of(test.__code__) & {"dijkstra", "shortest_path"}
    }
    assert silent == set(NOT_OURS)
    assert len(TESTS) > 20
