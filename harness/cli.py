"""The command `sssp`: its parser, and how every command ends.

A command lives in a module of harness.commands, which adds its own page to the parser and imports
what is slow to import only when it runs, so that `sssp --help` answers at once. Whatever a user can
do wrong ends in one line on stderr and an exit status of `harness.console.errors.Exit`.
"""

from __future__ import annotations

import atexit
import gc
import sys
from argparse import SUPPRESS, ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, NoReturn

from harness import neighbours  # noqa: F401  (comes first)
from harness.commands import compare as commands_compare
from harness.commands import files as commands_files
from harness.commands import info as commands_info
from harness.commands import peers as commands_peers
from harness.commands import report as commands_report
from harness.commands import run as commands_run
from harness.commands import solve as commands_solve
from harness.commands import template as commands_template
from harness.commands.options import refuse_ranks
from harness.console.errors import EXIT_CODES, Exit, Interrupted, UsageError
from harness.console.signals import stoppable
from harness.console.streams import emit, muted, say
from harness.job import launch
from harness.machine.facts import launched_ranks

if TYPE_CHECKING:
    from harness.job.client import Ending

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


@cache
def build_parser() -> ArgumentParser:
    """Return the parser of the whole command line."""
    parser = Parser(prog="sssp", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("--version", action="store_true", help="print the version and stop")
    commands = parser.add_subparsers(metavar="COMMAND", title="commands")
    for module in (
        commands_run,
        commands_solve,
        commands_peers,
        commands_files,
        commands_report,
        commands_compare,
        commands_info,
        commands_template,
    ):
        module.add_commands(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: the process's) and return the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    # A process ends without a search for circles among all its objects, a fifth of a short run.
    atexit.register(gc.freeze)
    # Of several ranks only rank 0 writes.
    with muted(launched_ranks()[0] > 0):
        try:
            import sssp  # noqa: F401  Checks that the packages are its own, before any is used.
        except ImportError as error:
            say(f"sssp: error: {error}")
            return Exit.USAGE
        if launch.wanted(arguments):
            return launch.together(arguments, lambda: _run(arguments), ending_of)
        return launch.after_rank_0(_alone(arguments))


def _alone(arguments: list[str]) -> int:
    """Run a command on one process; return the exit status, what went wrong said."""
    with stoppable():
        try:
            return _run(arguments)
        except SystemExit as done:  # from the parser: --help, or a fault it has named
            return int(done.code or 0)
        except (Exception, Interrupted) as error:
            ending = ending_of(error)
            separator = ": " if isinstance(error, Interrupted) else ": error: "
            name = f"sssp {arguments[0]}" if arguments else "sssp"
            say(f"{ending.trace}{name}{separator}{ending.text}")
            return ending.code


def _run(arguments: list[str]) -> int:
    """Do what the command line says; return the exit status, or raise."""
    flags = vars(build_parser().parse_args(arguments))
    if flags.pop("version", False):
        return _print_version()
    command = flags.pop("command", None)
    if command is None:
        build_parser().error("name a command: run, solve, generate, validate, report, ...")
    if arguments[0] not in launch.COMMANDS:
        refuse_ranks()
    return int(command(flags, ["sssp", *arguments]))


def _print_version() -> int:
    from harness.machine.facts import DISTRIBUTION, version

    emit(f"{DISTRIBUTION} {version()}")
    return Exit.OK


def ending_of(error: BaseException) -> Ending:
    """Return how a command ends by `error`; with a traceback where the fault is our own."""
    import traceback

    from graphs.errors import GraphError
    from harness.job.client import Ending
    from harness.results.record import ResultError
    from sssp.errors import DeviceMemoryError, EngineError

    if isinstance(error, Interrupted):
        text = "; ".join([str(error), *getattr(error, "__notes__", ())])
        return Ending(error.exit_code, text)
    if isinstance(error, (UsageError, GraphError, ResultError, DeviceMemoryError)):
        return Ending(Exit.USAGE, str(error))
    if isinstance(error, MemoryError):
        return Ending(Exit.USAGE, f"out of memory: {error or 'nothing more was said'}")
    if isinstance(error, OSError) and error.filename is not None:
        return Ending(Exit.USAGE, f"{error.filename}: {error.strerror}")
    text = str(error) or type(error).__name__
    if isinstance(error, EngineError):
        return Ending(Exit.ENGINE, text)
    return Ending(Exit.ENGINE, text, "".join(traceback.format_exception(error)))
