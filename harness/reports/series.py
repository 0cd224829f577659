"""Which points a plot shows: the runs and comparisons as series of one solver on one machine.

A point is the searches of one solver on one graph. Points of the same solver, thread count, edge
factor and machine make a series, over all scales; each graph file is a series of its own. An
invalid run has no points, and neither has an invalid comparison.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.console.escapes import visible
from harness.peers import record as peer_record
from harness.reports.text import count
from harness.results.statistics import TepsSummary, summarize_teps
from harness.results.submission import EDGEFACTOR, failures, submission_problems

# No search is as slow or as fast; an axis does not reach up to the largest float.
_SLOWEST, _FASTEST = 1e-30, 1e30
_LABEL_LETTERS = 100  # of a machine or solver
_NAME_LETTERS = 24  # of a graph file's name, so that it leaves room for the figures


@dataclass(frozen=True)
class Point:
    """The searches of one solver on one graph.

    scale       log2 of the vertices
    official    of a generated graph, whose scale is its name; else of a file's
    rates       TEPS of each search
    teps        their statistics, as a report of the run gives them
    checked     every answer was validated, or compared with another library's
    compared    from a comparison, not from a run
    submission  of a run that may be submitted
    """

    scale: float
    official: bool
    rates: tuple[float, ...]
    teps: TepsSummary
    checked: bool
    compared: bool
    submission: bool = False

    @property
    def mean(self) -> float:
        """The harmonic mean."""
        return self.teps.harmonic_mean


@dataclass
class Series:
    """The points of one solver on one machine.

    label    solver, and whatever else sets the series apart
    short    the same without our name and the machine's
    ours     ours, not another library's
    """

    label: str
    short: str
    ours: bool
    points: list[Point] = field(default_factory=list)

    @property
    def note(self) -> str:
        """How many searches a point is, and what its figure may not be taken for."""
        counts = sorted({len(point.rates) for point in self.points})
        few, many = counts[0], counts[-1]
        parts = [f"{few} to {many} searches" if few < many else "1 search"]
        if few == many > 1:
            parts = [f"{many} searches"]
        for words, points in (
            ("not validated", [p for p in self.points if not p.checked]),
            ("not a submission", [p for p in self.points if not (p.submission or p.compared)]),
        ):
            if points:
                parts.append(words if len(points) == len(self.points) else f"some {words}")
        return ", ".join(parts)


def series_of(results: list[dict[str, Any]], comparisons: list[dict[str, Any]]) -> list[Series]:
    """Return what can be drawn, ours before the others, the fastest first."""
    machines = {_machine(record) for record in (*results, *comparisons)}
    found: dict[str, Series] = {}

    def add(record: dict[str, Any], name: str, ours: bool, point: Point | None) -> None:
        if point is None:
            return
        solver = ", ".join([_short(name, _LABEL_LETTERS), *_unlike_most(record["graph"])])
        if ours and point.compared and results:
            solver = f"{solver}, beside others"
        label = f"{solver}, {_machine(record)}" if len(machines) > 1 else solver
        short = solver.removeprefix(f"{peer_record.OURS}, ")
        found.setdefault(f"{ours} {label}", Series(label, short, ours)).points.append(point)

    for result in results:
        if not failures(result):
            add(result, _engine(result), True, _point_of_run(result))
    for record in comparisons:
        if not peer_record.failures(record):
            for row in record["solvers"]:
                ours = row["name"] in (peer_record.OURS, peer_record.PRESOLVED)
                name = _our_row(row) if ours else row["name"]
                point = _point(record["graph"], row["seconds"], record["m"], len(record["solvers"]))
                add(record, name, ours, point)
    for series in found.values():
        series.points.sort(key=lambda point: point.scale)
    return sorted(
        found.values(), key=lambda s: (not s.ours, -max(point.mean for point in s.points))
    )


def machines_of(records: list[dict[str, Any]]) -> list[str]:
    """Return the machines of some results, each once."""
    return sorted({_machine(record) for record in records})


def _point_of_run(result: dict[str, Any]) -> Point | None:
    searches = result["searches"]
    seconds, m = [s["seconds"] for s in searches], [s["m"] for s in searches]
    checked = all(search["valid"] is True for search in searches)
    point = _make(result["graph"], seconds, m, checked, compared=False)
    return point and replace(point, submission=not submission_problems(result))


def _point(graph: dict[str, Any], seconds: list[float], m: list[int], solvers: int) -> Point | None:
    return _make(graph, seconds, m, checked=solvers > 1, compared=True)


def _make(
    graph: dict[str, Any], seconds: list[float], m: list[int], checked: bool, compared: bool
) -> Point | None:
    """Return a point; None without searches, or where one has no rate that an axis can show."""
    searches = list(zip(seconds, m, strict=True))
    if not searches or not all(s > 0 and edges > 0 for s, edges in searches):
        return None
    rates = tuple(edges / s for s, edges in searches)
    if not all(_SLOWEST < rate < _FASTEST for rate in rates):
        return None
    official = graph["scale"] is not None
    scale = graph["scale"] if official else math.log2(graph["n"])
    return Point(scale, official, rates, summarize_teps(seconds, m), checked, compared)


def _our_row(row: dict[str, Any]) -> str:
    """Return what `_engine` calls a run of the same."""
    presolved = ", presolved" if row["name"] == peer_record.PRESOLVED else ""
    return f"{peer_record.OURS}, {count(row['threads'], 'thread')}{presolved}"


def _engine(result: dict[str, Any]) -> str:
    solver = result["solver"]
    parts = [peer_record.OURS if solver["engine"] == "cpu" else f"sssp-bench {solver['engine']}"]
    if solver["threads"]:
        parts.append(count(solver["threads"], "thread"))
    if result["num_mpi_processes"] > 1:
        parts.append(count(result["num_mpi_processes"], "rank"))
    if solver.get("presolve"):
        parts.append("presolved")
    return ", ".join(parts)


def _unlike_most(graph: dict[str, Any]) -> list[str]:
    """Return what sets a graph apart from the official ones of edge factor 16."""
    if graph["file"] is not None:
        return [_short(Path(graph["file"]).name, _NAME_LETTERS)]
    return [] if graph["edgefactor"] == EDGEFACTOR else [f"edge factor {graph['edgefactor']:g}"]


def _machine(record: dict[str, Any]) -> str:
    machine = record["machine"]
    parts = [machine.get("cpu"), machine.get("gpu")]
    if machine.get("cores"):
        parts.append(count(machine["cores"], "core"))
    return (
        _short(", ".join(str(part) for part in parts if part), _LABEL_LETTERS) or "unknown machine"
    )


def _short(text: str, letters: int) -> str:
    """Return text that can be drawn and leaves room for the figures."""
    text = " ".join(visible(text).split())
    return text if len(text) <= letters else f"{text[: letters - 1]}…"
