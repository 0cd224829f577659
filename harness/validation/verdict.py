"""The verdict of validation on one answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

RULES = {1: "root", 2: "tree", 3: "parent edge", 4: "distance", 5: "relaxed", 6: "component"}


@dataclass(frozen=True)
class Violation:
    """One broken rule: how many vertices break it, the smallest of them, and how it does."""

    rule: int
    name: str
    count: int
    first: int
    detail: str

    def __str__(self) -> str:
        vertices = "1 vertex" if self.count == 1 else f"{self.count} vertices"
        return f"rule {self.rule} ({self.name}): {vertices}, first v={self.first}: {self.detail}"


class Counts(NamedTuple):
    """What an answer traversed.

    m                   edges with an end in the root's component (directed: with a reached
                        source), parallel edges each, self loops left out (the reference's count)
    m_with_self_loops   the same with self loops (the specification's count)
    reached             vertices reached, the root included
    """

    m: int
    m_with_self_loops: int
    reached: int


@dataclass(frozen=True)
class Validation:
    """What an answer is worth: `valid` where there are no violations; counts as in `Counts`."""

    valid: bool
    m: int
    m_with_self_loops: int
    reached: int
    violations: list[Violation]
