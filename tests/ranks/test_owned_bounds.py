"""Presolve with each bound at its owner: the bounds and edges of ranks that have copies of all."""

from __future__ import annotations

import numpy as np
import pytest
from ranks import on_ranks
from strategies import DTYPES, make_edges, with_hubs

import graphs.owned_bounds
import graphs.presolve
from graphs import EdgeList, GraphError, KroneckerStream, build_csr, kronecker
from graphs.memory import OWNERS_FROM
from graphs.owned_bounds import OwnerSelection, distinct, selection
from graphs.partition import part_of, share
from graphs.presolve import presolve
from graphs.selection import Selection

# Ranks, and how many of them are on a node.
NODES = [(1, 1), (2, 1), (2, 2), (3, 1), (3, 2), (4, 2), (7, 3), (7, 1)]


@pytest.fixture(autouse=True)
def _drops_what_it_can(monkeypatch):
    """Two stages of bounds on the smallest graphs, in many slices; none is too small to pay."""
    monkeypatch.setattr(graphs.presolve, "ALL_LIGHT", 8)
    monkeypatch.setattr(graphs.presolve, "PAYS", 1.0)
    monkeypatch.setattr(graphs.owned_bounds, "LEAST_SLICE", 10)


def presolved(edges: EdgeList, size: int, node: int, bounds: str) -> list:
    """What each rank keeps, the facts, and its bounds; rank r has r + 1 shares of the edges."""
    firsts = np.cumsum(np.arange(size + 1)) * edges.m // (size * (size + 1) // 2)

    def work(comm):
        mine = slice(*firsts[comm.rank : comm.rank + 2])
        mine = EdgeList(edges.src[mine], edges.dst[mine], edges.weight[mine], edges.n)
        kept, facts, detours = presolve(mine, 1, comm, bounds)
        assert facts["bounds"] == bounds
        return kept, {**facts, "bounds": None, "seconds": None}, detours

    return on_ranks(size, work, node)


def assert_same(edges: EdgeList, size: int, node: int) -> bool:
    """Copies and owners keep the same edges by the same bounds; were any dropped?"""
    copies, owners = (presolved(edges, size, node, bounds) for bounds in ("copies", "owners"))
    for (copied, facts, _), (owned, other, _) in zip(copies, owners, strict=True):
        assert other == facts
        for name in ("src", "dst", "weight"):
            one, two = getattr(copied, name), getattr(owned, name)
            assert one.dtype == two.dtype
            assert np.array_equal(one, two)
    by_copy, by_owner = copies[0][2], [detours for _, _, detours in owners]
    if by_copy is None:
        assert by_owner == [None] * size
        return False
    assert [(found.factor, found.slack) for found in by_owner] == [by_copy[1:]] * size
    found = np.concatenate([found.length for found in by_owner])
    assert found.dtype == by_copy.length.dtype
    assert np.array_equal(found, by_copy.length)
    return facts["kept_edges"] < edges.m


@pytest.mark.parametrize("nodes", NODES, ids=str)
def test_kronecker_graphs(nodes):
    assert assert_same(kronecker(8, seed=(nodes[0], 9)), *nodes)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("nodes", [(1, 1), (3, 1), (4, 2), (7, 3)], ids=str)
def test_every_type_of_weights(nodes, dtype):
    dropped = [
        assert_same(with_hubs(5, weights, dtype, False), *nodes)
        for weights in ("even", "a_third_zero", "tiny")
    ]
    assert any(dropped)


@pytest.mark.parametrize("shape", ["components", "star", "doubled", "no_edges"])
def test_graphs_with_ends_beyond_the_hub_and_ranks_without_edges(shape):
    for n in (3, 40):
        assert_same(make_edges(n, shape, "even", np.dtype(np.float32), False, 2), 4, 2)


def test_the_rows_are_the_same():
    edges = kronecker(9)

    def work(comm):
        mine = part_of(edges, comm.rank, 3)
        return [build_csr(mine, 1, comm, presolve=True, bounds=way) for way in (None, "owners")]

    for copies, owners in on_ranks(3, work):
        assert np.array_equal(copies.out.arcs, owners.out.arcs)
        assert np.array_equal(copies.local_id, owners.local_id)
        assert np.array_equal(copies.forest.leaf_weight, owners.forest.leaf_weight)


def test_one_process_takes_trees_off_by_them():
    copies, owners = (
        build_csr(kronecker(8), presolve=True, bounds=way) for way in (None, "owners")
    )
    assert np.array_equal(copies.out.arcs, owners.out.arcs)


def test_of_edges_made_again_no_more_than_a_slice_is_asked_for_at_once(monkeypatch):
    """Ranks that have fewer slices than others answer these."""
    asked = []

    def noting(*arguments):
        asked.append(len(arguments[-1]))
        return ask_owners(*arguments)

    ask_owners = graphs.owned_bounds.ask_owners
    monkeypatch.setattr(graphs.owned_bounds, "ask_owners", noting)
    monkeypatch.setattr(graphs.owned_bounds, "SLICES", 1 << 20)
    m = kronecker(8).m

    def work(comm):
        part = share(m, comm.rank, 3)
        mine = [
            KroneckerStream(8, slice_edges=100, first=part.start, count=part.stop - part.start),
            part_of(kronecker(8), comm.rank, 3),
        ]
        return [selected(edges, comm) for edges in mine]

    def selected(edges, comm):
        chosen = selection(edges, "float32", 1, comm, "owners")
        first = chosen.from_hub(0, part_of(kronecker(8), comm.rank, 3))
        asked.clear()
        return chosen.useful(edges, chosen.detours(first, 4.0))

    for made, listed in on_ranks(3, work):
        assert np.array_equal(made.src, listed.src)
        assert np.array_equal(made.weight, listed.weight)
    assert 0 < max(asked) <= 20


def test_few_ranks_and_those_of_one_node_have_copies():
    def work(comm):
        edges = part_of(kronecker(5), comm.rank, comm.size)
        return [
            type(selection(edges, "float32", 1, comm, way)) for way in (None, "copies", "owners")
        ]

    few, many = OWNERS_FROM - 1, OWNERS_FROM
    for size, node, kind in [
        (few, 1, Selection), (many, many, Selection), (many, 4, OwnerSelection)
    ]:  # fmt: skip
        for found in on_ranks(size, work, node):
            assert found == [kind, Selection, OwnerSelection]


def test_a_way_that_is_none_is_refused():
    with pytest.raises(GraphError, match="bounds='hub' is not allowed.*copies, owners"):
        build_csr(kronecker(4), presolve=True, bounds="hub")
    with pytest.raises(GraphError, match="bounds='owners' goes with presolve=True only"):
        build_csr(kronecker(4), bounds="owners")


@pytest.mark.parametrize("shift", [0, 1, 40, 56])
def test_distinct_ids_and_their_places(shift):
    ids = np.random.default_rng(3).integers(0, 50, 300) << shift
    few, place = distinct(ids)
    assert np.array_equal(few, np.unique(ids))
    assert np.array_equal(few[place], ids)
    assert [len(found) for found in distinct(ids[:0])] == [0, 0]
