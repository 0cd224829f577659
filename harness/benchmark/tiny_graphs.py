"""Tiny graphs through every step of a run, so that numba has compiled what each step calls.

numba compiles a function when it first meets the types of its arguments, so each step is taken
once on a graph of the same weight type and directedness; what only several ranks call, by two that
are threads (`graphs.thread_comm`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from graphs.comm import Comm, SerialComm

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from graphs.edges import EdgeList

# Every kind of graph that files hold: weights as text or arrays, edges walked once or both ways.
KINDS = tuple(
    (dtype, directed) for dtype in ("float32", "float64", "int64") for directed in (False, True)
)

TINY_SCALE = 8
# Vertices: enough for hubs, leaves and isolated ones, and for the pull to be met.
TINY = 2048
# Threads that stand for several ranks.
_RANKS = 2
# What `warm_up` calls: kernel 1 and a search, the rest.
HALVES = ("search", "rest")
# One heavy edge makes sums of integers pass what 32 bits hold exactly, which is another path.
_HEAVY = 2**40


def warm_up(
    dtype: DTypeLike,
    directed: bool,
    engine: str = "auto",
    validating: bool = True,
    ranks: bool = False,
    node_rank: int = 0,
    presolve: bool = False,
    halves: Collection[str] = HALVES,
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
    ranks : bool
        Compile what several ranks call, instead of what one process does.
    node_rank : int
        This process's place on its node: work on its device, not on those of other ranks.
    presolve : bool
        Compile what a presolved graph needs.
    halves : collection of str
        Which of `HALVES`; "pull" is the search that comes to its pull at once.
    """
    from graphs.thread_comm import ThreadComm, on_threads

    for edges in tiny_graphs(np.dtype(dtype), directed):
        for half in halves:
            step = partial(_PARTS[half], edges, engine, validating, presolve)
            if ranks:
                on_threads(_RANKS, step, partial(ThreadComm, node_rank=node_rank))
            else:
                step(SerialComm())


def tiny_graphs(dtype: np.dtype, directed: bool) -> list[EdgeList]:
    """Small graphs that compile the kernels for such weights; two where sums may overflow.

    They have hubs, as the benchmark's own have, but do not take its generator to make.
    """
    from graphs.edges import EdgeList

    random = np.random.default_rng(0)
    src, dst = (TINY * random.random((2, 4 * TINY)) ** 4).astype(np.int64)
    weight = random.random(len(src), np.float32) * (1 if dtype.kind == "f" else 100)
    edges = EdgeList(src, dst, weight.astype(dtype), TINY, directed=directed)
    if dtype.kind not in "iu" or np.iinfo(dtype).max < _HEAVY:
        return [edges]
    heavy = edges.weight.copy()
    heavy[0] = _HEAVY
    return [edges, replace(edges, weight=heavy)]


class _Stopped:
    """A comm by which all ranks learn at once that one of them has stopped for a pull.

    Where it `ends`, they learn after the pull that nothing is queued.
    """

    def __init__(self, comm: Comm, ends: bool):
        self._comm, self._ends, self._pulled = comm, ends, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._comm, name)

    def next_bucket(self, nearest: float, values: Sequence[int]) -> tuple[float, list[int]]:
        lo, (settled, arcs, _) = self._comm.next_bucket(nearest, values)
        ended, self._pulled = self._ends and self._pulled, True
        return math.inf if ended else lo, [settled, arcs, 1]


def _pull(whole: EdgeList, engine: str, validating: bool, presolve: bool, comm: Comm) -> None:
    """Build the rows and search them, without a push before the pull or after it."""
    _search(whole, engine, validating, presolve, comm, pulling=True)


def _search(whole: EdgeList, engine: str, validating: bool, presolve: bool, comm: Comm,
            pulling: bool = False) -> None:  # fmt: skip
    """Build the rows and search them; or only begin the search, and pull."""
    from graphs.csr import build_csr
    from graphs.keys import search_keys
    from graphs.partition import part_of
    from sssp.solver import Solver

    csr = build_csr(part_of(whole, comm.rank, comm.size), comm=comm, presolve=presolve)
    root = int(search_keys(csr.stats.n, csr.degree_positive, count=1, comm=comm)[0])
    ends = pulling and comm.size == 1 and not presolve
    searching = cast("Comm", _Stopped(comm, ends)) if pulling else comm
    solver = Solver(csr, engine=engine, comm=searching)
    if ends:
        cast("Any", solver)._engine.relax = lambda lo: None  # the other process compiles it
    if pulling:
        solver.steps(root, solver.new_answer())  # asked step by step
    else:
        solver.search(root)
    if presolve:
        # What is left of so small a graph does not pull; and of several ranks each may search all
        # of a core, or all share it.
        for plain in {comm.size: comm, 1: SerialComm()}.values():
            _search(whole, engine, validating, False, plain)


def _rest(whole: EdgeList, engine: str, validating: bool, presolve: bool, comm: Comm) -> None:
    """Check an answer that no search gave: only the root is reached."""
    from graphs.partition import Partition, part_of
    from harness.validation.host import count_m, validate

    edges = part_of(whole, comm.rank, comm.size)
    n, is_float32 = Partition(edges.n, comm.size).count(comm.rank), edges.weight.itemsize == 4
    dist = np.full(n, np.inf, np.float32 if is_float32 else np.float64)
    answers = [(0, dist, np.full(n, -1))]
    count_m(edges, answers, comm)
    if validating:
        validate(edges, answers, comm)


_PARTS = {"search": _search, "rest": _rest, "pull": _pull}


def warm_up_generator() -> None:
    """Compile the generator, whole and slice by slice."""
    from graphs.generator import KroneckerStream, kronecker

    kronecker(TINY_SCALE)
    for _ in KroneckerStream(TINY_SCALE).slices():
        pass
