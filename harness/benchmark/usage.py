"""What a run records outside the clock: memory at the peak, where a search's time goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphs.comm import Comm
from graphs.device_memory import DeviceNeed
from graphs.memory import Need
from harness.machine import memory

if TYPE_CHECKING:
    import numpy as np

    from sssp.solver import Solver

# Searches by steps: their mean is steady enough, and they take no time to speak of.
_SEARCHES = 8


def memory_facts(need: Need | DeviceNeed, comm: Comm) -> dict[str, Any]:
    """Return the `memory` of a result: promised and used; collective."""
    peaks = comm.allgather(memory.peak())
    on_device = isinstance(need, DeviceNeed)
    return {
        "promised_bytes": None if on_device else need.total,
        "promised_device_bytes": need.total if on_device else None,
        "peak_bytes": max((peak for peak in peaks if peak is not None), default=None),
    }


def measure_steps(solver: Solver, keys: np.ndarray) -> dict[str, Any]:
    """Return the `steps` of a result, from searches of their own; collective.

    They come after the timed ones, so that no key was searched before its turn.
    """
    chosen, out, comm = keys[:_SEARCHES], solver.new_answer(), solver.comm
    found = [step for key in chosen for step in comm.allgather(solver.steps(int(key), out))]
    mean = {name: sum(one[name] for one in found) / len(found) for name in found[0]}
    return {"searches": len(chosen), "seconds": mean}
