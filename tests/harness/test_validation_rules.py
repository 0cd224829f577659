"""Validation, rule by rule: break each in a good answer, and that very rule is named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from oracle import dijkstra
from strategies import edge_list, searches
from verdicts import broken, said

INF = np.inf


# 0 - 1 - 2 - 3 with a heavier way 0 - 2, a parallel edge, self loops; apart from that 5 - 6, and 4.
GRAPH = edge_list(
    [(0, 1), (0, 1), (1, 2), (0, 2), (2, 3), (3, 3), (5, 6), (4, 4)],
    [0.25, 0.5, 0.25, 1.0, 0.5, 0.125, 1.0, 1.0],
    n=7,
)
DIST = [0, 0.25, 0.5, 1, INF, INF, INF]
PARENT = [0, 0, 1, 2, -1, -1, -1]


def test_the_good_answer_is_good():
    assert said(GRAPH, 0, DIST, PARENT) == []


@pytest.mark.parametrize(
    ("v", "dist", "parent", "line"),
    [
        (0, 0, 1, "1 (root): 1 vertex, first v=0: parent[0] = 1, but 0 is the root, which is"),
        (0, 0.5, 0, "1 (root): 1 vertex, first v=0: dist[0] = 0.5, but 0 is the root, whose"),
        (0, np.nan, 0, "1 (root): 1 vertex, first v=0: dist[0] = nan, but 0 is the root"),
        (3, np.nan, 2, "1 (root): 1 vertex, first v=3: dist[3] = nan"),
        (3, -0.5, 2, "1 (root): 1 vertex, first v=3: dist[3] = -0.5 is negative"),
        (3, 1, 7, "1 (root): 1 vertex, first v=3: parent[3] = 7 is neither a vertex (0 .. 6)"),
        (3, 1, -2, "1 (root): 1 vertex, first v=3: parent[3] = -2 is neither a vertex"),
        (3, 1, 2**62, f"1 (root): 1 vertex, first v=3: parent[3] = {2**62} is neither"),
        (3, 1, -1, "1 (root): 1 vertex, first v=3: dist[3] = 1.0, but parent[3] = -1"),
        (3, INF, 2, "1 (root): 1 vertex, first v=3: dist[3] = inf, but parent[3] = 2"),
        (4, -1, -1, "1 (root): 1 vertex, first v=4: dist[4] = -1.0 is negative (the distance "
                    "of an unreached vertex is inf)"),
        (3, 1, 3, "2 (tree): 1 vertex, first v=3: its parents run into the cycle 3 -> 3"),
        (1, 0.25, 2, "2 (tree): 3 vertices, first v=1: its parents run into the cycle 1 -> 2 -> 1"),
        (2, 0.5, 9, "2 (tree): 2 vertices, first v=2: its parents lead to 2, whose parent is 9"),
        (3, 1, 1, "3 (parent edge): 1 vertex, first v=3: parent edge (1, 3) is not in the graph"),
        (2, 0.5, 0, "4 (distance): 1 vertex, first v=2: edge (0, 2) of weight 1.0 makes dist[0] "
                    "+ weight = 1.0, but dist[2] = 0.5"),
        (3, 0.75, 2, "4 (distance): 1 vertex, first v=3: edge (2, 3) of weight 0.5 makes "
                     "dist[2] + weight = 1.0, but dist[3] = 0.75"),
        (1, 0.5, 0, "5 (relaxed): 1 vertex, first v=1: edge (0, 1) of weight 0.25 makes dist[0] "
                    "+ weight = 0.25, but dist[1] = 0.5"),
        (3, INF, -1, "6 (component): 1 vertex, first v=3: edge (2, 3) of weight 0.5 leads there, "
                     "and 2 is reached, but dist[3] = inf"),
        (6, 1, 5, "6 (component): 1 vertex, first v=5: edge (6, 5) of weight 1.0 leads there, "
                  "and 6 is reached, but dist[5] = inf"),
    ],
)  # fmt: skip
def test_each_mistake_is_named_with_its_vertex(v, dist, parent, line):
    dists, parents = DIST.copy(), PARENT.copy()
    dists[v], parents[v] = dist, parent
    lines = said(GRAPH, 0, dists, parents)
    assert any(found.startswith(f"rule {line}") for found in lines), lines


def test_the_count_is_of_vertices_and_the_first_is_the_smallest():
    lines = said(GRAPH, 0, [0, 0.25, INF, INF, -1, -1, -1], [0, 0, -1, -1, -1, -1, -1])
    assert [line.split(":")[:2] for line in lines] == [
        ["rule 1 (root)", " 3 vertices, first v=4"],
        ["rule 6 (component)", " 1 vertex, first v=2"],
    ]


def a_vertex(data, choices) -> int:
    assume(len(choices))
    return int(data.draw(st.sampled_from(list(choices))))


def reached_ones(root, dist) -> np.ndarray:
    reached = np.flatnonzero(np.isfinite(dist))
    return reached[reached != root]


@pytest.mark.slow
@given(searches(), st.data())
def test_a_root_that_is_not_its_own_parent_breaks_rule_1(search, data):
    edges, root = search
    dist, parent = dijkstra(edges, root)
    parent[root] = data.draw(st.sampled_from([-1, edges.n, -2, (root + 1) % (edges.n + 1)]))
    assert "root" in broken(edges, root, dist, parent)


@pytest.mark.slow
@given(searches(), st.data())
def test_reached_by_one_array_only_breaks_rule_1(search, data):
    edges, root = search
    dist, parent = dijkstra(edges, root)
    v = data.draw(st.integers(0, edges.n - 1))
    if np.isinf(dist[v]):
        dist[v] = data.draw(st.sampled_from([0, 1, np.nan, -1]))
    elif data.draw(st.booleans()):
        dist[v] = INF
    else:
        parent[v] = -1
    assert "root" in broken(edges, root, dist, parent)


@pytest.mark.slow
@given(searches(), st.data())
def test_a_cycle_breaks_rule_2(search, data):
    edges, root = search
    dist, parent = dijkstra(edges, root)
    v = u = a_vertex(data, reached_ones(root, dist))
    for _ in range(data.draw(st.integers(0, 3))):
        u = parent[u] if parent[u] != root else u
    parent[u] = v
    assert "tree" in broken(edges, root, dist, parent)


@pytest.mark.slow
@given(searches(weights=["zero"]), st.data())
def test_a_cycle_where_every_distance_fits_breaks_rule_2_alone(search, data):
    edges, root = search
    dist, parent = dijkstra(edges, root)
    tree_arcs = [(v, parent[v]) for v in reached_ones(root, dist) if parent[v] != root]
    assume(tree_arcs and not edges.directed)
    v, u = data.draw(st.sampled_from(tree_arcs))
    parent[u] = v
    assert broken(edges, root, dist, parent) == {"tree"}


@pytest.mark.slow
@given(searches(), st.data())
def test_a_parent_that_is_no_neighbour_breaks_rule_3(search, data):
    edges, root = search
    dist, parent = dijkstra(edges, root)
    v = a_vertex(data, reached_ones(root, dist))
    neighbours = set(edges.src[edges.dst == v])
    if not edges.directed:
        neighbours |= set(edges.dst[edges.src == v])
    parent[v] = a_vertex(data, sorted(set(range(edges.n)) - neighbours))
    assert "parent edge" in broken(edges, root, dist, parent)


@pytest.mark.slow
@given(searches(), st.data())
def test_a_distance_one_bit_low_breaks_rule_4(search, data):
    edges, root = search
    dist, parent = dijkstra(edges, root)
    v = a_vertex(data, np.flatnonzero(np.isfinite(dist) & (dist > 0)))
    dist[v] = np.nextafter(dist[v], dist.dtype.type(0))
    assert "distance" in broken(edges, root, dist, parent)


@pytest.mark.slow
@given(searches(), st.data())
def test_a_distance_one_bit_high_breaks_rule_5(search, data):
    edges, root = search
    dist, parent = dijkstra(edges, root)
    v = a_vertex(data, reached_ones(root, dist))
    dist[v] = np.nextafter(dist[v], dist.dtype.type(INF))
    assert "relaxed" in broken(edges, root, dist, parent)


@pytest.mark.slow
@given(searches(weights=["even", "heavy_tailed"]), st.data())
def test_a_tree_of_paths_that_are_not_shortest_breaks_rule_5_alone(search, data):
    edges, root = search
    dist, parent = dijkstra(edges, root)
    v = a_vertex(data, np.flatnonzero(np.isfinite(dist) & (dist > 0)))
    shortcut = replace(
        edges,
        src=np.append(edges.src, root),
        dst=np.append(edges.dst, v),
        weight=np.append(edges.weight, edges.weight.dtype.type(0)),
    )
    assert broken(shortcut, root, dist, parent) == {"relaxed"}


@pytest.mark.slow
@given(searches(), st.data())
def test_a_subtree_left_out_breaks_rule_6_alone(search, data):
    edges, root = search
    dist, parent = dijkstra(edges, root)
    lost = {a_vertex(data, reached_ones(root, dist))}
    for v in sorted(reached_ones(root, dist), key=lambda v: depth(parent, root, v)):
        if parent[v] in lost:
            lost.add(v)
    dist[list(lost)], parent[list(lost)] = INF, -1
    assert broken(edges, root, dist, parent) == {"component"}


def depth(parent, root, v) -> int:
    steps = 0
    while v != root:
        v, steps = parent[v], steps + 1
    return steps
