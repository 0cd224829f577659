"""A graph file's bytes, unpacked on the way: .gz, .bz2, .xz, .zst, and a .tar in any of them.

Nothing is unpacked ahead of what is read, so that a small file that unpacks to a large one is
measured as any other is.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import PurePath
from typing import Any, BinaryIO

from graphs.errors import GraphError

PACKED = (".gz", ".bz2", ".xz", ".zst")
FAULTS = (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, tarfile.TarError)
# A tar archive's own headers are read in one piece, whatever they say of their length.
_MOST_AT_ONCE = 1 << 26
_MOST_MEMBERS = 1000


def split(name: str) -> tuple[str, str, bool]:
    """Return a name in lower case without .gz and the like, that suffix, and whether it is a tar.

    Without .tar, too: what is left of it is the name of the file that is looked for.
    """
    lower = name.lower()
    if lower.endswith(".tgz"):
        return lower.removesuffix(".tgz"), ".gz", True
    packed = next((suffix for suffix in PACKED if lower.endswith(suffix)), "")
    plain = lower.removesuffix(packed)
    return plain.removesuffix(".tar"), packed, plain.endswith(".tar")


@contextlib.contextmanager
def unpacked(name: str, packed: str, stream: Any) -> Iterator[Any]:
    """Open what is in a stream that is packed as the suffix `packed` says; "": not at all."""
    if not packed:
        yield stream
        return
    if packed == ".zst":
        with _zstd(name, stream) as (unpacking, fault):
            try:
                yield unpacking
            except fault as error:
                raise EOFError(str(error)) from error
        return
    kinds: dict[str, Callable[[Any], Any]] = {
        ".gz": lambda file: gzip.GzipFile(fileobj=file),
        ".bz2": bz2.BZ2File,
        ".xz": lzma.LZMAFile,
    }
    with kinds[packed](stream) as unpacking:
        yield unpacking


@contextlib.contextmanager
def _zstd(name: str, stream: Any) -> Iterator[tuple[Any, type[Exception]]]:
    """Open what is in a stream that is packed with zstd, by Python 3.14 or the extra `zstd`."""
    for module in ("compression.zstd", "backports.zstd"):
        with contextlib.suppress(ImportError):
            found = import_module(module)
            with found.ZstdFile(stream) as file:
                yield file, found.ZstdError
            return
    raise GraphError(
        f"{name}: .zst files need backports.zstd, which is not installed: "
        "pip install 'sssp-bench[zstd]'"
    )


@contextlib.contextmanager
def member(
    name: str, stem: str, stream: Any, known: Callable[[str], bool]
) -> Iterator[tuple[str, Any]]:
    """Open the graph in a tar archive, and return its name: the one named as the archive is.

    If none is, the only one whose name is `known`.
    """
    sparing: Any = _Sparing(stream)
    with tarfile.open(fileobj=sparing, mode="r:") as archive:
        found: list[tarfile.TarInfo] = []
        for at, info in enumerate(archive):
            if at >= _MOST_MEMBERS:
                raise GraphError(f"{name}: holds more than {_MOST_MEMBERS} files; unpack it")
            path = PurePath(info.name)
            if not info.isreg() or info.issparse() or not known(path.name):
                continue
            found.append(info)
            if path.stem.lower() == PurePath(stem).name:
                found = [info]
                break
        if len(found) != 1:
            names = ascii(", ".join(info.name for info in found[:4]))
            said = f"several, none with its name: {names}" if found else "none"
            raise GraphError(f"{name}: of the files in it, one must be a graph; there are {said}")
        file = archive.extractfile(found[0])
        assert file is not None  # it is a regular file
        with file:
            yield found[0].name, file


def counted(file: BinaryIO, progress: Callable[[int], object]) -> io.BufferedReader:
    """Return a file's bytes again, `progress` called with how many have been read."""
    return io.BufferedReader(_Counted(file, progress))


class _Counted(io.FileIO):
    def __init__(self, file: BinaryIO, progress: Callable[[int], object]):
        super().__init__(file.fileno(), closefd=False)
        self._progress = progress

    def readinto(self, buffer: Any) -> int | None:
        count = super().readinto(buffer)
        self._progress(self.tell())
        return count


class _Sparing:
    """A stream of which nobody gets much at once, to keep in memory."""

    def __init__(self, stream: Any):
        self._stream = stream
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _MOST_AT_ONCE:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return self._stream.read(size)
