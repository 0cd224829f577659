"""Compile ahead of the clock: tiny graphs through every step of a run.

numba compiles a function when it first meets the types of its arguments, so each step is taken
once on a graph of the same weight type and directedness, before anything is timed.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from graphs.edges import EdgeList

# Every kind of graph that files hold: weights as text or arrays, edges walked once or both ways.
KINDS = tuple(
    (dtype, directed) for dtype in ("float32", "float64", "int64") for directed in (False, True)
)

# Large enough to have hubs, so that the pull is met, too.
_SCALE = 8
# One heavy edge makes sums of integers pass what 32 bits hold exactly, which is another path.
_HEAVY = 2**40


def warm_up(
    dtype: DTypeLike, directed: bool, engine: str = "auto", validating: bool = True
) -> None:
    """Compile what a run on graphs of this kind needs.

    Parameters
    ----------
    dtype : numpy dtype
        Type of the weights.
    directed : bool
    engine : str
        The engine that will search.
    validating : bool
        Compile the validation too.
    """
    for edges in _tiny_graphs(np.dtype(dtype), directed):
        _take_every_step(edges, engine, validating)


def _tiny_graphs(dtype: np.dtype, directed: bool) -> list[EdgeList]:
    from graphs.generator import kronecker

    edges = kronecker(_SCALE)
    weight = edges.weight if dtype.kind == "f" else edges.weight * 100
    edges = replace(edges, weight=weight.astype(dtype), directed=directed)
    if dtype.kind not in "iu" or np.iinfo(dtype).max < _HEAVY:
        return [edges]
    heavy = edges.weight.copy()
    heavy[0] = _HEAVY
    return [edges, replace(edges, weight=heavy)]


def _take_every_step(edges: EdgeList, engine: str, validating: bool) -> None:
    from graphs.csr import build_csr
    from graphs.keys import search_keys
    from harness.validation import count_m, validate
    from sssp.solver import Solver

    csr = build_csr(edges)
    root = int(search_keys(csr.n, csr.degree_positive, count=1)[0])
    solver = Solver(csr, engine=engine)
    answer = solver.search(root, out=solver.new_answer())
    answers = [(root, answer.dist, answer.parent)]
    count_m(edges, answers)
    if validating:
        validate(edges, answers)


def warm_up_generator() -> None:
    """Compile the generator, whole and slice by slice."""
    from graphs.generator import KroneckerStream, kronecker

    kronecker(_SCALE)
    for _ in KroneckerStream(_SCALE).slices():
        pass


def cache_folder() -> str:
    """Return the folder that keeps what numba has compiled."""
    import kernels.validate  # noqa: F401  (importing any kernel chooses the folder)

    return os.environ["NUMBA_CACHE_DIR"]
