"""Validation on a device says what the host says, of right answers and of wrong ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from devices import devices, gpu_device, lane_device, sanitized
from golden_data import golden_edges, rows
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import dijkstra
from reference_rules import breakers, mangled
from strategies import edge_list, searches

import harness.validation.device
from graphs import EdgeList, GraphError, KroneckerStream, kronecker
from graphs.device_edges import DeviceEdgeList, on_device
from harness.validation.device import DeviceAnswerCheck, DeviceValidator
from harness.validation.host import Validator, validate

INF = np.inf

device = devices()


def said_by_device(there, answers):
    """Verdicts on answers, and the same counts without any."""
    device = there.device
    brought = [(root, device.to_device(d), device.to_device(p)) for root, d, p in answers]
    found = DeviceValidator(there).validate(brought)
    counts = DeviceValidator(there).count_m(brought)
    assert counts == [(v.m, v.m_with_self_loops, v.reached) for v in found]
    return found


def check(device, edges, *answers):
    """The device says what the host says; returns that."""
    theirs = validate(edges, answers)
    assert said_by_device(on_device(device, edges), answers) == theirs
    return theirs


def tallied(there, answer):
    """The rules that the device itself finds broken."""
    check = DeviceAnswerCheck(there, *answer)
    for part in there.slices():
        check.walk(part, part.weight.astype(check.dist_checked.dtype))
    check.tally()
    return check.read()[1]


@pytest.mark.slow
@given(searches(max_n=12), st.data())
@settings(max_examples=150)
def test_any_answer_gets_the_host_s_verdict_and_the_rulebook_s_tallies(device, search, data):
    edges, root = search
    dist, parent = mangled(data, edges, root)
    check(device, edges, (root, dist, parent))

    expected = breakers(edges, root, dist, parent)
    reached = {v for v in range(edges.n) if 0 <= dist[v] < INF}
    # Whether a parent edge that does not fit is in the graph at all is left to the host.
    unfit = (expected.pop(3, set()) | expected.pop(4, set())) & reached
    if unfit:
        expected[4] = unfit
    there = on_device(device, edges)
    assert tallied(there, (root, dist, parent)) == {
        rule: (len(vertices), min(vertices)) for rule, vertices in expected.items()
    }


@given(searches())
def test_right_answers_are_valid(device, search):
    edges, root = search
    [found] = check(device, edges, (root, *dijkstra(edges, root)))
    assert found.valid


@pytest.mark.parametrize("scale", [4, 6])
def test_golden_answers_are_valid_and_their_edges_counted_as_the_reference_does(device, scale):
    edges = golden_edges(scale)
    table = rows(f"roots_s{scale}_ef16_seed_def.csv")
    answers = [(int(row["root"]), *dijkstra(edges, int(row["root"]))) for row in table]
    there = on_device(device, KroneckerStream(scale))
    for row, found in zip(table, said_by_device(there, answers), strict=True):
        assert found.valid
        assert found.m == int(row["nedge_reference"])
        assert found.m_with_self_loops == int(row["nedge_spec_with_selfloops"])
        assert found.reached == int(row["reached_vertices"])


# 0 - 1 - 2 - 3 with a heavier way 0 - 2, a parallel edge, self loops; apart from that 5 - 6, and 4.
GRAPH = edge_list(
    [(0, 1), (0, 1), (1, 2), (0, 2), (2, 3), (3, 3), (5, 6), (4, 4)],
    [0.25, 0.5, 0.25, 1.0, 0.5, 0.125, 1.0, 1.0],
    n=7,
)
DIST = [0, 0.25, 0.5, 1, INF, INF, INF]
PARENT = [0, 0, 1, 2, -1, -1, -1]


@pytest.mark.parametrize(
    ("v", "dist", "parent", "line"),
    [
        (0, 0, 1, "rule 1 (root): 1 vertex, first v=0: parent[0] = 1, but 0 is the root"),
        (3, np.nan, 2, "rule 1 (root): 1 vertex, first v=3: dist[3] = nan"),
        (3, 1, 2**62, f"rule 1 (root): 1 vertex, first v=3: parent[3] = {2**62} is neither"),
        (4, -1, -1, "rule 1 (root): 1 vertex, first v=4: dist[4] = -1.0 is negative"),
        (1, 0.25, 2, "rule 2 (tree): 3 vertices, first v=1: its parents run into the cycle 1 ->"),
        (3, 1, 1, "rule 3 (parent edge): 1 vertex, first v=3: parent edge (1, 3) is not in"),
        (3, 0.75, 2, "rule 4 (distance): 1 vertex, first v=3: edge (2, 3) of weight 0.5 makes"),
        (1, 0.5, 0, "rule 5 (relaxed): 1 vertex, first v=1: edge (0, 1) of weight 0.25 makes"),
        (3, INF, -1, "rule 6 (component): 1 vertex, first v=3: edge (2, 3) of weight 0.5 leads"),
    ],
)
def test_each_rule_broken_on_purpose_is_named(device, v, dist, parent, line):
    dists, parents = np.array(DIST, np.float32), np.array(PARENT)
    dists[v], parents[v] = dist, parent
    [found] = check(device, GRAPH, (0, dists, parents))
    assert any(str(violation).startswith(line) for violation in found.violations)


def test_answers_in_company_are_judged_one_by_one(device):
    good = np.array(DIST, np.float32), np.array(PARENT)
    bad = np.array([0, 0.5, *DIST[2:]], np.float32), np.array(PARENT)
    found = check(device, GRAPH, (0, *good), (0, *bad), (0, *good))
    assert [verdict.valid for verdict in found] == [True, False, True]


@pytest.mark.parametrize("weights", [np.float32, np.float64, np.int64, np.uint8])
@pytest.mark.parametrize("dist", [np.float32, np.float64])
@pytest.mark.parametrize("parent", [np.int64, np.int32, np.uint64])
def test_answers_of_any_dtype_are_judged_as_on_the_host(device, weights, dist, parent):
    made = kronecker(7)
    edges = EdgeList(made.src, made.dst, (made.weight * 200).astype(weights), made.n)
    distances, parents = dijkstra(edges, 5)
    right = 5, distances.astype(dist), parents.astype(parent)
    off = 5, np.where(distances > 0, distances * 1.25, distances).astype(dist), right[2]
    large = 5, np.where(distances > 0, 1e300, distances.astype(np.float64)), right[2]
    none = 5, right[1], np.where(parents < 0, -1, parents).astype(np.int64)
    found = check(device, edges, right, off, large, none)
    assert not found[1].valid and not found[2].valid


@pytest.mark.parametrize("far", [2**53 - 1, 2**53, 2**53 + 1])
def test_integer_distances_from_2_to_the_53_on_are_refused_as_on_the_host(device, far):
    edges = EdgeList([0, 1], [1, 2], [2**52, far - 2**52], 3)
    [found] = check(device, edges, (0, np.array([0, 2**52, far], float), np.array([0, 0, 1])))
    assert found.valid == (far < 2**53)


@pytest.mark.parametrize("dtype", ["i4", "u2", ">i8"])
def test_ids_of_any_integer_dtype_are_brought_to_the_device_as_int64(device, dtype):
    ids = (np.array(GRAPH.src, dtype), np.array(GRAPH.dst, dtype))
    edges = EdgeList(*ids, GRAPH.weight.astype(np.float16), GRAPH.n)
    right = np.array(DIST, np.float32), np.array(PARENT)
    [found] = check(device, edges, (0, *right))
    assert found.valid


@pytest.mark.parametrize("n", [1, 2, 3, 1000, 4097])
def test_parents_are_followed_however_deep_they_lead(device, n):
    steps = np.arange(n - 1)
    edges = EdgeList(steps, steps + 1, np.full(n - 1, 0.5, np.float32), n)
    dist = np.arange(n, dtype=np.float32) / 2
    parent = np.maximum(np.arange(n) - 1, 0)
    [found] = check(device, edges, (0, dist, parent))
    assert found.valid
    cycle = parent.copy()
    cycle[n // 2] = n - 1
    check(device, edges, (0, dist, cycle))


def test_edges_that_are_none_are_refused_as_on_the_host(device):
    right = np.array(DIST, np.float32), np.array(PARENT)
    for broken in (
        replace(GRAPH, dst=np.where(GRAPH.dst == 6, 7, GRAPH.dst)),
        replace(GRAPH, weight=np.where(GRAPH.weight == 1, np.float32(-1), GRAPH.weight)),
    ):
        with pytest.raises(GraphError) as theirs:
            validate(broken, [(0, *right)])
        arrays = (device.to_device(a) for a in (broken.src, broken.dst, broken.weight))
        there = DeviceEdgeList(device, EdgeList(*arrays, GRAPH.n))
        with pytest.raises(GraphError) as ours:
            DeviceValidator(there).validate([(0, *right)])
        assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize(
    "answer",
    [
        (7, DIST, PARENT),
        (0.5, DIST, PARENT),
        (0, DIST[:-1], PARENT),
        (0, PARENT, PARENT),
        (0, DIST, DIST),
    ],
)
def test_what_is_no_answer_is_refused_as_on_the_host(device, answer):
    root, dist, parent = answer[0], np.array(answer[1]), np.array(answer[2])
    there = on_device(device, GRAPH)
    with pytest.raises(GraphError) as theirs:
        validate(GRAPH, [(root, dist, parent)])
    with pytest.raises(GraphError) as ours:
        brought = device.to_device(dist), device.to_device(parent)
        DeviceValidator(there).validate([(root, *brought)])
    assert str(ours.value) == str(theirs.value)


def test_no_answer_needs_no_pass(device, monkeypatch):
    there = on_device(device, GRAPH)
    monkeypatch.setattr(there, "slices", lambda: pytest.fail("edges were read"))
    assert DeviceValidator(there).validate([]) == []
    assert DeviceValidator(there).count_m([]) == []


def test_a_fault_that_the_host_does_not_see_is_reported_all_the_same(device, monkeypatch):
    right = Validator(GRAPH).validate([(0, np.array(DIST, np.float32), np.array(PARENT))])

    class Blind(Validator):
        def validate(self, answers):
            return right

    monkeypatch.setattr(harness.validation.device, "Validator", Blind)
    wrong = np.array([0, 0.5, *DIST[2:]], np.float32)
    [found] = said_by_device(on_device(device, GRAPH), [(0, wrong, np.array(PARENT))])
    assert not found.valid
    assert [violation.name for violation in found.violations] == ["distance", "relaxed"]
    assert "found on the device, but not on the host" in str(found.violations[0])


@given(searches(max_n=12), st.data(), st.integers(1, 3), st.sampled_from([32, 64]))
@settings(max_examples=30)
def test_blocks_of_many_threads_judge_alike(search, data, blocks, threads):
    edges, root = search
    lanes = lane_device(blocks, threads)
    check(lanes, edges, (root, *mangled(data, edges, root)), (root, *dijkstra(edges, root)))


def test_blocks_of_many_threads_follow_deep_parents():
    n = 500
    steps = np.arange(n - 1)
    edges = EdgeList(steps, steps + 1, np.full(n - 1, 0.5, np.float32), n)
    dist, parent = np.arange(n, dtype=np.float32) / 2, np.maximum(np.arange(n) - 1, 0)
    cycle = np.where(np.arange(n) == 250, 499, parent)
    right, wrong = check(lane_device(3, 64), edges, (0, dist, parent), (0, dist, cycle))
    assert right.valid and not wrong.valid


@pytest.mark.slow
def test_validation_is_clean_under_the_sanitizers(request):
    assert sanitized(request)


@pytest.mark.gpu
def test_answers_to_scale_18_on_a_gpu_are_valid_until_they_are_broken():
    from graphs import build_csr
    from sssp import Solver

    edges = kronecker(18)
    root = int(edges.src[0])
    answer = Solver(build_csr(edges), engine="cpu").search(root)
    there = on_device(gpu_device(), KroneckerStream(18))
    low = answer.dist.copy()
    v = int(np.argmax(np.where(np.isfinite(low), low, 0)))
    low[v] = np.nextafter(low[v], np.float32(0))
    answers = [(root, dist, answer.parent) for dist in (answer.dist, low)]
    assert said_by_device(there, answers) == validate(edges, answers)
