"""The report of `sssp peers`: a table, the ratios, the one-shot calls."""

from __future__ import annotations

from typing import Any

from harness.console.escapes import markdown
from harness.peers.record import OURS, PRESOLVED, times, yardstick
from harness.results.statistics import summarize

_COLUMNS = (
    "solver", "version", "threads", "parents", "ms (median)", "min", "max", "MTEPS", "ratio",
    "conversion s",
)  # fmt: skip
_LEFT = ("solver", "version", "parents")


def render(record: dict[str, Any]) -> str:
    """Return what is measured where, a Markdown table, ratios and one-shot calls.

    MTEPS are the median m / the median seconds; a ratio is a row's median / ours (of the most
    threads), so that it is larger than 1 where ours is faster.
    """
    parts = [_heading(record), "", *_table(record), "", *ratio_lines(record)]
    if record["one_shot"]:
        parts.append(_one_shot(record["one_shot"]))
    return "\n".join([*parts, ""])


def ratio_lines(record: dict[str, Any]) -> list[str]:
    """Return e.g. 'ratio scipy/sssp-bench: 41.3', for each peer and each of our rows.

    Of presolved rows and others, those of as many threads.
    """
    ours = [row for row in record["solvers"] if row["name"] == OURS]
    lines = []
    for peer in record["solvers"]:
        if peer["name"] == OURS:
            continue
        for row in ours:
            if peer["name"] == PRESOLVED and peer["threads"] != row["threads"]:
                continue  # on as many threads there is another
            which = f", {_count(row['threads'], 'thread')}" if len(ours) > 1 else ""
            lines.append(f"ratio {markdown(peer['name'])}/{OURS}{which}: {_ratio(peer, row)}")
    return lines


def graph_name(graph: dict[str, Any]) -> str:
    """Return e.g. 'scale 20, edge factor 16, seeds 2 3', or the file."""
    if graph["scale"] is None:
        return str(graph["file"])
    seeds = " ".join(str(seed) for seed in graph["seed"])
    return f"scale {graph['scale']}, edge factor {graph['edgefactor']:g}, seeds {seeds}"


def _heading(record: dict[str, Any]) -> str:
    graph, machine = record["graph"], record["machine"]
    where = [machine.get("cpu"), _count(machine["cores"], "core") if machine.get("cores") else None]
    kind = "directed" if graph["directed"] else "undirected"
    return (
        f"{markdown(graph_name(graph))}: {graph['n']} vertices, {graph['edges']} edges, {kind}, "
        f"{markdown(graph['weight_dtype'])} weights\n"
        f"{markdown(', '.join(part for part in where if part)) or 'unknown machine'}; "
        f"{_count(len(record['roots']), 'root')} in turn, all answers agree"
    )


def _table(record: dict[str, Any]) -> list[str]:
    unit = yardstick(record)
    rows = [_COLUMNS, *(_cells(row, record["m"], unit) for row in record["solvers"])]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_COLUMNS))]

    def line(cells: tuple[str, ...]) -> str:
        padded = [
            cell.ljust(width) if column in _LEFT else cell.rjust(width)
            for cell, width, column in zip(cells, widths, _COLUMNS, strict=True)
        ]
        return f"| {' | '.join(padded)} |"

    rule = [
        "-" * width + ("-" if column in _LEFT else ":")
        for width, column in zip(widths, _COLUMNS, strict=True)
    ]
    return [line(rows[0]), f"|-{'|-'.join(rule)}|", *map(line, rows[1:])]


def _cells(row: dict[str, Any], m: list[int], unit: dict[str, Any]) -> tuple[str, ...]:
    seconds = times(row)
    conversion = row["conversion_seconds"]
    return (
        markdown(row["name"]),
        markdown(row["version"] or "-"),
        str(row["threads"]),
        "yes" if row["parents"] else "no",
        _ms(seconds.median),
        _ms(seconds.min),
        _ms(seconds.max),
        _figure(summarize(m).median / seconds.median / 1e6) if seconds.median else "-",
        _ratio(row, unit),
        "-" if conversion is None else _figure(conversion),
    )


def _one_shot(one_shot: dict[str, Any]) -> str:
    calls = [
        f"{markdown(call['name'] + ' ' + call['call'])} {_ms(summarize(call['seconds']).median)} ms"
        for call in one_shot["calls"]
    ]
    roots = _count(len(one_shot["roots"]), "root")
    return f"one-shot, building included (median of {roots}): {'; '.join(calls)}"


def _ratio(row: dict[str, Any], unit: dict[str, Any]) -> str:
    base = times(unit).median
    return _figure(times(row).median / base) if base else "-"


def _ms(seconds: float) -> str:
    return _figure(seconds * 1e3)


def _figure(value: float) -> str:
    """Return three digits at least, and no power of ten: 0.0123, 1.23, 41.3, 12345."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}" if value < 1 else f"{value:#.3g}"


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
