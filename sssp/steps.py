"""Where the time of a search goes: the steps of the loop, with a clock around each.

For a search that nobody times: on a device, each step waits until its kernels have ended.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sssp.cpu import CPUEngine
    from sssp.cuda import CUDAEngine

# reset    the arrays of the last search are forgotten
# push     settled vertices are pushed out, bucket after bucket
# pull     the rest looks at its own arcs
# sweeps   what the pull has left is worked off
# answer   distances and parents are written, in the ids of the input
NAMES = ("reset", "push", "pull", "sweeps", "answer")
_STEP = {
    "reset": "reset",
    "push_settled": "push",
    "pull": "pull",
    "pull_hubs": "pull",
    "sweep_hubs": "sweeps",
    "result": "answer",
}


class Stopwatch:
    """An engine whose steps are timed; all else is the engine's.

    Parameters
    ----------
    engine : Engine
    synchronize : callable
        Waits until what was started has ended.
    """

    def __init__(self, engine: CPUEngine | CUDAEngine, synchronize: Callable[[], None]):
        self._engine, self._synchronize = engine, synchronize
        self.seconds = dict.fromkeys(NAMES, 0.0)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._engine, name)
        if name == "relax":
            return self._timed(found, "sweeps" if self._engine.pulled else "push")
        return self._timed(found, _STEP[name]) if name in _STEP else found

    def _timed(self, step: Callable[..., Any], name: str) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            start = perf_counter()
            found = step(*arguments)
            self._synchronize()
            self.seconds[name] += perf_counter() - start
            return found

        return timed
