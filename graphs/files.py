"""Graphs from files and to files.

`read_graph` goes by the suffix, or by a format's name where that is given: see `FORMATS`. Each may
be packed, and be in a tar archive. Whatever is wrong with a file is one GraphError that names the
file, the line where there are lines, and the value.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from graphs.edges import EdgeList, Edges
from graphs.errors import GraphError
from graphs.file_edge_lists import read_edge_list, read_konect
from graphs.file_formats import read_gr, read_mtx, read_wel
from graphs.file_ldbc import SUFFIXES as LDBC
from graphs.file_ldbc import read_ldbc
from graphs.file_metis import read_metis
from graphs.file_npz import read_npz, write_npz
from graphs.file_options import Options
from graphs.file_parquet import read_parquet
from graphs.file_unpack import FAULTS, PACKED, counted, member, split, unpacked
from kernels.disk import reading, replacing

Progress = Callable[[int], object] | None
# Raises GraphError at the first fault of a file, with its name.
Reader = Callable[[str, BinaryIO, Options], EdgeList]


@dataclass(frozen=True)
class Format:
    """A format: its reader, the suffixes of its files, and whether the reader must seek.

    A reader returns the edges. It raises GraphError, with file, line (text formats) and value, for
    what `read_graph` refuses.
    """

    read: Reader | None
    suffixes: tuple[str, ...]
    seeks: bool = False


FORMATS = {
    "gr": Format(read_gr, (".gr",)),
    "mtx": Format(read_mtx, (".mtx",)),
    "wel": Format(read_wel, (".wel",)),
    "npz": Format(read_npz, (".npz",), seeks=True),
    "edges": Format(read_edge_list, (".el", ".txt", ".tsv", ".csv", ".edges", ".edgelist", ".e")),
    "konect": Format(read_konect, ()),
    "metis": Format(read_metis, (".graph",)),
    "ldbc": Format(None, (".properties", ".v")),
    "parquet": Format(read_parquet, (".parquet",), seeks=True),
}
_BY_SUFFIX = {suffix: name for name, form in FORMATS.items() for suffix in form.suffixes}
SUFFIXES = tuple(_BY_SUFFIX)
# An archive is read from its end, which would be unpacked anew each time: it is unpacked first, on
# disk where it is larger than this.
_UNPACKED_IN_MEMORY = 1 << 26
_PIECE = 1 << 20


def read_graph(
    path: str | os.PathLike[str],
    symmetrize: bool = False,
    most_bytes: int | None = None,
    format: str | None = None,
    weights: str | None = None,
    progress: Callable[[int], object] | None = None,
) -> EdgeList:
    """Read a graph from a file.

    Parameters
    ----------
    path : str or path-like
        A file whose name ends in one of `SUFFIXES` or starts with `out.` (KONECT), perhaps with
        .gz, .bz2, .xz or .zst behind, or .tar and one of these.
    symmetrize : bool
        Walk every edge both ways, also where the file says directed. `m` stays the file's.
    most_bytes : int, optional
        What the edges may take of the memory, found out before they take it: packed files may
        hold a thousand times their size.
    format : str, optional
        One of `FORMATS`, where the name does not say it.
    weights : str, optional
        For a file without weights: "unit", each 1 (int64), or "random:SEED", float32 in [0, 1).
    progress : callable, optional
        Called now and then with the bytes of the file that have been read.

    Returns
    -------
    EdgeList
        Edges in the file's order, self loops and parallel edges kept. Vertices are numbered from 0
        in the order of their ids; `ids` gives these back. Directed unless the file says otherwise
        or is an archive of sssp-bench that says nothing or no. Weights are float32 or float64 as in
        the file and int64 for integers; in text files int64 where all are written as integers,
        else float64.

    Raises
    ------
    GraphError
        If the file cannot be read or is not a graph: file, line (text formats) and value are named.
    """
    name = _name(path)
    options = Options(most_bytes, weights)
    kind = format_of(name, format)
    try:
        if kind == "ldbc" and not split(name)[2]:
            edges = read_ldbc(_stem(name), lambda part: _opened(part, options, progress), options)
        else:
            edges = _read(name, kind, options, progress)
    except FAULTS as error:
        raise GraphError(f"{name}: cannot be unpacked, damaged or not packed: {error}") from error
    except OSError as error:
        raise GraphError(
            f"{error.filename or name}: cannot be read: {error.strerror or error}"
        ) from error
    except MemoryError as error:
        raise GraphError(f"{name}: does not fit into memory: {error}") from error
    return dataclasses.replace(edges, directed=edges.directed and not symmetrize)


def files_of(path: str, format: str | None = None) -> list[str]:
    """Return the files that a graph is read from: `path`, or the three of Graphalytics."""
    if format_of(_name(path), format) == "ldbc":
        return [_stem(path) + suffix for suffix in LDBC]
    return [path]


def write_edges(path: str | os.PathLike[str], edges: Edges) -> None:
    """Write edges as an .npz of src, dst, weight, n and directed; the whole file or none.

    The same edges give the same bytes. Edges made slice by slice are made three times, once for
    each array, and never held.

    Raises
    ------
    GraphError
        If the name does not end in .npz, the edges are not a graph, or writing fails.
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


def format_of(name: str, format: str | None = None) -> str | None:
    """Return the name of a file's format, None where it is an archive and its content decides.

    Raises
    ------
    GraphError
        If it is not known.
    """
    if format is not None:
        if format not in FORMATS:
            raise GraphError(f"format={format!r} is not known; choose {', '.join(FORMATS)}")
        return format
    plain, _, is_tar = split(name)
    if is_tar:
        return None
    if Path(plain).name.startswith("out."):
        return "konect"
    suffix = Path(plain).suffix
    if suffix == ".e" and os.path.exists(_stem(name) + ".properties"):
        return "ldbc"
    if suffix not in _BY_SUFFIX:
        known, packed = ", ".join(SUFFIXES), ", ".join(PACKED)
        raise GraphError(
            f"{name}: unknown suffix {suffix!r}; known are {known} and out.*, each also with "
            f"{packed} behind; --format names the format of another"
        )
    return _BY_SUFFIX[suffix]


def _stem(name: str) -> str:
    return name[: -len(Path(name).suffix)] if Path(name).suffix.lower() in LDBC else name


def _read(name: str, kind: str | None, options: Options, progress: Progress) -> EdgeList:
    """Read a graph that is one file, or one in an archive."""
    stem, packed, is_tar = split(name)
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(_opened(name, options, progress))
        if is_tar:
            known = (lambda inner: True) if kind not in (None, "ldbc") else _is_known
            inner, stream = stack.enter_context(member(name, stem, stream, known))
            kind = kind or format_of(Path(inner).name)
            if Path(inner).suffix.lower() in LDBC:
                found = _read_ldbc_in(name, inner, options, progress)
                if found is not None:
                    return found
            name = f"{name}: {ascii(inner)[1:-1]}"
        form = FORMATS[kind or ""]
        if form.read is None:
            raise GraphError(f"{name}: the format {kind} is three files, in a tar or side by side")
        if form.seeks and (packed or is_tar):
            stream = stack.enter_context(_unpacked_first(name, stream, options.most_bytes))
        return form.read(name, stream, options)


def _read_ldbc_in(
    archive: str, inner: str, options: Options, progress: Progress
) -> EdgeList | None:
    """Read the files of Graphalytics from an archive, which is unpacked once for each.

    Returns None where there are no .properties beside the .e: it is an edge list.
    """

    @contextlib.contextmanager
    def opened(name: str) -> Iterator[BinaryIO]:
        wanted = Path(inner).with_suffix(name[name.rindex(".") :]).name
        with contextlib.ExitStack() as stack:
            stream = stack.enter_context(_opened(archive, options, progress))
            yield stack.enter_context(member(archive, "", stream, lambda path: path == wanted))[1]

    try:
        with opened(LDBC[-1]):
            pass
    except GraphError:
        return None
    return read_ldbc(f"{archive}: {ascii(_stem(inner))[1:-1]}", opened, options)


def _is_known(name: str) -> bool:
    try:
        return FORMATS[format_of(name) or ""].read is not None
    except (GraphError, KeyError):
        return False


@contextlib.contextmanager
def _opened(name: str, options: Options, progress: Progress) -> Iterator[BinaryIO]:
    """Open a file that is not empty for its reader, unpacked."""
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(reading(name))
        if progress is not None:
            file = stack.enter_context(counted(file, progress))
        stream = stack.enter_context(unpacked(name, split(name)[1], file))
        if not stream.peek(1):
            raise GraphError(f"{name}: the file is empty")
        yield stream


@contextlib.contextmanager
def _unpacked_first(name: str, stream: BinaryIO, most_bytes: int | None) -> Iterator[BinaryIO]:
    with tempfile.SpooledTemporaryFile(max_size=_UNPACKED_IN_MEMORY) as whole:
        while piece := stream.read(_PIECE):
            whole.write(piece)
            if most_bytes is not None and whole.tell() > most_bytes:
                raise GraphError(f"{name}: holds more than the {most_bytes} bytes available")
        whole.seek(0)
        yield whole  # type: ignore[misc]
