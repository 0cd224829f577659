"""Pages of memory: arrays that take only those that are written."""

from __future__ import annotations

import contextlib
import ctypes
import math
import mmap
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike


def lazy_zeros(shape: int | tuple[int, ...], dtype: DTypeLike) -> np.ndarray:
    """Return zeros of which no page takes memory before it is written.

    NumPy asks for pages of 2 MB where an array is large: a single element written takes one.
    These are of the smallest size, and never what another array has left behind.
    """
    count = math.prod(shape) if isinstance(shape, tuple) else shape
    size = max(count * np.dtype(dtype).itemsize, 1)
    room = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with contextlib.suppress(AttributeError, OSError):  # systems without such pages
        room.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(room, dtype, count).reshape(shape)


def give_back_freed() -> None:
    """Return to the system what was freed; the GNU C library keeps much of it for itself."""
    with contextlib.suppress(AttributeError, OSError, TypeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)
