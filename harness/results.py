"""The result of a run: one JSON file, raw figures only, every statistic derived later.

A file is written under a temporary name in its own folder and renamed, under a name that nothing
had before. What a file holds, field by field, is described in results/schema.json; `load` checks
against that description, so that what it returns can be read without further questions.

History of the format (the key `schema`)
    1   first
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
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
    """A file which is no result of ours, or a result which cannot be written; names the file."""


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
            "results/schema.json is not ours; remove the other package named 'results'"
        )
    return found


def write(result: dict[str, Any], directory: str | os.PathLike[str]) -> Path:
    """Write `result` into `directory`, made where missing, and return the new file's path.

    The name is that of `store`, its kind the engine.

    Raises
    ------
    ResultError
        As `store` does.
    """
    return store(result, directory, result["solver"]["engine"])


def store(record: dict[str, Any], directory: str | os.PathLike[str], kind: str) -> Path:
    """Write any record with a `graph` into `directory`, made where missing; return the new path.

    The name is made of the time (UTC), the scale or the graph file's stem, `kind` and a random
    suffix; an existing file is never overwritten. NumPy's numbers are written as plain ones.

    Raises
    ------
    ResultError
        If the folder cannot be made or written, the disk is full, or a value cannot be stored in
        JSON (inf, NaN). Nothing is left behind.
    """
    try:
        text = json.dumps(record, indent=1, allow_nan=False, default=_plain) + "\n"
    except (TypeError, ValueError) as error:
        raise ResultError(f"the result cannot be stored as JSON: {error}") from error
    folder = Path(directory)
    if folder.exists() and not folder.is_dir():
        raise ResultError(f"no result can be written into {folder}: it is not a folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            path = folder / f"{_stem(record['graph'], kind)}-{secrets.token_hex(3)}.json"
            with contextlib.suppress(FileExistsError):
                _write_new(path, text)
                return path
    except OSError as error:
        raise ResultError(
            f"no result can be written into {folder}: {error.strerror}; "
            "name another folder with --output"
        ) from error


def load(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a result and check it against the schema.

    Raises
    ------
    ResultError
        If the file cannot be read, is not JSON, is no result, is of another version of the
        format, or lacks or misspells a field; the message names the file and the first fault.
    """
    result = read(path)
    if "schema" not in result:
        raise ResultError(f"{path}: not a result file of sssp run: it has no key 'schema'")
    if result["schema"] != SCHEMA:
        raise ResultError(
            f"{path}: a result of format {result['schema']!r}; this version reads format {SCHEMA}"
        )
    for fault in faults(result, schema()):
        raise ResultError(f"{path}: not a whole result: {fault}")
    return result


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a JSON object and ask nothing more of it; what is none counts as an empty one.

    Raises
    ------
    ResultError
        If the file cannot be read, is not JSON, or holds a number that is not finite.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        found = json.loads(text, parse_float=_finite, parse_constant=_finite)
    except OSError as error:
        raise ResultError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ResultError(f"{path}: not a result file, no JSON: {error}") from error
    return found if isinstance(found, dict) else {}


def faults(value: Any, rules: dict[str, Any], where: str = "") -> Iterator[str]:
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


def _is_type(value: Any, names: str | list[str]) -> bool:
    names = [names] if isinstance(names, str) else names
    if isinstance(value, bool):  # a bool is an int to Python, not to JSON
        return "boolean" in names
    return any(isinstance(value, _TYPES[name]) for name in names)


def _short(value: Any) -> str:
    text = json.dumps(value, default=repr)
    return text if len(text) <= 60 else text[:57] + "..."


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no finite number")
    return number


def _plain(value: Any) -> Any:
    """Return NumPy's scalar as a plain number; a solver's figures arrive as such."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{value!r} is a {type(value).__name__}")


def _stem(graph: dict[str, Any], kind: str) -> str:
    name = f"s{graph['scale']}"
    if graph["file"] is not None:
        stem = Path(graph["file"]).name.partition(".")[0]
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", stem)[:40] or "graph"
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{name}-{kind}"


def _write_new(path: Path, text: str) -> None:
    """Write a file that was not there; FileExistsError if it, or its temporary one, was.

    Only who holds the temporary name may make `path`, so two writers never meet in it.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            raise FileExistsError(path)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
