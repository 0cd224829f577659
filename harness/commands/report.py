"""`sssp report`: result files in, lines, tables and pictures out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.commands.arguments import PATH
from harness.commands.options import Commands, check_writable
from harness.console.errors import EXIT_CODES, Exit, UsageError
from harness.console.streams import emit, say

# Spelled out, as the report module is not needed to print a page of help.
_PICTURES = ("png", "svg")
_FORMATS = ("graph500", "spec", "markdown", "csv", *_PICTURES)

_Loaded = list[tuple[str, dict[str, Any]]]

_DESCRIPTION = """\
Derive a report from result files of `sssp run`. An invalid run has no figures: its report says
what failed, and the exit status is 1.
"""
_EPILOG = f"""\
formats:
  graph500   the lines of the reference code, run after run
  spec       the specification's own names
  markdown   a table, a row for each run; files of `sssp peers` follow with their own
  csv        every raw figure, a row for each search
  png, svg   a picture: TEPS against scale, with the other libraries' where files of `sssp peers`
             are among the FILEs, and every search of every run (needs matplotlib:
             pip install 'sssp-bench[plot]')

examples:
  sssp report results/runs/*.json --format markdown
  sssp report results/runs/*.json --format png --output teps.png

{EXIT_CODES}"""


def add_commands(commands: Commands) -> None:
    """Add `sssp report` to the parser."""
    parser = commands.add_parser(
        "report", help="report results", description=_DESCRIPTION, epilog=_EPILOG
    )
    parser.add_argument("files", nargs="+", type=PATH, metavar="FILE", help="a result file")
    parser.add_argument("--format", choices=_FORMATS, help="(default: graph500)")
    parser.add_argument(
        "--output", type=PATH, metavar="FILE", help="the picture to write, with --format png or svg"
    )
    parser.set_defaults(command=run_report)


def run_report(flags: dict[str, Any], _argv: list[str]) -> int:
    """Print or draw the report that `flags` ask for; return the exit status."""
    form = flags.get("format", _FORMATS[0])
    _check_output(form, flags.get("output"))
    from harness.peers import record as peer_record
    from harness.reports import report
    from harness.results import noise

    loaded = [(path, load(path)) for path in flags["files"]]
    comparisons = [(path, found) for path, found in loaded if peer_record.is_peers(found)]
    results = [(path, found) for path, found in loaded if not peer_record.is_peers(found)]
    invalid = [(path, line) for path, found in results for line in report.failures(found)]
    invalid += [(path, line) for path, found in comparisons for line in peer_record.failures(found)]
    if form in _PICTURES:
        _draw(results, comparisons, invalid, flags["output"])
    else:
        _print(results, comparisons, form)
    for path, result in results:
        problems = report.submission_problems(result)
        if problems:
            say(f"{path}: not a submission: {'; '.join(problems)}")
        if disturbed := noise.shared(result):
            say(f"{path}: {disturbed}")
    return Exit.INVALID if invalid else Exit.OK


def _check_output(form: str, output: str | None) -> None:
    if form not in _PICTURES:
        if output is not None:
            raise UsageError(f"--output goes with --format png or svg; {form} is printed")
        return
    if output is None:
        raise UsageError(f"--format {form} needs --output FILE.{form}")
    if Path(output).suffix.lower() != f".{form}":
        raise UsageError(f"--output {output}: the name must end in .{form}")
    if Path(output).is_dir():
        raise UsageError(f"--output {output}: is a folder")
    check_writable(Path(output).parent, make=False)


def load(path: str) -> dict[str, Any]:
    """Load the result of a run, or the record of a comparison."""
    from harness.peers import record as peer_record
    from harness.results import record as results

    found = results.read(path)
    return (peer_record if peer_record.is_peers(found) else results).checked(found, path)


def _print(results: _Loaded, comparisons: _Loaded, form: str) -> None:
    from harness.peers import record as peer_record
    from harness.peers import table as peer_table
    from harness.reports import report

    parts = [report.render([found for _, found in results], form)] if results else []
    for path, found in comparisons:
        if form != "markdown":
            say(f"{path}: of sssp peers, left out; --format markdown, png or svg shows it")
        elif failures := peer_record.failures(found):
            parts.append("".join(f"invalid: {line}\n" for line in failures))
        else:
            parts.append(peer_table.render(found))
    if not parts:
        raise UsageError(f"no result of sssp run among the files, for --format {form}")
    emit("\n".join(parts))


def _draw(
    results: _Loaded, comparisons: _Loaded, invalid: list[tuple[str, str]], output: str
) -> None:
    from harness.reports import plot

    for path, line in invalid:
        say(f"{path}: invalid, no TEPS: {line}")
    if plot.draw([found for _, found in results], [found for _, found in comparisons], output):
        say(f"wrote {output}")
    elif invalid:
        say(f"nothing is left to draw; {output} was not written")
    else:
        raise UsageError("no search to draw in the files")
