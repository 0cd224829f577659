"""Who owns what: every id once, even to one, at scales that 32 bits cannot count."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs import kronecker
from graphs.partition import Partition, share
from kernels.groups import EdgeSlice, Ways
from kernels.route import count_arcs, list_ghosts, localize, mark_ghosts, route_arcs

SCALES = (33, 36, 40)


@given(st.integers(1, 2**61), st.integers(1, 1000))
def test_blocks_cover_every_id_once_and_are_even(n, size):
    partition = Partition(n, size)
    counts = np.diff(partition.bounds)
    assert partition.bounds[0] == 0 and partition.bounds[-1] == n
    assert counts.max() - counts.min() <= 1
    assert counts.tolist() == [partition.count(rank) for rank in range(size)]


@given(st.integers(1, 2**61), st.integers(1, 300), st.data())
def test_an_owners_block_holds_what_it_owns(n, size, data):
    partition = Partition(n, size)
    ids = np.array(data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=20)), np.int64)
    owner = partition.owner(ids)
    assert np.all(partition.bounds[owner] <= ids) and np.all(ids < partition.bounds[owner + 1])


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("size", [600, 1000])
def test_arcs_of_a_slice_go_to_the_owners_of_their_rows(scale, size):
    partition = Partition(1 << scale, size)
    edges = kronecker(scale, first=(16 << scale) - 500, count=500)
    bits = edges.weight.view(np.uint32)
    piece = EdgeSlice(edges.src, edges.dst, bits)
    counts, (rows, ends, codes) = route_arcs(piece, partition.bounds, Ways(True, True))
    owner = np.repeat(np.arange(size), counts)
    found = list(
        zip((partition.bounds[owner] + rows).tolist(), ends.tolist(), codes.tolist(), strict=True)
    )
    plain = [
        (u, v, w)
        for u, v, w in zip(edges.src.tolist(), edges.dst.tolist(), bits.tolist(), strict=True)
        if u != v
    ]
    assert sorted(found) == sorted(plain + [(v, u, w) for u, v, w in plain])
    assert edges.src.max() > 2**31 and rows.dtype == np.int32 and ends.dtype == np.int64


@pytest.mark.parametrize("n, size", [(100, 7), (101, 100), (12, 5)])
def test_arcs_of_the_first_and_the_last_vertex_of_a_block_go_to_its_owner(n, size):
    ring = np.arange(n)
    piece = EdgeSlice(ring, np.roll(ring, -1), np.zeros(n, np.uint32))
    partition = Partition(n, size)
    counts, (rows, _, _) = route_arcs(piece, partition.bounds, Ways(True, False))
    owner = np.repeat(np.arange(size), counts)
    assert counts.tolist() == np.bincount(partition.owner(ring), minlength=size).tolist()
    assert np.all((rows >= 0) & (rows < np.diff(partition.bounds)[owner]))


@pytest.mark.parametrize("scale", SCALES)
def test_ranks_make_the_whole_list_between_them(scale):
    m, size = 16 << scale, 250
    parts = [share(m, rank, size) for rank in range(size)]
    assert parts[0].start == 0 and parts[-1].stop == m
    assert all(a.stop == b.start for a, b in zip(parts, parts[1:], strict=False))
    last = kronecker(scale, first=parts[-1].stop - 3, count=3)
    again = kronecker(scale, first=m - 3, count=3)
    assert last.src.tolist() == again.src.tolist()


def test_ghosts_are_listed_and_placed_in_the_order_of_their_ids():
    n, first, last = 5000, 1000, 1500
    ends = np.random.default_rng(1).integers(0, n, 3000)
    ends[:4] = first - 1, first, last - 1, last
    bitmap = np.zeros((n >> 6) + 1, np.uint64)
    mark_ghosts(ends, first, last, bitmap)
    ghosts, before = list_ghosts(bitmap)
    outside = (ends < first) | (ends >= last)
    assert ghosts.tolist() == sorted(set(ends[outside].tolist()))
    places = ends.copy()
    localize(places, first, last, bitmap, before)
    assert np.array_equal(places[~outside], ends[~outside] - first)
    assert np.array_equal(ghosts[places[outside] - (last - first)], ends[outside])


def test_arcs_are_counted_by_row():
    rows = np.array([3, 0, 3, 1], np.int32)
    degree = np.zeros(4, np.int64)
    count_arcs(rows, degree)
    assert degree.tolist() == [1, 1, 0, 2]
