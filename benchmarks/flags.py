"""The parser of a script's flags, whose help is the script's docstring."""

from __future__ import annotations

from argparse import ArgumentParser, RawDescriptionHelpFormatter


def parser_of(name: str, doc: str | None) -> ArgumentParser:
    """Return a parser without flags for `python -m benchmarks.NAME`."""
    first, _, rest = (doc or "").partition("\n\n")
    return ArgumentParser(
        prog=f"python -m benchmarks.{name}",
        description=first,
        epilog=rest,
        formatter_class=RawDescriptionHelpFormatter,
    )
