"""Shared: small random graphs for hypothesis, of every kind that has ever broken a shortest path.

Shapes: random multigraphs with self loops, several components, stars, paths, complete graphs,
grids, a single vertex, no edges at all; vertex ids shuffled. Weights: float32, float64 or int64;
even ones, zeros among them, exactly 1.0, tiny (subnormal, lost in any sum), heavy-tailed, few
different ones. No sum of them overflows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from graphs.edges import EdgeList

FLOAT32, FLOAT64, INT64 = (np.dtype(name) for name in ("float32", "float64", "int64"))
DTYPES = (FLOAT32, FLOAT64, INT64)

Endpoints = list[tuple[int, int]]


def _multigraph(n: int, random: np.random.Generator) -> Endpoints:
    m = int(random.integers(0, 4 * n + 1))
    return [tuple(pair) for pair in random.integers(0, n, (m, 2)).tolist()]


def _components(n: int, random: np.random.Generator) -> Endpoints:
    """Several multigraphs side by side, some of them lone vertices."""
    part = random.integers(0, 4, n)
    return [(u, v) for u, v in _multigraph(n, random) if part[u] == part[v]]


def _star(n: int, random: np.random.Generator) -> Endpoints:
    return [(0, v) if random.random() < 0.5 else (v, 0) for v in range(1, n)]


def _path(n: int, random: np.random.Generator) -> Endpoints:
    return [(v, v + 1) for v in range(n - 1)]


def _complete(n: int, random: np.random.Generator) -> Endpoints:
    n = min(n, 12)
    return [
        (u, v) for u in range(n) for v in range(n) if u < v or (u > v and random.random() < 0.3)
    ]


def _grid(n: int, random: np.random.Generator) -> Endpoints:
    width = int(random.integers(1, 7))
    along = [(v, v + 1) for v in range(n - 1) if (v + 1) % width]
    return along + [(v, v + width) for v in range(n - width)]


def _no_edges(n: int, random: np.random.Generator) -> Endpoints:
    return []


def _doubled(n: int, random: np.random.Generator) -> Endpoints:
    """Parallel edges and self loops everywhere."""
    ends = _path(n, random)
    return [*ends, *ends, *((v, u) for u, v in ends), *((v, v) for v in range(n))]


SHAPES = {
    shape.__name__.strip("_"): shape
    for shape in (_multigraph, _components, _star, _path, _complete, _grid, _no_edges, _doubled)
}


def _even(m: int, random: np.random.Generator) -> np.ndarray:
    return random.random(m)


def _a_third_zero(m: int, random: np.random.Generator) -> np.ndarray:
    return np.where(random.random(m) < 1 / 3, 0, random.random(m))


def _zero(m: int, random: np.random.Generator) -> np.ndarray:
    return np.zeros(m)


def _zero_or_one(m: int, random: np.random.Generator) -> np.ndarray:
    return random.choice([0.0, 1.0, 0.5, 1.0], m)


def _tiny(m: int, random: np.random.Generator) -> np.ndarray:
    """Lost in most sums: down to float32's smallest number, up to 1."""
    return np.exp2(-random.integers(0, 150, m).astype(float))


def _heavy_tailed(m: int, random: np.random.Generator) -> np.ndarray:
    return 10.0 ** random.uniform(-12, 12, m)


WEIGHTS = {
    kind.__name__.strip("_"): kind
    for kind in (_even, _a_third_zero, _zero, _zero_or_one, _tiny, _heavy_tailed)
}


def make_edges(
    n: int, shape: str, weights: str, dtype: np.dtype, directed: bool, seed: int
) -> EdgeList:
    """The edges that these arguments and a seed stand for; n is 1 or more."""
    random = np.random.default_rng(seed)
    ends = np.array(SHAPES[shape](n, random), np.int64).reshape(-1, 2)
    weight = WEIGHTS[weights](len(ends), random)
    if dtype.kind == "i":
        weight = np.minimum(weight * 255, 2**40)  # so that sums stay exact, and pass 2^32
    relabel = random.permutation(n)
    order = random.permutation(len(ends))
    src, dst = (np.ascontiguousarray(relabel[ends[order, side]]) for side in (0, 1))
    return EdgeList(src, dst, weight.astype(dtype), n, directed)


def with_hubs(seed: int, weights: str, dtype: np.dtype, directed: bool) -> EdgeList:
    """A graph of 120 vertices, some of them isolated or leaves, with three hubs."""
    random = np.random.default_rng(seed)
    edges = make_edges(80, "multigraph", weights, dtype, directed, seed)
    hubs = random.integers(0, 80, 3)
    spokes = [(int(hub), int(v)) for hub in hubs for v in random.integers(0, 110, 60)]
    spokes = [pair if random.random() < 0.5 else pair[::-1] for pair in spokes]
    scale = float(edges.weight.max()) if edges.m else 1.0
    weight = (random.random(len(spokes)) * scale).astype(dtype)
    ends = np.array(spokes, np.int64)
    return EdgeList(
        np.concatenate([edges.src, ends[:, 0]]),
        np.concatenate([edges.dst, ends[:, 1]]),
        np.concatenate([edges.weight, weight]),
        120,
        directed,
    )


def cluster_far_from_hub() -> EdgeList:
    """A hub, 0, with 200 near neighbours, and 50 far ones that are close to each other.

    The lightest arcs of the far ones lead to each other, and only then one to the hub: while none
    of them is reached, they look at 49 arcs in vain.
    """
    random = np.random.default_rng(8)
    near = [(0, v) for v in range(1, 201)] + [(v, v + 1) for v in range(1, 200)]
    far = [(0, v) for v in range(201, 251)]
    close = [(u, v) for u in range(201, 251) for v in range(201, u)]
    weights = [
        random.uniform(low, high, len(ends))
        for ends, low, high in ((near, 0, 0.1), (far, 0.5, 0.6), (close, 0.001, 0.002))
    ]
    return edge_list(near + far + close, np.concatenate(weights), 251)


def improved_again_and_again(directed: bool = False) -> EdgeList:
    """Each of 24 vertices finds a shorter way to each of 24 others than the one before.

    A path lies between them, so that rows are short on average and pushed whole.
    """
    firsts, lasts = range(1, 25), range(175, 199)
    ends = [(0, i) for i in firsts] + [(i, last) for i in firsts for last in lasts]
    weight = [*firsts, *(100 - 3 * i for i in firsts for _ in lasts)]
    path = [(v, v + 1) for v in range(24, 174)]
    return edge_list(ends + path, weight + [1] * len(path), 199, directed)


def blocks_that_improve_the_next(blocks: int, width: int = 80, path: int = 500) -> EdgeList:
    """In each block, `width` vertices find shorter and shorter ways to as many of the next block.

    All of them at once, and in each block a path has been reached before. The root is 2 * width.
    """
    size = 2 * width + path
    ends: list[tuple[int, int]] = []
    weight: list[float] = []
    for block in range(blocks):
        first, last = block * size, (block + 1) % blocks * size + width
        along = first + 2 * width
        for i in range(width):
            ends.append((along, first + i))
            ends.extend((first + i, last + j) for j in range(width))
            weight.extend([1e4 + i, *[1000 - 2 * i] * width])
        ends.extend((v, v + 1) for v in range(along, along + path - 1))
        ends.append((2 * width, along))  # a self loop of the first block's
        weight.extend([0.001] * path)
    return edge_list(ends, weight, blocks * size)


def edge_list(
    ends: Endpoints | np.ndarray,
    weight: ArrayLike,
    n: int,
    directed: bool = False,
    dtype: type = np.float32,
) -> EdgeList:
    """Edges written out by hand."""
    pairs = np.array(ends, np.int64).reshape(-1, 2)
    src, dst = pairs[:, 0].copy(), pairs[:, 1].copy()
    return EdgeList(src, dst, np.array(weight, dtype), n, directed)


@st.composite
def edge_lists(
    draw: st.DrawFn,
    max_n: int = 40,
    dtypes: Sequence[np.dtype] = DTYPES,
    shapes: Sequence[str] = tuple(SHAPES),
    weights: Sequence[str] = tuple(WEIGHTS),
    directed: bool | None = None,
) -> EdgeList:
    """Draw an edge list; `directed` None draws that, too."""
    return make_edges(
        n=draw(st.integers(1, max_n), "n"),
        shape=draw(st.sampled_from(list(shapes)), "shape"),
        weights=draw(st.sampled_from(list(weights)), "weights"),
        dtype=draw(st.sampled_from(list(dtypes)), "dtype"),
        directed=draw(st.booleans(), "directed") if directed is None else directed,
        seed=draw(st.integers(0, 2**32 - 1), "seed"),
    )


@st.composite
def searches(draw: st.DrawFn, **choices) -> tuple[EdgeList, int]:
    """Draw an edge list, as `edge_lists` with the same choices does, and a root in it."""
    edges = draw(edge_lists(**choices))
    return edges, draw(st.integers(0, edges.n - 1), "root")
