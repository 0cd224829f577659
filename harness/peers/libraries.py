"""Other libraries' shortest paths, each behind the same three steps: prepare, search, distances.

Every library gets the same graph, `plain_matrix`, and turns it into its own structure outside the
clock. `search` is what is timed: the library's fastest search from one root, with predecessors
where it has them; what it returns stays in the library's form. `distances` reads that afterwards.
Nothing is imported before a library is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.console.errors import UsageError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from graphs.csr import CSR

_INT32_END = 2**31


@dataclass(frozen=True)
class Ready:
    """A library with the graph in its own structure.

    search      root -> the library's answer; this is timed
    distances   that answer -> float64 (n,), inf where unreached; this is not
    threads     threads that a search may use
    """

    search: Callable[[int], Any]
    distances: Callable[[Any], np.ndarray]
    threads: int = 1


@dataclass(frozen=True)
class Peer:
    """A library to compare with.

    name           as `--with` names it
    module         what is imported
    distribution   what pip installs
    parents        its search finds the predecessors, too
    prepare        (matrix, directed, threads) -> Ready
    default        taken wherever it is installed, without being named
    """

    name: str
    module: str
    distribution: str
    parents: bool
    prepare: Callable[[csr_array, bool, int], Ready]
    default: bool = True

    @property
    def version(self) -> str | None:
        try:
            return metadata.version(self.distribution)
        except metadata.PackageNotFoundError:  # on the search path, not installed
            return None

    def missing(self) -> str | None:
        """Say why it cannot be imported; None if it can."""
        try:
            import_module(self.module)
        except ImportError as error:
            return str(error)
        return None


def plain_matrix(csr: CSR) -> csr_array:
    """Return a built graph as SciPy users hold one.

    Returns
    -------
    csr_array, shape (n, n), float64
        Original ids, int32 indices ascending in each row; an undirected edge is in both rows. Self
        loops are gone and the lightest of parallel edges is left, as kernel 1 does it.

    Raises
    ------
    UsageError
        If it has 2^31 entries and more, which SciPy's searches cannot index.
    """
    from scipy.sparse import csr_array

    if csr.arcs >= _INT32_END:
        raise UsageError(f"{csr.arcs} arcs are too many for SciPy, whose searches take 2^31 - 1")
    neighbours = csr.global_id[csr.adj]
    arrays = csr.weight.astype(np.float64), neighbours, csr.indptr.astype(np.int32)
    # Rows are labels until the columns, which are original ids, have them renamed; the way back
    # from columns to rows sorts each row.
    by_column = csr_array(arrays, shape=(csr.n, csr.n)).tocsc()
    del arrays, neighbours
    by_column.indices = csr.global_id[by_column.indices]
    by_column.has_sorted_indices = False
    return by_column.tocsr()


def _scipy(matrix: csr_array, _directed: bool, _threads: int) -> Ready:
    from scipy.sparse.csgraph import dijkstra

    # A matrix of an undirected graph holds both directions: directed=True is right, and faster.
    return Ready(
        lambda root: dijkstra(matrix, directed=True, indices=root, return_predecessors=True),
        lambda answer: answer[0],
    )


def _networkit(matrix: csr_array, directed: bool, _threads: int) -> Ready:
    import networkit

    edges = _edges(matrix, directed)
    triples = edges.data, (edges.row, edges.col)
    graph = networkit.GraphFromCoo(triples, n=edges.shape[0], weighted=True, directed=directed)

    def search(root: int) -> Any:
        run = networkit.distance.Dijkstra(graph, root, storePaths=True)
        run.run()
        return run

    def distances(run: Any) -> np.ndarray:
        dist = np.asarray(run.getDistances(asarray=True))
        return np.where(dist == np.finfo(np.float64).max, np.inf, dist)

    return Ready(search, distances)


def _igraph(matrix: csr_array, directed: bool, _threads: int) -> Ready:
    import igraph

    edges = _edges(matrix, directed)
    pairs = np.column_stack((edges.row, edges.col))
    graph = igraph.Graph(n=edges.shape[0], edges=pairs, directed=directed)
    graph.es["weight"] = edges.data.tolist()
    # Its searches with predecessors return every path as a list of its own.
    return Ready(
        lambda root: graph.distances(source=root, weights="weight"),
        lambda answer: np.array(answer[0], np.float64),
    )


def _graphblas(matrix: csr_array, _directed: bool, threads: int) -> Ready:
    import graphblas

    from harness.peers.graphblas import MinPlus

    graphblas.ss.config["nthreads"] = threads
    solver = MinPlus(matrix)
    return Ready(solver.search, lambda dist: dist.to_dense(fill_value=np.inf), threads)


def _networkx(matrix: csr_array, directed: bool, _threads: int) -> Ready:
    import networkx

    kind = networkx.DiGraph if directed else networkx.Graph
    graph = networkx.from_scipy_sparse_array(matrix, create_using=kind)

    def distances(answer: Any) -> np.ndarray:
        _, found = answer
        dist = np.full(matrix.shape[0], np.inf)
        dist[list(found)] = list(found.values())
        return dist

    return Ready(lambda root: networkx.dijkstra_predecessor_and_distance(graph, root), distances)


def _edges(matrix: csr_array, directed: bool) -> Any:
    """Return the entries as COO: arcs of a directed graph, else each edge once."""
    from scipy.sparse import triu

    return matrix.tocoo() if directed else triu(matrix, format="coo")


PEERS = {
    peer.name: peer
    for peer in (
        Peer("scipy", "scipy.sparse.csgraph", "scipy", True, _scipy),
        Peer("networkit", "networkit", "networkit", True, _networkit),
        Peer("igraph", "igraph", "igraph", False, _igraph),
        Peer("graphblas", "graphblas", "python-graphblas", False, _graphblas),
        Peer("networkx", "networkx", "networkx", True, _networkx, default=False),
    )
}


def chosen_peers(names: tuple[str, ...] | None) -> list[Peer]:
    """Return the peers of these names, by default those that are installed.

    Raises
    ------
    UsageError
        If one that was named cannot be imported; says what to install.
    """
    if names is None:
        return [peer for peer in PEERS.values() if peer.default and peer.missing() is None]
    for name in names:
        reason = PEERS[name].missing()
        if reason is not None:
            raise UsageError(
                f"--with {name}: {reason}; install it: pip install 'sssp-bench[peers]', or "
                f"pip install {PEERS[name].distribution}"
            )
    return [PEERS[name] for name in names]
