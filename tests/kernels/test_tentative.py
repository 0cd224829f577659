"""A tentative distance and its parent change together, and only for a strictly shorter way.

A search looks before it offers, so an equal way is offered only where two threads find it at once.
If that one changed the parent, parents could form a cycle over arcs of weight 0.
"""

from __future__ import annotations

import numba
import numpy as np
import pytest

from kernels.groups import State
from kernels.tentative import UNREACHED, dist_of, improve, parent_of, put


@numba.njit
def _start(state):
    put(state, 0, state.unreached, 5)


@numba.njit
def _offer(state, dist, parent):
    return improve(state, 0, dist, parent), dist_of(state, 0), parent_of(state, 0)


@pytest.mark.parametrize("kind", UNREACHED)
def test_only_a_strictly_shorter_way_is_taken(kind):
    unreached = UNREACHED[kind]
    state = State(np.zeros(2, np.uint64), unreached)
    _start(state)
    offers = [(unreached, 1), (9, 2), (9, 3), (10, 4), (8, 6), (0, 7), (0, 8)]
    taken = [_offer(state, unreached.dtype.type(dist), parent) for dist, parent in offers]
    assert taken == [
        (False, unreached, 5),
        (True, 9, 2),
        (False, 9, 2),
        (False, 9, 2),
        (True, 8, 6),
        (True, 0, 7),
        (False, 0, 7),
    ]
