"""The rounds in which the ranks of a search tell each other what they found.

Each is one exchange of plain arrays, and nothing at all for one process.
"""

from __future__ import annotations

from typing import Any

from sssp.comm import Comm


def offers(comm: Comm, engine: Any) -> None:
    """What was found for other ranks' vertices goes to their owners."""
    if comm.size > 1:
        with comm.traffic.of("offers"):
            received = comm.exchange(*engine.offers())
        engine.apply(*received[1:])


def settled(comm: Comm, engine: Any) -> None:
    """Every settled vertex is told to all who see it."""
    if comm.size > 1:
        with comm.traffic.of("settled"):
            received = comm.exchange(*engine.settled_news())
        engine.hear(*received[1:])


def hubs(comm: Comm, engine: Any, floor: float) -> None:
    """The vertices of the longest rows pull first, and all who see them are told."""
    if comm.size > 1 and hasattr(engine, "pull_hubs"):
        engine.pull_hubs(floor)
        with comm.traffic.of("hubs"):
            received = comm.exchange(*engine.hub_news())
        engine.hear(*received[1:])


def reached(comm: Comm, engine: Any) -> None:
    """Every reached vertex is told to all who see it."""
    if comm.size > 1:
        engine.hear(*comm.exchange(*engine.reached_news())[1:])


def questions(comm: Comm, engine: Any) -> None:
    """Whoever has noted an arc asks for its end's distance, now and whenever it changes."""
    if comm.size > 1 and not engine.asks:
        engine.promise_all()
    elif comm.size > 1:
        with comm.traffic.of("questions"):
            asked, label = comm.exchange(*engine.wanted())
            _, dist = comm.exchange(asked, engine.promise(asked, label))
        engine.hear_asked(dist)


def news(comm: Comm, engine: Any) -> None:
    """What a call of `relax` has brought goes to where it belongs."""
    if comm.size > 1 and engine.pulled:
        with comm.traffic.of("news"):
            received = comm.exchange(*engine.changed_news())
        engine.hear(*received[1:])
    else:
        offers(comm, engine)


def leaves(comm: Comm, engine: Any) -> None:
    """Leaves learn the distance of what they hang on."""
    if comm.size > 1:
        with comm.traffic.of("leaves"):
            _, dist = comm.exchange(*engine.leaf_news())
        engine.hear_leaves(dist)
