"""Kinds of values that a flag, or its key in a configuration file, may have.

Each kind turns the text of the command line into a value, and says which TOML values it takes.
"""

from __future__ import annotations

import math
import os
import re
from argparse import ArgumentTypeError

from harness.console.escapes import shown


class Whole:
    """A whole number from `low` to `high`."""

    accepts: tuple[type, ...] = (int,)

    def __init__(self, low: int, high: int):
        self.low, self.high = low, high

    def __str__(self) -> str:
        return f"a whole number from {self.low} to {self.high}"

    def __call__(self, text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise ArgumentTypeError(f"must be {self}, got {shown(text)}") from None
        if not self.low <= value <= self.high:
            raise ArgumentTypeError(f"must be {self}, got {shown(value)}")
        return value


class Positive:
    """A finite number above 0 and below `below`."""

    accepts: tuple[type, ...] = (int, float)

    def __init__(self, below: float = math.inf):
        self.below = below

    def __str__(self) -> str:
        below = "" if self.below == math.inf else f" and below {self.below:g}"
        return f"a finite number above 0{below}"

    def __call__(self, text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise ArgumentTypeError(f"must be {self}, got {shown(text)}") from None
        if not (value > 0 and value < self.below):
            raise ArgumentTypeError(f"must be {self}, got {shown(value)}")
        return value


class Percent:
    """A share above 0, written in percent: 5% or 5 is 0.05."""

    accepts: tuple[type, ...] = (int, float, str)

    def __str__(self) -> str:
        return "a percentage above 0, as 5%"

    def __call__(self, text: str) -> float:
        try:
            value = float(text.removesuffix("%")) / 100
        except ValueError:
            raise ArgumentTypeError(f"must be {self}, got {shown(text)}") from None
        if not (value > 0 and math.isfinite(value)):
            raise ArgumentTypeError(f"must be {self}, got {shown(text)}")
        return value


class Text:
    """Any text that a path may be."""

    accepts: tuple[type, ...] = (str,)

    def __str__(self) -> str:
        return "a text that is not empty and can be a path"

    def __call__(self, text: str) -> str:
        try:
            fit = bool(text) and b"\0" not in os.fsencode(text)
        except UnicodeEncodeError:
            fit = False
        if not fit:
            raise ArgumentTypeError(f"must be {self}, got {shown(text)}")
        return text


class Weights:
    """A rule for the weights of a file that has none."""

    accepts: tuple[type, ...] = (str,)

    def __str__(self) -> str:
        return "unit, or random:SEED with a whole number"

    def __call__(self, text: str) -> str:
        if text != "unit" and not re.fullmatch(r"random:[0-9]{1,19}", text):
            raise ArgumentTypeError(f"must be {self}, got {shown(text)}")
        return text


SCALE = Whole(1, 62)
EDGEFACTOR = Whole(1, 2**31)
SEED = Whole(0, 2**64 - 1)
ROOTS = Whole(1, 2**31)
THREADS = Whole(1, 4096)
ROOT = Whole(0, 2**63 - 1)
DELTA = Positive()
RTOL = Positive(below=1)
PATH = Text()
WEIGHTS = Weights()
