"""The result of a run: one JSON file, raw figures only, every statistic derived later.

A file is written under a temporary name in its own folder and renamed: under a name that nothing
had before, or over the run's own file, which grows with the run (`ResultFile`). What a file holds,
field by field, is described in results/schema.json; `load` checks against that description, so that
what it returns can be read without further questions.

History of the format (the key `schema`)
    1   first; then, in new files: flags and dist_digest, of several ranks ranks and exchange, of
        resumed runs resumed, where counters can be read energy; then noise of each search, memory
        and steps

A file has one line a key and one line a search, so that lines of two files can be compared.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import secrets
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from harness.console.escapes import shown
from harness.results.schema import SCHEMA, ResultError, faults, schema, whole
from kernels import disk

__all__ = [
    "SCHEMA",
    "ResultError",
    "ResultFile",
    "checked",
    "faults",
    "load",
    "read",
    "replace",
    "schema",
    "store",
    "text",
    "write",
]

# Between two writings of an unfinished run: at least these seconds, and this multiple of what the
# last one took.
_PAUSE_SECONDS = 1.0
_PAUSE_WRITINGS = 50
_DIGITS = 20  # of the largest seed


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

    The name is that of `store`, its kind the engine and, of several ranks, their number.

    Raises
    ------
    ResultError
        As `store` does.
    """
    engine, ranks = result["solver"]["engine"], result["num_mpi_processes"]
    return store(result, directory, engine if ranks == 1 else f"{engine}-{ranks}ranks")


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
    content = text(record)
    folder = Path(directory)
    if folder.exists() and not folder.is_dir():
        raise ResultError(f"no result can be written into {folder}: it is not a folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            path = folder / f"{_stem(record['graph'], kind)}-{secrets.token_hex(3)}.json"
            with contextlib.suppress(FileExistsError):
                with disk.replacing(path, sync=True, new=True) as file:
                    file.write(content)
                return path
    except OSError as error:
        raise ResultError(
            f"no result can be written into {folder}: {error.strerror}; "
            "name another folder with --output"
        ) from error


def replace(record: dict[str, Any], path: Path) -> None:
    """Write any record over the file that is there, all or nothing; a link of this user stays one.

    Raises
    ------
    ResultError
        If it cannot be written, or is a link of another user; the file is as it was.
    """
    content = text(record)
    try:
        with disk.replacing(disk.own_target(path), sync=True) as file:
            file.write(content)
    except OSError as error:
        raise ResultError(f"{path} cannot be written: {error.strerror}") from error


def load(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a result and check it against the schema.

    Raises
    ------
    ResultError
        If the file cannot be read, is not JSON, is not a result, is of another version of the
        format, or lacks or misspells a field; the message names the file and the first fault.
    """
    return checked(read(path), path)


def checked(result: dict[str, Any], path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what was read from a file, found to be a result; raises what `load` does."""
    if "schema" not in result:
        raise ResultError(f"{path}: not a result file of sssp run: it has no key 'schema'")
    if result["schema"] != SCHEMA:
        raise ResultError(
            f"{path}: a result of format {shown(result['schema'])}; this version reads format "
            f"{SCHEMA}"
        )
    if not whole()(result):
        for fault in faults(result, schema()):
            raise ResultError(f"{path}: not a whole result: {fault}")
    return result


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a JSON object and ask nothing more of it; anything else counts as an empty one.

    Raises
    ------
    ResultError
        If the file cannot be read, is not JSON, or holds a number that is not finite.
    """
    try:
        with disk.reading(path) as file:
            text = file.read().decode()
        found = json.loads(text, parse_int=_whole, parse_float=_finite, parse_constant=_finite)
    except OSError as error:
        raise ResultError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ResultError(f"{path}: not a result file, no JSON: {error}") from error
    return found if isinstance(found, dict) else {}


def _whole(text: str) -> int:
    if len(text) > _DIGITS:  # no field takes it, and as a float it might be infinite
        raise ValueError(f"{text[:_DIGITS]}... is too large a number")
    return int(text)


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


def text(record: dict[str, Any]) -> bytes:
    """Return a record as its file holds it: one line a key, of a list of objects one an object.

    Raises
    ------
    ResultError
        If a value cannot be stored in JSON (inf, NaN).
    """
    try:
        lines = [f" {_line(key)}: {_lines(value)}" for key, value in record.items()]
    except (TypeError, ValueError) as error:
        raise ResultError(f"the result cannot be stored as JSON: {error}") from error
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def _lines(value: Any) -> str:
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        return "[\n" + ",\n".join(f"  {_line(item)}" for item in value) + "\n ]"
    return _line(value)


def _line(value: Any) -> str:
    return json.dumps(value, allow_nan=False, default=_plain)
