"""Results as a Markdown table, a row for each run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.console.escapes import markdown
from harness.reports import text
from harness.reports.energy import energy_of
from harness.reports.lines import size_text
from harness.reports.ranks import exchange_of
from harness.results.noise import shared
from harness.results.statistics import summarize, summarize_teps
from harness.results.submission import failures, longest, submission_problems

_MARKDOWN = (
    "run", "date", "commit", "graph", "machine", "memory", "engine", "searches",
    "harmonic mean TEPS", "harmonic stddev TEPS", "min TEPS", "median TEPS", "max TEPS",
    "median time", "generation time", "construction time", "validation time", "validated",
    "remarks",
)  # fmt: skip
_MARKDOWN_INVALID = tuple(column for column in _MARKDOWN if "TEPS" not in column)
# Shown where a run has them, and nowhere else.
_EXCHANGE_COLUMN = "exchange"
_ENERGY_COLUMN = "component energy"


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


def _table_line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(markdown, cells))} |"


def _markdown_row(i: int, result: dict[str, Any]) -> dict[str, str]:
    graph, searches = result["graph"], result["searches"]
    name = graph["file"] or f"Kronecker, seeds {' '.join(map(str, graph['seed'] or []))}"
    return {
        "run": str(i),
        "date": result["started"][:10],
        "commit": text.commit(result),
        "graph": f"{name}: {size_text(result)}",
        "machine": text.machine(result["machine"]),
        "memory": _memory(result),
        "engine": text.engine(result),
        "searches": str(len(searches)),
        "generation time": f"{longest(result, 'generation_seconds'):.4g} s",
        "construction time": f"{longest(result, 'construction_seconds'):.4g} s",
        "validation time": _validation(searches),
        "validated": "failed" if failures(result) else text.validated(searches),
        "remarks": "; ".join(_remarks(result)) or "-",
        **_figures(result),
        **_exchange(result),
        **_energy(result),
    }


def _remarks(result: dict[str, Any]) -> list[str]:
    problems = submission_problems(result)
    remarks = [f"not a submission: {'; '.join(problems)}"] if problems else []
    disturbed = shared(result)
    return remarks + ([disturbed] if disturbed else [])


def _memory(result: dict[str, Any]) -> str:
    """Return what the machine has, and the peak of a process where it is known."""
    there = result["machine"].get("memory_bytes")
    peak = result.get("memory", {}).get("peak_bytes")
    parts = [text.size(there)] if isinstance(there, int) else []
    return ", ".join(parts + ([f"peak {text.size(peak)}"] if peak else [])) or "-"


def _validation(searches: list[dict[str, Any]]) -> str:
    """Return the median of the validations that ran."""
    seconds = [s["validate_seconds"] for s in searches if s["validate_seconds"] is not None]
    return f"{summarize(seconds).median:.4g} s" if seconds else "-"


def _figures(result: dict[str, Any]) -> dict[str, str]:
    """Return the cells derived from the searches; none where nothing may be derived."""
    searches = result["searches"]
    if failures(result) or not searches:
        return {}
    seconds = [search["seconds"] for search in searches]
    teps = summarize_teps(seconds, [search["m"] for search in searches])
    return {
        "harmonic mean TEPS": text.with_prefix(teps.harmonic_mean),
        "harmonic stddev TEPS": text.with_prefix(teps.harmonic_stddev),
        "min TEPS": text.with_prefix(teps.min),
        "median TEPS": text.with_prefix(teps.median),
        "max TEPS": text.with_prefix(teps.max),
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
