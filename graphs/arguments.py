"""Arguments of public functions: converted where it is clear what is meant, else refused by name.

A whole number is any that is one by type, of Python or NumPy, but no bool and no float; an array is
whatever NumPy makes a plain array of without loss. A GraphError names argument and value.
"""

from __future__ import annotations

import contextlib
import math
import operator
from numbers import Real
from typing import Any

import numpy as np

from graphs.errors import GraphError


def as_integer(value: object) -> int | None:
    """Return a whole number as an int; None where the value is not one."""
    if type(value) is int:
        return value
    if isinstance(value, (bool, np.bool_)):
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return None


def checked_integer(name: str, value: object, least: int, most: int | None = None) -> int:
    """Return a whole number in least .. most as an int, else raise GraphError naming it."""
    number = as_integer(value)
    if number is None:
        raise GraphError(f"{name} must be a whole number, got {value!r}")
    if number < least or (most is not None and number > most):
        allowed = f"{least} or more" if most is None else f"{least}..{most}"
        raise GraphError(f"{name}={number} is out of range: {allowed} is allowed")
    return number


def checked_flag(name: str, value: object) -> bool:
    """Return a bool, else raise GraphError: "no" counts as true in Python."""
    if not isinstance(value, (bool, np.bool_)):
        raise GraphError(f"{name}={value!r} is not allowed; it is True or False")
    return bool(value)


def checked_threads(threads: object) -> int | None:
    """Return a number of threads as an int, None for the default; else raise GraphError."""
    number = as_integer(threads)
    if threads is not None and (number is None or number < 1):
        raise GraphError(f"threads={threads!r} is not allowed; ask for a whole number from 1 on")
    return number


def checked_delta(delta: object) -> float | None:
    """Return a bucket width as a float, None for the default; else raise GraphError."""
    if delta is None:
        return None
    number = math.nan
    number_by_name = isinstance(delta, (bool, np.timedelta64))
    if not number_by_name and isinstance(delta, (Real, np.integer, np.floating)):
        with contextlib.suppress(OverflowError):
            number = float(delta)
    if not (number > 0 and math.isfinite(number)):
        raise GraphError(f"delta={delta!r} is not allowed; it must be a finite number above 0")
    return number


def checked_limit(limit: Any) -> float:
    """A limit as a float; raises GraphError for one that is not allowed."""
    try:
        number = float(limit)
    except (TypeError, ValueError):
        number = math.nan
    if not number >= 0:
        raise GraphError(f"limit={limit!r} is not allowed; it must be a number from 0 on")
    return number


def plain_array(name: str, values: Any) -> Any:
    """Return values as a NumPy array of this machine's byte order; one on a device as it is.

    Nothing is copied that need not be. Raises GraphError for what is not an array, or has a mask.
    """
    if hasattr(values, "__cuda_array_interface__"):
        return values
    if isinstance(values, np.ma.MaskedArray):
        raise GraphError(
            f"{name} is a masked array, which is not allowed: masks are not read; "
            "leave out what the mask hides and hand in plain arrays"
        )
    try:
        array = np.asarray(values)
    except (TypeError, ValueError) as error:
        raise GraphError(f"{name} is no array of numbers: {error}") from None
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def kernel_ids(ids: np.ndarray) -> np.ndarray:
    """Return a slice of ids as kernels are compiled for: int64, without gaps, not read-only.

    Raises GraphError where they are not integers.
    """
    if ids.dtype.kind not in "iu":
        raise GraphError(f"ids must be integers, got dtype {ids.dtype}")
    return np.require(ids, np.int64, ["C", "W"])


def check_matrix(matrix: Any) -> None:
    """Raise GraphError if a sparse matrix, on the host or on a device, cannot be a graph."""
    shape = matrix.shape
    if len(shape) != 2 or shape[0] != shape[1]:
        raise GraphError(f"a graph is a square matrix, got one of shape {shape}")
    if shape[0] == 0:
        raise GraphError("a graph needs at least one vertex, got a matrix of shape (0, 0)")
    if matrix.dtype.kind not in "fiub":
        raise GraphError(f"weights must be real numbers, got a matrix of dtype {matrix.dtype}")
