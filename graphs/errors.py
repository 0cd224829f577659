"""Errors of the graph layer: what a user handed in cannot be a graph of ours."""


class GraphError(ValueError):
    """A graph, an edge list or an argument that cannot be used; the message names the value."""
