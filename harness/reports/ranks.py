"""What the ranks of a run sent each other, as tables show it."""

from __future__ import annotations

from typing import Any, NamedTuple

from harness.reports.text import size
from harness.results.submission import failures


class Exchange(NamedTuple):
    """Means over the searches of a run.

    bytes      sent from rank to rank in a search
    messages   they were in
    share      of the searches' time, spent in calls to other ranks, waiting included
    load       arcs of the rank that touched most, over the mean of the ranks; 1: even
    """

    bytes: float
    messages: float
    share: float
    load: float

    def __str__(self) -> str:
        return (
            f"{size(self.bytes)} in {self.messages:.4g} messages a search, "
            f"{self.share:.0%} of its time, load {self.load:.3g}"
        )


def exchange_of(result: dict[str, Any]) -> Exchange | None:
    """Return the figures; None of one process, or where nothing may be derived."""
    searches = [search for search in result["searches"] if "exchange" in search]
    if failures(result) or not searches:
        return None
    exchanges = [search["exchange"] for search in searches]
    seconds = sum(search["seconds"] for search in searches)
    arcs = sum(search["arcs"] for search in searches)
    largest = sum(one["arcs_largest"] for one in exchanges)
    return Exchange(
        bytes=sum(one["bytes"] for one in exchanges) / len(exchanges),
        messages=sum(one["messages"] for one in exchanges) / len(exchanges),
        share=sum(one["seconds"] for one in exchanges) / seconds if seconds else 0.0,
        load=largest * result["num_mpi_processes"] / arcs if arcs else 1.0,
    )
