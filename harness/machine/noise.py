"""What else the machine did during a search: context switches, stolen time, load.

All of it is read before the clock starts and after it has stopped. Of several ranks, each counts
its own switches; of stolen time and load, the machine with most counts.
Source: getrusage(2), proc(5): /proc/stat, /proc/loadavg.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_STAT = Path("/proc/stat")
_STEAL = 8  # the column of /proc/stat's first line, in ticks
_FIRST_LINE = 256  # bytes that hold it


class Reading(NamedTuple):
    """Counters at one moment; None where the system does not say.

    switches   times that a thread of this process had to make room for another one
    steal      seconds that the hypervisor gave to others while this machine had work, of all cores
    load       mean number of threads that ran or wanted to in the last minute, on the machine
    """

    switches: int | None
    steal: float | None
    load: float | None


def reading() -> Reading:
    """Read the counters, in some tens of microseconds."""
    switches = resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw if resource else None
    load = None
    with suppress(AttributeError, OSError):
        load = os.getloadavg()[0]
    return Reading(switches, _steal(), load)


def _steal() -> float | None:
    try:
        with _STAT.open("rb", buffering=0) as file:
            return int(file.read(_FIRST_LINE).split()[_STEAL]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None


def between(before: Reading, after: Reading) -> dict[str, Any]:
    """Return what happened from one reading to the other, as the `noise` of a result file."""
    return {
        "involuntary_switches": _difference(before.switches, after.switches),
        "steal_seconds": _difference(before.steal, after.steal),
        "load": before.load,
    }


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else max(0, after - before)


def of_all(noises: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the noise of several ranks: all their switches, the most stolen, the highest load."""
    totals: dict[str, Any] = {"involuntary_switches": sum, "steal_seconds": max, "load": max}
    known = {key: [n[key] for n in noises if n[key] is not None] for key in totals}
    return {key: total(known[key]) if known[key] else None for key, total in totals.items()}
