"""Results as CSV, a row for each search: every raw figure in a column of its own."""

from __future__ import annotations

import csv
import io
import json
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

from harness.console.escapes import sheet_cell
from harness.reports.energy import energy_of
from harness.results.statistics import seconds_per_edge
from harness.results.submission import failures

# Under their own names; what else a solver has, and all of the others, after theirs: machine_cpu.
_GRAPH = (
    "scale", "edgefactor", "n", "edges", "arcs", "file", "sha256", "directed", "weight_dtype",
)  # fmt: skip
_RUN = (
    "generation_seconds", "construction_seconds", "regeneration_seconds", "edges_kept",
    "num_mpi_processes", "roots_requested", "validated", "check", "commit", "dirty", "started",
)  # fmt: skip
_SOLVER = ("engine", "delta", "switch", "threads", "threading_layer")
_OPEN = ("machine", "versions", "flags", "ranks", "memory", "steps", "resumed")
_SEARCH = (
    "root", "seconds", "m", "m_with_self_loops", "reached", "valid", "validate_seconds",
    "phases", "dist_digest",
)  # fmt: skip
_OPEN_OF_SEARCH = ("noise", "exchange")
_TEPS = "TEPS"
# Those that every report has.
CSV_COLUMNS = (
    "run", "status", *_GRAPH, "seed", *_RUN, *_SOLVER, "presolved", "argv", "search", *_SEARCH,
    "arcs_touched", "violations",
)  # fmt: skip
_DEEPEST = 4  # levels that become columns; a file may have more of them than Python has room for
_BETWEEN = "; "


def csv_table(results: list[dict[str, Any]]) -> str:
    """Return the raw figures as CSV (RFC 4180 but for the newline), a row for each search.

    The columns bear the names of the result file: first those of the run (`CSV_COLUMNS` up to
    `argv`, then `machine_cpu`, `versions_numba` and so on, as far as a file has them), repeated on
    each of its rows, then those of the search, `noise_load` and so on among them. `run` counts the
    runs from 1, `search` a run's searches from 0. `arcs` are the graph's, `arcs_touched` the
    search's; `TEPS` counts edges as the reference does, and is there if a run is valid. Empty:
    null. Times are seconds with all digits. The seeds are joined by a space, violations by a line
    break, all other lists (of ranks,
    components, parts of a resumed run) by '; '; `argv` is quoted for a shell. Text that a
    spreadsheet would take for a formula has an apostrophe before it. Where the energy of a run is
    known, what follows from it stands in `component_energy_joules` and so on.
    """
    runs = [_run_cells(i, result) for i, result in enumerate(results, 1)]
    columns = list(dict.fromkeys([*_HEAD, *(name for cells in runs for name in cells)]))
    details = [name for result in results for name in _details(result)]
    details = list(dict.fromkeys(details))
    rated = any(not failures(result) for result in results)
    out: list[str] = []
    last = ["arcs_touched", *([_TEPS] if rated else []), *details, "violations"]
    _Rows(out, columns).add(["search", *_SEARCH, *last])
    for result, cells in zip(results, runs, strict=True):
        rows = _Rows(out, [cells.get(column) for column in columns])
        valid = not failures(result)
        for j, search in enumerate(result["searches"]):
            found = [j, *(search.get(key) for key in _SEARCH), search["arcs"]]
            if rated:
                found.append(_teps(search) if valid else None)
            if details:
                more = _detail_cells(search)
                found += [more.get(name) for name in details]
            rows.add([*found, "\n".join(search["violations"])])
    return "".join(out)


_HEAD = CSV_COLUMNS[: CSV_COLUMNS.index("search")]


def _teps(search: dict[str, Any]) -> float | None:
    each = seconds_per_edge(search["seconds"], search["m"])
    return 1 / each if each else None


def _run_cells(i: int, result: dict[str, Any]) -> dict[str, object]:
    graph, solver = result["graph"], result["solver"]
    cells: dict[str, object] = {"run": i, "status": result["status"]}
    cells |= {key: graph[key] for key in _GRAPH}
    cells["seed"] = None if graph["seed"] is None else " ".join(map(str, graph["seed"]))
    cells |= {key: result[key] for key in _RUN} | {key: solver[key] for key in _SOLVER}
    cells |= {"presolved": bool(solver.get("presolve")), "argv": shlex.join(result["argv"])}
    more = {key: value for key, value in solver.items() if key not in _SOLVER}
    cells |= _flat("solver", more) if more else {}
    energy = energy_of(result)
    for key in _OPEN:
        if key in result:
            cells |= _flat(key, result[key])
    if energy is not None:
        cells |= _flat("energy", result["energy"])
        cells["component_energy_joules"] = energy.joules
        cells["component_energy_watts"] = energy.watts
        cells["component_energy_idle_watts"] = energy.idle_watts
        cells["component_energy_MTEPS_per_watt"] = energy.mteps_per_watt
    return cells


def _details(result: dict[str, Any]) -> Iterator[str]:
    """Yield the columns that only some searches have."""
    for search in result["searches"]:
        yield from _detail_cells(search)


def _detail_cells(search: dict[str, Any]) -> dict[str, object]:
    cells: dict[str, object] = {}
    for key in _OPEN_OF_SEARCH:
        if key in search:
            cells |= _flat(key, search[key])
    return cells


def _flat(name: str, value: Any, depth: int = 0) -> dict[str, object]:
    """Return a value as columns, each named after where it stands."""
    nested = isinstance(value, (dict, list))
    if nested and depth == _DEEPEST:
        return {name: json.dumps(value)}
    cells: dict[str, object] = {}
    if isinstance(value, dict):
        for key, part in value.items():
            cells |= _flat(f"{name}_{key}", part, depth + 1)
        return cells
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        items = [_flat(name, item, depth + 1) for item in value]
        names = dict.fromkeys(column for item in items for column in item)
        return {each: _BETWEEN.join(_word(item.get(each)) for item in items) for each in names}
    return {name: _BETWEEN.join(map(_word, value)) if nested else value}


def _word(value: object) -> str:
    """Return one of several values of a cell."""
    if isinstance(value, (dict, list, bool)):
        return json.dumps(value)
    return "" if value is None else str(value)


_ENDS = "\r\n"  # Cells that hold one of the two are put in quotes; lines end in the other.
_SPELLED = (bool, str)


class _Rows:
    """Rows of CSV that begin alike; these cells are spelled only once."""

    def __init__(self, out: list[str], first: Sequence[object]):
        self._out = out
        self._start = _csv_line(first)
        self._table = csv.writer(self, lineterminator=_ENDS)

    def write(self, line: str) -> None:
        """Take a line from the writer of CSV."""
        self._out.append(f"{self._start},{line.removesuffix(_ENDS)}\n")

    def add(self, cells: Sequence[object]) -> None:
        self._table.writerow([_cell(cell) if type(cell) in _SPELLED else cell for cell in cells])


def _csv_line(cells: Sequence[object]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator=_ENDS).writerow([_cell(cell) for cell in cells])
    return out.getvalue().removesuffix(_ENDS)


def _cell(value: object) -> object:
    """Return booleans as JSON spells them and text that starts no formula.

    None becomes an empty cell, floats keep all digits.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    return sheet_cell(value) if isinstance(value, str) else value
