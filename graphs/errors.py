"""GraphError: what a user handed in cannot be read as a graph."""


class GraphError(ValueError):
    """A graph, an edge list or an argument that cannot be used; the message names the value."""
