"""Compile ahead of the clock, in processes of their own, what is missing in the cache.

What a run calls is called once, on tiny graphs (harness/benchmark/tiny_graphs.py), before anything
is timed.

A process that has compiled runs its kernels slower, up to one and a half times, than one that has
loaded them from the cache. Where something is missing in the cache, two processes of their own
compile it first, each its part (`prepare`): forks of one that has imported what both need. Of
several ranks one a cache folder starts them, and the others wait.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import subprocess
import sys
import traceback
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from pathlib import Path
from time import sleep

from graphs.comm import Comm, SerialComm
from harness.benchmark.collector import gc_disabled
from harness.benchmark.tiny_graphs import HALVES, warm_up, warm_up_generator
from harness.console import logs
from harness.console.streams import say
from harness.machine.facts import HOME, cpu_model
from kernels.cache import FOLDERS, NAME, kept, keys
from kernels.disk import replacing

# What of `tiny_graphs.warm_up` the two processes call that compile, each in its order: by the time
# that the second comes to the search the first has compiled kernel 1, and while that is at pushing
# it compiles the pull.
PROCESSES = (("search",), ("rest", "pull"))
# What both of them import first.
_IN_ALL = (
    "graphs.csr",
    "graphs.generator",
    "graphs.keys",
    "harness.validation.host",
    "sssp.solver",
)
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


def cache_folders() -> list[Path]:
    """Return the folders that keep what numba has compiled: the one in use, then the others."""
    return FOLDERS


if __name__ == "__main__":
    with gc_disabled():  # a tenth of numba's time
        sys.exit(not compile_in_forks(Plan(**json.loads(sys.argv[1]))))
