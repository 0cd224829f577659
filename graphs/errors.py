"""GraphError: what a user handed in cannot be read as a graph."""

from numbers import Integral


class GraphError(ValueError):
    """A graph, an edge list or an argument that cannot be used; the message names the value."""


def check_threads(threads: object) -> None:
    """Raise GraphError if a number of threads is asked for that cannot be."""
    if threads is not None and not (isinstance(threads, Integral) and int(threads) >= 1):
        raise GraphError(f"threads={threads!r} is not allowed; ask for a whole number from 1 on")
