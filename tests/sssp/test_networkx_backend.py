"""The backend `sssp` of networkx answers as networkx does, and leaves the rest to it."""

from __future__ import annotations

import inspect
from fractions import Fraction

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sssp import networkx_backend as backend
from sssp.networkx_info import FUNCTIONS, get_info

KINDS = (nx.Graph, nx.DiGraph, nx.MultiGraph, nx.MultiDiGraph)
LABELS = (lambda i: i, lambda i: f"node {i}", lambda i: (i, "x"), lambda i: -7.5 * i, frozenset)


@st.composite
def graphs(draw):
    """A graph of networkx with labels of some kind; some of its weights are missing."""
    n = draw(st.integers(1, 9))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    label = draw(st.sampled_from(LABELS)) if n > 1 else LABELS[1]
    nodes = [label(i) if label is not frozenset else frozenset([i]) for i in range(n)]
    random.shuffle(nodes)
    graph = draw(st.sampled_from(KINDS))()
    graph.add_nodes_from(nodes)
    kinds = draw(st.sampled_from([(int,), (float,), (int, float), (bool, int)]))
    for u, v in random.integers(0, n, (int(random.integers(0, 4 * n)), 2)).tolist():
        kind = kinds[int(random.integers(len(kinds)))]
        value = random.integers(0, 5) / (1 if kind is int else 8)
        data = {"weight": kind(value), "km": int(random.integers(1, 4))}
        if random.random() < 0.2:
            del data["weight"]
        graph.add_edge(nodes[u], nodes[v], **data)
    return graph


def converted(graph, weight):
    return backend.convert_from_nx(graph, edge_attrs=None if weight is None else {weight: 1})


def check_path(graph, path, weight, length):
    assert nx.is_path(graph, path)
    assert nx.path_weight(nx.DiGraph(lightest(graph, weight)), path, "w") == length


def lightest(graph, weight):
    """Its arcs with the least weight of parallel edges; 1 each without a weight."""
    arcs = nx.DiGraph()
    for u, v, data in graph.edges(data=True):
        value = 1 if weight is None else data.get(weight, 1)
        for a, b in [(u, v)] if graph.is_directed() else [(u, v), (v, u)]:
            arcs.add_edge(a, b, w=min(value, arcs.get_edge_data(a, b, {"w": value})["w"]))
    return arcs


def same(found, expected, mixed):
    """Equal dictionaries in the order of the values; of equal types, but where some are int."""
    assert found == expected
    assert mixed or all(type(found[node]) is type(expected[node]) for node in expected)
    assert list(found.values()) == sorted(found.values())


@given(graphs(), st.sampled_from(["weight", "km", "none has it", None]), st.data())
@settings(max_examples=60, deadline=None)
def test_answers_equal_those_of_networkx(graph, weight, data):
    ours, nodes = converted(graph, weight), list(graph)
    source, target = data.draw(st.sampled_from(nodes)), data.draw(st.sampled_from(nodes))
    sources = data.draw(st.sets(st.sampled_from(nodes), min_size=1))
    cutoff = data.draw(st.sampled_from([None, -1, 0, 0.25, 2, 3.5]))
    mixed = ours.values(weight).mixed
    of_weight = {} if weight == "weight" else {"weight": weight}
    if weight is not None:
        for name, first, bound in (
            ("single_source_dijkstra", source, {"cutoff": cutoff}),
            ("multi_source_dijkstra", sources, {"cutoff": cutoff}),
            ("single_source_bellman_ford", source, {}),
        ):
            asked = {**bound, **of_weight}
            expected = getattr(nx, f"{name}_path_length", None)(graph, first, **asked)
            same(getattr(backend, f"{name}_path_length")(ours, first, **asked), expected, mixed)
            lengths, paths = getattr(backend, name)(ours, first, **asked)
            same(lengths, expected, mixed)
            assert getattr(backend, f"{name}_path")(ours, first, **asked) == paths
            assert list(paths) == list(lengths)
            for node, path in paths.items():
                assert path[0] in sources or path[0] == source
                assert path[-1] == node
                check_path(graph, path, weight, lengths[node])
    else:
        same(
            backend.single_source_shortest_path_length(ours, source, cutoff),
            nx.single_source_shortest_path_length(graph, source, cutoff),
            mixed,
        )
    for method in ("dijkstra", "bellman-ford"):
        asked = {"weight": weight, "method": method}
        for ends in ({"source": source}, {"target": target}):
            expected = nx.shortest_path_length(graph, **ends, **asked)
            same(backend.shortest_path_length(ours, **ends, **asked), expected, mixed)
            paths = backend.shortest_path(ours, **ends, **asked)
            assert paths.keys() == expected.keys()
            for node, path in paths.items():
                assert (path[0], path[-1]) == (
                    (source, node) if "source" in ends else (node, target)
                )
                check_path(graph, path, weight, expected[node])


@given(graphs(), st.data())
@settings(max_examples=50, deadline=None)
def test_paths_to_a_target_are_those_of_networkx(graph, data):
    ours, nodes = converted(graph, "weight"), list(graph)
    source, target = data.draw(st.sampled_from(nodes)), data.draw(st.sampled_from(nodes))
    cutoff = data.draw(st.sampled_from([None, -1, 0, 1, 2]))
    pairs = ("shortest_path", "shortest_path_length")
    calls = [(name, {"weight": "weight", "method": method}) for name in pairs
             for method in ("dijkstra", "bellman-ford")]  # fmt: skip
    calls += [(f"{name}_path{length}", {}) for name in ("dijkstra", "bellman_ford")
              for length in ("", "_length")]  # fmt: skip
    calls += [("single_source_dijkstra", {"cutoff": cutoff}), ("single_source_bellman_ford", {})]
    for name, asked in calls:
        try:
            expected = getattr(nx, name)(graph, source, target, **asked)
        except nx.NetworkXNoPath:
            with pytest.raises(nx.NetworkXNoPath):
                getattr(backend, name)(ours, source, target, **asked)
            continue
        found = getattr(backend, name)(ours, source, target, **asked)
        length, path = found if isinstance(found, tuple) else (found, found)
        known = expected[0] if isinstance(expected, tuple) else expected
        if not isinstance(path, list):
            assert length == known
            continue
        assert (path[0], path[-1]) == (source, target)
        weight = known if not isinstance(known, list) else nx.dijkstra_path_length(
            graph, source, target)  # fmt: skip
        check_path(graph, path, "weight", weight)


@given(graphs())
@settings(max_examples=50, deadline=None)
def test_a_graph_there_and_back_is_the_same(graph):
    both = {"weight": 1, "km": 1}
    back = backend.convert_to_nx(backend.convert_from_nx(graph, edge_attrs=both))
    assert type(back) is type(graph) and list(back) == list(graph)

    def edges(of):
        found = []
        for u, v, data in of.edges(data=True):
            ends = [u, v] if of.is_directed() else sorted([u, v], key=list(graph).index)
            found.append((*map(repr, ends), data.get("weight", 1), data.get("km", 1)))
        return sorted(found)

    assert edges(back) == edges(graph)


PATH = nx.Graph([("a", "b", {"weight": 2}), ("b", "c", {"weight": 3})])
PATH.add_node("alone")
NEGATIVE = nx.DiGraph([(0, 1, {"weight": 1}), (1, 2, {"weight": -1})])


@pytest.mark.parametrize(
    ("name", "arguments", "error"),
    [
        ("dijkstra_path", ("x", "a"), nx.NodeNotFound),
        ("dijkstra_path", ("x", "x"), nx.NodeNotFound),
        ("dijkstra_path", ("a", "x"), nx.NetworkXNoPath),
        ("dijkstra_path", ("a", "alone"), nx.NetworkXNoPath),
        ("dijkstra_path_length", ("a", "alone"), nx.NetworkXNoPath),
        ("single_source_dijkstra", ("a", "c", 4), nx.NetworkXNoPath),
        ("multi_source_dijkstra", (["a", "x"], "a"), nx.NodeNotFound),
        ("multi_source_dijkstra", ([],), ValueError),
        ("multi_source_dijkstra_path", (set(),), ValueError),
        ("multi_source_dijkstra_path_length", ((),), ValueError),
        ("shortest_path", ("a", "x"), nx.NodeNotFound),
        ("shortest_path", ("a", "x", "weight"), nx.NodeNotFound),
        ("shortest_path", ("x",), nx.NodeNotFound),
        ("shortest_path_length", ("a", "x"), nx.NodeNotFound),
        ("shortest_path_length", ("a", "x", "weight"), nx.NetworkXNoPath),
        ("shortest_path", ("a", "b", None, "x"), ValueError),
        ("shortest_path_length", ("a", "b", None, "x"), ValueError),
    ],
)
def test_errors_are_those_of_networkx(name, arguments, error):
    with pytest.raises(error):
        getattr(nx, name)(PATH, *arguments)
    with pytest.raises(error):
        getattr(backend, name)(converted(PATH, "weight"), *arguments)


@pytest.mark.parametrize(
    "value", [-1, -0.5, np.inf, np.nan, None, "1", 2**63, np.float32(0.1), 1j, nx]
)
def test_weights_that_are_not_added_here_are_left_to_networkx(value):
    graph = nx.Graph([(0, 1, {"weight": value})])
    with pytest.raises(NotImplementedError, match="weight"):
        converted(graph, "weight")
    assert backend.shortest_path_length(converted(graph, None), 0, 1) == 1


@pytest.mark.parametrize("extra", [[], [("x", "y", {"weight": 0.5})]])
def test_sums_of_integers_that_float64_does_not_hold_are_left_to_networkx(extra):
    graph = nx.Graph([(0, 1, {"weight": 2**53 - 1}), (1, 2, {"weight": 2}), *extra])
    assert backend.dijkstra_path_length(converted(graph, "weight"), 0, 1) == 2**53 - 1
    with pytest.raises(NotImplementedError, match="2.53"):
        backend.single_source_dijkstra_path_length(converted(graph, "weight"), 0)


def test_a_weight_that_was_not_converted_is_not_made_up():
    with pytest.raises(NotImplementedError, match="holds .'weight'., not 'km'"):
        backend.dijkstra_path(converted(PATH, "weight"), "a", "c", "km")


def test_a_long_path_is_found():
    n = 20_000
    ours = converted(nx.path_graph(n, nx.DiGraph), "weight")
    assert backend.dijkstra_path(ours, 0, n - 1) == list(range(n))
    assert backend.shortest_path_length(ours, target=n - 1)[0] == n - 1


def test_what_is_announced_is_there_with_the_arguments_of_networkx():
    assert set(get_info()["functions"]) == set(FUNCTIONS)
    for name in FUNCTIONS:
        ours = inspect.signature(getattr(backend, name)).parameters.values()
        theirs = inspect.signature(getattr(nx, name).orig_func).parameters.values()
        assert [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in theirs]


@pytest.mark.parametrize(
    ("name", "arguments", "named", "reason"),
    [
        ("dijkstra_path", (PATH, "a", "c", lambda u, v, d: 1), {}, "function"),
        ("dijkstra_path", (PATH, "a", "c"), {"weight": max}, "function"),
        ("shortest_path", (PATH,), {}, "all pairs"),
        ("shortest_path_length", (), {"G": PATH, "weight": "weight"}, "all pairs"),
        ("bellman_ford_path", (NEGATIVE, 0, 2), {}, "negative"),
        ("shortest_path", (nx.MultiGraph(NEGATIVE), 0, 2, "weight"), {}, "negative"),
        ("dijkstra_path", (NEGATIVE, 0, 2), {"weight": "weight"}, "negative"),
    ],
)
def test_calls_are_left_to_networkx_for_a_reason(name, arguments, named, reason):
    assert reason in str(backend.can_run(name, arguments, named))


def test_negative_weights_count_where_they_are_asked_for():
    assert backend.can_run("shortest_path", (NEGATIVE, 0, 2), {}) is True
    assert backend.can_run("dijkstra_path", (NEGATIVE, 0, 2, "km"), {}) is True
    assert backend.can_run("dijkstra_path", (converted(PATH, "weight"), "a", "c"), {}) is True
    words = nx.Graph([(0, 1, {"weight": "far"})])
    assert backend.can_run("dijkstra_path", (words, 0, 1), {}) is True  # the conversion refuses it


def test_weights_of_a_graph_that_was_converted_are_not_looked_at_again():
    graph = nx.Graph([(0, 1, {"weight": 2})])
    kept = {("weight", 1): converted(graph, "weight")}
    graph.__networkx_cache__["backends"] = {"sssp": kept}
    graph.edges[0, 1]["weight"] = -1  # networkx does not notice, and keeps what it has
    assert backend.can_run("dijkstra_path", (graph, 0, 1), {}) is True
    graph.add_edge(0, 2)
    assert "negative" in str(backend.can_run("dijkstra_path", (graph, 0, 1), {}))


def test_a_graph_that_could_not_be_converted_is_left_to_networkx_again():
    graph = nx.Graph([(0, 1, {"weight": Fraction(1, 3)})])
    # What networkx keeps of a conversion that has failed.
    graph.__networkx_cache__["backends"] = {"sssp": {("weight", 1): "FAILED_TO_CONVERT"}}
    assert backend.can_run("dijkstra_path", (graph, 0, 1), {}) is True  # networkx knows it failed
    graph.edges[0, 1]["weight"] = Fraction(-1, 3)
    assert "negative" in str(backend.can_run("dijkstra_path", (graph, 0, 1), {}))


@pytest.mark.parametrize("name", ["dijkstra_path", "bellman_ford_path"])
def test_a_target_of_none_is_all_nodes(name):
    graph = nx.path_graph(4)
    ours = getattr(backend, name)(converted(graph, "weight"), 0, None)
    assert ours == getattr(nx, name)(graph, 0, None)


def test_tiny_graphs_are_left_to_networkx_for_a_reason():
    assert backend.can_run("shortest_path", (PATH, "a"), {}) is True
    assert "4 nodes" in str(backend.should_run("shortest_path", (PATH, "a"), {}))
    assert backend.should_run("shortest_path", (), {"G": nx.path_graph(1000)}) is True
