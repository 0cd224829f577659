"""Types of a matrix's arrays: as which kernels read them, and what distances they give."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from graphs.arguments import plain_array
from graphs.edges import check_weight_dtype
from graphs.errors import GraphError


def _weight_type(dtype: np.dtype) -> np.dtype:
    """The type as which kernels read weights of a type: four in all, to compile for."""
    check_weight_dtype(dtype)
    if dtype.kind == "f":
        return distance_type(dtype)
    if np.can_cast(dtype, np.int32):
        return np.dtype(np.int32)
    # uint64 as float64: what that does not hold exactly is refused with the answer.
    return np.dtype(np.int64 if np.can_cast(dtype, np.int64) else np.float64)


def distance_type(weights: np.dtype) -> np.dtype:
    """The type of distances for weights of a type: float32 for float32 and less, else float64."""
    return np.dtype(np.float32 if weights.kind == "f" and weights.itemsize <= 4 else np.float64)


def column(name: str, values: Any) -> np.ndarray:
    """An array of one dimension that NumPy reads as it is; GraphError where there is none."""
    if type(values) is not np.ndarray or not values.dtype.isnative:
        values = plain_array(name, values)
    if values.ndim != 1:
        raise GraphError(f"{name} must have one dimension, got shape {values.shape}")
    return values if values.flags.aligned else values.copy()


class Types(NamedTuple):
    """The types that kernels read ids and weights as, that of distances, and limits of these."""

    ids: np.dtype
    weights: np.dtype
    dist: np.dtype
    integers: bool
    large: float  # two distances of less than half the range have a sum within it
    most: np.number  # below it, in the type of weights


@cache
def types_of(indptr: np.dtype, indices: np.dtype, weights: np.dtype) -> Types:
    """The types of a search on arrays of these types; GraphError if they are not allowed."""
    for name, dtype in (("indptr", indptr), ("indices", indices)):
        if dtype.kind not in "iu":
            raise GraphError(f"{name} must hold integers, got dtype {dtype}")
    ids = np.dtype(np.int32 if indptr == indices == np.int32 else np.int64)
    read, dist = _weight_type(weights), distance_type(weights)
    large = float(np.finfo(dist).max) / 2
    most = np.nextafter(read.type(large), read.type(0)) if read.kind == "f" else np.iinfo(read).max
    return Types(ids, read, dist, weights.kind in "iub", large, read.type(most))
