"""Strong and weak scaling of `sssp run` over ranks, what it sends, and what the model predicts.

    python -m benchmarks.scaling --scales 16 18 --ranks 1 2 4 --weak 16 --counted 16 64
    python -m benchmarks.scaling --read results/scaling       the tables of files that are there

Runs `mpirun -n P sssp run`, keeps its result files in a folder (`--output`) and what was measured
of the wires between the ranks (`scaling_wires.py`). Prints two tables in Markdown. The times: speed
against the fewest ranks at the same scale (strong scaling) and at the same number of vertices a
rank (weak scaling), beside what the model says. What was sent: of the runs with more ranks than
cores (`--counted`) too, where times mean nothing, and where each rank is a node of its own, which
reads nobody's memory. One process with one thread, at every number of vertices a rank, gives the
model its seconds an arc.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.flags import parser_of
from benchmarks.scaling_model import Counts, predict
from benchmarks.scaling_wires import wires
from harness.results import record as results
from harness.results.statistics import summarize_teps
from kernels.disk import replacing
from sssp.shared_memory import ALLOWED

HOUSE = Path(__file__).resolve().parent.parent
WIRES = "wires-{}.json"
# Threads a core from which on times are those of the scheduler.
_MOST_SHARING = 2


def main() -> int:
    asked = _parser().parse_args()
    folder = Path(asked.read or asked.output)
    if asked.read is None:
        folder.mkdir(parents=True, exist_ok=True)
        for command, environment_ranks in _commands(asked, folder):
            print(" ".join(command), file=sys.stderr, flush=True)
            _call(command, folder, environment_ranks)
    runs = load(folder)
    print("\n\n".join(table for table in (times(runs, folder), counted(runs)) if table))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = parser_of("scaling", __doc__)
    parser.add_argument("--scales", type=int, nargs="*", default=[16], metavar="S")
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2, 4], metavar="P")
    parser.add_argument(
        "--weak", type=int, metavar="S", help="also scale S on 1 rank, S + 1 on 2, S + 2 on 4, ..."
    )
    parser.add_argument(
        "--counted", type=int, nargs="*", default=[], metavar="P", help="ranks to count bytes on"
    )
    parser.add_argument("--counted-scale", type=int, default=14, metavar="S", help="default: 14")
    parser.add_argument("--presolve", action="store_true", help="pass it on to sssp run")
    parser.add_argument("--roots", type=int, default=16, metavar="K", help="default: 16")
    parser.add_argument("--counted-roots", type=int, default=4, metavar="K", help="default: 4")
    parser.add_argument("--output", default="results/runs/scaling", metavar="DIR")
    parser.add_argument("--read", metavar="DIR", help="run nothing, read these files")
    beside_python = shutil.which("mpirun", path=str(Path(sys.executable).parent))
    parser.add_argument(
        "--mpirun",
        default=beside_python or "mpirun",
        metavar="PROGRAM",
        help="default: the one beside this Python, else mpirun",
    )
    return parser


def _commands(asked: argparse.Namespace, folder: Path) -> list[tuple[list[str], int | None]]:
    """Return the commands to run; those of the wires with their number of ranks."""
    points = {(scale, ranks) for scale in asked.scales for ranks in asked.ranks}
    if asked.weak is not None:
        points |= {(asked.weak + round(math.log2(ranks)), ranks) for ranks in asked.ranks}
    blocks = {scale - round(math.log2(ranks)) for scale, ranks in points if ranks > 1}
    sssp = [sys.executable, "-m", "harness", "run", "--quiet", "--output", str(folder.resolve())]
    sssp += ["--presolve"] * asked.presolve

    def on(ranks: int, *flags: Any) -> list[str]:
        launcher = [asked.mpirun, "-n", str(ranks)] if ranks > 1 else []
        return [*launcher, *sssp, *(str(flag) for flag in flags)]

    found: list[tuple[list[str], int | None]] = []
    for scale in sorted(blocks):
        found.append((on(1, "--scale", scale, "--roots", asked.roots, "--threads", 1), None))
    for scale, ranks in sorted(points):
        found.append((on(ranks, "--scale", scale, "--roots", asked.roots), None))
    for ranks in asked.counted:
        flags = ("--scale", asked.counted_scale, "--roots", asked.counted_roots, "--threads", 1)
        found.append((["env", f"{ALLOWED}=0", *on(ranks, *flags)], None))
    for ranks in asked.ranks:
        if ranks > 1:
            program = [sys.executable, "-m", "benchmarks.scaling_wires"]
            found.append(([asked.mpirun, "-n", str(ranks), *program], ranks))
    return found


def _call(command: list[str], folder: Path, ranks: int | None) -> None:
    done = subprocess.run(command, cwd=HOUSE, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise SystemExit(f"exit status {done.returncode}: {' '.join(command)}")
    if ranks is not None:
        with replacing(folder / WIRES.format(ranks)) as file:
            file.write(done.stdout.encode())


def load(folder: Path) -> list[dict[str, Any]]:
    """Return the result files in a folder, by scale, ranks and time."""
    paths = (path for path in folder.glob("*.json") if not path.name.startswith("wires-"))
    runs = [results.load(path) for path in sorted(paths)]
    return sorted(runs, key=lambda run: (run["graph"]["scale"], run["num_mpi_processes"]))


def counts_of(run: dict[str, Any]) -> Counts:
    """Return what a search of the run counted, the mean of all its searches."""

    def average(name: str, otherwise: str | None = None) -> float:
        found = [
            s.get("exchange", {}).get(name, s[otherwise] if otherwise else 0) for s in searches
        ]
        return statistics.fmean(found)

    searches = run["searches"]
    return Counts(
        ranks=run["num_mpi_processes"],
        vertices=run["graph"]["n"],
        arcs=statistics.fmean(search["arcs"] for search in searches),
        arcs_largest=average("arcs_largest", "arcs"),
        collectives=average("collectives"),
        messages=average("messages"),
        bytes=average("bytes"),
    )


def seconds_of(run: dict[str, Any]) -> float:
    return statistics.median(search["seconds"] for search in run["searches"])


def times(runs: list[dict[str, Any]], folder: Path) -> str:
    """Return the table of times, of the runs that had a core for each thread, or nearly so."""
    alone = {_scale(run): seconds_of(run) / counts_of(run).arcs for run in runs if _is_alone(run)}
    shown = [run for run in runs if not _is_alone(run) and _sharing(run) <= _MOST_SHARING]
    strong: dict[int, float] = {}
    weak: dict[int, float] = {}
    rows = []
    for run in sorted(shown, key=lambda run: (run["num_mpi_processes"], _scale(run))):
        seconds, scale, block = seconds_of(run), _scale(run), _block(run)
        strong.setdefault(scale, seconds)
        weak.setdefault(block, seconds)
        searches = run["searches"]
        teps = summarize_teps([s["seconds"] for s in searches], [s["m"] for s in searches])
        share = statistics.fmean(
            search.get("exchange", {}).get("seconds", 0.0) / search["seconds"]
            for search in searches
        )
        cells = (
            scale, run["num_mpi_processes"], run["solver"]["threads"],
            f"{run['construction_seconds']:.3g}", f"{1e3 * seconds:.3g}",
            f"{teps.harmonic_mean / 1e9:.3g}", f"{strong[scale] / seconds:.2f}",
            f"{weak[block] / seconds:.2f}", f"{share:.0%}", _predicted(run, alone, folder),
        )  # fmt: skip
        rows.append(cells)
    return _table(
        ("scale", "ranks", "threads a rank", "construction s", "median search ms",
         "harmonic mean GTEPS", "strong", "weak", "in exchange", "model ms"),
        sorted(rows),
    )  # fmt: skip


def _table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    if not rows:
        return ""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _scale(run: dict[str, Any]) -> int:
    return int(run["graph"]["scale"])


def _block(run: dict[str, Any]) -> int:
    """Return the scale of a graph of as many vertices as a rank of the run has."""
    return _scale(run) - round(math.log2(run["num_mpi_processes"]))


def _is_alone(run: dict[str, Any]) -> bool:
    """Is it one thread on a machine of several: no point of the curve, but the model's input?"""
    threads = run["num_mpi_processes"] * run["solver"]["threads"]
    return bool(threads == 1 < run["machine"]["cores_online"])


def _sharing(run: dict[str, Any]) -> float:
    """Return how many threads share a core."""
    threads = run["num_mpi_processes"] * run["solver"]["threads"]
    return max(1.0, threads / run["machine"]["cores_online"])


def _predicted(run: dict[str, Any], alone: dict[int, float], folder: Path) -> str:
    """Return the model's milliseconds for a run, or a dash where its inputs were not measured."""
    measured = folder / WIRES.format(run["num_mpi_processes"])
    if run["num_mpi_processes"] == 1 or _block(run) not in alone or not measured.exists():
        return "-"
    between = wires(json.loads(measured.read_text()))
    predicted = predict(counts_of(run), between, alone[_block(run)], _sharing(run))
    return f"{1e3 * predicted.total:.3g}"


def counted(runs: list[dict[str, Any]]) -> str:
    """Return the table of what the ranks of each run sent each other in a search."""
    rows = []
    for run in runs:
        counts = counts_of(run)
        if counts.ranks == 1:
            continue
        phases = statistics.fmean(search["phases"] for search in run["searches"])
        cells = (
            _scale(run), counts.ranks, f"{phases:.1f}", f"{counts.collectives:.1f}",
            f"{counts.messages:.0f}", f"{counts.bytes / 1e6:.3g}",
            f"{counts.bytes / run['graph']['edges']:.3g}", f"{counts.bytes / counts.vertices:.3g}",
            f"{counts.arcs_largest * counts.ranks / counts.arcs:.2f}",
        )  # fmt: skip
        rows.append(cells)
    return _table(
        ("scale", "ranks", "phases", "collectives", "messages", "MB", "bytes an input edge",
         "bytes a vertex", "largest / mean arcs"),
        rows,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
