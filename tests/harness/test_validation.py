"""Validation: right answers pass, every broken rule is named with its count and first vertex."""

from __future__ import annotations

import networkx as nx
import numba
import numpy as np
import pytest
from golden_data import golden_edges, rows, sha256_of_distances
from hypothesis import given
from hypothesis import strategies as st
from oracle import dijkstra
from reference_rules import breakers, mangled
from sliced import Sliced
from strategies import edge_list, searches
from verdicts import verdict

from harness.validation.host import count_m, validate


@pytest.mark.parametrize("scale", [4, 6])
def test_golden_answers_are_valid_and_their_edges_counted_as_the_reference_does(scale):
    edges = golden_edges(scale)
    table = rows(f"roots_s{scale}_ef16_seed_def.csv")
    answers = [(int(row["root"]), *dijkstra(edges, int(row["root"]))) for row in table]
    for row, answer, found in zip(table, answers, validate(edges, answers), strict=True):
        assert sha256_of_distances(answer[1]) == row["sha256_dist_float32le_N"]
        assert found.violations == []
        assert found.m == int(row["nedge_reference"])
        assert found.m_with_self_loops == int(row["nedge_spec_with_selfloops"])
        assert found.reached == int(row["reached_vertices"])


@pytest.mark.slow
@given(searches())
def test_right_answers_to_random_graphs_are_valid(search):
    edges, root = search
    assert verdict(edges, root, *dijkstra(edges, root)).violations == []


@pytest.mark.slow
@given(searches())
def test_m_is_counted_as_networkx_sees_the_component(search):
    edges, root = search
    graph = (nx.DiGraph if edges.directed else nx.Graph)()
    graph.add_nodes_from(range(edges.n))
    ends = list(zip(edges.src.tolist(), edges.dst.tolist(), strict=True))
    graph.add_edges_from(ends)
    component = nx.descendants(graph, root) | {root}
    answer = (root, *dijkstra(edges, root))
    found = verdict(edges, *answer)
    assert found.m_with_self_loops == sum(u in component for u, _ in ends)
    assert found.m == sum(u in component and u != v for u, v in ends)
    assert found.reached == len(component)
    assert count_m(edges, [answer]) == [(found.m, found.m_with_self_loops, found.reached)]


@pytest.mark.slow
@given(searches(max_n=12), st.data())
def test_any_answer_breaks_the_rules_that_the_rulebook_says(search, data):
    edges, root = search
    dist, parent = mangled(data, edges, root)
    found = verdict(edges, root, dist, parent)
    expected = breakers(edges, root, dist, parent)
    assert {
        violation.rule: (violation.count, violation.first) for violation in found.violations
    } == {rule: (len(vertices), min(vertices)) for rule, vertices in expected.items()}
    if found.valid:
        assert np.array_equal(dist, dijkstra(edges, root)[0])


@pytest.mark.slow
@given(searches(max_n=12), st.data())
def test_slices_and_company_change_nothing(search, data):
    edges, root = search
    dist, parent = dijkstra(edges, root)
    wrong = dist.copy()
    wrong[data.draw(st.integers(0, edges.n - 1))] = data.draw(st.sampled_from([np.inf, 0, 1, 2]))
    lost = np.roll(parent, data.draw(st.integers(0, edges.n - 1)))
    answers = [(root, wrong, parent), (root, dist, parent), (root, dist, lost), (root, wrong, lost)]
    alone = [verdict(edges, *answer) for answer in answers]
    assert validate(edges, answers) == alone
    sliced = Sliced(edges, data.draw(st.integers(1, 5)))
    assert validate(sliced, answers) == alone
    assert count_m(sliced, answers) == [(v.m, v.m_with_self_loops, v.reached) for v in alone]


def test_right_answers_take_one_pass_over_the_edges():
    edges = edge_list([(0, 1), (1, 2), (2, 0), (3, 3), (1, 0)], [0.5, 0.5, 2, 1, 1], n=4)
    sliced = Sliced(edges, 2)
    answers = [(root, *dijkstra(edges, root)) for root in range(edges.n)]
    assert all(found.valid for found in validate(sliced, answers))
    assert sliced.passes == 1
    assert validate(sliced, []) == []
    assert count_m(sliced, []) == []
    assert sliced.passes == 1


def test_any_number_of_threads_finds_the_same():
    random = np.random.default_rng(1)
    n, m = 20_000, 60_000
    edges = edge_list(random.integers(0, n, (m, 2)), random.random(m), n)
    dist, parent = dijkstra(edges, 0)
    spoilt = random.integers(0, n, 300)
    wrong, lost = dist.copy(), parent.copy()
    wrong[spoilt] *= np.float32(1.0000001)
    lost[spoilt] = random.permutation(parent)[spoilt]
    answers = [(0, dist, parent), (0, wrong, parent), (0, dist, lost), (0, wrong, lost)]
    found = []
    try:
        for threads in range(1, numba.config.NUMBA_NUM_THREADS + 1):
            numba.set_num_threads(threads)
            found += [validate(edges, answers) for _ in range(5)]
    finally:
        numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    assert [v.valid for v in found[0]] == [True, False, False, False]
    assert all(other == found[0] for other in found)
