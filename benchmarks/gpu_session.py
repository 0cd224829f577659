"""Everything that a GPU can show, in one command and within some minutes.

    python -m benchmarks.gpu_session --minutes 9

Runs from the checkout, without installing. Steps come in the order of their worth. Each is one
process or several side by side, with a time limit, and leaves what it printed and its files in the
folder before the next step begins. After each step `summary.json` and `summary.md` are written
anew, so that a session which is cut short has lost nothing. A step whose tools are not there is
skipped, and the summary says so. Ctrl-C and SIGTERM end the step that runs, and the session. Exit
status 1 where a step has failed or both engines found other distances, 2 where a flag or the folder
cannot be used, 3 where no GPU can be used, 130 and 143 after Ctrl-C and SIGTERM.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from time import monotonic

from benchmarks.flags import parser_of
from benchmarks.gpu_plan import Step, steps
from benchmarks.gpu_summary import markdown, unequal
from harness.console.errors import Exit, Interrupted
from harness.console.signals import stoppable
from harness.machine.facts import HOME, git_state
from kernels.disk import replacing

# A step that would have less time is not begun.
_LEAST_SECONDS = 5.0
# What is ended has this long to write down what it has: a run keeps the searches that are finished.
_KEEPING_SECONDS = 5.0
# Where CUDA's tools are, beside the folders of PATH.
_TOOLS = ("/usr/local/cuda/bin",)


@dataclass(frozen=True)
class Done:
    """How a step has ended, and why.

    "passed", "failed", "out of time", "interrupted" or "skipped".
    """

    name: str
    status: str
    seconds: float = 0.0
    why: str = ""


def missing(tools: Sequence[str]) -> list[str]:
    """Of some programs and packages, those that are not there."""
    return [name for name in tools if not shutil.which(name, path=_path()) and not find_spec(name)]


def _path() -> str:
    """PATH, and after it the folders that CUDA's tools are in."""
    roots = (os.environ.get(name) for name in ("CUDA_PATH", "CUDA_HOME"))
    named = [os.path.join(root, "bin") for root in roots if root]
    return os.pathsep.join([os.environ.get("PATH", os.defpath), *named, *_TOOLS])


def take(step: Step, folder: Path, seconds: float) -> Done:
    """Take a step within some seconds; what it prints goes to files in its folder."""
    lacks = missing(step.tools)
    if lacks:
        return Done(step.name, "skipped", why=f"{' and '.join(lacks)} not found")
    if seconds < _LEAST_SECONDS:
        return Done(step.name, "skipped", why="no time left")
    place = folder / step.name
    place.mkdir(parents=True, exist_ok=True)
    begun = monotonic()
    running: list[subprocess.Popen[bytes]] = []
    try:
        for number, command in enumerate(step.commands):
            running.append(_begun(command, place, number))
        late = [_late(process, begun + min(seconds, step.seconds)) for process in running]
    except OSError as error:
        why = f"{error.filename}: {error.strerror}"
        return Done(step.name, "failed", monotonic() - begun, why)
    finally:
        _end(running)
    took = monotonic() - begun
    if any(late):
        return Done(step.name, "out of time", took, f"ended after {took:.0f} s")
    faults = [
        f"exit status {process.returncode}: {_last_line(place / f'{number}.err')}"
        for number, process in enumerate(running)
        if process.returncode != 0
    ]
    return Done(step.name, "failed" if faults else "passed", took, "; ".join(faults))


def _begun(command: Sequence[str], place: Path, number: int) -> subprocess.Popen[bytes]:
    path = os.pathsep.join(filter(None, [str(HOME), os.environ.get("PYTHONPATH")]))
    with open(place / f"{number}.out", "wb") as out, open(place / f"{number}.err", "wb") as err:
        return subprocess.Popen(
            command, cwd=HOME, env={**os.environ, "PYTHONPATH": path, "PATH": _path()},
            stdout=out, stderr=err, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip


def _late(process: subprocess.Popen[bytes], deadline: float) -> bool:
    """Wait for a process; is it still running at the deadline?"""
    try:
        process.wait(max(deadline - monotonic(), 0.0))
    except subprocess.TimeoutExpired:
        return True
    return False


def _end(running: Sequence[subprocess.Popen[bytes]]) -> None:
    """End processes that still run, and what they have started; not before they could keep it."""
    alive = [process for process in running if process.poll() is None]
    deadline = monotonic() + _KEEPING_SECONDS
    for process in alive:
        process.terminate()
    try:
        for process in alive:
            _late(process, deadline)
    finally:  # a signal cuts the time that they have, and leaves none running
        for process in alive:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "nothing on stderr"


def session(
    plan: Sequence[Step], folder: Path, minutes: float, say: Callable[[str], None]
) -> list[Done]:
    """Take the steps of a plan, up to one that is interrupted; the summary is new after each."""
    end = monotonic() + 60 * minutes - _KEEPING_SECONDS
    commit, dirty = git_state()
    head = {"started": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit,
            "dirty": dirty, "minutes": minutes}  # fmt: skip
    done: list[Done] = []
    for step in plan:
        say(f"gpu_session: {step.name}")
        begun = monotonic()
        try:
            done.append(take(step, folder, end - begun))
        except Interrupted as error:
            done.append(Done(step.name, "interrupted", monotonic() - begun, str(error)))
        say(f"gpu_session: {step.name} {done[-1].status} {done[-1].why}".rstrip())
        record = {**head, "steps": [asdict(one) for one in done]}
        _write(folder / "summary.json", json.dumps(record, indent=1) + "\n")
        _write(folder / "summary.md", markdown(record, folder))
        if done[-1].status == "interrupted":
            break
    return done


def _write(path: Path, text: str) -> None:
    """Write a file, which is as it was until all of it is written."""
    with replacing(path) as file:
        file.write(text.encode())


def parser() -> ArgumentParser:
    """The flags of this command."""
    flags = parser_of("gpu_session", __doc__)
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
    if not 0 < asked.minutes < float("inf"):
        print(f"gpu_session: --minutes {asked.minutes:g}: take a number above 0", file=sys.stderr)
        return 2
    plan = [step for step in plan if asked.only is None or step.name in asked.only]
    if asked.dry_run:
        for step in plan:
            print(f"{step.name}, within {step.seconds:g} s")
            print(*(f"    {shlex.join(command)}" for command in step.commands), sep="\n")
        return 0
    from sssp.engine_choice import engines

    lacks = engines()["cuda"]
    if lacks is not None:
        print(f"gpu_session: no GPU can be used: {lacks}", file=sys.stderr)
        return 3
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        print(
            f"gpu_session: {error.filename}: {error.strerror}; name another folder with --output",
            file=sys.stderr,
        )
        return 2
    try:
        with stoppable():
            done = session(plan, folder, asked.minutes, lambda text: print(text, file=sys.stderr))
    except Interrupted as error:
        print(f"gpu_session: {error}; {folder} has what was measured", file=sys.stderr)
        return error.exit_code
    print((folder / "summary.md").read_text(), end="")
    if done[-1].status == "interrupted":
        return Exit.TERMINATED if done[-1].why == "terminated" else Exit.INTERRUPTED
    faults = any(one.status in ("failed", "out of time") for one in done)
    return int(faults or bool(unequal(folder)))


if __name__ == "__main__":
    sys.exit(main())
