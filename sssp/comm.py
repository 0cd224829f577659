"""What the ranks of a search tell each other. One process has nobody to tell."""

from __future__ import annotations

from typing import Protocol


class Comm(Protocol):
    """The other ranks of a search."""

    size: int

    def least(self, value: float) -> float:
        """Least of the ranks' values."""

    def all_agree(self, value: bool) -> bool:
        """Is it true on every rank?"""


class Alone:
    """One process: every question is answered by what was asked."""

    size = 1

    def least(self, value: float) -> float:
        return value

    def all_agree(self, value: bool) -> bool:
        return value
