"""`sssp template`: the batch scripts and the site file that come with the package."""

from __future__ import annotations

from argparse import ArgumentParser
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from harness.commands.options import Commands
from harness.console.errors import EXIT_CODES, Exit, UsageError
from harness.console.streams import emit

_SUFFIXES = (".sbatch", ".toml")

_DESCRIPTION = """\
Print a batch script for Slurm, to be changed where it says <- and handed in with sbatch, or the
site file of a submission, to be filled in; without a name, list those there are.
"""
_EPILOG = f"""\
example:
  sssp template cpu > cpu.sbatch
  sssp template site > site.toml

{EXIT_CODES}"""


def add_commands(commands: Commands) -> None:
    """Add `sssp template` to the parser."""
    parser: ArgumentParser = commands.add_parser(
        "template",
        help="print a batch script for Slurm, or a site file",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="cpu, gpu, site")
    parser.set_defaults(command=run_template)


def run_template(flags: dict[str, Any], _argv: list[str]) -> int:
    """Print a template, or what each of them is for; return the exit status."""
    found = templates()
    name = flags.get("name")
    if name is None:
        emit("\n".join(f"{each:<6}{_subject(file)}" for each, file in found.items()))
    elif name in found:
        emit(found[name].read_text(encoding="utf-8").rstrip("\n"))
    else:
        raise UsageError(f"no template is named {name!r}; there are: {', '.join(found)}")
    return Exit.OK


def templates() -> dict[str, Traversable]:
    """Return the packaged templates, by name."""
    folder = files("harness.commands").joinpath("templates")
    scripts = sorted(folder.iterdir(), key=lambda file: file.name)
    return {f.name.partition(".")[0]: f for f in scripts if f.name.endswith(_SUFFIXES)}


def _subject(script: Traversable) -> str:
    """Return what a template says of itself in its first line, after that of the shell."""
    lines = script.read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if not line.startswith("#!")).removeprefix("# ")
