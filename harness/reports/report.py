"""Reports: what `sssp run` prints on stdout, and what `sssp report` makes of result files.

Everything is derived from the raw figures of results; see `report_lines` for the line formats,
`report_tables` for the tables, and `report_verdict` for what may be claimed of a result at all.
A report holds the text for stdout. Why a result is not a submission is for the caller to say on
stderr (`submission_problems`), as is the exit status 1 for an invalid one (`failures`).
"""

from __future__ import annotations

from typing import Any

from harness.reports.lines import graph500_lines, spec_lines
from harness.reports.sheet import CSV_COLUMNS, csv_table
from harness.reports.tables import markdown_table
from harness.results.submission import failures, incompleteness, submission_problems

__all__ = [
    "CSV_COLUMNS",
    "FORMATS",
    "failures",
    "graph500_lines",
    "incompleteness",
    "render",
    "submission_problems",
]

FORMATS = ("graph500", "spec", "markdown", "csv")


def render(results: list[dict[str, Any]], format: str = "graph500") -> str:
    """Return the report of `results` in `format`, ending in a newline.

    Parameters
    ----------
    results : list of dict
        As `harness.results.record.load` returns them.
    format : {'graph500', 'spec', 'markdown', 'csv'}
        The reference code's lines, the specification's, a table for people, every raw figure.
        The first two print run after run, an empty line between.

    Raises
    ------
    ValueError
        If there is no such format.
    """
    if format == "graph500":
        return "\n".join(graph500_lines(result) for result in results)
    if format == "spec":
        return "\n".join(spec_lines(result) for result in results)
    if format == "markdown":
        return markdown_table(results)
    if format == "csv":
        return csv_table(results)
    raise ValueError(f"unknown format {format!r}; known: {', '.join(FORMATS)}")
