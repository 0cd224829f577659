"""The result of a run: one JSON file, raw figures only, every statistic derived later.

A file is written under a temporary name in its own folder and renamed: under a name that nothing
had before, or over the run's own file, which grows with the run (`ResultFile`). What a file holds,
field by field, is described in results/schema.json; `load` checks against that description, so that
what it returns can be read without further questions.

History of the format (the key `schema`)
    1   first; then, in new files: flags and dist_digest, of several ranks ranks and exchange, of
        resumed runs resumed, where counters can be read energy
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
from pathlib import Path
from time import monotonic
from typing import Any

from harness.schema import SCHEMA, ResultError, faults, schema

__all__ = [
    "SCHEMA",
    "ResultError",
    "ResultFile",
    "faults",
    "load",
    "read",
    "replace",
    "schema",
    "store",
    "write",
]

# Between two writings of an unfinished run: so many seconds at least, and so many times as long as
# the last one took.
_PAUSE_SECONDS = 1.0
_PAUSE_WRITINGS = 50


class ResultFile:
    """The file of one run: made when there is something to keep, replaced as there is more.

    Parameters
    ----------
    directory : path
        Where a new file goes.
    path : path, optional
        The file of a run that is resumed, to be replaced.
    """

    def __init__(self, directory: str | os.PathLike[str], path: Path | None = None):
        self.directory = directory
        self.path = path
        self._due = monotonic() + _PAUSE_SECONDS

    def keep(self, result: dict[str, Any]) -> Path:
        """Write the result as it is now and return the file's path.

        Raises
        ------
        ResultError
            If it cannot be written. A file that was there before is as it was.
        """
        if self.path is None:
            self.path = write(result, self.directory)
        else:
            replace(result, self.path)
        return self.path

    def keep_now_and_then(self, result: dict[str, Any]) -> None:
        """Write the result if the last writing is long ago; raises what `keep` does.

        So a run that is killed loses the searches of the last second or so.
        """
        start = monotonic()
        if start >= self._due:
            self._due = start + _PAUSE_SECONDS  # in case of a failure
            self.keep(result)
            took = monotonic() - start
            self._due = start + took + max(_PAUSE_SECONDS, _PAUSE_WRITINGS * took)


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
    text = _text(record)
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


def replace(record: dict[str, Any], path: Path) -> None:
    """Write any record over the file that is there, all or nothing.

    Raises
    ------
    ResultError
        If it cannot be written; the file is as it was.
    """
    text = _text(record)
    # A name of its own: whoever was killed may have left one behind.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(3)}.tmp")
    try:
        with _written(temporary, text):
            os.replace(temporary, path)
    except OSError as error:
        raise ResultError(f"{path} cannot be written: {error.strerror}") from error


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


def _text(record: dict[str, Any]) -> str:
    try:
        return json.dumps(record, indent=1, allow_nan=False, default=_plain) + "\n"
    except (TypeError, ValueError) as error:
        raise ResultError(f"the result cannot be stored as JSON: {error}") from error


def _write_new(path: Path, text: str) -> None:
    """Write a file that was not there; FileExistsError if it, or its temporary one, was.

    Only who holds the temporary name may make `path`, so two writers never meet in it.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    with _written(temporary, text):
        if path.exists():
            raise FileExistsError(path)
        os.replace(temporary, path)


@contextlib.contextmanager
def _written(temporary: Path, text: str) -> Iterator[None]:
    """Write a file that was not there; it goes again if it, or the block, fails."""
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        yield
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
