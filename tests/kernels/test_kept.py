"""Named tuples that kernels take by address hold what the same tuples hold that numba unpacks."""

import pickle
from typing import Any, NamedTuple, cast

import numpy as np
import pytest

from kernels.compile import kernel, part, same_types
from kernels.kept import kept


class Inner(NamedTuple):
    flag: bool
    small: Any
    table: np.ndarray


class Outer(NamedTuple):
    small: Any
    inner: Inner
    last: int


@kernel
def _read(outer, row, found):
    found[0] = outer.small
    found[1] = outer.inner.small if outer.inner.flag else -1.0
    found[2] = outer.inner.table[row, 1] + 100 * outer.inner.table.shape[1]
    found[3] = outer.last


@part
def _times(outer, inner, row):
    return outer.last * inner.table[row, 1]


@kernel
def _hand_on(outer, other, found):
    for row in range(len(found)):
        either = other if row % 2 else outer
        found[row] = _times(either, either.inner, row // 2)


def outer() -> Outer:
    table = np.arange(12, dtype=np.float32).reshape(4, 3)[::2]
    return kept(Outer(np.uint32(7), kept(Inner(True, np.float32(0.5), table)), -9))


def test_a_kernel_reads_numbers_and_arrays_also_of_a_copy():
    for one in (outer(), pickle.loads(pickle.dumps(outer()))):
        found = np.zeros(4)
        _read(one, 1, found)
        assert found.tolist() == [7.0, 0.5, 307.0, -9.0]
        assert one.inner.table.shape == (2, 3)


def test_anything_else_in_its_place_is_an_error():
    read, found = same_types(_read), np.zeros(4)
    read(outer(), 0, found)
    with pytest.raises(AttributeError, match="address"):
        read(cast("Any", outer()).value, 0, found)


def test_a_kernel_hands_on_what_it_was_handed_or_found_in_it():
    """To a function that it calls again with another one."""
    one, found = outer(), np.zeros(4)
    other = kept(cast("Any", one).value._replace(last=2))
    _hand_on(one, other, found)
    assert found.tolist() == [-9.0, 2.0, -63.0, 14.0]
