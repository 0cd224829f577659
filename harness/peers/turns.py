"""Taking turns: every solver searches from the same few roots, and the answers are compared.

sssp-bench comes first, then the others, ROOTS_A_TURN roots each, so that a machine that slows down
for a while slows down all of them, and most searches of each find the caches as searches one after
the other do, not as another library left them. Nothing but the search is timed. Then every answer
is compared with that of sssp-bench: the same vertices reached, the same distances. float32 weights
are added in float32 by sssp-bench and in float64 by the others, so there a distance may differ by
the rounding along its path; sums of integers must be equal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from harness.benchmark.collector import gc_disabled
from harness.console.progress import Progress
from harness.peers.record import OURS, PRESOLVED

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from graphs.edges import Edges

T = TypeVar("T")

ROOTS_A_TURN = 4


@dataclass
class Row:
    """A solver that takes its turns, and what is known of it."""

    name: str
    version: str | None
    threads: int
    parents: bool
    search: Callable[[int], Any]
    distances: Callable[[Any], np.ndarray]
    conversion_seconds: float | None = None
    choices: Callable[[], dict[str, Any] | None] = lambda: None
    seconds: list[float] = field(default_factory=list)
    disagreements: list[str] = field(default_factory=list)

    def timed(self, root: int) -> Any:
        """Search once and note the seconds."""
        answer, seconds = timed(self.search, root)
        self.seconds.append(seconds)
        return answer

    def describe(self) -> dict[str, Any]:
        keys = ("name", "version", "threads", "parents", "conversion_seconds", "seconds")
        known = {key: getattr(self, key) for key in keys}
        return known | {"choices": self.choices(), "disagreements": self.disagreements}


def timed(work: Callable[..., T], *arguments: Any, **named: Any) -> tuple[T, float]:
    """Call `work`; return what it returns, and the seconds it took."""
    with gc_disabled():
        start = perf_counter()
        done = work(*arguments, **named)
        return done, perf_counter() - start


def take_turns(
    rows: list[Row], keys: np.ndarray, spare: int, edges: Edges, progress: Progress
) -> tuple[list[int], list[int]]:
    """Let every row search from every key, and fill in its seconds and disagreements.

    Parameters
    ----------
    rows : list of Row
        Those of sssp-bench are the first; the very first is what the others are compared with.
        The answers of a turn must last until it is over.
    keys : int array
    spare : int
        A root to warm up with.
    edges : Edges
        To count traversed edges by.
    progress : Progress

    Returns
    -------
    m, reached : list of int
        Edges without self loops, and vertices, within the component of each key.
    """
    from harness.validation.host import count_m

    for row in rows:
        progress.stage(f"warming up {row.name}")
        row.search(spare)
    m, reached = [], []
    with progress.count(len(keys), "roots") as step:
        for first in range(0, len(keys), ROOTS_A_TURN):
            turn = [int(root) for root in keys[first : first + ROOTS_A_TURN]]
            found = [[row.timed(root) for root in turn] for row in rows]
            for i, root in enumerate(turn):
                _compare(rows, root, [answers[i] for answers in found], edges, progress)
                ours = found[0][i]
                (count,) = count_m(edges, [(root, ours.dist, ours.parent)])
                m.append(int(count.m))
                reached.append(int(count.reached))
                step()
    return m, reached


def _compare(
    rows: list[Row], root: int, answers: list[Any], edges: Edges, progress: Progress
) -> None:
    """Compare the answers of one root with the first, and note which disagree."""
    ours = answers[0]
    tolerance = rounding(ours.dist, ours.parent, edges)
    for row, answer in zip(rows[1:], answers[1:], strict=True):
        allowed = 0.0 if row.name in (OURS, PRESOLVED) else tolerance
        fault = disagreement(ours.dist, row.distances(answer), allowed)
        if fault:
            row.disagreements.append(f"root {root}: {fault}")
            progress.warn(f"{row.name}, root {root}: {fault}")


def rounding(dist: np.ndarray, parent: np.ndarray, edges: Edges) -> float:
    """Return by what part a right distance may differ from that of sssp-bench: 0 for integers.

    Each sum along a path is rounded to half a unit of its last place; twice that, for the deepest
    path there is, leaves room for a shortest path of the others that has more edges.
    """
    if edges.weight_dtype.kind != "f":
        return 0.0
    return float(np.finfo(dist.dtype).eps) * max(depth(parent), 4)


def depth(parent: np.ndarray) -> int:
    """Return the number of edges of the longest path in a tree of parents, by doubling."""
    ids = np.arange(len(parent))
    ancestor = np.where(parent < 0, ids, parent)
    hops = (ancestor != ids).astype(np.int64)
    for _ in range(len(parent).bit_length()):
        further = hops[ancestor]
        if not further.any():
            break
        hops += further
        ancestor = ancestor[ancestor]
    return int(hops.max())


def disagreement(ours: np.ndarray, theirs: np.ndarray, tolerance: float) -> str | None:
    """Say where two answers differ, None where they agree.

    Parameters
    ----------
    ours, theirs : float arrays, shape (n,)
        Distances, inf where unreached.
    tolerance : float
        Relative to ours. 0: they must be equal.
    """
    if theirs.shape != ours.shape:
        return f"an answer of shape {theirs.shape}, not {ours.shape}"
    ours = ours.astype(np.float64)
    reached = ours != np.inf
    differs = reached != (theirs != np.inf)
    gap = np.abs(theirs[reached] - ours[reached])
    differs[reached] |= ~(gap <= tolerance * ours[reached])  # a NaN is in no range
    if not differs.any():
        return None
    first = int(np.argmax(differs))
    return (
        f"{np.count_nonzero(differs)} distances differ, the first at vertex {first}: "
        f"{theirs[first]!r}, ours is {ours[first]!r}"
    )


def one_shot_calls(
    matrix: csr_array, roots: list[int], threads: int, with_scipy: bool
) -> dict[str, Any]:
    """Measure the public call on a matrix in turn with SciPy's, building included."""
    from scipy.sparse.csgraph import dijkstra

    from sssp.paths import shortest_paths

    ours: dict[str, Any] = {"name": OURS, "call": "shortest_paths(matrix, root)", "seconds": []}
    scipy: dict[str, Any] = {"name": "scipy", "call": "dijkstra(matrix, root)", "seconds": []}
    for root in roots:
        ours["seconds"].append(timed(shortest_paths, matrix, root, threads=threads)[1])
        if with_scipy:
            search = {"directed": True, "indices": root, "return_predecessors": True}
            scipy["seconds"].append(timed(dijkstra, matrix, **search)[1])
    return {"roots": roots, "calls": [ours, scipy] if with_scipy else [ours]}
