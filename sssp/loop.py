"""The control loop of delta-stepping, for every engine."""

from __future__ import annotations

import math

from sssp.comm import Comm
from sssp.engine import Answer, Engine


def solve(engine: Engine, comm: Comm, root: int, out: Answer) -> Answer:
    """Search from `root` and write the answer to `out`.

    Buckets are anchored at the nearest queued distance, so none is visited in vain. Pushing goes
    on until nothing is queued, or until the engine has settled the vertices that hold most of
    the arcs: then the rest pulls, and what the pull leaves queued is pushed to the end.
    """
    engine.reset(root)
    while True:
        lo = comm.least(engine.nearest())
        if lo == math.inf:
            break
        if comm.all_agree(engine.wants_pull()):
            engine.pull(lo)
        else:
            engine.relax(lo)
    engine.result(out)
    return out
