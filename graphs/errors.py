"""Errors of the graph layer: what a user handed in cannot be a graph of ours."""


class GraphError(ValueError):
    """A graph, an edge list or an argument that cannot be used; the message names the value."""


def check_threads(threads: int | None) -> None:
    """Raise GraphError if a number of threads is asked for that cannot be."""
    if threads is not None and threads < 1:
        raise GraphError(f"threads={threads} is not allowed; ask for 1 or more")
