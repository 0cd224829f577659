"""Compile ahead of the clock: tiny graphs through every step of a run.

numba compiles a function when it first meets the types of its arguments, so each step is taken
once on a graph of the same weight type and directedness, before anything is timed; what only
several ranks call, by two that are threads (`graphs.thread_comm`).

A process that has compiled runs its kernels slower, up to one and a half times, than one that has
loaded them from the cache. Where something is missing in the cache, two processes of their own
compile it first, each its part (`prepare`): forks of one that has imported what both need. Of
several ranks one a cache folder starts them, and the others wait.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import secrets
import subprocess
import sys
import traceback
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from graphs.comm import Comm, SerialComm
from harness.benchmark.collector import gc_disabled
from harness.console import logs
from harness.console.streams import say
from harness.machine.facts import HOME, cpu_model
from kernels.cache import FOLDERS, NAME, kept, keys
from kernels.disk import replacing

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
_RANKS = 2
# What is called once: kernel 1 and a search, the rest.
HALVES = ("search", "rest")
# What the two processes that compile call, each in its order: by the time that the second comes to
# the search the first has compiled kernel 1, and while that is at pushing it compiles the pull.
PROCESSES = (("search",), ("rest", "pull"))
_IN_ALL = (
    "graphs.csr",
    "graphs.generator",
    "graphs.keys",
    "harness.validation.host",
    "sssp.solver",
)
# One heavy edge makes sums of integers pass what 32 bits hold exactly, which is another path.
_HEAVY = 2**40
_POLL_SECONDS = 0.02
# What launchers set for a rank; a process that is not one must not read it.
_LAUNCHERS = re.compile("PMI|OMPI_|SLURM_|HYD|MPI_LOCAL|PALS_|FLUX_|MPIEXEC|PRTE")


@dataclass(frozen=True)
class Plan:
    """What a run will call.

    dtype         type of the weights
    directed      whether edges are walked one way
    engine        what searches
    ranks         whether there are several
    presolve      whether only the edges are kept that a search can use
    """

    dtype: str
    directed: bool
    engine: str = "auto"
    ranks: bool = False
    presolve: bool = False

    def __str__(self) -> str:
        ways = "directed" if self.directed else "undirected"
        extra = ", presolved" if self.presolve else ", on several ranks" if self.ranks else ""
        return f"{self.dtype} weights, {ways}{extra}"

    def compile(self, node_rank: int = 0, halves: Collection[str] = HALVES) -> None:
        """Call it all once: what was not compiled before is compiled, the rest is loaded."""
        if "rest" in halves:
            warm_up_generator()
        warm_up(
            self.dtype, self.directed, self.engine, True, self.ranks, node_rank, self.presolve,
            halves,
        )  # fmt: skip

    def is_compiled(self) -> bool:
        """Has this been compiled here, from these sources, and is it all there still?

        A note says so: what files there were, and how long. Of one that was cut short by a crash
        numba says nothing until it is too late to compile elsewhere.
        """
        there = kept()
        for folder in cache_folders():
            with suppress(OSError, ValueError, AttributeError, TypeError):  # no such note
                noted = json.loads((folder / self._note()).read_text()).items()
                if all(there.get(path, -1) >= size for path, size in noted):
                    return True
        return False

    def mark(self) -> None:
        """Note that this has been compiled; if that fails, it is compiled again next time."""
        for folder in cache_folders():
            with suppress(OSError), replacing(folder / self._note()) as file:
                file.write(json.dumps(kept()).encode())
                return

    def _note(self) -> str:
        words = json.dumps([asdict(self), cpu_model(), keys()])
        return f"compiled-{hashlib.sha256(words.encode()).hexdigest()[:16]}"


def prepare(plan: Plan, comm: Comm | None = None) -> None:
    """Make this process ready to run a plan, by kernels that are loaded; collective."""
    comm = comm or SerialComm()
    plan = replace(plan, ranks=comm.size > 1)
    if leads(comm) and not plan.is_compiled():
        compile_apart(plan)
    wait_idle(comm)
    with gc_disabled():
        plan.compile(comm.node_rank)


def wait_idle(comm: Comm) -> None:
    """Wait for all ranks without keeping a core busy, as MPI's own barrier does for minutes."""
    mpi = getattr(comm, "comm", None)
    if mpi is None:
        return
    request = mpi.Ibarrier()
    while not request.Test():
        sleep(_POLL_SECONDS)


def leads(comm: Comm) -> bool:
    """Is this rank the one that compiles for its cache folder? Rank 0, or the first of its node."""
    if comm.size == 1:
        return True
    token = cache_folders()[0] / comm.bcast(f".shared-{secrets.token_hex(8)}")
    if comm.rank == 0:
        with suppress(OSError):  # a full disk: it is seen by nobody, and each node compiles
            token.touch()
    comm.barrier()
    shared = token.exists()
    comm.barrier()
    if comm.rank == 0:
        with suppress(OSError):
            token.unlink()
    return comm.rank == 0 or (not shared and comm.node_rank == 0)


def without_launcher(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment for a process that is not a rank, from that of one."""
    return {k: v for k, v in environment.items() if not _LAUNCHERS.match(k)}


def compile_apart(plan: Plan) -> bool:
    """Compile a plan in processes of their own; return whether that worked.

    If not, each process that needs the kernels compiles them itself.
    """
    environment = without_launcher(os.environ)
    path = [str(HOME), *filter(None, [environment.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(path)
    environment["NUMBA_CACHE_DIR"] = str(cache_folders()[0])
    command = [sys.executable, "-m", "harness.benchmark.warmup", json.dumps(asdict(plan))]

    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, stdin=subprocess.DEVNULL, text=True
        )
    except OSError as error:
        logs.write(f"compiling in a process of its own failed: {error}")
        return False
    if done.returncode != 0:
        logs.write(f"compiling in a process of its own failed:\n{done.stderr}")
        return False
    # Of the folder; what else they say is of no use here. Both may say the same.
    for line in dict.fromkeys(done.stderr.splitlines()):
        if line.startswith(f"{NAME}:"):
            say(line)
    plan.mark()
    return True


def compile_in_forks(plan: Plan) -> bool:
    """Compile a plan in PROCESSES, which have what this one has imported; did that work?"""
    from numba.core.registry import cpu_target

    for module in _IN_ALL:
        import_module(module)
    cpu_target.target_context.refresh()  # numba reads all its implementations: half a second
    forks = []
    for parts in PROCESSES:
        fork = os.fork()
        if fork == 0:
            failed = 1
            try:
                plan.compile(halves=parts)
                failed = 0
            except Exception:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(failed)
        forks.append(fork)
    return [os.waitpid(fork, 0)[1] for fork in forks] == [0] * len(forks)


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
    """A comm on which all hear at once that a rank has stopped for a pull; then of no more, if so.

    `ends` says whether nothing is queued after the pull.
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


def cache_folders() -> list[Path]:
    """Return the folders that keep what numba has compiled: the one in use, then the others."""
    return FOLDERS


if __name__ == "__main__":
    with gc_disabled():  # a tenth of numba's time
        sys.exit(not compile_in_forks(Plan(**json.loads(sys.argv[1]))))
