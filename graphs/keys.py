"""Search keys: the vertices a run starts from, drawn as the reference code draws them.

Each draw takes the next two doubles of a stream of its own, 2^129 values after the seeds' state,
and names one vertex; it is kept if an edge other than a self loop ends there and if it was not
drawn before. With fewer such vertices than keys the two sources part:

- the specification (V2.0, section 4) takes each of them once: fewer keys;
- the reference code 3.0.1 (main.c) keeps any vertex whatever once it has drawn more than 2 n
  doubles, so that its keys repeat and may be isolated. Its files of toy scales show that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from graphs.arguments import checked_integer, plain_array
from graphs.comm import Comm, SerialComm
from graphs.errors import GraphError
from graphs.generator import checked_seed
from graphs.partition import Partition
from kernels.rng import draw_vertices, seed_state, skip

STREAM_START = 2 << 128
LARGEST_BATCH = 2**18

Batches = Iterator[tuple[int, np.ndarray]]


def _draws(n: int, seed: tuple[int, int], batch: int) -> Batches:
    """Yield (number of draws before, vertices drawn), without end, in growing batches."""
    state = np.array(skip(seed_state(seed), STREAM_START), dtype=np.uint64)
    drawn = 0
    while True:
        vertices = np.empty(batch, dtype=np.int64)
        draw_vertices(state, n, vertices)
        yield drawn, vertices
        drawn += batch
        batch = min(2 * batch, LARGEST_BATCH)


class _Eligible:
    """Which vertices may be keys, each rank knowing only its own block."""

    def __init__(self, n: int, eligible: np.ndarray, comm: Comm):
        self.own, self.comm = eligible, comm
        self.first = Partition(n, comm.size).first(comm.rank)

    def __getitem__(self, vertices: np.ndarray) -> np.ndarray:
        """bool: may these be keys? The same on every rank."""
        if self.comm.size == 1:
            return self.own[vertices]
        place = vertices - self.first
        inside = (place >= 0) & (place < len(self.own))
        flags = np.zeros(len(vertices), np.uint8)
        flags[inside] = self.own[place[inside]]
        return self.comm.allreduce_bor(flags).astype(np.bool_)

    def up_to(self, count: int) -> int:
        """Return the number of eligible vertices, counted no further than `count`."""
        found = 0
        for lo in range(0, len(self.own), LARGEST_BATCH):
            found += int(np.count_nonzero(self.own[lo : lo + LARGEST_BATCH]))
            if found >= count:
                break
        return min(int(self.comm.allreduce_sum([found])[0]), count)


def _spec_keys(n: int, eligible: _Eligible, count: int, draws: Batches) -> list[int]:
    keys: dict[int, None] = {}  # a set that keeps the order
    count = eligible.up_to(count)
    while len(keys) < count:
        _, vertices = next(draws)
        for vertex in vertices[eligible[vertices]].tolist():
            keys[vertex] = None
            if len(keys) == count:
                break
    return list(keys)


def _reference_keys(n: int, eligible: _Eligible, count: int, draws: Batches) -> list[int]:
    keys: list[int] = []
    taken: set[int] = set()
    while len(keys) < count:
        before, vertices = next(draws)
        doubles = 2 * (before + 1 + np.arange(len(vertices)))
        for i in np.flatnonzero(eligible[vertices] | (doubles > 2 * n)):
            vertex = int(vertices[i])
            if doubles[i] > 2 * n or vertex not in taken:
                keys.append(vertex)
                taken.add(vertex)
                if len(keys) == count:
                    break
    return keys


RULES: dict[str, Callable[[int, _Eligible, int, Batches], list[int]]] = {
    "spec": _spec_keys,
    "reference": _reference_keys,
}


def search_keys(
    n: int,
    eligible: np.ndarray,
    seed: tuple[int, int] = (2, 3),
    count: int = 64,
    rule: str = "spec",
    comm: Comm | None = None,
) -> np.ndarray:
    """Draw the roots of a run.

    Parameters
    ----------
    n : int
        Number of vertices, 1 .. 2^62.
    eligible : bool (n,)
        True where an edge other than a self loop ends; under several ranks those of this rank's own
        block (graphs.partition).
    seed : (int, int)
        The graph's user seeds, each 0 .. 2^64 - 1.
    count : int
        Number of keys wanted.
    rule : {"spec", "reference"}
        What happens where few vertices are eligible, see above. "spec" gives distinct eligible
        vertices, fewer than `count` if there are fewer; "reference" always gives `count`.
    comm : sssp.mpi_comm.Comm, optional
        The ranks that draw together; all get the same keys.

    Returns
    -------
    int64 (k,)
        Keys in the order drawn; k = count, or less under "spec".

    Raises
    ------
    GraphError
        An argument is out of range, or `eligible` is not a bool array of n values.
    """
    n = checked_integer("n", n, 1, 2**62)
    seed = checked_seed(seed)
    count = checked_integer("count", count, 0)
    eligible = plain_array("eligible", eligible)
    comm = SerialComm() if comm is None else comm
    own = Partition(n, comm.size).count(comm.rank)
    if eligible.dtype != np.bool_ or eligible.shape != (own,):
        raise GraphError(
            f"eligible must be a bool array of n={own} values, "
            f"got dtype {eligible.dtype} and shape {eligible.shape}"
        )
    if not isinstance(rule, str) or rule not in RULES:
        raise GraphError(f"rule={rule!r} is not known: use one of {', '.join(map(repr, RULES))}")
    keys = RULES[rule](n, _Eligible(n, eligible, comm), count, _draws(n, seed, 256))
    return np.array(keys, dtype=np.int64)
