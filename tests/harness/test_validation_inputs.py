"""Validation: the traps of arithmetic, and answers of other programs."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from oracle import dijkstra
from strategies import FLOAT32, edge_list, searches
from verdicts import broken, said, verdict

from graphs.edges import EdgeList
from graphs.errors import GraphError
from harness.validation.host import count_m, validate
from sssp import shortest_paths

INF = np.inf
PATH = edge_list([(0, 1), (1, 2)], [0.1, 0.2], n=4)
DIST = np.array([0, 0.1, np.float32(0.1) + np.float32(0.2), INF], np.float32)
PARENT = np.array([0, 0, 1, -1])


def test_the_two_cycle_that_the_reference_accepts_is_found():
    # Scale 20, edge 13830224: so light that it adds nothing to either distance.
    edges = edge_list([(0, 1), (1, 2)], [0.75, 1.5366822e-08], n=3)
    assert broken(edges, 0, [0, 0.75, 0.75], [0, 0, 1]) == set()
    assert said(edges, 0, [0, 0.75, 0.75], [0, 2, 1]) == [
        "rule 2 (tree): 2 vertices, first v=1: its parents run into the cycle 1 -> 2 -> 1"
    ]


def test_edges_of_weight_zero_are_parent_edges_as_long_as_they_make_a_tree():
    ring = edge_list([(0, 1), (1, 2), (2, 3), (3, 1)], [0, 0, 0, 0], n=4)
    assert broken(ring, 0, [0, 0, 0, 0], [0, 0, 1, 2]) == set()
    assert broken(ring, 0, [0, 0, 0, 0], [0, 0, 1, 1]) == set()
    assert broken(ring, 0, [0, 0, 0, 0], [0, 3, 1, 2]) == {"tree"}


def test_a_second_vertex_that_is_its_own_parent_is_found_even_with_a_self_loop_of_weight_zero():
    loop = edge_list([(0, 1), (1, 1)], [0, 0], n=2)
    assert broken(loop, 0, [0, 0], [0, 1]) == {"tree"}


def test_a_parallel_edge_of_another_weight_is_no_excuse():
    edges = edge_list([(0, 1), (1, 0), (1, 2)], [0.5, 0.25, 1], n=3)
    assert broken(edges, 0, [0, 0.25, 1.25], [0, 0, 1]) == set()
    assert broken(edges, 0, [0, 0.5, 1.5], [0, 0, 1]) == {"relaxed"}
    assert broken(edges, 0, [0, 0.375, 1.375], [0, 0, 1]) == {"distance", "relaxed"}


def test_a_directed_edge_is_walked_one_way():
    edges = edge_list([(0, 1), (2, 1), (3, 3)], [1, 1, 1], n=4, directed=True)
    assert broken(edges, 0, [0, 1, INF, INF], [0, 0, -1, -1]) == set()
    assert broken(edges, 0, [0, 1, 2, INF], [0, 0, 1, -1]) == {"parent edge"}
    found = verdict(edges, 2, [INF, 1, 0, INF], [-1, 2, 2, -1])
    assert (found.valid, found.m, found.m_with_self_loops, found.reached) == (True, 1, 1, 2)


def test_an_unreached_vertex_behind_a_sum_that_overflows_is_an_error():
    edges = edge_list([(0, 1), (1, 2)], [3e38, 3e38], n=3)
    assert broken(edges, 0, [0, 3e38, INF], [0, 0, -1]) == {"component"}
    assert broken(edges, 0, [0, 3e38, INF], [0, 0, 1]) == {"root", "component"}


def test_sums_are_float32_in_a_float32_graph_and_float64_in_others():
    narrow, wide = 1.0, 1 + 2.0**-30
    for dtype, right, wrong in ((np.float32, narrow, wide), (np.float64, wide, narrow)):
        edges = edge_list([(0, 1), (1, 2)], [1, 2.0**-30], n=3, dtype=dtype)
        assert broken(edges, 0, np.array([0, 1, right]), [0, 0, 1]) == set()
        assert "distance" in broken(edges, 0, np.array([0, 1, wrong]), [0, 0, 1])


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8])
def test_integers_are_exact_beyond_float32(dtype):
    n = 2**24 // 100 if dtype == np.uint8 else 3
    weight = np.full(n - 1, 100 if dtype == np.uint8 else 2**24 + 1, dtype)
    edges = EdgeList(np.arange(n - 1), np.arange(1, n), weight, n)
    dist = np.arange(n) * float(weight[0])
    parent = np.maximum(np.arange(n) - 1, 0)
    assert broken(edges, 0, dist, parent) == set()
    dist[-1] += 1
    assert "relaxed" in broken(edges, 0, dist, parent)


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, np.float64])
@pytest.mark.parametrize("far", [2**53 - 1, 2**53, 2**53 + 1, 2**53 + 2, 2**54])
def test_integer_distances_from_2_to_the_53_on_are_refused_as_the_solver_does(far, dtype):
    edges = EdgeList([0, 1], [1, 2], np.array([2**52, far - 2**52], dtype), 3)
    dist, parent = np.array([0, 2**52, far], np.float64), [0, 0, 1]
    if dtype == np.float64 or far < 2**53:
        assert broken(edges, 0, dist, parent) == set()
        assert shortest_paths(edges, 0)[0].tolist() == dist.tolist()
        return
    [line] = said(edges, 0, dist, parent)
    assert line == (
        f"rule 4 (distance): 1 vertex, first v=2: dist[2] = {float(far)!r} is not below 2^53, "
        "where float64 holds every integer"
    )
    assert "distance" in broken(edges, 0, dist.astype(np.float32), parent)
    with pytest.raises(GraphError, match=r"at or beyond 2\^53"):
        shortest_paths(edges, 0)


def test_an_integer_distance_beyond_2_to_the_53_is_refused_whatever_else_is_wrong():
    edges = EdgeList([0, 1, 2], [1, 2, 3], [1, 2, 3], 5)
    for beyond in (2.0**53, 1e300):
        assert broken(edges, 0, [0, 1, beyond, INF, INF], [0, 0, 1, -1, -1]) == {
            "distance", "relaxed", "component"
        }  # fmt: skip


@pytest.mark.slow
@given(searches(dtypes=[FLOAT32]))
def test_float64_distances_pass_where_they_are_the_float32_ones(search):
    edges, root = search
    dist, parent = dijkstra(edges, root)
    assert broken(edges, root, dist.astype(np.float64), parent) == set()


def test_a_float64_distance_that_is_no_float32_number_breaks_rule_4():
    wide = DIST.astype(np.float64)
    wide[2] = np.nextafter(wide[2], 1)
    assert said(PATH, 0, wide, PARENT) == [
        f"rule 4 (distance): 1 vertex, first v=2: dist[2] = {wide[2]} is not a float32 number, "
        "as all sums here are"
    ]
    wide[2] = 1e300
    assert [line.split("v=2: ")[1].split()[:2] for line in said(PATH, 0, wide, PARENT)] == [
        ["dist[2]", "="],  # rule 4: no float32 number
        ["edge", "(1,"],  # rule 5: what improves it
    ]
    wide[0] = 1e-300
    assert "root" in broken(PATH, 0, wide, PARENT)


def test_float32_distances_are_compared_by_value_in_a_float64_graph():
    for weight, rules in ((0.5, set()), (0.1, {"distance", "relaxed"})):
        edges = edge_list([(0, 1)], [weight], n=2, dtype=np.float64)
        assert broken(edges, 0, np.array([0, weight], np.float32), PARENT[:2]) == rules


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.int16, np.int8, ">i4", ">i8"])
def test_parents_may_be_of_any_integer_dtype(dtype):
    assert broken(PATH, 0, DIST, PARENT.astype(dtype)) == set()


@pytest.mark.parametrize("dtype", [np.uint64, np.uint32, np.uint8])
def test_the_largest_unsigned_number_is_not_minus_one(dtype):
    largest = np.iinfo(dtype).max
    assert said(PATH, 0, DIST, PARENT.astype(dtype))[0] == (
        f"rule 1 (root): 1 vertex, first v=3: parent[3] = {largest} is neither a vertex (0 .. 3) "
        "nor -1"
    )


def test_arrays_may_have_gaps_another_byte_order_or_be_read_only():
    dist, parent = (np.repeat(array, 2)[::2] for array in (DIST, PARENT))
    assert not dist.flags.c_contiguous
    assert broken(PATH, 0, dist, parent) == set()
    assert broken(PATH, 0, DIST.astype(">f4"), PARENT) == set()
    for array in (dist := DIST.copy(), parent := PARENT.copy()):
        array.flags.writeable = False
    assert broken(PATH, 0, dist, parent) == set()


def test_answers_are_left_as_they_are():
    dist, parent = np.array([0, np.nan, -1, 5], np.float32), np.array([0, 9, -7, 3])
    before = dist.copy(), parent.copy()
    assert "root" in broken(PATH, 0, dist, parent)
    assert np.array_equal(dist, before[0], equal_nan=True)
    assert np.array_equal(parent, before[1])


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((4, DIST, PARENT), r"root 4 is not a vertex; the graph's are 0 \.\. 3"),
        ((-1, DIST, PARENT), "root -1 is not a vertex"),
        ((0.0, DIST, PARENT), r"the root must be an integer, got 0\.0"),
        ((0, DIST[:3], PARENT), r"dist has shape \(3,\); the graph has 4 vertices.*\(4,\)"),
        ((0, DIST, PARENT[:, None]), r"parent has shape \(4, 1\)"),
        ((0, np.float32(0), PARENT), r"dist has shape \(\)"),
        ((0, PARENT, PARENT), "dist must be float32 or float64.*got dtype int64"),
        ((0, DIST.astype(np.float16), PARENT), "got dtype float16"),
        ((0, DIST.astype(np.longdouble), PARENT), "dist must be float32 or float64"),
        ((0, DIST.astype(object), PARENT), "got dtype object"),
        ((0, DIST, PARENT.astype(float)), "parent must hold integers.*got dtype float64"),
        ((0, DIST, PARENT > 0), "parent must hold integers.*got dtype bool"),
    ],
)
@pytest.mark.parametrize("function", [validate, count_m])
def test_what_is_no_answer_is_refused(function, answer, message):
    with pytest.raises(GraphError, match=message):
        function(PATH, [answer])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"src": np.array([0, 4])}, r"edge 1: src=4 is not in 0\.\.3"),
        ({"dst": np.array([-1, 2])}, r"edge 0: dst=-1 is not in 0\.\.3"),
        ({"dst": np.array([1])}, "differ in length"),
        ({"src": np.array([0.5, 1])}, "src must hold integers"),
    ],
)
@pytest.mark.parametrize("function", [validate, count_m])
def test_edges_that_are_none_are_refused(function, wrong, message):
    with pytest.raises(GraphError, match=message):
        function(replace(PATH, **wrong), [(0, DIST, PARENT)])


@pytest.mark.parametrize("weight", [-1, np.nan, INF])
def test_weights_that_are_none_are_refused(weight):
    with pytest.raises(GraphError, match=r"edge 1: weight .* is not allowed"):
        validate(replace(PATH, weight=np.array([1, weight])), [(0, DIST, PARENT)])


@pytest.mark.slow
def test_long_paths_and_cycles_take_no_longer_than_others():
    n = 300_000
    order = np.random.default_rng(1).permutation(n)
    parent = np.empty(n, np.int64)
    parent[order[1:]] = order[:-1]
    parent[order[0]] = order[0]
    edges = EdgeList(order[:-1], order[1:], np.zeros(n - 1, np.float32), n)
    dist = np.zeros(n, np.float32)
    assert broken(edges, order[0], dist, parent) == set()
    parent[order[1]] = order[-1]
    start = time.process_time()
    [line] = said(
        replace(edges, src=np.append(edges.src, order[-1]), dst=np.append(edges.dst, order[1]),
                weight=np.zeros(n, np.float32)),
        order[0], dist, parent,
    )  # fmt: skip
    assert time.process_time() - start < 5
    first = 0 if order[0] else 1
    assert line.startswith(
        f"rule 2 (tree): {n - 1} vertices, first v={first}: its parents run into"
    )
    assert line.endswith("-> ...")
