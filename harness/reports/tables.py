"""Results as tables: Markdown for people, a row a run; CSV for programs, a row a search."""

from __future__ import annotations

import csv
import io
import json
import shlex
from collections.abc import Sequence
from typing import Any

from harness.console.escapes import markdown, sheet_cell
from harness.reports.energy import energy_of
from harness.reports.lines import size_text
from harness.reports.ranks import exchange_of
from harness.results.statistics import summarize, summarize_teps
from harness.results.submission import failures, longest, submission_problems

_MARKDOWN = (
    "run", "graph", "machine", "engine", "searches", "harmonic mean TEPS", "min TEPS",
    "median TEPS", "max TEPS", "median time", "construction time", "validated", "remarks",
)  # fmt: skip
_MARKDOWN_INVALID = tuple(column for column in _MARKDOWN if "TEPS" not in column)
_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))

_GRAPH = (
    "scale", "edgefactor", "n", "edges", "arcs", "file", "sha256", "directed", "weight_dtype",
)  # fmt: skip
_RUN = (
    "generation_seconds", "construction_seconds", "regeneration_seconds", "edges_kept",
    "num_mpi_processes", "roots_requested", "validated", "check", "commit", "dirty", "started",
)  # fmt: skip
_SOLVER = ("engine", "delta", "switch", "threads", "threading_layer")
_PRESOLVED = "presolved"
_SEARCH = (
    "root", "seconds", "m", "m_with_self_loops", "reached", "valid", "validate_seconds",
    "phases", "dist_digest",
)  # fmt: skip
CSV_COLUMNS = (
    "run", "status", *_GRAPH, "seed", *_RUN, *_SOLVER, _PRESOLVED, "machine", "versions", "argv",
    "flags", "resumed", "search", *_SEARCH, "arcs_touched", "violations",
)  # fmt: skip

# Shown where a run has them, and nowhere else.
_EXCHANGE_COLUMN = "exchange"
_EXCHANGE = ("messages", "bytes", "collectives", "seconds", "arcs_largest")
RANKS_COLUMNS = ("ranks", *(f"exchange_{key}" for key in _EXCHANGE))
_ENERGY_COLUMN = "component energy"
ENERGY_COLUMNS = (
    "energy", "component_energy_joules", "component_energy_watts", "component_energy_idle_watts",
    "component_energy_MTEPS_per_watt",
)  # fmt: skip


def markdown_table(results: list[dict[str, Any]]) -> str:
    """Return a Markdown table, a row for each run, ending in a newline.

    TEPS count edges as the reference does. An invalid run shows no figure; what failed is listed
    below the table.
    """
    rows = [_markdown_row(i, result) for i, result in enumerate(results, 1)]
    columns = _MARKDOWN if any(map(_figures, results)) else _MARKDOWN_INVALID
    if any(map(exchange_of, results)):
        columns = (*columns[:-1], _EXCHANGE_COLUMN, columns[-1])
    if any(map(energy_of, results)):
        columns = (*columns[:-1], _ENERGY_COLUMN, columns[-1])
    lines = [_table_line(columns), _table_line(["---"] * len(columns))]
    lines += [_table_line([row.get(column, "-") for column in columns]) for row in rows]
    failed = [
        f"- run {i}, {markdown(line)}" for i, r in enumerate(results, 1) for line in failures(r)
    ]
    if failed:
        lines += ["", "Invalid:", "", *failed]
    return "\n".join([*lines, ""])


def csv_table(results: list[dict[str, Any]]) -> str:
    """Return the raw figures as CSV (RFC 4180 but for the newline), a row for each search.

    The columns (`CSV_COLUMNS`) bear the names of the result file; a run's own are repeated on
    each of its rows. `run` counts the runs from 1, `search` a run's searches from 0. `arcs` are
    the graph's, `arcs_touched` the search's. Empty: null. Times are seconds with all digits. The
    seeds are joined by a space and violations by a line break; `machine`, `versions`, `flags` and
    `resumed` are JSON, `argv` is quoted for a shell. Text that a spreadsheet would take for a
    formula has an apostrophe before it. Where a run had several ranks, RANKS_COLUMNS follow: where
    they were, as JSON, and what they sent each other in a search. Where the energy
    of a run is known, the last columns are ENERGY_COLUMNS: what was measured, as JSON, and what
    follows from it.
    """
    out: list[str] = []
    with_energy = any(map(energy_of, results))
    with_ranks = any("ranks" in result for result in results)
    columns = CSV_COLUMNS + (RANKS_COLUMNS if with_ranks else ())
    _Rows(out, [], []).add(columns + (ENERGY_COLUMNS if with_energy else ()))
    for i, result in enumerate(results, 1):
        rows = _Rows(out, _run_cells(i, result), _energy_cells(result) if with_energy else [])
        for j, search in enumerate(result["searches"]):
            cells = [j, *(search.get(key) for key in _SEARCH)]
            cells += [search["arcs"], "\n".join(search["violations"])]
            cells += _ranks_cells(result, search) if with_ranks else []
            rows.add(cells)
    return "".join(out)


_ENDS = "\r\n"  # Cells that hold one of the two are put in quotes; lines end in the other.


class _Rows:
    """Rows of CSV that begin and end alike; these cells are spelled only once."""

    def __init__(self, out: list[str], first: Sequence[object], last: Sequence[object]):
        self._out = out
        start, end = _csv_line(first), _csv_line(last)
        self._start, self._end = start and f"{start},", end and f",{end}"
        self._table = csv.writer(self, lineterminator=_ENDS)

    def write(self, line: str) -> None:
        """Take a line from the writer of CSV."""
        self._out.append(f"{self._start}{line.removesuffix(_ENDS)}{self._end}\n")

    def add(self, cells: Sequence[object]) -> None:
        self._table.writerow([_cell(cell) if type(cell) in _SPELLED else cell for cell in cells])


def _csv_line(cells: Sequence[object]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator=_ENDS).writerow([_cell(cell) for cell in cells])
    return out.getvalue().removesuffix(_ENDS)


def _table_line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(markdown, cells))} |"


def _markdown_row(i: int, result: dict[str, Any]) -> dict[str, str]:
    graph, solver, searches = result["graph"], result["solver"], result["searches"]
    name = graph["file"] or f"Kronecker, seeds {' '.join(map(str, graph['seed'] or []))}"
    engine = [solver["engine"]]
    if solver["threads"]:
        engine.append(_count(solver["threads"], "thread"))
    if result["num_mpi_processes"] > 1:
        engine.append(_ranks(result))
    if solver.get("presolve"):
        engine.append("presolved")
    problems = submission_problems(result)
    return {
        "run": str(i),
        "graph": f"{name}: {size_text(result)}",
        "machine": _machine(result["machine"]),
        "engine": ", ".join(engine),
        "searches": str(len(searches)),
        "construction time": f"{longest(result, 'construction_seconds'):.4g} s",
        "validated": "failed" if failures(result) else _validated(searches),
        "remarks": f"not a submission: {'; '.join(problems)}" if problems else "-",
        **_figures(result),
        **_exchange(result),
        **_energy(result),
    }


def _figures(result: dict[str, Any]) -> dict[str, str]:
    """Return the cells derived from the searches; none where nothing may be derived."""
    searches = result["searches"]
    if failures(result) or not searches:
        return {}
    seconds = [search["seconds"] for search in searches]
    teps = summarize_teps(seconds, [search["m"] for search in searches])
    return {
        "harmonic mean TEPS": _with_prefix(teps.harmonic_mean),
        "min TEPS": _with_prefix(teps.min),
        "median TEPS": _with_prefix(teps.median),
        "max TEPS": _with_prefix(teps.max),
        "median time": f"{summarize(seconds).median:.4g} s",
    }


def _exchange(result: dict[str, Any]) -> dict[str, str]:
    """Return the cell of what the ranks sent each other, of a run that had several."""
    exchange = exchange_of(result)
    return {} if exchange is None else {_EXCHANGE_COLUMN: str(exchange)}


def _energy(result: dict[str, Any]) -> dict[str, str]:
    """Return the cell of component energy, of a run that has it."""
    energy = energy_of(result)
    if energy is None:
        return {}
    figures = f"{energy.joules:.4g} J a loop, {energy.watts:.4g} W, idle {energy.idle_watts:.4g} W"
    return {_ENERGY_COLUMN: f"{figures}, {energy.mteps_per_watt:.4g} MTEPS/W ({energy.components})"}


def _ranks_cells(result: dict[str, Any], search: dict[str, Any]) -> list[object]:
    ranks = json.dumps(result["ranks"]) if "ranks" in result else None
    return [ranks, *(search.get("exchange", {}).get(key) for key in _EXCHANGE)]


def _energy_cells(result: dict[str, Any]) -> list[object]:
    energy = energy_of(result)
    if energy is None:
        return [None] * len(ENERGY_COLUMNS)
    return [json.dumps(result["energy"]), *energy[:-1]]


def _with_prefix(rate: float) -> str:
    """Return 34036800.0 as '34.04 M'."""
    for factor, prefix in _PREFIXES:
        if rate >= factor:
            return f"{rate / factor:.4g} {prefix}"
    return f"{rate:.4g}"


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _machine(machine: dict[str, Any]) -> str:
    parts = [machine.get("cpu"), machine.get("gpu")]
    if machine.get("cores"):
        parts.insert(1, _count(machine["cores"], "core"))
    return ", ".join(str(part) for part in parts if part) or "-"


def _ranks(result: dict[str, Any]) -> str:
    ranks = _count(result["num_mpi_processes"], "rank")
    hosts = {place["host"] for place in result.get("ranks", {}).get("places", ())}
    return ranks if len(hosts) < 2 else f"{ranks} on {len(hosts)} machines"


def _validated(searches: list[dict[str, Any]]) -> str:
    checked = sum(search["valid"] is not None for search in searches)
    if 0 < checked < len(searches):
        return f"{checked} of {len(searches)}"
    return "yes" if checked else "no"


def _run_cells(i: int, result: dict[str, Any]) -> list[object]:
    graph = result["graph"]
    seed = None if graph["seed"] is None else " ".join(map(str, graph["seed"]))
    return [
        i,
        result["status"],
        *(graph[key] for key in _GRAPH),
        seed,
        *(result[key] for key in _RUN),
        *(result["solver"][key] for key in _SOLVER),
        bool(result["solver"].get("presolve")),
        json.dumps(result["machine"]),
        json.dumps(result["versions"]),
        shlex.join(result["argv"]),
        *(json.dumps(result[key]) if key in result else None for key in ("flags", "resumed")),
    ]


_SPELLED = (bool, str)


def _cell(value: object) -> object:
    """Return booleans as JSON spells them and text that starts no formula.

    None becomes an empty cell, floats keep all digits.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    return sheet_cell(value) if isinstance(value, str) else value
