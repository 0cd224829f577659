"""Sets of vertices that number their members."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.vertex_set import VertexSet, members_of_block


def set_of(n, ids):
    vertices = VertexSet(n)
    assert vertices.add(np.array(ids, np.int64)) == 0
    vertices.number()
    return vertices


@st.composite
def some_of(draw):
    """Draw n, and some of the vertices, often next to the ends of words and blocks."""
    n = draw(st.integers(1, 1200))
    near = [v + d for v in (0, 64, 512, 576, 1024, n) for d in (-1, 0, 1) if 0 <= v + d < n]
    one = st.integers(0, n - 1) | st.sampled_from(near)
    return n, draw(st.lists(one, max_size=40))


@given(some_of(), st.sampled_from([np.int32, np.int64]))
def test_members_are_numbered_in_ascending_order_and_others_are_minus_one(drawn, dtype):
    n, ids = drawn
    vertices = set_of(n, ids)
    members = sorted(set(ids))
    asked = np.arange(-1, n, dtype=dtype)
    expected = [members.index(v) if v in members else -1 for v in range(-1, n)]
    assert vertices.size == len(members)
    assert vertices.numbers(asked, np.empty(n + 1, dtype)).tolist() == expected
    assert vertices.numbers(asked, asked).tolist() == expected


@given(some_of(), st.data())
def test_members_of_a_range_are_listed_from_its_start(drawn, data):
    n, ids = drawn
    first = data.draw(st.integers(0, n))
    last = data.draw(st.integers(first, n))
    block = set_of(n, ids).block(first, last)
    found = members_of_block(block, first, last - first, np.dtype(np.int32))
    assert found.dtype == np.int32
    assert found.tolist() == [v - first for v in sorted(set(ids)) if first <= v < last]


def test_ids_that_are_no_vertices_are_counted_and_left_out():
    vertices = VertexSet(64)
    assert vertices.add(np.array([63, 64, -1, -(2**63), 2**62])) == 4
    vertices.number()
    assert vertices.size == 1


@pytest.mark.slow
def test_ids_beyond_32_bits_have_numbers():
    n = 2**33
    ids = np.array([0, 2**31 - 1, 2**31, 2**32 + 5, n - 1])
    vertices = set_of(n, ids)
    assert vertices.numbers(ids, np.empty(5, np.int64)).tolist() == [0, 1, 2, 3, 4]
    found = members_of_block(vertices.block(n - 2**20, n), n - 2**20, 2**20, np.dtype(np.int64))
    assert found.tolist() == [2**20 - 1]
