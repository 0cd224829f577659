"""Flags from a TOML file: the same names, and the command line wins.

    # rome.toml
    scale = 20
    roots = 64
    seed = [2, 3]
    no-validate = true

Names are those of the flags, with hyphens or underscores. Every fault names the file and the key.
"""

from __future__ import annotations

import tomllib
from argparse import (
    Action,
    ArgumentParser,
    ArgumentTypeError,
    BooleanOptionalAction,
    _AppendAction,
)
from collections.abc import Iterable
from typing import Any

from harness.console.errors import UsageError
from harness.console.escapes import shown
from kernels.disk import reading

_NOT_IN_A_FILE = ("help", "config")


def read_config(path: str, parser: ArgumentParser) -> dict[str, Any]:
    """Return the values that the file gives to flags of `parser`, by the flags' names in it.

    Parameters
    ----------
    path : str
        A TOML file without tables.
    parser : ArgumentParser
        Its options say which keys there are, and what values they take.

    Raises
    ------
    UsageError
        If the file cannot be read, is not TOML, or has an unknown key or a value of a wrong kind.
    """
    try:
        with reading(path) as file:
            given = tomllib.loads(file.read().decode())
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # not TOML, not UTF-8, or lists in lists
        raise UsageError(f"{path}: not a TOML file: {error}") from error
    return checked(parser, given, f"{path}: ")


def checked(
    parser: ArgumentParser, given: dict[str, Any], where: str, refused: Iterable[str] = ()
) -> dict[str, Any]:
    """Return values from a file as the command line would have given them to flags of `parser`.

    Parameters
    ----------
    parser : ArgumentParser
    given : dict
        Values by the flags' names, with hyphens or underscores.
    where : str
        What stands before a key in messages.
    refused : iterable of str
        Flags of `parser`, as `given` would hold them, which may not come from this file.

    Raises
    ------
    UsageError
        If there is an unknown key or a value that the command line would refuse.
    """
    options = {
        name: action for name, action in _options(parser).items() if action.dest not in refused
    }
    values: dict[str, Any] = {}
    for key, value in given.items():
        name = key.replace("_", "-")
        if name not in options:
            known = ", ".join(sorted(name for name in options if not name.startswith("no-")))
            named = shown(key).strip("'")
            raise UsageError(f"{where}{named}: no such key; known are {known}")
        action = options[name]
        if action.dest in values:
            raise UsageError(f"{where}{key}: given twice, under two spellings")
        try:
            values[action.dest] = _value(action, name, value)
        except ArgumentTypeError as error:
            raise UsageError(f"{where}{key}: {error}") from error
    return values


def _options(parser: ArgumentParser) -> dict[str, Action]:
    """Map the long names of the flags, without their hyphens in front, to what they set."""
    return {
        option.removeprefix("--"): action
        for action in parser._actions
        for option in action.option_strings
        if option.startswith("--") and action.dest not in _NOT_IN_A_FILE
    }


def _value(action: Action, name: str, value: object) -> object:
    if isinstance(action, BooleanOptionalAction):
        if not isinstance(value, bool):
            raise ArgumentTypeError(f"must be true or false, got {shown(value)}")
        return value != name.startswith("no-")
    if isinstance(action.nargs, int):
        if not isinstance(value, list) or len(value) != action.nargs:
            raise ArgumentTypeError(f"must be a list of {action.nargs} values, got {shown(value)}")
        return [_single(action, item) for item in value]
    if isinstance(action, _AppendAction):
        if not isinstance(value, list) or not value:
            raise ArgumentTypeError(f"must be a list of values, got {shown(value)}")
        return [_single(action, item) for item in value]
    return _single(action, value)


def _single(action: Action, value: object) -> object:
    if action.choices is not None:
        if not isinstance(value, str) or value not in action.choices:
            allowed = ", ".join(action.choices)
            raise ArgumentTypeError(f"must be one of {allowed}, got {shown(value)}")
        return value
    kind: Any = action.type
    if isinstance(value, bool) or not isinstance(value, kind.accepts):
        raise ArgumentTypeError(f"must be {kind}, got {shown(value)}")
    return kind(str(value))
