"""The rounds in which the ranks of a search exchange what they found.

Each is one exchange of plain arrays, and nothing at all for one process. Where all ranks read each
other's memory, they tell each other what to queue, and else only wait for each other.
"""

from __future__ import annotations

from typing import Any

from graphs.comm import Comm


def begin(comm: Comm, engine: Any) -> None:
    """No rank forgets the last search while a neighbour still reads of it."""
    if comm.size > 1 and engine.halo.together:
        comm.barrier()


def _apart(comm: Comm, engine: Any) -> bool:
    """Are there ranks that do not read each other's memory?"""
    return bool(comm.size > 1 and engine.halo.apart)


def _tell(comm: Comm, engine: Any, part: str, messages: tuple[Any, ...]) -> None:
    """News of own vertices go to those who see them, and news of ghosts are heard."""
    with comm.traffic.of(part):
        received = comm.alltoallv(*messages)
    engine.hear(*received[1:])


def offers(comm: Comm, engine: Any, floor: float) -> float:
    """What was found for other ranks' vertices goes to their owners; the least floor of all."""
    if _apart(comm, engine):
        with comm.traffic.of("offers"):
            (floor, _), received = comm.alltoallv_next_bucket(floor, (), *engine.offers())
        engine.apply(*received[1:])
    elif comm.size > 1:
        engine.forget_offers()  # all of them pull next, and see what was stored
        floor, _ = comm.next_bucket(floor, ())
    return floor


def settled(comm: Comm, engine: Any) -> None:
    """Every settled vertex is told to all who see it."""
    if _apart(comm, engine):
        _tell(comm, engine, "settled", engine.settled_news())


def hubs(comm: Comm, engine: Any, floor: float) -> None:
    """The vertices of the longest rows pull first, in stages, and all who see them are told."""
    if _apart(comm, engine):
        for stage in engine.stages:
            engine.pull_hubs(stage, floor)
            _tell(comm, engine, "hubs", engine.pulled_news())
            engine.sweep_hubs()
            _tell(comm, engine, "hubs", engine.changed_news())


def reached(comm: Comm, engine: Any) -> None:
    """Every reached vertex is told to all who see it."""
    if _apart(comm, engine):
        _tell(comm, engine, "reached", engine.reached_news())


def questions(comm: Comm, engine: Any) -> None:
    """Whoever has noted an arc asks for its tail's distance, now and whenever it changes.

    Of hubs nobody asks: all who see them are told anyway. An engine that does not ask is told of
    all that it sees.
    """
    if not _apart(comm, engine):
        comm.barrier()
    elif not engine.asks:
        engine.promise_all()
        _tell(comm, engine, "news", engine.pulled_news())
    else:
        with comm.traffic.of("questions"):
            asked, label = comm.alltoallv(*engine.wanted())
            _, dist = comm.alltoallv(asked, engine.promise(asked, label))
        engine.hear_asked(dist)


def news(comm: Comm, engine: Any) -> tuple[float, list[int]]:
    """What a call of `relax` has brought goes to where it belongs.

    Returns the least of the engines' `nearest()`, and the sums of their `settled()`.
    """
    tells = comm.size > 1 and engine.tells
    if comm.size == 1 or (tells and not engine.halo.apart):
        return comm.next_bucket(engine.nearest(), engine.settled())
    with comm.traffic.of("news" if tells else "offers"):
        messages = engine.changed_news() if tells else engine.offers()
        outlook, received = comm.alltoallv_next_bucket(
            engine.nearest(), engine.settled(), *messages
        )
    (engine.hear if tells else engine.apply)(*received[1:])
    return outlook


def leaves(comm: Comm, engine: Any) -> None:
    """Leaves learn the distance of what they hang on."""
    if _apart(comm, engine):
        with comm.traffic.of("leaves"):
            _, dist = comm.alltoallv(*engine.leaf_news())
        engine.hear_leaves(dist)
