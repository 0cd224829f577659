"""The schema of result files, and what in a file breaks it.

The description of every field is data, results/schema.json; a run must not need a schema library
to read its own files, so the few words of JSON Schema used there are known here.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any

SCHEMA = 1

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "integer": (int,),
    "number": (int, float),
}


class ResultError(ValueError):
    """A file is not a result of sssp run, or a result cannot be written; names the file."""


@cache
def schema() -> dict[str, Any]:
    """Return the JSON Schema of the format, as shipped in the data package `results`.

    Raises
    ------
    ResultError
        If the installation lacks it, or another package named `results` stands before it.
    """
    try:
        found = json.loads(files("results").joinpath("schema.json").read_text(encoding="utf-8"))
    except (ImportError, OSError, TypeError, ValueError) as error:
        raise ResultError(
            f"results/schema.json cannot be read ({error}); reinstall sssp-bench, and remove any "
            "other package named 'results'"
        ) from error
    if found.get("$id") != f"urn:sssp-bench:result:{SCHEMA}":
        raise ResultError(
            "results/schema.json is not of sssp-bench; remove the other package named 'results'"
        )
    return found


def follows(rules: dict[str, Any]) -> Callable[[object], bool]:
    """Return a quick test of values from JSON, true where `faults` finds nothing.

    A result may have millions of values; the rules are looked up once, not for each.
    """
    if "$ref" in rules:
        rules = schema()["$defs"][rules["$ref"].rpartition("/")[2]] | rules
    names = rules.get("type", tuple(_TYPES))
    kinds = {
        kind for name in ([names] if isinstance(names, str) else names) for kind in _TYPES[name]
    }
    allowed = [rules["const"]] if "const" in rules else rules.get("enum")
    required = rules.get("required", ())
    tests = {key: follows(part) for key, part in rules.get("properties", {}).items()}
    others = rules.get("additionalProperties", True)
    other = follows(others) if isinstance(others, dict) else lambda _: bool(others)
    item = follows(rules["items"]) if "items" in rules else lambda _: True
    fewest, most = rules.get("minItems", 0), rules.get("maxItems", math.inf)
    low, high = rules.get("minimum", -math.inf), rules.get("maximum", math.inf)
    pattern = re.compile(rules["pattern"]) if "pattern" in rules else None

    def test(value: Any) -> bool:
        kind = type(value)
        if kind not in kinds or (allowed is not None and value not in allowed):
            return False
        if kind is int or kind is float:
            return low <= value <= high
        if kind is dict:
            return all(key in value for key in required) and all(
                tests.get(key, other)(part) for key, part in value.items()
            )
        if kind is list:
            return fewest <= len(value) <= most and all(map(item, value))
        return kind is not str or pattern is None or pattern.search(value) is not None

    return test


@cache
def whole() -> Callable[[object], bool]:
    """Return the quick test of results."""
    return follows(schema())


def faults(value: object, rules: dict[str, Any], where: str = "") -> Iterator[str]:
    """Yield what in `value` breaks `rules`, a part of our schema.

    Knows the words of JSON Schema which results/schema.json uses and no others: a run must not
    need a schema library to read its own files.
    """
    if "$ref" in rules:
        rules = schema()["$defs"][rules["$ref"].rpartition("/")[2]] | rules
    name = where or "the file"
    if "const" in rules and value != rules["const"]:
        yield f"{name} must be {rules['const']!r}, not {_short(value)}"
    if "enum" in rules and value not in rules["enum"]:
        allowed = ", ".join(json.dumps(word) for word in rules["enum"])
        yield f"{name} must be one of {allowed}, not {_short(value)}"
    if "type" in rules and not _is_type(value, rules["type"]):
        wanted = rules["type"] if isinstance(rules["type"], str) else " or ".join(rules["type"])
        yield f"{name} must be of type {wanted}, not {_short(value)}"
    elif isinstance(value, dict):
        yield from _object_faults(value, rules, where)
    elif isinstance(value, list):
        if not rules.get("minItems", 0) <= len(value) <= rules.get("maxItems", math.inf):
            yield f"{name} must have {rules['minItems']} items, not {len(value)}"
        for i, item in enumerate(value):
            yield from faults(item, rules.get("items", {}), f"{where}[{i}]")
    elif isinstance(value, str):
        if not re.search(rules.get("pattern", ""), value):
            yield f"{name} must look like {rules['pattern']}, not {_short(value)}"
    elif isinstance(value, (int, float)):
        low, high = rules.get("minimum", -math.inf), rules.get("maximum", math.inf)
        if not low <= value <= high:
            yield f"{name} must lie in {low}..{high}, not {_short(value)}"


def _object_faults(value: dict[str, Any], rules: dict[str, Any], where: str) -> Iterator[str]:
    known = rules.get("properties", {})
    others = rules.get("additionalProperties", True)
    for key in rules.get("required", ()):
        if key not in value:
            yield f"{where or 'the file'} lacks the key {key!r}"
    for key, item in value.items():
        if key not in known and others is False:
            yield f"{where or 'the file'} has the unknown key {key!r}"
        elif key in known or isinstance(others, dict):
            yield from faults(item, known.get(key, others), f"{where}.{key}".lstrip("."))


def _is_type(value: object, names: str | list[str]) -> bool:
    names = [names] if isinstance(names, str) else names
    if isinstance(value, bool):  # a bool is an int to Python, not to JSON
        return "boolean" in names
    return any(isinstance(value, _TYPES[name]) for name in names)


def _short(value: object) -> str:
    text = json.dumps(value, default=repr)
    return text if len(text) <= 60 else text[:57] + "..."
