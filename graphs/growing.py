"""Arrays of what is kept of edges that are read slice by slice, on the host or on a device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

# Room for kept edges beyond what the slices so far suggest.
_SPARE_SHARE, _SPARE_EDGES = 1 / 8, 1 << 12


class Growing:
    """Arrays of what is kept of edges that are read slice by slice.

    They are not made of a block for each slice, as these would be copied, and be there twice.

    part    gives the elements [first, last) of an array
    most    edges there are
    """

    def __init__(self, xp: Any, part: Callable[..., Any], dtypes: tuple[np.dtype, ...], most: int):
        self.xp, self.part, self.most = xp, part, most
        self.seen = self.m = 0
        self.arrays = tuple(xp.empty(0, dtype) for dtype in dtypes)

    def more(self, count: int, seen: int) -> tuple[Any, ...]:
        """Room for `count` more, of a slice of `seen` edges: a part of each array, to be filled."""
        first, self.m, self.seen = self.m, self.m + count, self.seen + seen
        if self.m > len(self.arrays[0]):
            # As many as all edges will have, if the rest is like what was seen.
            likely = self.m * (self.most / self.seen) * (1 + _SPARE_SHARE)
            self._grow(first, min(int(likely) + _SPARE_EDGES, self.most))
        return tuple(self.part(array, first, self.m) for array in self.arrays)

    def _grow(self, filled: int, room: int) -> None:
        grown = []
        for array in self.arrays:
            longer = self.xp.empty(room, array.dtype)
            self.part(longer, 0, filled)[...] = self.part(array, 0, filled)
            grown.append(longer)
        self.arrays = tuple(grown)

    def filled(self) -> tuple[Any, ...]:
        """The arrays, as far as they are filled."""
        return tuple(self.part(array, 0, self.m) for array in self.arrays)


def joined(xp: Any, arrays: list[Any]) -> Any:
    """One array of several, each of which is freed as it is copied.

    CuPy compiles a kernel for each number of arrays that it concatenates; this needs none.
    """
    whole = xp.empty(sum(map(len, arrays)), arrays[0].dtype)
    first = 0
    for i, array in enumerate(arrays):
        end = first + len(array)
        whole[first:end] = array
        first, arrays[i] = end, whole[:0]
    return whole
