"""Graphs from files and to files.

`read_graph` goes by the suffix: DIMACS .gr, Matrix Market .mtx, GAP .wel, and .npz, which is an
edge list of ours or a matrix of scipy.sparse; each also compressed, with .gz behind. Whatever is
wrong with a file is one GraphError that names the file, the line where there are lines, and the
value.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from graphs.edges import EdgeList, Edges
from graphs.errors import GraphError
from graphs.file_formats import read_gr, read_mtx, read_wel
from graphs.file_npz import read_npz, write_npz
from kernels.disk import reading, replacing

_READERS: dict[str, Callable[[str, BinaryIO, int | None], EdgeList]] = {
    ".gr": read_gr,
    ".mtx": read_mtx,
    ".wel": read_wel,
    ".npz": read_npz,
}
SUFFIXES = tuple(_READERS)
# An archive is read from its end, which gzip would unpack anew each time: it is unpacked first,
# on disk where it is larger than this.
_UNPACKED_IN_MEMORY = 1 << 26
_PIECE = 1 << 20


def read_graph(
    path: str | os.PathLike[str], symmetrize: bool = False, most_bytes: int | None = None
) -> EdgeList:
    """Read a graph from a file.

    Parameters
    ----------
    path : str or path-like
        A file whose name ends in one of `SUFFIXES`, perhaps with .gz behind.
    symmetrize : bool
        Walk every edge both ways, also where the file says directed. `m` stays the file's.
    most_bytes : int, optional
        What the edges may take of the memory, found out before they take it: packed files may
        hold a thousand times their size.

    Returns
    -------
    EdgeList
        Edges in the file's order, self loops and parallel edges kept; ids from 0. Directed
        unless the file says symmetric (.mtx) or is one of ours that says nothing or no. Weights
        are float32 or float64 as in the file and int64 for integers; in text files int64 where
        all are written as integers, else float64.

    Raises
    ------
    GraphError
        If the file cannot be read or is no graph: file, line (text formats) and value are named.
    """
    name = _name(path)
    suffix, packed = _suffix(name)
    try:
        with _opened(name, suffix, packed, most_bytes) as stream:
            edges = _READERS[suffix](name, stream, most_bytes)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise GraphError(f"{name}: cannot be unpacked, damaged or no gzip file: {error}") from error
    except OSError as error:
        raise GraphError(f"{name}: cannot be read: {error.strerror or error}") from error
    except MemoryError as error:
        raise GraphError(f"{name}: does not fit into memory: {error}") from error
    return dataclasses.replace(edges, directed=edges.directed and not symmetrize)


def write_edges(path: str | os.PathLike[str], edges: Edges) -> None:
    """Write edges as an .npz of src, dst, weight, n and directed; the whole file or none.

    The same edges give the same bytes. Edges made slice by slice are made three times, once for
    each array, and never held.

    Raises
    ------
    GraphError
        If the name does not end in .npz, the edges are no graph, or writing fails.
    """
    name = _name(path)
    if Path(name).suffix.lower() != ".npz":
        raise GraphError(f"{name}: edges are written as .npz; give a name that ends in .npz")
    try:
        with replacing(name) as stream:
            write_npz(stream, edges)
    except GraphError as error:
        raise GraphError(f"{name}: not written: {error}") from error
    except OSError as error:
        raise GraphError(f"{name}: cannot be written: {error.strerror or error}") from error


def _name(path: str | os.PathLike[str]) -> str:
    try:
        name = os.fsdecode(path)
    except TypeError:
        raise GraphError(f"a file's path is needed, got {path!r}") from None
    if "\0" in name:
        raise GraphError(f"{name!r} cannot be a file's path: it holds a zero byte")
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        raise GraphError(f"{name!a} cannot be a file's path: half a character") from None
    return name


def _suffix(name: str) -> tuple[str, bool]:
    """Return the suffix that decides, and whether .gz stands behind it."""
    lower = name.lower()
    suffix = Path(lower.removesuffix(".gz")).suffix
    if suffix not in _READERS:
        known = ", ".join(SUFFIXES)
        raise GraphError(f"{name}: unknown suffix {suffix!r}; known are {known}, each also as .gz")
    return suffix, lower.endswith(".gz")


@contextlib.contextmanager
def _opened(name: str, suffix: str, packed: bool, most_bytes: int | None) -> Iterator[BinaryIO]:
    """Open a file that is not empty for its reader, unpacked."""
    with contextlib.ExitStack() as stack:
        # Typed loosely: the standard library's readers do not agree on one type.
        stream: Any = stack.enter_context(reading(name))
        if packed:
            stream = stack.enter_context(gzip.GzipFile(fileobj=stream))
        if not stream.peek(1):
            raise GraphError(f"{name}: the file is empty")
        if not (packed and suffix == ".npz"):
            yield stream
            return
        unpacked: Any = stack.enter_context(
            tempfile.SpooledTemporaryFile(max_size=_UNPACKED_IN_MEMORY)
        )
        while piece := stream.read(_PIECE):
            unpacked.write(piece)
            if most_bytes is not None and unpacked.tell() > most_bytes:
                raise GraphError(f"{name}: holds more than the {most_bytes} bytes available")
        unpacked.seek(0)
        yield unpacked
