"""Everything that a GPU can show, in one command and within some minutes.

    python -m benchmarks.gpu_session --minutes 9

Runs from the checkout, without installing. Steps come in the order of their worth. Each is one
process or several side by side, with a time limit, and leaves what it printed and its files in the
folder before the next step begins. After each step `summary.json` and `summary.md` are written
anew, so that a session which is cut short has lost nothing. A step whose tools are not there is
skipped, and the summary says so. Exit status 1 where a step has failed or both engines found other
distances, 3 where no GPU can be used.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from time import monotonic

from benchmarks.gpu_summary import PRESOLVED, markdown, unequal
from harness.machine.facts import HOME, git_state

# A step that would have less time is not begun.
_LEAST_SECONDS = 5.0
_TEST_PROCESSES = 4
# Kernels of a search, for ncu.
_KERNELS = (
    "regex:^(reset|start|rounds|plan|split|push|weigh|choose|list_rows|pull|sweep|settle|answer)"
)
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


@dataclass(frozen=True)
class Done:
    """How a step has ended: "passed", "failed", "out of time" or "skipped", and why."""

    name: str
    status: str
    seconds: float = 0.0
    why: str = ""


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
        told = [str(flag) for flag in flags]
        return (python, "-m", "harness", "run", "--quiet", *told, "--output", str(folder / step))

    def scaled(scale: int, *flags: str) -> Step:
        name = f"scale-{scale}" + (PRESOLVED if flags else "")
        limit = 60.0 if scale < 24 else 120.0
        return Step(name, limit, (run(name, "--engine", "cuda", "--scale", scale, *flags),))

    grid = str(folder / "grid.npz")
    make_grid = f"from benchmarks.gpu_session import write_grid; write_grid({grid!r}, {asked.grid})"
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
            ((*pytest, "-m", "gpu", "tests/cuda/test_cuda_sanitizer.py"),),
            ("pytest", "compute-sanitizer"),
        ),
        Step(
            "ncu", 90,
            (("ncu", "--csv", "--log-file", str(folder / "ncu.csv"), "--metrics", _METRICS,
              "--kernel-name", _KERNELS, *profiled),),
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
        if path.name != "test_cuda_sanitizer.py" and "mark.gpu" in path.read_text()
    ]
    return [marked[first::_TEST_PROCESSES] for first in range(min(_TEST_PROCESSES, len(marked)))]


def missing(tools: Sequence[str]) -> list[str]:
    """Of some programs and packages, those that are not there."""
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/cuda/bin"])
    return [name for name in tools if not shutil.which(name, path=places) and not find_spec(name)]


def take(step: Step, folder: Path, seconds: float) -> Done:
    """Take a step within some seconds; what it prints goes to files in its folder."""
    lacks = missing(step.tools)
    if lacks:
        return Done(step.name, "skipped", why=f"{' and '.join(lacks)} not found")
    if seconds < _LEAST_SECONDS:
        return Done(step.name, "skipped", why="no time left")
    place = folder / step.name
    place.mkdir(parents=True, exist_ok=True)
    path = os.pathsep.join(filter(None, [str(HOME), os.environ.get("PYTHONPATH")]))
    begun = monotonic()
    running = []
    for number, command in enumerate(step.commands):
        with (
            open(place / f"{number}.out", "wb") as out,
            open(place / f"{number}.err", "wb") as err,
        ):
            running.append(
                subprocess.Popen(
                    command,
                    cwd=HOME,
                    env={**os.environ, "PYTHONPATH": path},
                    stdout=out,
                    stderr=err,
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,
                )  # fmt: skip
            )
    try:
        late = [_late(process, begun + min(seconds, step.seconds)) for process in running]
    finally:
        for process in running:
            _end(process)
    took = monotonic() - begun
    if any(late):
        return Done(step.name, "out of time", took, f"ended after {took:.0f} s")
    faults = [
        f"exit status {process.returncode}: {_last_line(place / f'{number}.err')}"
        for number, process in enumerate(running)
        if process.returncode != 0
    ]
    return Done(step.name, "failed" if faults else "passed", took, "; ".join(faults))


def _late(process: subprocess.Popen[bytes], deadline: float) -> bool:
    """Wait for a process; is it still running at the deadline?"""
    try:
        process.wait(max(deadline - monotonic(), 0.0))
    except subprocess.TimeoutExpired:
        return True
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process, and what it has started."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "nothing on stderr"


def session(
    plan: Sequence[Step], folder: Path, minutes: float, say: Callable[[str], None]
) -> list[Done]:
    """Take the steps of a plan; the summary is written anew after each."""
    folder.mkdir(parents=True, exist_ok=True)
    end = monotonic() + 60 * minutes
    commit, dirty = git_state()
    head = {"started": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit,
            "dirty": dirty, "minutes": minutes}  # fmt: skip
    done: list[Done] = []
    for step in plan:
        say(f"gpu_session: {step.name}")
        done.append(take(step, folder, end - monotonic()))
        say(f"gpu_session: {step.name} {done[-1].status} {done[-1].why}".rstrip())
        record = {**head, "steps": [asdict(one) for one in done]}
        (folder / "summary.json").write_text(json.dumps(record, indent=1) + "\n")
        (folder / "summary.md").write_text(markdown(record, folder))
    return done


def parser() -> ArgumentParser:
    """The flags of this command."""
    flags = ArgumentParser(
        prog="python -m benchmarks.gpu_session",
        description=__doc__,
        formatter_class=RawDescriptionHelpFormatter,
    )
    flags.add_argument("--minutes", type=float, default=9.0, metavar="M", help="default: 9")
    flags.add_argument("--output", metavar="DIR", help="default: results/runs/gpu/, by date")
    flags.add_argument("--only", nargs="+", metavar="STEP", help="take these steps only")
    flags.add_argument("--scale", type=int, nargs="+", default=[20, 22, 24, 26, 27], metavar="S")
    flags.add_argument("--smoke", type=int, default=12, metavar="S", help="default: scale 12")
    flags.add_argument("--tuning", type=int, default=24, metavar="S", help="default: scale 24")
    flags.add_argument("--grid", type=int, default=4096, metavar="N", help="side (default: 4096)")
    flags.add_argument("--dry-run", action="store_true", help="show the plan")
    return flags


def main(argv: Sequence[str] | None = None) -> int:
    """Take the steps asked for; return the exit status."""
    asked = parser().parse_args(argv)
    started = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    folder = Path(asked.output or HOME / "results" / "runs" / "gpu" / started).resolve()
    plan = steps(asked, folder)
    unknown = sorted(set(asked.only or ()) - {step.name for step in plan})
    if unknown:
        names = ", ".join(step.name for step in plan)
        print(f"gpu_session: no step {unknown[0]!r}; choose of {names}", file=sys.stderr)
        return 2
    plan = [step for step in plan if asked.only is None or step.name in asked.only]
    if asked.dry_run:
        for step in plan:
            print(f"{step.name}, within {step.seconds:g} s")
            print(*(f"    {shlex.join(command)}" for command in step.commands), sep="\n")
        return 0
    from sssp.solver import engines

    lacks = engines()["cuda"]
    if lacks is not None:
        print(f"gpu_session: no GPU can be used: {lacks}", file=sys.stderr)
        return 3
    done = session(plan, folder, asked.minutes, lambda text: print(text, file=sys.stderr))
    print((folder / "summary.md").read_text(), end="")
    faults = any(one.status in ("failed", "out of time") for one in done)
    return int(faults or bool(unequal(folder)))


if __name__ == "__main__":
    sys.exit(main())
