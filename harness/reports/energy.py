"""The energy of a run: joules of a loop, watts, MTEPS per watt.

Only of components, and so labelled wherever it is shown; no part of the benchmark's own lines.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from harness.results.submission import failures


class Energy(NamedTuple):
    """Component energy of a run's searches.

    joules            of one loop over all search keys
    watts             while searching, idle ones included
    idle_watts        at rest before
    mteps_per_watt    million edges traversed a joule
    components        what was counted, each name once
    """

    joules: float
    watts: float
    idle_watts: float
    mteps_per_watt: float
    components: str


def energy_of(result: dict[str, Any]) -> Energy | None:
    """Return the figures; None where no energy was measured, or nothing may be derived."""
    measured = result.get("energy")
    if measured is None or failures(result) or not result["searches"]:
        return None
    joules = sum(component["joules"] for component in measured["components"])
    if not (joules and measured["loops"] and measured["seconds"] and measured["idle_seconds"]):
        return None
    idle = sum(component["idle_joules"] for component in measured["components"])
    edges = measured["loops"] * sum(search["m"] for search in result["searches"])
    machines = len({component["machine"] for component in measured["components"]})
    names = ", ".join(dict.fromkeys(c["name"] for c in measured["components"]))
    return Energy(
        joules=joules / measured["loops"],
        watts=joules / measured["seconds"],
        idle_watts=idle / measured["idle_seconds"],
        mteps_per_watt=edges / joules / 1e6,
        components=names if machines == 1 else f"{names} of {machines} machines",
    )
