"""What a reader of graph files is asked for, and weights for a file that has none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphs.errors import GraphError

_RANDOM = re.compile(r"random:([0-9]{1,19})")
REMEDY = (
    "give --weights unit, every edge 1, or --weights random:SEED, float32 in [0, 1) "
    "(in Python: weights='unit')"
)


@dataclass(frozen=True)
class Options:
    """What a reader is asked for.

    most_bytes  that the edges may take; None: any number
    weights     "unit" or "random:SEED" for a file that has none, None for one that has
    """

    most_bytes: int | None = None
    weights: str | None = None

    def __post_init__(self) -> None:
        checked_weights(self.weights)

    def missing(self) -> str:
        """Return what is wrong with a file that has no weights, "" if nothing is."""
        return f"has no weights; {REMEDY}" if self.weights is None else ""

    def present(self) -> str:
        """Return what is wrong with a file that has weights, "" if nothing is."""
        if self.weights is None:
            return ""
        return f"has weights of its own; leave out --weights {self.weights}"

    def made(self, m: int) -> np.ndarray:
        """Return the weights of m edges of a file that has none.

        1 as int64, or float32 from PCG64 of the seed: the same ones for the same file.
        """
        found = _RANDOM.fullmatch(self.weights or "")
        if found is None:
            return np.ones(m, np.int64)
        return np.random.Generator(np.random.PCG64(int(found[1]))).random(m, np.float32)


def checked_weights(rule: Any) -> str | None:
    """Return a rule for weights; GraphError if there is no such rule."""
    if rule is None or rule == "unit" or (isinstance(rule, str) and _RANDOM.fullmatch(rule)):
        return rule
    raise GraphError(f"weights={rule!r} is not known; choose 'unit' or 'random:SEED', a number")
