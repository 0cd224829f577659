"""The control loop of delta-stepping, for every engine and any number of ranks."""

from __future__ import annotations

import math

from graphs.comm import Comm
from sssp import exchange
from sssp.engine import Answer, Engine


def solve(engine: Engine, comm: Comm, root: int, out: Answer) -> Answer:
    """Search from `root` and write the answer to `out`.

    Buckets are anchored at the nearest queued distance, so no empty one is visited. Pushing goes
    on until nothing is queued, or until the settled vertices hold most of the arcs: then the rest
    pulls, and what the pull leaves is worked off to the end.
    """
    comm = exchange.begin(comm, engine, root)
    engine.reset(root)
    lo, seen = comm.next_bucket(engine.nearest(), engine.settled())
    while lo < math.inf:
        if engine.wants_pull(*seen):
            floor = exchange.relax_requests(comm, engine, engine.push_settled(lo))
            exchange.settled(comm, engine)
            exchange.hubs(comm, engine, floor)
            engine.pull(floor)
            exchange.subscribe(comm, engine)
        engine.relax(lo)
        lo, seen = exchange.dist_updates(comm, engine)
    exchange.leaves(comm, engine)
    engine.result(out)
    return out
