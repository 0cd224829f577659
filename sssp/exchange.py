"""The rounds in which the ranks of a search send each other what they found.

Each is one exchange of plain arrays, and nothing at all for one process. Ranks that read each
other's memory send each other what to queue, and otherwise only wait for each other.
"""

from __future__ import annotations

from typing import TypeGuard

import numpy as np

from graphs.comm import Comm
from sssp.engine import CoreEngine, Engine, Message, RankEngine


def begin(comm: Comm, engine: Engine, root: int) -> Comm:
    """Begin a search: no rank resets while a node peer still reads the answer of the last one.

    Returns the ranks that search together. Where trees are apart from a core, all ranks learn
    where the search of the core starts.
    """
    if comm.size > 1 and _has_trees(engine):
        way = engine.way(root)
        counts = np.full(comm.size, len(way), np.int64)
        engine.take_way(comm.alltoallv(counts, np.tile(way, comm.size))[1])
        engine.home.traffic = comm.traffic
        return engine.home
    if _is_of_a_rank(engine, comm) and engine.halo.shares_memory:
        comm.barrier()
    return comm


def _has_trees(engine: Engine) -> TypeGuard[CoreEngine]:
    return hasattr(engine, "way")


def _is_of_a_rank(engine: Engine, comm: Comm) -> TypeGuard[RankEngine]:
    """Is it one of several? The engine of one process has no part in an exchange."""
    return comm.size > 1


def _spans_nodes(engine: Engine, comm: Comm) -> TypeGuard[RankEngine]:
    """Are there ranks that do not read each other's memory?"""
    return _is_of_a_rank(engine, comm) and engine.halo.spans_nodes


def _send_updates(comm: Comm, engine: RankEngine, part: str, messages: Message) -> None:
    """Updates of own vertices go to the ranks that see them, and those of ghosts are applied."""
    with comm.traffic.of(part):
        received = comm.alltoallv(*messages)
    engine.apply_updates(*received[1:])


def relax_requests(comm: Comm, engine: Engine, floor: float) -> float:
    """What was found for other ranks' vertices goes to their owners; the least floor of all."""
    if _spans_nodes(engine, comm):
        with comm.traffic.of("offers"):
            (floor, _), received = comm.alltoallv_next_bucket(floor, (), *engine.relax_requests())
        engine.apply_requests(*received[1:])
    elif _is_of_a_rank(engine, comm):
        engine.forget_requests()  # all of them pull next, and see what was stored
        floor, _ = comm.next_bucket(floor, ())
    return floor


def settled(comm: Comm, engine: Engine) -> None:
    """Every settled vertex's distance goes to all ranks that see the vertex."""
    if _spans_nodes(engine, comm):
        _send_updates(comm, engine, "settled", engine.settled_updates())


def hubs(comm: Comm, engine: Engine, floor: float) -> None:
    """The vertices of the longest rows pull first, in stages, with updates to all ranks."""
    if _spans_nodes(engine, comm):
        for stage in engine.stages:
            engine.pull_hubs(stage, floor)
            _send_updates(comm, engine, "hubs", engine.pulled_updates())
            engine.sweep_hubs()
            _send_updates(comm, engine, "hubs", engine.changed_updates())


def reached(comm: Comm, engine: Engine) -> None:
    """Every reached vertex's distance goes to all ranks that see the vertex."""
    if comm.size > 1 and _has_trees(engine):
        comm = engine.home
    if _spans_nodes(engine, comm):
        _send_updates(comm, engine, "reached", engine.reached_updates())


def subscribe(comm: Comm, engine: Engine) -> None:
    """A rank that has noted an arc gets its tail's distance, now and whenever that changes.

    No rank subscribes to hubs: all that see them get their updates anyway. An engine that does not
    ask gets updates of all that it sees.
    """
    if not _is_of_a_rank(engine, comm) or not engine.halo.spans_nodes:
        comm.barrier()
    elif not engine.asks:
        engine.subscribe_all()
        _send_updates(comm, engine, "news", engine.pulled_updates())
    else:
        with comm.traffic.of("questions"):
            asked, label = comm.alltoallv(*engine.needed_ghosts())
            _, dist = comm.alltoallv(asked, engine.subscribe(asked, label))
        engine.apply_asked(dist)


def dist_updates(comm: Comm, engine: Engine) -> tuple[float, list[int]]:
    """What a call of `relax` has brought goes to where it belongs: requests, or updates.

    Returns the least of the engines' `nearest()`, and the sums of their `settled()`.
    """
    if not _is_of_a_rank(engine, comm):
        return comm.next_bucket(engine.nearest(), engine.settled())
    updates = engine.sends_updates
    if updates and not engine.halo.spans_nodes:
        return comm.next_bucket(engine.nearest(), engine.settled())
    with comm.traffic.of("news" if updates else "offers"):
        messages = engine.changed_updates() if updates else engine.relax_requests()
        bucket, received = comm.alltoallv_next_bucket(engine.nearest(), engine.settled(), *messages)
    if updates:
        engine.apply_updates(*received[1:])
    else:
        engine.apply_requests(*received[1:])
    return bucket


def leaves(comm: Comm, engine: Engine) -> None:
    """Leaves get the distance of the vertex they hang on."""
    if _spans_nodes(engine, comm):
        with comm.traffic.of("leaves"):
            _, dist = comm.alltoallv(*engine.leaf_updates())
        engine.apply_leaves(dist)
