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
_WRITTEN = ("html", *_PICTURES)
_FORMATS = ("graph500", "spec", "markdown", "csv", "submission", *_WRITTEN)

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
  submission what the Graph500 list asks for, what is missing, and the specification's output
  html       one page that opens offline: verdict, figures, machine, every search, the raw file
  png, svg   a picture: TEPS against scale, with the other libraries' where files of `sssp peers`
             are among the FILEs, and every search of every run (needs matplotlib:
             pip install 'sssp-bench[plot]')

examples:
  sssp report results/runs/*.json --format markdown
  sssp report results/runs/*.json --format png --output teps.png
  sssp report FILE.json --format html --output report.html
  sssp template site > site.toml; sssp report FILE.json --format submission --site-file site.toml

{EXIT_CODES}"""


def add_commands(commands: Commands) -> None:
    """Add `sssp report` to the parser."""
    parser = commands.add_parser(
        "report", help="report results", description=_DESCRIPTION, epilog=_EPILOG
    )
    parser.add_argument("files", nargs="+", type=PATH, metavar="FILE", help="a result file")
    parser.add_argument("--format", choices=_FORMATS, help="(default: graph500)")
    parser.add_argument(
        "--output", type=PATH, metavar="FILE", help="what to write, with --format html, png or svg"
    )
    parser.add_argument(
        "--site-file",
        type=PATH,
        metavar="FILE.toml",
        help="what only a person knows of the machine, with --format submission "
        "(sssp template site)",
    )
    parser.set_defaults(command=run_report)


def run_report(flags: dict[str, Any], _argv: list[str]) -> int:
    """Print or draw the report that `flags` ask for; return the exit status."""
    form = flags.get("format", _FORMATS[0])
    _check_output(form, flags.get("output"))
    if "site_file" in flags and form != "submission":
        raise UsageError(f"--site-file goes with --format submission, not with {form}")
    from harness.peers import record as peer_record
    from harness.reports import report
    from harness.results import noise

    loaded = [(path, load(path)) for path in flags["files"]]
    comparisons = [(path, found) for path, found in loaded if peer_record.is_peers(found)]
    results = [(path, found) for path, found in loaded if not peer_record.is_peers(found)]
    invalid = [(path, line) for path, found in results for line in report.failures(found)]
    invalid += [(path, line) for path, found in comparisons for line in peer_record.failures(found)]
    if form == "html":
        _write_page(results, comparisons, flags["output"])
    elif form == "submission":
        _print_sheets(results, comparisons, flags.get("site_file"))
    elif form in _PICTURES:
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
    if form not in _WRITTEN:
        if output is not None:
            raise UsageError(f"--output goes with --format html, png or svg; {form} is printed")
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


def _write_page(results: _Loaded, comparisons: _Loaded, output: str) -> None:
    from harness.reports import page, sketches
    from kernels.disk import replacing

    content = page.render_page(results, comparisons)
    with replacing(output) as file:
        file.write(content)
    if not sketches.can_draw():
        say(page.NO_PICTURES)
    say(f"wrote {output}")


def _print_sheets(results: _Loaded, comparisons: _Loaded, site_file: str | None) -> None:
    from harness.reports import submission

    site = submission.read_site(site_file) if site_file else {}
    if not results:
        raise UsageError("no result of sssp run among the files, for --format submission")
    for path, _ in comparisons:
        say(f"{path}: of sssp peers, left out; it is no submission")
    emit("\n".join(submission.sheet(result, site) for _, result in results))


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
