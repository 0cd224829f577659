"""The command `sssp`: its parser, and how every command ends.

A command lives in a `commands_*` module, which adds its own page to the parser and imports what
is slow to import only when it runs, so that `sssp --help` answers at once. Whatever a user can do
wrong ends in one line on stderr and an exit status of `harness.errors.Exit`.
"""

from __future__ import annotations

import sys
import traceback
from argparse import SUPPRESS, ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from typing import NoReturn

from harness import (
    commands_files,
    commands_info,
    commands_peers,
    commands_report,
    commands_run,
    commands_template,
)
from harness.errors import EXIT_CODES, Exit, Interrupted, UsageError
from harness.signals import stoppable
from harness.streams import emit, say

_DESCRIPTION = """\
Graph500 kernel 3, single-source shortest paths: generate the official graph, build it, search it
from the official roots, validate every answer, report.
"""
_EPILOG = f"""\
example:
  sssp run --scale 18        a benchmark, its lines on stdout, its result file in results/runs/
  sssp run --help            what each flag of a command means

{EXIT_CODES}"""


class Parser(ArgumentParser):
    """A parser whose faults are one line, and whose flags hold nothing where none was given."""

    def __init__(self, **settings):
        super().__init__(
            formatter_class=RawDescriptionHelpFormatter,
            argument_default=SUPPRESS,
            allow_abbrev=False,
            **settings,
        )

    def error(self, message: str) -> NoReturn:
        say(f"{self.prog}: error: {message}; see {self.prog} --help")
        raise SystemExit(Exit.USAGE)


def build_parser() -> ArgumentParser:
    """Return the parser of the whole command line."""
    parser = Parser(prog="sssp", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("--version", action="store_true", help="print the version and stop")
    commands = parser.add_subparsers(metavar="COMMAND", title="commands")
    for module in (
        commands_run,
        commands_peers,
        commands_files,
        commands_report,
        commands_info,
        commands_template,
    ):
        module.add_commands(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: the process's) and return the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    name = "sssp"
    try:
        import sssp  # noqa: F401  Checks that the packages are ours, before any of them is used.
    except ImportError as error:
        say(f"{name}: error: {error}")
        return Exit.USAGE
    try:
        with stoppable():
            flags = vars(build_parser().parse_args(arguments))
            if flags.pop("version", False):
                return _print_version()
            command = flags.pop("command", None)
            if command is None:
                build_parser().error("name a command: run, generate, validate, report, ...")
            name = f"sssp {arguments[0]}"
            return int(command(flags, ["sssp", *arguments]))
    except SystemExit as done:  # from the parser: --help, or a fault it has named
        return int(done.code or 0)
    except Interrupted as interruption:
        say("; ".join([f"{name}: {interruption}", *getattr(interruption, "__notes__", ())]))
        return interruption.exit_code
    except Exception as error:
        return _fail(name, error)


def _print_version() -> int:
    from harness.machine import DISTRIBUTION, version

    emit(f"{DISTRIBUTION} {version()}")
    return Exit.OK


def _fail(name: str, error: Exception) -> int:
    """Say what went wrong, in one line unless the fault is our own; return the exit status."""
    from graphs.errors import GraphError
    from harness.results import ResultError

    if isinstance(error, (UsageError, GraphError, ResultError)):
        say(f"{name}: error: {error}")
        return Exit.USAGE
    if isinstance(error, MemoryError):
        say(f"{name}: error: out of memory: {error or 'nothing more was said'}")
        return Exit.USAGE
    if isinstance(error, OSError) and error.filename is not None:
        say(f"{name}: error: {error.filename}: {error.strerror}")
        return Exit.USAGE
    from sssp.errors import EngineError

    if not isinstance(error, EngineError):
        traceback.print_exception(error)
    say(f"{name}: error: {error}")
    return Exit.ENGINE
