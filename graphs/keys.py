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

from graphs.errors import GraphError
from graphs.generator import checked_integer, checked_seed
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


def _enough(eligible: np.ndarray, count: int) -> int:
    """Number of eligible vertices, counted no further than `count`."""
    found = 0
    for lo in range(0, len(eligible), LARGEST_BATCH):
        found += int(np.count_nonzero(eligible[lo : lo + LARGEST_BATCH]))
        if found >= count:
            return count
    return found


def _spec_keys(n: int, eligible: np.ndarray, count: int, draws: Batches) -> list[int]:
    keys: dict[int, None] = {}  # a set that keeps the order
    count = _enough(eligible, count)
    while len(keys) < count:
        _, vertices = next(draws)
        for vertex in vertices[eligible[vertices]].tolist():
            keys[vertex] = None
            if len(keys) == count:
                break
    return list(keys)


def _reference_keys(n: int, eligible: np.ndarray, count: int, draws: Batches) -> list[int]:
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


RULES: dict[str, Callable[[int, np.ndarray, int, Batches], list[int]]] = {
    "spec": _spec_keys,
    "reference": _reference_keys,
}


def search_keys(
    n: int,
    eligible: np.ndarray,
    seed: tuple[int, int] = (2, 3),
    count: int = 64,
    rule: str = "spec",
) -> np.ndarray:
    """Draw the roots of a run.

    Parameters
    ----------
    n : int
        Number of vertices, 1 .. 2^62.
    eligible : bool (n,)
        True where an edge that is no self loop ends.
    seed : (int, int)
        The graph's user seeds, each 0 .. 2^64 - 1.
    count : int
        Number of keys wanted.
    rule : {"spec", "reference"}
        What happens where few vertices are eligible, see above. "spec" gives distinct eligible
        vertices, fewer than `count` if there are fewer; "reference" always gives `count`.

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
    eligible = np.asarray(eligible)
    if eligible.dtype != np.bool_ or eligible.shape != (n,):
        raise GraphError(
            f"eligible must be a bool array of n={n} values, "
            f"got dtype {eligible.dtype} and shape {eligible.shape}"
        )
    if rule not in RULES:
        raise GraphError(f"rule={rule!r} is not known: use one of {', '.join(map(repr, RULES))}")
    keys = RULES[rule](n, eligible, count, _draws(n, seed, 256))
    return np.array(keys, dtype=np.int64)
