"""`--time-limit`: how long a run may take, and whether there is time for another search."""

from __future__ import annotations

import math
import re
from argparse import ArgumentTypeError
from time import monotonic

from harness.console.escapes import shown

# The command imports this module before it does anything else.
_STARTED = monotonic()

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_NUMBER = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>[smhd]?)")
# Slurm's forms, but for its plain number, which is one of minutes.
_CLOCKS = tuple(
    re.compile(form)
    for form in (
        r"(?P<minutes>\d+):(?P<seconds>\d\d)",
        r"(?:(?P<days>\d+)-)?(?P<hours>\d+):(?P<minutes>\d\d):(?P<seconds>\d\d)",
        r"(?P<days>\d+)-(?P<hours>\d+)(?::(?P<minutes>\d\d))?",
    )
)
_OF_A_CLOCK = {"days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}

# What a round may take longer than the longest before it, and what writing the file and ending
# all ranks take.
_SLACK = 1.2
_TO_END_SECONDS = 1.0


class Duration:
    """A time as users and Slurm write it, in seconds: 90, 90s, 30m, 2h, 1:30:00, 1-12:00:00."""

    accepts: tuple[type, ...] = (int, float, str)

    def __str__(self) -> str:
        return "a time above 0: seconds, or as 90s, 30m, 2h, 30:00, 1:30:00, 1-12:00:00"

    def __call__(self, text: str) -> float:
        try:
            seconds = _seconds(text)
        except (ValueError, OverflowError):  # more digits than Python reads, or than a float holds
            seconds = None
        if not seconds or math.isinf(seconds):
            raise ArgumentTypeError(f"must be {self}, got {shown(text)}")
        return seconds


def _seconds(text: str) -> float | None:
    found = _NUMBER.fullmatch(text)
    if found:
        return float(found["number"]) * _UNITS[found["unit"]]
    for clock in _CLOCKS:
        found = clock.fullmatch(text)
        if found:
            parts = found.groupdict(default="0").items()
            return float(sum(int(value) * _OF_A_CLOCK[name] for name, value in parts))
    return None


class TimeLimit:
    """The time a run may take, counted from the start of the process.

    Parameters
    ----------
    seconds : float
    """

    def __init__(self, seconds: float):
        self.seconds = seconds
        self._end = _STARTED + seconds
        self._longest = 0.0

    def round_took(self, seconds: float) -> None:
        """Learn how long a round, some searches and their validation, may take."""
        self._longest = max(self._longest, seconds)

    def is_near(self) -> bool:
        """Is there too little time for a round as long as the longest so far?"""
        needed = _SLACK * self._longest + _TO_END_SECONDS
        return monotonic() + needed > self._end
