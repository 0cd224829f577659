"""Shared: the kernels that most tests call, compiled once ahead of them by two processes.

Two processes that meet a kernel that is not there both compile it. So each kind of weights is one
process's, and what does not depend on them is done before another comes to it.
"""

from __future__ import annotations

import fcntl
import gc
import os
import subprocess
import sys
from pathlib import Path

from repository import HOUSE

from harness.benchmark.warmup import Plan

DTYPES = ("float32", "float64", "int64")
# Of a plan's halves, with the dtype: about as long for either process. Distances of int64 weights
# are float64 ones, so the kernels of both that depend on them only come second.
PARTS = (
    [("search", "float32"), ("search", "int64")],
    [*(("rest", dtype) for dtype in DTYPES), ("search", "float64")],
)


def plans(dtype: str) -> list[Plan]:
    return [
        Plan(dtype, False, ranks=True),
        Plan(dtype, False),
        Plan(dtype, False, presolve=True),
    ]


def compile_ahead(lock: Path) -> None:
    """Compile what is not there; of processes that name the same lock, one does, and all wait.

    If it fails, a test compiles what it is the first to need.
    """
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        everything = [plan for dtype in DTYPES for plan in plans(dtype)]
        if all(plan.is_compiled() for plan in everything):
            return
        folders = os.pathsep.join(map(str, (HOUSE, HOUSE / "tests" / "support")))
        environment = {**os.environ, "PYTHONPATH": folders}
        command = [sys.executable, __file__]
        none = subprocess.DEVNULL
        processes = [
            subprocess.Popen([*command, str(part)], env=environment, stdin=none, stdout=none)
            for part in range(len(PARTS))
        ]
        if [process.wait() for process in processes] == [0] * len(PARTS):
            for plan in everything:
                plan.mark()


def main(part: int) -> None:
    gc.disable()  # as harness.benchmark.warmup does
    for half, dtype in PARTS[part]:
        for plan in plans(dtype):
            plan.compile(halves=[half])


if __name__ == "__main__":
    main(int(sys.argv[1]))
