"""`sssp report`: result files in, lines and tables out."""

from __future__ import annotations

from typing import Any

from harness.arguments import PATH
from harness.errors import EXIT_CODES, Exit
from harness.streams import emit, say

# Spelled out, as the report module is not needed to print a page of help.
_FORMATS = ("graph500", "spec", "markdown", "csv")

_DESCRIPTION = """\
Derive a report from result files of `sssp run`. An invalid run has no figures: its report says
what failed, and the exit status is 1.
"""
_EPILOG = f"""\
formats:
  graph500   the lines of the reference code, run after run
  spec       the specification's own names
  markdown   a table, a row for each run
  csv        every raw figure, a row for each search

example:
  sssp report results/runs/*.json --format markdown

{EXIT_CODES}"""


def add_commands(commands: Any) -> None:
    parser = commands.add_parser(
        "report", help="report results", description=_DESCRIPTION, epilog=_EPILOG
    )
    parser.add_argument("files", nargs="+", type=PATH, metavar="FILE", help="a result file")
    parser.add_argument("--format", choices=_FORMATS, help="(default: graph500)")
    parser.set_defaults(command=run_report)


def run_report(flags: dict[str, Any], _argv: list[str]) -> int:
    """Print the report that `flags` ask for; return the exit status."""
    from harness import report, results

    loaded = [results.load(path) for path in flags["files"]]
    emit(report.render(loaded, flags.get("format", _FORMATS[0])))
    for path, result in zip(flags["files"], loaded, strict=True):
        problems = report.submission_problems(result)
        if problems:
            say(f"{path}: not a submission: {'; '.join(problems)}")
    return Exit.INVALID if any(report.failures(result) for result in loaded) else Exit.OK
