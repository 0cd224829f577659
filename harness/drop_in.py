"""`graph500_reference_bfs_sssp SCALE [edgefactor]`: `sssp run` under the reference's name.

For job scripts and benchmark harnesses that start the reference code: the same arguments, the same
environment variables, the lines of kernel 3 on stdout. It runs on ranks as `sssp run` does, and
writes its result file as well. Source: src/main.c of the reference code 3.0.1.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence

from harness import cli
from harness.commands.arguments import EDGEFACTOR, SCALE
from harness.console.errors import EXIT_CODES
from harness.console.streams import muted, say
from harness.job.launch import after_rank_0
from harness.machine.facts import launched_ranks

NAME = "graph500_reference_bfs_sssp"
# Set to anything, even to nothing, they are on, as the reference reads them.
SKIP_VALIDATION, SKIP_BFS = "SKIP_VALIDATION", "SKIP_BFS"
_EDGE_FILES = ("TMPFILE", "REUSEFILE")

_DESCRIPTION = """\
Run Graph500 kernel 3 (SSSP) as the reference code of that name is run: 64 searches on the graph of
the seeds 2 and 3. Kernel 2 (BFS) is not run, and has no lines. `sssp run` has more flags.
"""
_EPILOG = f"""\
environment:
  SKIP_VALIDATION  if set: answers are not validated, and the lines of the validation are left out
  SKIP_BFS         if set: nothing is said about the missing kernel 2

examples:
  {NAME} 20
  mpirun -n 4 {NAME} 20 16

{EXIT_CODES}"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run with the reference's arguments (default: the process's); return the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    with muted(launched_ranks()[0] > 0):
        try:
            flags = _parser().parse_args(arguments)
        except SystemExit as done:  # --help, or a fault it has named
            return after_rank_0(int(done.code or 0))
        for note in _notes(os.environ):
            say(f"{NAME}: {note}")
    return cli.main(run_arguments(flags.scale, flags.edgefactor, os.environ))


def run_arguments(scale: int, edgefactor: int, environment: Mapping[str, str]) -> list[str]:
    """Return the command line of `sssp` that does what the reference was asked for."""
    arguments = ["run", "--scale", str(scale), "--edgefactor", str(edgefactor), "--seed", "2", "3"]
    return [*arguments, *(["--no-validate"] if SKIP_VALIDATION in environment else [])]


def _parser() -> cli.Parser:
    parser = cli.Parser(prog=NAME, description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("scale", type=SCALE, metavar="SCALE", help="log2 of the vertices")
    parser.add_argument(
        "edgefactor",
        type=EDGEFACTOR,
        nargs="?",
        default=16,
        metavar="edgefactor",
        help="edges per vertex (default: 16)",
    )
    return parser


def _notes(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield what the reference would do and this does not."""
    if SKIP_BFS not in environment:
        yield f"kernel 2 (BFS) is not run, its lines are left out; {SKIP_BFS}=1 asks for that"
    there = [name for name in _EDGE_FILES if name in environment]
    if there:
        yield f"{' and '.join(there)} has no effect: edges are kept in memory, or made again"
