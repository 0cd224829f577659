"""The comm of one process: a collective call returns what it was given.

What several ranks do together is written against a comm (sssp.comm); with this one it is what one
process does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Traffic:
    """What this rank has sent to others, and how long it has waited for them.

    messages   arrays sent to another rank, empty ones not counted
    bytes      what they held
    calls      collectives
    seconds    in them
    parts      bytes by what they were for, as far as that was told
    """

    messages: int = 0
    bytes: int = 0
    calls: int = 0
    seconds: float = 0.0
    parts: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def of(self, part: str) -> Iterator[None]:
        """Count the bytes sent in this block as those of a part."""
        before = self.bytes
        yield
        self.parts[part] = self.parts.get(part, 0) + self.bytes - before


@dataclass
class Alone:
    """One process: every question is answered by what was asked."""

    rank: int = 0
    size: int = 1
    node_rank: int = 0
    node_size: int = 1
    traffic: Traffic = field(default_factory=Traffic)
    transport = None

    @property
    def neighbours(self) -> list[int]:
        return [self.rank]

    def attach(self, device: Any) -> None:
        pass

    def together(self, count: int, dtype: np.dtype) -> np.ndarray:
        return np.zeros(count, dtype)

    def least(self, value: float) -> float:
        return value

    def most(self, value: float) -> float:
        return value

    def total(self, values: Sequence[int] | np.ndarray) -> np.ndarray:
        return np.array(values, np.int64)

    def all_agree(self, value: bool) -> bool:
        return value

    def any(self, value: bool) -> bool:
        return value

    def outlook(self, nearest: float, counts: Sequence[int]) -> tuple[float, list[int]]:
        return nearest, list(counts)

    def gather(self, value: Any) -> list[Any]:
        return [value]

    def first(self, value: Any) -> Any:
        return value

    def merge(self, flags: np.ndarray) -> np.ndarray:
        return flags

    def barrier(self) -> None:
        pass

    def exchange(self, counts: np.ndarray, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        return (counts, *arrays)

    def exchange_and_look(
        self, nearest: float, values: Sequence[int], counts: np.ndarray, *arrays: np.ndarray
    ) -> tuple[tuple[float, list[int]], tuple[np.ndarray, ...]]:
        return self.outlook(nearest, values), self.exchange(counts, *arrays)

    def abort(self, code: int) -> None:
        raise SystemExit(code)
