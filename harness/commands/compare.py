"""`sssp compare`: is one run faster than another, and are their answers equal?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.commands.arguments import PATH, Percent
from harness.commands.options import Commands
from harness.commands.report import load
from harness.console.errors import EXIT_CODES, Exit, UsageError
from harness.console.streams import emit, say

if TYPE_CHECKING:
    from harness.reports.compare import Comparison, Side
    from harness.reports.measured import Measured

# Spelled out, as the modules of the comparison are not needed to print a page of help.
_FORMATS = ("text", "markdown", "json")
_MARGIN = 0.05

_DESCRIPTION = """\
Compare B with A: result files of `sssp run` or of `sssp peers`, or folders of them, whose files are
paired by configuration (graph, seeds, solver, presolve, threads, ranks). Searches are paired by
root. What is printed: the median ratio of their times with a 95 % interval, a verdict, whether the
answers are equal (dist_digest), and construction, memory and energy beside it.
"""
_EPILOG = f"""\
the verdict, by where the interval of the ratio B / A lies:
  same       within the margin: 1/1.05 to 1.05
  slower     above it
  faster     below it
  undecided  across one of its ends, or fewer than 6 search keys: run more

Of one run a side, the interval is exact for the median over the search keys: it holds the noise of
single searches. What slows a whole run (another job, a lower clock) shifts all of them, and looks
like a difference of the program. Of several runs a side, in two folders, the interval is Welch's
over the runs, and holds that, too. Take turns: A B A B A B.

examples:
  sssp compare before.json after.json
  sssp compare main/ branch/ --format markdown --fail-if-slower 5%

Different answers end with status 1, whatever the times are.

{EXIT_CODES}"""


def add_commands(commands: Commands) -> None:
    """Add `sssp compare` to the parser."""
    parser = commands.add_parser(
        "compare",
        help="compare two runs, or two folders of runs",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    for name, what in (("a", "what it is compared with"), ("b", "what is compared")):
        parser.add_argument(name, type=PATH, metavar=name.upper(), help=f"{what}: file or folder")
    parser.add_argument("--format", choices=_FORMATS, help="(default: text)")
    parser.add_argument(
        "--margin",
        type=Percent(),
        metavar="P%",
        help="how far apart times may be that count as the same (default: 5%%)",
    )
    parser.add_argument(
        "--fail-if-slower",
        type=Percent(),
        metavar="P%",
        help="end with status 1 where the whole interval says that B is slower by more than this",
    )
    parser.add_argument(
        "--anyway",
        action="store_true",
        help="compare times that are not comparable: of another graph, seeds, machine, solver, or "
        "presolved ones with others",
    )
    parser.set_defaults(command=run_compare)


def run_compare(flags: dict[str, Any], _argv: list[str]) -> int:
    """Print the comparison that `flags` ask for; return the exit status."""
    a, b = _side(flags["a"]), _side(flags["b"])
    if a is None or b is None:
        return Exit.INVALID
    from harness.reports.compare import DIFFERENT, paired
    from harness.reports.compare_formats import as_json, render
    from harness.reports.ratio import slower_than

    pairs, unpaired = paired(a, b)
    if not pairs:
        raise UsageError(f"{flags['a']} and {flags['b']} have no configuration in common")
    margin, limit = flags.get("margin", _MARGIN), flags.get("fail_if_slower")
    found = [_compared(*sides, margin, flags.get("anyway", False), limit) for sides in pairs]
    slower = [c for c in found if limit is not None and c.ratio and slower_than(c.ratio, limit)]
    different = [c for c in found if c.verdict == DIFFERENT]
    form = flags.get("format", _FORMATS[0])
    if form == "json":
        left_out = [run.path for run in unpaired]
        emit(as_json(found, margin, fail_if_slower=limit, failed=bool(slower), unpaired=left_out))
    else:
        emit(render(found, margin, form))
    for run in unpaired:
        say(f"{run.path}: nothing to compare it with, left out: {run.title}")
    if different:
        say(f"sssp compare: DIFFERENT ANSWERS in {len(different)} of {len(found)} comparisons")
    if limit is not None and slower:
        say(f"sssp compare: slower than --fail-if-slower {100 * limit:.3g}% allows")
    return Exit.INVALID if different or slower else Exit.OK


def _compared(a: Side, b: Side, margin: float, anyway: bool, limit: float | None) -> Comparison:
    """Compare two sides; UsageError if that would say something that is not so."""
    from harness.reports.compare import compare, obstacles

    which = f"{a[0].path} and {b[0].path}"
    against = obstacles(a, b)
    if against and not anyway:
        raise UsageError(
            f"{which} are not comparable: {'; '.join(against)}; --anyway compares them"
        )
    found = compare(a, b, margin)
    if limit is not None and found.ratio is not None and found.ratio.low is None:
        raise UsageError(
            f"--fail-if-slower cannot decide from {len(found.roots)} search keys that {which} have "
            "in common; run more with --roots"
        )
    return found


def _side(path: str) -> list[Measured] | None:
    """Return what a file or the files of a folder have measured; None if one is invalid."""
    from harness.peers import record as peer_record
    from harness.reports.measured import measured
    from harness.reports.report import failures

    found, invalid = [], False
    for file in _files(path):
        record = load(file)
        broken = (peer_record.failures if peer_record.is_peers(record) else failures)(record)
        for line in broken:
            say(f"{file}: invalid, nothing is compared: {line}")
        invalid = invalid or bool(broken)
        if not broken:
            found += measured(file, record)
    return None if invalid else found


def _files(path: str) -> list[str]:
    """Return the files that a path names: itself, or the JSON files in the folder."""
    if not Path(path).is_dir():
        return [path]
    files = sorted(str(file) for file in Path(path).glob("*.json"))
    if not files:
        raise UsageError(f"{path}: no .json file in this folder")
    return files
