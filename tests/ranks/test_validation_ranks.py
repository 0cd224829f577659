"""Validation among ranks: every rank gets the verdict of one process on the whole.

Every answer of the other files, `test_validation*.py`, goes through ranks too
(tests/support/verdicts.py).
"""

from __future__ import annotations

import numpy as np
import pytest
from golden_data import golden_edges, golden_roots
from hypothesis import given, settings
from hypothesis import strategies as st
from launched import launched, with_support
from oracle import dijkstra
from ranks import on_ranks
from sliced import Sliced
from strategies import edge_list, searches
from verdicts import among_ranks, counted, own_block, spoilt_answers

from graphs.edges import EdgeList
from graphs.errors import GraphError
from graphs.partition import part_of
from harness.validation.endpoints import RankEndpoints
from harness.validation.host import Validator, count_m, validate

PATH = edge_list([(0, 1), (1, 2), (2, 3)], [1, 1, 1], n=5)
ANSWER = (0, np.array([0, 1, 2, 3, np.inf], np.float32), np.array([0, 0, 1, 2, -1]))


@pytest.mark.parametrize("scale", [4, 6])
@pytest.mark.parametrize("size", [2, 3, 5, 7, pytest.param(70, marks=pytest.mark.slow)])
def test_ranks_say_of_golden_graphs_what_one_process_does(scale, size):
    edges = golden_edges(scale)
    answers = [(root, *dijkstra(edges, root)) for root in golden_roots(scale)[:5]]
    answers += spoilt_answers(edges, golden_roots(scale)[0])
    alone = validate(edges, answers)
    assert [found.valid for found in alone[:6]] == [True] * 6
    assert not any(found.valid for found in alone[6:])
    assert among_ranks(size, edges, answers) == [(alone, counted(alone))] * size


@pytest.mark.slow
@settings(max_examples=40)
@given(searches(max_n=20), st.sampled_from([1, 2, 3, 5, 7]), st.data())
def test_ranks_with_other_numbers_of_slices_say_the_same(search, size, data):
    edges, root = search
    answers = spoilt_answers(edges, root)
    ends = sorted(data.draw(st.integers(0, edges.m)) for _ in range(size - 1))
    bounds = [0, *ends, edges.m]
    slices = [data.draw(st.integers(1, 4)) for _ in range(size)]
    chunk = data.draw(st.integers(1, 3))

    def work(comm):
        mine = slice(bounds[comm.rank], bounds[comm.rank + 1])
        part = EdgeList(
            edges.src[mine], edges.dst[mine], edges.weight[mine], edges.n, edges.directed
        )
        sliced = Sliced(part, slices[comm.rank])
        among = RankEndpoints(edges.n, comm)
        among.read(sliced)
        among.chunk_edges = chunk
        validator = Validator(sliced, endpoints=among)
        return validator.validate([own_block(answer, comm.rank, size) for answer in answers])

    assert on_ranks(size, work) == [validate(edges, answers)] * size


@pytest.mark.slow
@given(searches(max_n=20))
def test_ids_of_64_bits_say_the_same(search):
    edges, root = search
    answers = spoilt_answers(edges, root)

    def work(comm):
        ends = RankEndpoints(edges.n, comm)
        ends.dtype = np.dtype(np.int64)
        validator = Validator(part_of(edges, comm.rank, 3), endpoints=ends)
        return validator.validate([own_block(answer, comm.rank, 3) for answer in answers])

    assert on_ranks(3, work) == [validate(edges, answers)] * 3


@pytest.mark.parametrize("turned", [False, True])
def test_a_cycle_of_edges_that_add_nothing_is_found_across_ranks(turned):
    n = 64
    chain = edge_list([(v, v + 1) for v in range(n - 1)], [1, *[0] * (n - 2)], n)
    order = np.random.default_rng(1).permutation(n)
    edges = EdgeList(order[chain.src], order[chain.dst], chain.weight, n)
    dist, parent = dijkstra(edges, int(order[0]))
    if turned:
        parent[order[40]] = order[41]
    answers = [(int(order[0]), dist, parent)]
    alone = validate(edges, answers)
    assert [v.count for v in alone[0].violations] == ([n - 40] if turned else [])
    for size in (2, 3, 7):
        assert among_ranks(size, edges, answers) == [(alone, counted(alone))] * size


def test_the_ends_are_found_once_for_all_answers():
    def work(comm):
        edges = Sliced(part_of(PATH, comm.rank, 2), 1)
        validator = Validator(edges, comm)
        own = own_block(ANSWER, comm.rank, 2)
        passes = []
        for _ in range(3):
            assert validator.validate([own])[0].valid
            passes.append(edges.passes)
        return passes

    assert on_ranks(2, work) == [[2, 3, 4]] * 2


def test_a_right_answer_costs_four_exchanges_and_no_walk_along_its_parents():
    edges = golden_edges(6)
    answer = golden_roots(6)[0], *dijkstra(edges, golden_roots(6)[0])

    def work(comm):
        validator = Validator(part_of(edges, comm.rank, 3), comm)
        own = own_block(answer, comm.rank, 3)
        validator.validate([own])
        before = comm.exchanges
        assert validator.validate([own])[0].valid
        return comm.exchanges - before

    assert on_ranks(3, work) == [4, 4, 4]


def test_no_answers_are_told_nothing():
    assert on_ranks(3, lambda comm: validate(PATH, [], comm)) == [[]] * 3
    assert on_ranks(3, lambda comm: count_m(PATH, [], comm)) == [[]] * 3


def refusals(size, work) -> set[str]:
    """What the ranks say that refuse."""

    def told(comm) -> str:
        with pytest.raises(GraphError) as refused:
            work(comm)
        return str(refused.value)

    return set(on_ranks(size, told))


@pytest.mark.parametrize("function", [validate, count_m])
@pytest.mark.parametrize("guilty", [0, 2])
def test_an_answer_of_one_rank_that_is_none_is_refused_by_all(function, guilty):
    def work(comm):
        root, dist, parent = own_block(ANSWER, comm.rank, 3)
        if comm.rank == guilty:
            dist = dist[:-1]
        return function(part_of(PATH, comm.rank, 3), [(root, dist, parent)], comm)

    [message] = refusals(3, work)
    owned = [1, 2, 2][guilty]
    assert message == (
        f"dist has shape ({owned - 1},); rank {guilty} owns {owned} vertices, "
        f"so it must be ({owned},)"
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"src": np.array([0, 1, 5])}, "src=5 is not in 0..4"),
        ({"dst": np.array([-1, 1, 2])}, "dst=-1 is not in 0..4"),
        ({"weight": np.array([1, -1, 1], np.float32)}, "weight -1.0 is not allowed"),
    ],
)
def test_edges_of_one_rank_that_are_none_are_refused_by_all(wrong, message):
    edges = EdgeList(**{"src": PATH.src, "dst": PATH.dst, "weight": PATH.weight, **wrong}, n=5)

    def work(comm):
        own = own_block(ANSWER, comm.rank, 3)
        return validate(part_of(edges, comm.rank, 3), [own], comm)

    [told] = refusals(3, work)
    assert message in told


def test_a_root_that_is_no_vertex_is_refused_by_all():
    def work(comm):
        _, dist, parent = own_block(ANSWER, comm.rank, 2)
        return validate(part_of(PATH, comm.rank, 2), [(5, dist, parent)], comm)

    assert refusals(2, work) == {"root 5 is not a vertex; the graph's are 0 .. 4"}


UNDER_MPI = """
from first_ranks import first_ranks
from graphs.generator import kronecker
from graphs.partition import part_of
from harness.validation.host import Validator, validate
from verdicts import counted, own_block, spoilt_answers

edges = kronecker(8)
answers = [answer for root in (1, 200) for answer in spoilt_answers(edges, root)]
alone = validate(edges, answers)
for comm in first_ranks(1, 2, 3, 4):
    validator = Validator(part_of(edges, comm.rank, comm.size), comm)
    own = [own_block(answer, comm.rank, comm.size) for answer in answers]
    found = validator.validate(own)
    assert [str(v) for v in found] == [str(v) for v in alone]
    assert found == alone
    assert validator.count_m(own) == counted(alone)
    said = comm.allgather(f"rank {comm.rank} of {comm.size}: {len(found)} answers")
    if comm.rank == 0:  # lines of several would mix
        print("\\n".join(said))
"""


@pytest.mark.slow
@pytest.mark.mpi
def test_ranks_of_mpi_say_what_one_process_does():
    done = launched(4, with_support(UNDER_MPI), timeout=300)
    assert done.status == 0, done.err
    assert done.out.splitlines() == [
        f"rank {rank} of {size}: 24 answers" for size in (1, 2, 3, 4) for rank in range(size)
    ]
