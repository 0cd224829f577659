"""Shared: the kernels that most tests call, compiled once ahead of them by two processes.

Of two processes that meet a kernel that is not there one waits for the other. So each kind of
weights is one process's, and what does not depend on them is done before another comes to it.
"""

from __future__ import annotations

import fcntl
import gc
import os
import subprocess
import sys

from repository import HOUSE

from harness.benchmark.warmup import Plan, cache_folders

DTYPES = ("float32", "float64", "int64")


def plans(dtype: str) -> list[Plan]:
    return [
        Plan(dtype, False, ranks=True),
        Plan(dtype, False),
        Plan(dtype, False, presolve=True),
    ]


EVERYTHING = [plan for dtype in DTYPES for plan in plans(dtype)]
# Halves of plans: about as long for either process. Distances of int64 weights are float64 ones, so
# the kernels of both that depend on them only come second, and of two presolved plans, too, one
# comes after the other.
PARTS = (
    [("search", plan) for plan in (*plans("float32")[:2], plans("int64")[0], plans("float32")[2])],
    [
        *(("rest", plan) for plan in EVERYTHING),
        *(("search", plan) for plan in (*plans("float64"), *plans("int64")[1:])),
    ],
)


def start() -> None:
    """Have a process begin with `compile_ahead`, if anything is not there."""
    if not all(plan.is_compiled() for plan in EVERYTHING):
        python()


def compile_ahead() -> None:
    """Compile what is not there; of processes that come to it, one does, and all wait.

    If it fails, a test compiles what it is the first to need.
    """
    with (cache_folders()[0] / "tests.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if all(plan.is_compiled() for plan in EVERYTHING):
            return
        processes = [python(part) for part in range(len(PARTS))]
        if [process.wait() for process in processes] == [0] * len(PARTS):
            for plan in EVERYTHING:
                plan.mark()


def python(*part: int) -> subprocess.Popen:
    """Start this file as a program: a part, or all of them."""
    folders = os.pathsep.join(map(str, (HOUSE, HOUSE / "tests" / "support")))
    environment = {**os.environ, "PYTHONPATH": folders}
    none = subprocess.DEVNULL
    command = [sys.executable, __file__, *map(str, part)]
    return subprocess.Popen(command, env=environment, stdin=none, stdout=none)


def compile_part(part: int) -> None:
    gc.disable()  # as harness.benchmark.warmup does
    for half, plan in PARTS[part]:
        plan.compile(halves=[half])


if __name__ == "__main__":
    if sys.argv[1:]:
        compile_part(int(sys.argv[1]))
    else:
        compile_ahead()
