"""Facts about where a run happens: machine, versions, git commit, launcher."""

from __future__ import annotations

import math
import os
import platform
import socket
import subprocess
from configparser import ConfigParser
from functools import cache
from pathlib import Path
from typing import Any

from harness.console.errors import UsageError
from harness.machine.cgroup import cpu_quota

HOME = Path(__file__).resolve().parents[2]
DISTRIBUTION = "sssp-bench"
_LIBRARIES = (
    "numba", "llvmlite", "numpy", "scipy", "networkx", "mpi4py", "mpich", "tqdm", "cupy-cuda12x",
    "cupy-cuda13x",
)  # fmt: skip
# What the launchers of MPICH and Intel MPI, Open MPI, and Slurm set for a process (sssp.mpi_comm).
_LAUNCHERS = (
    ("PMI_SIZE", "PMI_RANK"),
    ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
    ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID"),
)


class _Share:
    """How many cores this rank may count as its own."""

    cores = math.inf


_share = _Share()


def cores() -> int:
    """Return how many threads to run by default.

    The processors of the affinity mask, or fewer where the control group's quota gives less time;
    of several ranks on a machine, this one's share (`harness.job.placement`).
    """
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    quota = cpu_quota()
    return max(1, int(min(allowed, quota or allowed, slurm_cores() or allowed, _share.cores)))


def slurm_cores() -> int | None:
    """Return the cores that Slurm has promised a task, None where this is not a task or it has not.

    Without a plugin that binds, the mask of a task is the whole machine.
    """
    promised = os.environ.get("SLURM_CPUS_PER_TASK", "")
    in_step = "SLURM_STEP_NUM_TASKS" in os.environ
    return int(promised) if in_step and promised.isdecimal() and int(promised) > 0 else None


def set_share(count: float) -> None:
    """Let `cores()` be at most `count`: other ranks use the same ones."""
    _share.cores = count


def default_threads() -> int:
    """Return NUMBA_NUM_THREADS where the user has set it, else `cores()`.

    Raises
    ------
    UsageError
        If NUMBA_NUM_THREADS is not a number of threads.
    """
    asked = os.environ.get("NUMBA_NUM_THREADS", "")
    if not asked:
        return cores()
    if not asked.isdecimal() or int(asked) < 1:
        raise UsageError(f"NUMBA_NUM_THREADS must be a whole number of at least 1, got {asked!r}")
    return int(asked)


def total_memory() -> int | None:
    """Return the machine's memory in bytes, None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def machine_facts() -> dict[str, Any]:
    """Return what a result file says about the machine; None for what cannot be found out."""
    return {
        "hostname": socket.gethostname(),
        "cpu": cpu_model(),
        "architecture": platform.machine(),
        "cores": cores(),
        "cores_online": os.cpu_count(),
        "memory_bytes": total_memory(),
        "system": f"{platform.system()} {platform.release()}",
    }


def cpu_model() -> str | None:
    """Return the processor's name, None where it cannot be found out."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip().lower() in ("model name", "cpu model", "cpu"):
            return value.strip()
    return platform.processor() or None


def version() -> str:
    """Return this project's version: the installed one, in a bare checkout that of setup.cfg."""
    setup = ConfigParser()
    setup.read(HOME / "setup.cfg", encoding="utf-8")
    written = setup.get("metadata", "version", fallback=None)
    return written or _installed(DISTRIBUTION) or "unknown"


def versions() -> dict[str, str | None]:
    """Return the versions of what computes the figures; None for what is not installed."""
    return {
        DISTRIBUTION: version(),
        "python": platform.python_version(),
        **{name: _installed(name) for name in _LIBRARIES},
    }


@cache
def _installed(name: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def git_state() -> tuple[str | None, bool | None]:
    """Return the commit of the sources and whether tracked files differ from it.

    (None, None) where the sources are not a checkout of their own, or git is missing. A package
    installed somewhere inside another checkout must not report that one's commit.
    """
    top = _git("rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != HOME:
        return None, None
    commit = _git("rev-parse", "--verify", "HEAD")
    changes = _git("status", "--porcelain", "--untracked-files=no")
    return commit, None if changes is None else bool(changes)


def _git(*arguments: str) -> str | None:
    # A caller's GIT_DIR (a hook sets it) would name another repository.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    command = ["git", "--no-optional-locks", "-C", str(HOME), *arguments]
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def launched_ranks() -> tuple[int, int]:
    """Return this process's rank and the number of ranks, as the launcher's environment says.

    (0, 1) without a launcher. MPI itself is not asked: a library that does not fit the launcher
    would answer 1. The first launcher found counts: mpirun may be running under Slurm, whose own
    step then has one task a node. A batch script is not a step, whatever SLURM_NTASKS is.
    """
    for size_name, rank_name in _LAUNCHERS:
        size, rank = os.environ.get(size_name, ""), os.environ.get(rank_name, "0")
        if size.isdecimal() and rank.isdecimal():
            return int(rank), int(size)
    return 0, 1
