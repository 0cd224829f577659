"""Starting a command on several ranks: one MPI for all, the same arguments on all.

MPI is imported here, after the launcher's environment has shown that there are ranks. Whatever does
not fit is said once, by rank 0, and every rank ends with the same status.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import socket
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from time import sleep
from typing import TYPE_CHECKING

from harness.console.errors import Exit, Interrupted, UsageError
from harness.console.signals import stoppable
from harness.console.streams import say
from harness.machine.facts import HOME, launched_ranks, version
from harness.machine.thread_limit import refuse_few_threads
from kernels.disk import reading

if TYPE_CHECKING:
    from graphs.comm import Comm
    from harness.job.client import Ending

# The commands that know what to do with ranks.
COMMANDS = ("run", "info", "warmup")
# Ranks that wait so long for one another in MPI's own start have lost one.
_START_SECONDS = 120.0
# A launcher that hears of the end of a job drops what it has not read of stderr by then.
_SPEAKING_SECONDS = 1.0
# Libraries start threads of their own, and end the process where they cannot.
_MPI_THREADS = 3
_INSTALL = (
    "install one beside mpi4py (pip install 'sssp-bench[mpi]', an MPICH), or on a cluster load the "
    "site's MPI module"
)
_FIT = (
    "use the launcher of that MPI, or let mpi4py find this launcher's (no extra mpi); under Slurm, "
    "try srun --mpi=pmix or --mpi=pmi2"
)


class LaunchError(Exception):
    """The ranks cannot work together; the message is one line for the user.

    by_one  whether other ranks may not have met the same
    """

    def __init__(self, message: str, code: Exit, by_one: bool = False):
        super().__init__(message)
        self.code, self.by_one = code, by_one


def wanted(arguments: Sequence[str]) -> bool:
    """Return whether several ranks were started, of a command that uses them."""
    if launched_ranks()[1] == 1 or {"--help", "-h"} & set(arguments):
        return False
    return len(arguments) > 0 and arguments[0] in COMMANDS


def together(
    arguments: Sequence[str],
    work: Callable[[], int],
    ending: Callable[[BaseException], Ending],
) -> int:
    """Run a command on all ranks; return the exit status, the same on every rank.

    Parameters
    ----------
    arguments : sequence of str
        The command line.
    work : callable
        This rank's part of it; may raise whatever it likes.
    ending : callable
        Turns what was raised into how the command has ended.
    """
    from harness.job import placement
    from harness.job.client import JobClient

    name = f"sssp {arguments[0]}"
    try:
        with stoppable():
            comm = _start()
            _refuse_different(comm, arguments)
            places = placement.settle(comm)
            watch = JobClient(comm, name, len({place.machine for place in places}) == 1)
    except LaunchError as fault:
        if fault.by_one:
            after_rank_0(fault.code)  # whose exit ends this one, if it has said the same
        say(f"{name}: error: {fault}", from_any_rank=fault.by_one)
        return after_rank_0(fault.code)
    except Interrupted as interruption:
        say(f"{name}: {interruption}")
        sleep(_SPEAKING_SECONDS)
        os._exit(interruption.exit_code)  # MPI would wait for the others, in vain perhaps
    return watch.guard(work, ending)


def after_rank_0(code: int) -> int:
    """Let rank 0 speak before a failing rank makes the launcher end it; return `code`."""
    if code != Exit.OK and launched_ranks()[0] > 0:
        sleep(_SPEAKING_SECONDS)
    return code


def _start() -> Comm:
    """Start MPI; return the communicator of all ranks.

    Raises
    ------
    LaunchError
        If there is no MPI library, it does not see the ranks that the launcher has started, or
        this rank cannot start the threads that it needs.
    """
    _, size = launched_ranks()
    _refuse_few_threads(_MPI_THREADS)
    try:
        import mpi4py

        # In two steps: a library that does not fit the launcher may stop the process as it starts.
        mpi4py.rc.initialize = False
        mpi4py.rc.finalize = True
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        reason = "; ".join(str(error).split("\n"))
        raise LaunchError(
            f"{size} ranks were started, but mpi4py finds no MPI library ({reason}); {_INSTALL}",
            Exit.ENGINE,
        ) from error
    library = MPI.Get_library_version()
    fault = misfit(library, os.environ)
    if fault is None:
        if not MPI.Is_initialized():
            _within(_START_SECONDS, MPI.Init_thread)
        seen = MPI.COMM_WORLD.Get_size()
        fault = f"MPI sees {seen} in each process" if seen != size else None
    if fault is not None:
        raise LaunchError(
            f"the launcher has started {size} ranks, but {fault}: mpi4py has found another MPI "
            f"than the launcher's ({first_line(library)}); {_FIT}",
            Exit.USAGE,
        )
    from sssp.mpi_comm import world

    return world()


def misfit(library: str, environment: Mapping[str, str]) -> str | None:
    """Return why an MPI library cannot work under the launcher, where that shows before it starts.

    Parameters
    ----------
    library : str
        MPI_Get_library_version.
    environment : mapping
        What the launcher has set.
    """
    pmi = any(name in environment for name in ("PMI_FD", "PMI_PORT", "PMI_RANK"))
    if "PMIX_NAMESPACE" not in environment or pmi:
        return None
    # MPICH reports how it was configured; without PMIx it stops the process, in words of its own.
    if "MPICH configure" in library and "pmix" not in library.lower():
        return "it speaks PMIx, and MPI does not"
    return None


def first_line(library: str) -> str:
    """Return the name and version in MPI_Get_library_version, on one line."""
    return " ".join(library.strip().strip("\0").splitlines()[0].split())


def _within(seconds: float, start: Callable[[], object]) -> None:
    """Call `start`, and end this process if it takes too long: a rank has not come."""

    def give_up() -> None:
        host, (rank, size) = socket.gethostname(), launched_ranks()
        say(
            f"sssp: error: rank {rank} on {host}: MPI has not started within {seconds:.0f} s; not "
            f"all of the {size} ranks have come",
            from_any_rank=True,
        )
        sleep(_SPEAKING_SECONDS)
        os._exit(Exit.RANK)

    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    try:
        timer.start()
    except RuntimeError:  # other ranks have taken the last threads meanwhile
        _refuse_few_threads(_MPI_THREADS)
    try:
        with warnings.catch_warnings(action="ignore"):  # mpi4py sees what we see, on every rank
            start()
    finally:
        timer.cancel()


def _refuse_few_threads(threads: int) -> None:
    try:
        refuse_few_threads(threads)
    except UsageError as error:
        raise LaunchError(str(error), Exit.USAGE, by_one=True) from error


def _refuse_different(comm: Comm, arguments: Sequence[str]) -> None:
    """Stop all ranks if one was started with something else than rank 0; collective.

    Raises
    ------
    LaunchError
        On every rank, if any differs; the message names the first, and in what.
    """
    found = comm.allgather((socket.gethostname(), agreed_facts(arguments)))
    lines = disagreements(found)
    if lines:
        more = f"; and {len(lines) - 1} more ranks differ" if len(lines) > 1 else ""
        raise LaunchError(f"the ranks disagree: {lines[0]}{more}", Exit.USAGE)


def agreed_facts(arguments: Sequence[str]) -> dict[str, str]:
    """Return what must be the same on every rank, name to value."""
    found = {
        "the arguments": shlex.join(arguments),
        "the version of sssp-bench": version(),
        "the sources of sssp-bench": _sources_digest(),
        "Python": ".".join(platform.python_version_tuple()[:2]),
    }
    for flag, value in zip(arguments, arguments[1:], strict=False):
        if flag == "--config":
            found[f"the content of {value}"] = _digest(value)
        elif flag.startswith("--config="):
            found[f"the content of {flag[9:]}"] = _digest(flag[9:])
    return found


def _sources_digest() -> str:
    digest = hashlib.sha256()
    for package in ("kernels", "graphs", "sssp", "harness"):
        for path in sorted((HOME / package).rglob("*")):
            if path.suffix in (".py", ".cu", ".cuh"):
                digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _digest(path: str) -> str:
    try:
        with reading(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:12]
    except OSError as error:
        return str(error.strerror)


def disagreements(found: Sequence[tuple[str, Mapping[str, str]]]) -> list[str]:
    """Return a line for each rank that was given something else than rank 0.

    Parameters
    ----------
    found : sequence of (str, mapping)
        Host and `agreed_facts` of each rank.
    """
    host, expected = found[0]
    lines = []
    for rank, (other, given) in enumerate(found):
        for name, value in expected.items():
            if given.get(name) != value:
                lines.append(
                    f"rank {rank} on {other} differs from rank 0 on {host} in {name}: "
                    f"{given.get(name, 'nothing')!r}, not {value!r}"
                )
                break
    return lines
