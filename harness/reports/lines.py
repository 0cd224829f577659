"""A result as lines of keys and values, spelled as in the reference code or the specification.

The reference's layout: the key, spaces to column 33, the value; `%g`, edge counts `%.11g`; an
exclamation mark before the value on the line of the harmonic mean. The lines of the BFS kernel
are left out. The specification's layout is its sample program's: `key: value`, `%20.17e`.
Source: stdout of the reference code 3.0.1 (tests/golden), specification V2.0, section 9.
"""

from __future__ import annotations

from typing import Any

from harness.results.statistics import Summary, TepsSummary, summarize, summarize_teps
from harness.results.submission import failures, longest

_INVALID = "No results printed for invalid run."  # as the reference code says it


def graph500_lines(result: dict[str, Any]) -> str:
    """Return the reference's lines for `result`, only kernel 3, ending in a newline.

    Edges are counted as the reference does, without self loops. The validate block is left out
    where nothing was validated; without a single search there are no statistics to print. Of a
    resumed run the longest generation and construction are printed.
    For an invalid result: the reference's one line, and below it what failed.
    """
    if failures(result):
        return _invalid(result)
    lines = [
        *(_line(key, value) for key, value in size_keys(result).items()),
        _line("NBFS", str(len(result["searches"]))),
        _line("graph_generation", f"{longest(result, 'generation_seconds'):g}"),
        _line("num_mpi_processes", str(result["num_mpi_processes"])),
        _line("construction_time", f"{longest(result, 'construction_seconds'):g}"),
    ]
    searches = result["searches"]
    if searches:
        seconds, m = [search["seconds"] for search in searches], [s["m"] for s in searches]
        lines += _block("sssp {}_time", summarize(seconds), "g")
        lines += _block("{}_nedge", summarize(m), ".11g")
        for name, value in summarize_teps(seconds, m)._asdict().items():
            mark = "!  " if name == "harmonic_mean" else ""
            lines.append(_line(f"sssp {name}_TEPS", f"{mark}{value:g}", 32 - len(mark)))
    validate = [s["validate_seconds"] for s in searches if s["validate_seconds"] is not None]
    if validate:
        lines += _block("sssp {}_validate", summarize(validate), "g")
    return "".join(lines)


def spec_lines(result: dict[str, Any]) -> str:
    """Return the figures under the specification's own names, ending in a newline.

    Edges are counted as for the reference's lines, so that both formats give the same TEPS.
    """
    if failures(result):
        return _invalid(result)
    searches = result["searches"]
    lines = [f"{key}: {value}\n" for key, value in size_keys(result).items()]
    lines.append(f"NBFS: {len(searches)}\n")
    lines.append(f"construction_time: {longest(result, 'construction_seconds'):20.17e}\n")
    if searches:
        seconds, m = [search["seconds"] for search in searches], [s["m"] for s in searches]
        statistics: dict[str, Summary | TepsSummary] = {
            "time": summarize(seconds),
            "nedge": summarize(m),
            "TEPS": summarize_teps(seconds, m),
        }
        for unit, summary in statistics.items():
            for name, value in summary._asdict().items():
                lines.append(f"sssp_{name}_{unit}: {value:20.17e}\n")
    return "".join(lines)


def size_keys(result: dict[str, Any]) -> dict[str, str]:
    """Return the size of the graph as it is printed: SCALE and edgefactor of an official one.

    A graph from a file has neither, but vertices and edges.
    """
    scale, edgefactor = graph_size(result)
    if scale is None or edgefactor is None:
        return {"vertices": str(result["graph"]["n"]), "edges": str(result["graph"]["edges"])}
    return {"SCALE": scale, "edgefactor": edgefactor}


def size_text(result: dict[str, Any]) -> str:
    """Return the size of the graph as a clause."""
    scale, edgefactor = graph_size(result)
    if scale is None:
        return f"{result['graph']['n']} vertices, {result['graph']['edges']} edges"
    return f"scale {scale}, edge factor {edgefactor}"


def graph_size(result: dict[str, Any]) -> tuple[str | None, str | None]:
    """Return scale and edge factor as they are printed; None of a graph from a file."""
    graph = result["graph"]
    if graph["scale"] is None:
        return None, None
    edgefactor = graph["edgefactor"]
    whole = edgefactor == int(edgefactor)
    return str(graph["scale"]), str(int(edgefactor)) if whole else f"{edgefactor:g}"


def _line(key: str, value: str, column: int = 32) -> str:
    return f"{key + ':':<{column}}{value}\n"


def _block(key: str, summary: Summary, form: str) -> list[str]:
    return [_line(key.format(name), f"{value:{form}}") for name, value in summary._asdict().items()]


def _invalid(result: dict[str, Any]) -> str:
    return "\n".join([_INVALID, *failures(result), ""])
