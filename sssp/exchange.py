"""The rounds in which the ranks of a search tell each other what they found.

Each is one exchange of plain arrays, and nothing at all for one process.
"""

from __future__ import annotations

from typing import Any

from sssp.comm import Comm


def offers(comm: Comm, engine: Any) -> None:
    """What was found for other ranks' vertices goes to their owners."""
    if comm.size > 1:
        counts, *arrays = engine.offers()
        engine.apply(*comm.exchange(counts, *arrays)[1:])


def settled(comm: Comm, engine: Any) -> None:
    """Every settled vertex is told to all who see it."""
    if comm.size > 1:
        counts, *arrays = engine.settled_news()
        engine.hear(*comm.exchange(counts, *arrays)[1:])


def reached(comm: Comm, engine: Any) -> None:
    """Every reached vertex is told to all who see it."""
    if comm.size > 1:
        engine.settled_below = engine.unreached
        settled(comm, engine)


def questions(comm: Comm, engine: Any) -> None:
    """Whoever has noted an arc asks for its end's distance, now and whenever it changes."""
    if comm.size > 1:
        received, label = comm.exchange(*engine.wanted())
        engine.hear_asked(comm.exchange(received, engine.promise(received, label))[1])


def news(comm: Comm, engine: Any) -> None:
    """What a call of `relax` has brought goes to where it belongs."""
    if comm.size > 1 and engine.pulled:
        counts, *arrays = engine.changed_news()
        engine.hear(*comm.exchange(counts, *arrays)[1:])
    else:
        offers(comm, engine)


def leaves(comm: Comm, engine: Any) -> None:
    """Leaves learn the distance of what they hang on."""
    if comm.size > 1:
        engine.hear_leaves(comm.exchange(*engine.leaf_news())[1])
