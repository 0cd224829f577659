"""What a session on a GPU does (gpu_session.py): its steps, in the order of their worth."""

from __future__ import annotations

import re
import sys
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path

from benchmarks.gpu_summary import PRESOLVED
from harness.machine.facts import HOME

_TEST_PROCESSES = 4
# Of a file with tests that need a GPU: the mark, or the fixture of each device in turn with the
# mark (tests/support/devices.py).
_NEEDS_GPU = re.compile(r"mark\.gpu|= devices\(\)")
_SANITIZERS = ("memcheck", "racecheck", "synccheck")
# Kernels of a search, for ncu.
KERNELS = "regex:^(reset|search|rounds|split|push|weigh|list_rows|pull|sweep|settle|answer|plan)"
_METRICS = "dram__bytes.sum,lts__t_sectors.sum,lts__t_requests.sum,gpu__time_duration.sum"


@dataclass(frozen=True)
class Step:
    """What a session does at a time.

    name       also that of its folder
    seconds    time limit
    commands   run side by side
    tools      programs and Python packages without which it is skipped
    """

    name: str
    seconds: float
    commands: tuple[tuple[str, ...], ...]
    tools: tuple[str, ...] = ()


def write_grid(path: str, side: int) -> None:
    """Write a graph file: a square grid of vertices, its weights drawn uniformly from [0, 1)."""
    import numpy as np

    from graphs.edges import EdgeList
    from graphs.files import write_edges

    ids = np.arange(side * side).reshape(side, side)
    src = np.concatenate([ids[:, :-1].ravel(), ids[:-1].ravel()])
    dst = np.concatenate([ids[:, 1:].ravel(), ids[1:].ravel()])
    weight = np.random.default_rng(1).random(len(src), np.float32)
    write_edges(path, EdgeList(src, dst, weight, side * side))


def steps(asked: Namespace, folder: Path) -> list[Step]:
    """The plan of a session, in the order of its steps' worth."""
    python = sys.executable

    def run(step: str, *flags: object) -> tuple[str, ...]:
        words = [str(flag) for flag in flags]
        return (python, "-m", "harness", "run", "--quiet", *words, "--output", str(folder / step))

    def scaled(scale: int, *flags: str) -> Step:
        name = f"scale-{scale}" + (PRESOLVED if flags else "")
        limit = 60.0 if scale < 24 else 120.0
        return Step(name, limit, (run(name, "--engine", "cuda", "--scale", scale, *flags),))

    grid = str(folder / "grid.npz")
    make_grid = f"from benchmarks.gpu_plan import write_grid; write_grid({grid!r}, {asked.grid})"
    on_grid = "--graph", grid, "--roots", 8
    smoke = "--scale", asked.smoke, "--roots", 8, "--no-energy"
    kernels = [str(scale) for scale in asked.scale if scale <= 26]
    pytest = (python, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider")
    profiled = run("ncu", "--engine", "cuda", "--scale", asked.scale[0], "--roots", 1,
                   "--no-validate", "--no-energy")  # fmt: skip
    return [
        Step("facts", 60, ((python, "-m", "harness", "info"),)),
        Step("smoke", 180, (run("smoke", "--engine", "cuda", *smoke),)),
        Step("smoke-cpu", 180, (run("smoke-cpu", "--engine", "cpu", *smoke),)),
        *(
            scaled(scale, *flags) for scale in asked.scale for flags in ((), ("--presolve",))
        ),
        *(
            Step(name, 120, ((python, "-m", "benchmarks.gpu_kernels", "--scale", *kernels, *flags,
                              "--output", str(folder / name)),))
            for name, flags in (("kernels", ()), (f"kernels{PRESOLVED}", ("--presolve",)))
        ),
        Step(
            "tuning", 90,
            ((python, "-m", "benchmarks.gpu_tuning", "--scale", str(asked.tuning), "--output",
              str(folder / "tuning")),),
        ),
        Step(
            "tests", 150,
            tuple((*pytest, "-m", "gpu and not slow", *files) for files in _test_files()),
            ("pytest", "hypothesis"),
        ),
        Step(
            "sanitizer", 150,
            tuple((*pytest, "-m", "gpu", "tests/cuda/test_cuda_sanitizer.py", "-k", tool)
                  for tool in _SANITIZERS),
            ("pytest", "compute-sanitizer"),
        ),
        Step(
            "ncu", 90,
            (("ncu", "--csv", "--log-file", str(folder / "ncu.csv"), "--metrics", _METRICS,
              "--kernel-name", KERNELS, *profiled),),
            ("ncu",),
        ),
        Step("grid-file", 60, ((python, "-c", make_grid),)),
        Step("grid", 60, (run("grid", "--engine", "cuda", *on_grid),)),
        Step("grid-cpu", 120, (run("grid-cpu", "--engine", "cpu", *on_grid),)),
    ]  # fmt: skip


def _test_files() -> list[list[str]]:
    """The files with tests that need a GPU, dealt to some processes."""
    marked = [
        path.relative_to(HOME).as_posix()
        for path in sorted((HOME / "tests").rglob("test_*.py"))
        if path.name != "test_cuda_sanitizer.py" and _NEEDS_GPU.search(path.read_text())
    ]
    return [marked[first::_TEST_PROCESSES] for first in range(min(_TEST_PROCESSES, len(marked)))]
