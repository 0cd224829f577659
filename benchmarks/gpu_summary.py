"""The summary of a session on a GPU (gpu_session.py), in Markdown: made of the files it left."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from typing import Any

from harness.results.statistics import summarize_teps

# Steps that hold a run of each engine on the same graph.
_ENGINES = (("smoke", "smoke-cpu"), ("grid", "grid-cpu"))
# Ends the name of a step that does the same as the one before, presolved.
PRESOLVED = "-presolved"


def result_of(folder: Path) -> dict[str, Any] | None:
    """The result file of a run in a folder; None where none can be read.

    Figures of kernels have searches, too, but no solver.
    """
    for path in sorted(folder.glob("*.json")):
        try:
            found = json.loads(path.read_text())
        except ValueError:
            continue
        if isinstance(found, dict) and found.get("searches") and "solver" in found:
            return found
    return None


def run_row(name: str, result: dict[str, Any]) -> str:
    """A run as a row of a table."""
    searches = result["searches"]
    seconds = [search["seconds"] for search in searches]
    teps = summarize_teps(seconds, [search["m"] for search in searches])
    valid = sum(search["valid"] is True for search in searches)
    cells = [
        name, result["solver"]["engine"], f"{valid} of {len(searches)}",
        f"{teps.harmonic_mean / 1e9:.4g}", f"{1e3 * median(seconds):.4g}",
        f"{result['construction_seconds']:.4g}",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def digests(result: dict[str, Any]) -> list[tuple[int, str]]:
    """Root and fingerprint of the distances of each search."""
    return [(search["root"], search["dist_digest"]) for search in result["searches"]]


def pairs(folder: Path) -> list[tuple[str, str]]:
    """The steps that searched the same graph in two ways: both engines, plain and presolved."""
    presolved = sorted(path.name for path in folder.glob(f"scale-*{PRESOLVED}"))
    return [*_ENGINES, *((name.removesuffix(PRESOLVED), name) for name in presolved)]


def unequal(folder: Path) -> list[str]:
    """Of each pair whose runs found different distances, the first."""
    runs = [(a, result_of(folder / a), result_of(folder / b)) for a, b in pairs(folder)]
    return [name for name, a, b in runs if a and b and digests(a) != digests(b)]


def markdown(record: dict[str, Any], folder: Path) -> str:
    """The summary of what a session has done so far.

    Parameters
    ----------
    record : dict
        started, commit, dirty, minutes and steps, each with name, status, seconds and why.
    folder : Path
        Where its steps have left their files.
    """
    steps = record["steps"]
    lines = [
        f"# GPU session of {record['started']}, commit {record['commit']}"
        + (", with changes" if record["dirty"] else ""),
        "",
        "| step | status | s | |",
        "|---|---|---|---|",
        *(f"| {s['name']} | {s['status']} | {s['seconds']:.1f} | {s['why']} |" for s in steps),
    ]
    runs = {step["name"]: result_of(folder / step["name"]) for step in steps}
    found = {name: result for name, result in runs.items() if result is not None}
    if found:
        facts = next(iter(found.values()))["machine"]
        lines += [
            "",
            f"{facts.get('gpu', 'unknown GPU')}, driver {facts.get('gpu_driver')}, CUDA "
            f"{facts.get('gpu_runtime_cuda')}",
            "",
            "| run | engine | valid | GTEPS, harmonic mean | ms, median | construction, s |",
            "|---|---|---|---|---|---|",
            *(run_row(name, result) for name, result in found.items()),
        ]
    for ours, theirs in pairs(folder):
        if ours in found and theirs in found:
            word = "NOT equal" if ours in unequal(folder) else "equal"
            lines += ["", f"{ours} and {theirs}: distances are {word} to the bit"]
    for step in ("kernels", f"kernels{PRESOLVED}", "tuning"):
        table = folder / step / "0.out"
        if table.exists() and table.stat().st_size:
            lines += ["", table.read_text(errors="replace").strip()]
    return "\n".join([*lines, ""])
