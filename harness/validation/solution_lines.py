"""The answer of another program as a table of text: a .csv or .tsv, as `sssp solve` writes it."""

from __future__ import annotations

import io
import warnings
from typing import BinaryIO

import numpy as np

from graphs.file_text import quoted
from harness.console.errors import UsageError

PARTED_BY = {".csv": ",", ".tsv": "\t"}
_COLUMNS = {"root": np.int64, "vertex": np.int64, "dist": np.float64, "parent": np.int64}
_LONGEST_HEADER = 1 << 12
# Of memory, for a byte of the file: a row takes four numbers, and has at least eight characters.
_UNPACKED = 5


def read_lines(path: str, file: BinaryIO, comma: str, most: int) -> dict[str, np.ndarray]:
    """Return the columns root (k,), vertex (n,), dist and parent (n,) or (k, n) by their names.

    Parameters
    ----------
    path, file : str, BinaryIO
    comma : str
        What parts the columns: a line of their names comes first. vertex and dist must be there.
    most : int
        The bytes that they may take.

    Raises
    ------
    UsageError
        If it is no such table, a value is not a number, the roots do not have the same vertices, or
        it would take more memory than that.
    """
    size = file.seek(0, io.SEEK_END)
    if size * _UNPACKED > most:
        raise UsageError(f"{path}: {size} bytes of text do not fit into the {most} available")
    file.seek(0)
    header = file.readline(_LONGEST_HEADER).decode("utf-8-sig", "replace")
    names = [name.strip().strip('"') for name in header.split(comma)]  # R quotes them
    if not {"vertex", "dist"} <= set(names) or len(set(names)) < len(names):
        raise UsageError(
            f"{path}: {quoted(header)} stands where the names root, vertex, dist, parent must be "
            "(root and parent may be missing)"
        )
    # Other columns are read as well, so that a row of more or fewer is found out.
    types = [(name if name in _COLUMNS else f"{i}", _COLUMNS.get(name, "S1"))
             for i, name in enumerate(names)]  # fmt: skip
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)  # a float where an integer must be
            warnings.simplefilter("ignore", UserWarning)  # no rows, which is found below
            rows = np.loadtxt(file, types, None, comma, encoding="utf-8", ndmin=1)
    except (ValueError, OverflowError, DeprecationWarning) as error:
        said = str(error).split("; use `usecols`")[0]
        raise UsageError(f"{path}: below the names: {said}") from None
    if not len(rows):
        raise UsageError(f"{path}: no rows below the names")
    return _by_root(path, {name: rows[name] for name in _COLUMNS if name in names})


def _by_root(path: str, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the columns with a row for each root, where there are several."""
    root, vertex = columns.get("root"), columns["vertex"]
    if root is None:
        return columns
    begins = np.flatnonzero(np.append(True, root[1:] != root[:-1]) | (vertex == vertex[0]))
    n = len(root) // len(begins)
    shape = len(begins), n
    if not np.array_equal(begins, np.arange(len(begins)) * n) or len(root) != len(begins) * n:
        raise UsageError(f"{path}: the roots do not have the same vertices")
    if not (vertex.reshape(shape) == vertex[:n]).all():
        raise UsageError(f"{path}: the roots do not have the same vertices")
    found = {"root": root[::n], "vertex": vertex[:n]}
    for name in {"dist", "parent"} & set(columns):
        found[name] = columns[name].reshape(shape) if len(begins) > 1 else columns[name]
    return found
