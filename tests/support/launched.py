"""Shared: mpirun, and a command that fails on demand.

Ranks start as forks of a process that has imported everything (forks.py), except those of
`launched_afresh` and `started_afresh`: for tests of how ranks start, fail, die and are stopped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from functools import partial
from pathlib import Path

from command import Done
from forks import python
from repository import HOUSE

from harness.benchmark.warmup import without_launcher

MPIRUN = shutil.which("mpirun", path=str(Path(sys.executable).parent)) or shutil.which("mpirun")

# `sssp info`, with a work of its own: collectives in a loop, in which DO is done.
_STAND_IN = """
import os, signal, sys, time
from harness import cli
from harness.commands import info as commands_info
from harness.console import logs
from harness.console import signals
from harness.console.errors import UsageError
from harness.console.streams import emit, say

def work(flags, argv):
    from sssp.mpi_comm import world
    comm = world()
    rounds = 0
    signals.keep_with(lambda: f"kept {{rounds}} rounds" if comm.rank == 0 else "kept by another")
    end = time.monotonic() + {seconds}
    say("begun")
    while comm.allreduce_or(rounds < 25 or time.monotonic() < end):
        rounds += 1
        if rounds == 20:
            {do}
        time.sleep(0.005)
{after}
    emit("the result")
    return 0

commands_info.run_info = work
sys.exit(cli.main(["info"]))
"""


def stand_in(do="pass", after="pass", seconds=1):
    """Return a program that is run on every rank: `do` in its 20th round, `after` at the end."""
    after = textwrap.indent(after, "    ")
    return ["-c", _STAND_IN.format(do=do, after=after, seconds=seconds)]


def started(ranks, arguments, environment=None, launcher=None, afresh=False, **settings):
    """Start Python on several ranks, with `arguments` the same on all or a list for each."""
    # Ranks that a test has started inherit nothing from a launcher of the tests themselves.
    own = without_launcher(os.environ)
    environment = {**own, "PYTHONPATH": str(HOUSE), **(environment or {})}
    different = arguments if isinstance(arguments[0], list) else [arguments]
    each = ranks if len(different) == 1 else 1
    command: list = [launcher or MPIRUN]
    for i, one in enumerate(different):
        command += [":"] * (i > 0) + ["-n", str(each), *python(*one, afresh=afresh)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=environment, **{**pipes, **settings})


def launched(ranks, arguments, environment=None, timeout=60, **settings):
    """Run Python on several ranks to the end; mpirun that does not end is a failure."""
    job = started(ranks, arguments, environment, **settings)
    try:
        out, err = job.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        job.kill()
        raise
    return Done(job.returncode, out, err)


started_afresh = partial(started, afresh=True)
launched_afresh = partial(launched, afresh=True)


def with_support(program, *arguments):
    """A program as arguments of Python; it finds what lies here, and one fault ends all ranks."""
    found = f"import sys; sys.path[1:1] = [{str(HOUSE / 'tests' / 'support')!r}]\n"
    return ["-m", "mpi4py", "-c", found + program, *arguments]


def sssp(*words):
    """The command `sssp` as arguments of Python."""
    return ["-m", "harness", *map(str, words)]
