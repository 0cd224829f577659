"""Graphs in .npz archives: edge lists, and matrices saved by scipy.sparse.save_npz.

Those of sssp-bench hold src, dst, weight (m,), n and directed (scalars); n and directed may be
missing. Then ids are those of an edge list (`graphs.renumber`), and edges are undirected. The keys
distinguish the two kinds. Nothing is ever unpickled.
"""

from __future__ import annotations

import contextlib
import math
import zipfile
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from graphs.edges import EdgeList, Edges, check_edges
from graphs.errors import GraphError
from graphs.file_options import Options
from graphs.renumber import numbered

_OURS = ("src", "dst", "weight")
# Index arrays of each scipy.sparse format; every one also has shape and data.
_SCIPY = {
    "csr": ("indices", "indptr"),
    "csc": ("indices", "indptr"),
    "bsr": ("indices", "indptr"),
    "coo": ("row", "col"),
    "dia": ("offsets",),
}
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
LARGEST = int(np.iinfo(np.int64).max)


def read_npz(name: str, stream: BinaryIO, options: Options) -> EdgeList:
    """Read an .npz archive of either kind; `stream` must be able to seek."""
    if fault := options.present():
        raise GraphError(f"{name}: {fault}")
    with opened_archive(name, stream, options.most_bytes) as archive:
        if "format" in archive and "shape" in archive:
            edges = _read_scipy(archive)
        elif any(key in archive for key in _OURS):
            edges = _read_ours(archive)
        else:
            names = ", ".join(archive.names[:6]) + (", ..." if len(archive.names) > 6 else "")
            raise GraphError(
                f"{name}: holds {names or 'nothing'}; a graph is either the "
                "arrays src, dst, weight[, n, directed] or a matrix of scipy.sparse.save_npz"
            )
    try:
        return check_edges(edges)
    except GraphError as error:
        raise GraphError(f"{name}: {error}") from error


@contextlib.contextmanager
def opened_archive(name: str, stream: BinaryIO, most_bytes: int | None) -> Iterator[Archive]:
    """Open an .npz archive; `stream` must be able to seek.

    Raises
    ------
    GraphError
        If it is not one, or its arrays take more than `most_bytes` by its own directory: an archive
        may unpack to a thousand times its size.
    """
    if stream.read(4) not in (b"PK\3\4", b"PK\5\6"):
        raise GraphError(f"{name}: not an .npz archive: it does not start as a zip file does")
    stream.seek(0)
    try:
        loaded = np.load(stream, allow_pickle=False)
    except Exception as error:  # numpy, zipfile and zlib raise a dozen types on damaged files
        raise GraphError(f"{name}: a damaged .npz archive: {_brief(error)}") from error
    with loaded:
        size = sum(member.file_size for member in loaded.zip.infolist())
        if most_bytes is not None and size > most_bytes:
            raise GraphError(
                f"{name}: its arrays take {size} bytes of memory, {most_bytes} are available"
            )
        yield Archive(name, loaded)


class Archive:
    """An opened archive whose arrays are checked as they are read."""

    def __init__(self, name: str, loaded: np.lib.npyio.NpzFile):
        self.name = name
        self.names = loaded.files
        self._loaded = loaded

    def __contains__(self, key: str) -> bool:
        return key in self.names

    def error(self, fault: str) -> GraphError:
        return GraphError(f"{self.name}: {fault}")

    def array(self, key: str, ndim: int | None = 1) -> np.ndarray:
        if key not in self:
            raise self.error(f"array {key!r} is missing; found {', '.join(self.names)}")
        try:
            self._check_size(key)
            array = self._loaded[key]
        except MemoryError as error:
            raise self.error(f"array {key!r} does not fit into memory: {error}") from error
        except Exception as error:  # as above, and ValueError for Python objects
            raise self.error(f"array {key!r} cannot be read: {_brief(error)}") from error
        if not isinstance(array, np.ndarray):
            raise self.error(f"{key!r} is no array")
        if ndim is not None and array.ndim != ndim:
            raise self.error(f"array {key!r} has shape {array.shape}; {ndim}-dimensional is right")
        return array

    def _check_size(self, key: str) -> None:
        """Refuse an array that says it is larger than what follows: it would get the memory."""
        archive: Any = self._loaded.zip
        info = archive.getinfo(key if key in archive.namelist() else f"{key}.npy")
        with archive.open(info) as member:
            if member.read(len(np.lib.format.MAGIC_PREFIX)) != np.lib.format.MAGIC_PREFIX:
                return  # no array at all
            member.seek(0)
            header = _HEADERS[np.lib.format.read_magic(member)]
            shape, _, dtype = header(member)
            size, held = math.prod(shape) * dtype.itemsize, info.file_size - member.tell()
        if size != held and not dtype.hasobject:  # numpy has words of its own for objects
            raise ValueError(f"shape {shape} of {dtype} takes {size} bytes, {held} are there")

    def ids(self, key: str, ndim: int = 1) -> np.ndarray:
        """Return an int64 array; the largest value leaves room for n = id + 1."""
        array = self.array(key, ndim)
        if array.dtype.kind not in "iu":
            raise self.error(f"array {key!r} must hold integers, got dtype {array.dtype}")
        if len(array) and array.max() >= LARGEST:
            raise self.error(f"array {key!r} holds {array.max()}; at most {LARGEST - 1} is allowed")
        return array.astype(np.int64, copy=False)

    def integer(self, key: str, kinds: str = "iu") -> int:
        array = self.array(key, ndim=None)
        if array.size != 1 or array.dtype.kind not in kinds:
            raise self.error(f"{key!r} must be one integer, got {_described(array)}")
        return int(array.item())

    def weights(self, key: str) -> np.ndarray:
        """Return weights as float32, float64 or int64 (m,), -0.0 made 0.0."""
        weight = self.array(key, ndim=None)
        kind, size = weight.dtype.kind, weight.dtype.itemsize
        if kind not in "fiub" or size > 8:
            raise self.error(
                f"weights must be float32, float64 or integers, got dtype {weight.dtype}; "
                "convert them"
            )
        if kind == "u" and weight.size and weight.max() > LARGEST:
            raise self.error(f"weight {weight.max()} is too large for a 64-bit integer")
        if kind in "iub":
            return weight.astype(np.int64, copy=False)
        return weight.astype(np.float32 if size < 8 else np.float64, copy=False) + 0


def _read_ours(archive: Archive) -> EdgeList:
    src, dst = archive.ids("src"), archive.ids("dst")
    weight = archive.weights("weight")
    if weight.ndim != 1:
        raise archive.error(f"array 'weight' has shape {weight.shape}; 1-dimensional is right")
    directed = archive.integer("directed", "iub") if "directed" in archive else 0
    if directed not in (0, 1):
        raise archive.error(f"'directed' must be true or false, got {directed}")
    if "n" in archive:
        n = archive.integer("n")
    elif len(src) == len(dst) > 0 and min(src.min(), dst.min()) >= 0:
        src, dst, ids = numbered(src, dst)
        return EdgeList(src, dst, weight, ids.n, bool(directed), ids=ids)
    elif len(src) and len(dst):  # what is wrong with them is found out later
        n = int(max(src.max(), dst.max())) + 1
    else:
        raise archive.error("no edges, and no 'n' that says how many vertices there are")
    return EdgeList(src, dst, weight, n=n, directed=bool(directed))


def _read_scipy(archive: Archive) -> EdgeList:
    """Read a matrix as scipy.sparse.csgraph does: stored zeros are edges, (row, column) is an arc.

    Unlike there, repeated entries of the COO format stay parallel edges and are not summed.
    """
    shape = archive.ids("shape")
    if len(shape) != 2 or shape[0] != shape[1]:
        size = " x ".join(map(str, shape))
        raise archive.error(f"a matrix of shape {size} is no graph; it must be square")
    stored = archive.array("format", ndim=None)
    form = stored.item() if stored.size == 1 else None
    form = form.decode("latin-1") if isinstance(form, bytes) else form
    if form not in _SCIPY:
        allowed = ", ".join(_SCIPY)
        raise archive.error(f"matrix format {form!r} is not known; known are {allowed}")
    if form == "coo" and "coords" in archive:  # how scipy says it will save them one day
        indices = list(archive.ids("coords", ndim=2))
    else:
        indices = [archive.ids(key) for key in _SCIPY[form]]
    matrix = _matrix(archive, form, archive.weights("data"), indices, shape)
    return EdgeList(
        matrix.row.astype(np.int64),
        matrix.col.astype(np.int64),
        matrix.data,
        n=int(shape[0]),
        directed=True,
    )


def _matrix(archive: Archive, form: str, data: np.ndarray, indices: list, shape: np.ndarray) -> Any:
    """Return scipy's COO form of the arrays, all found to be in range first."""
    from scipy import sparse

    if form in ("csr", "csc", "bsr"):
        # scipy does not look at this where the last value is 0, and would write out of bounds.
        rows = indices[1]
        if len(rows) and (rows[0] != 0 or (np.diff(rows) < 0).any()):
            raise archive.error("array 'indptr' must start with 0 and never decrease")
    try:
        parts = (data, tuple(indices)) if form == "coo" else (data, *indices)
        matrix = getattr(sparse, f"{form}_array")(parts, shape=tuple(map(int, shape)))
        if form in ("csr", "csc", "bsr"):
            matrix.check_format(full_check=True)
        return matrix.tocoo()
    except (ValueError, TypeError, IndexError, ArithmeticError) as error:
        raise archive.error(f"not a valid {form} matrix: {_brief(error)}") from error


def _brief(error: Exception) -> str:
    """Return another library's message, which may quote the whole file, in one short line."""
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) <= 120 else words[:117] + "..."


def _described(array: np.ndarray) -> str:
    return f"{array.item()!r}" if array.size == 1 else f"an array of shape {array.shape}"


def write_npz(stream: BinaryIO, edges: Edges) -> None:
    """Write `edges` slice by slice, so that edges which are made on the way need no memory."""
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        ids = np.dtype(np.int64)
        for key, dtype in zip(_OURS, (ids, ids, edges.weight_dtype), strict=True):
            # ZipInfo's fixed date: the same graph gives the same bytes.
            with archive.open(zipfile.ZipInfo(f"{key}.npy"), "w", force_zip64=True) as member:
                header = {"descr": dtype.str, "fortran_order": False, "shape": (edges.m,)}
                np.lib.format.write_array_header_1_0(member, header)
                for part in edges.slices():
                    column = np.ascontiguousarray(getattr(check_edges(part), key), dtype)
                    if len(column):
                        member.write(column.data.cast("B"))
        for key, value in (("n", np.int64(edges.n)), ("directed", np.bool_(edges.directed))):
            with archive.open(zipfile.ZipInfo(f"{key}.npy"), "w") as member:
                np.lib.format.write_array(member, np.asarray(value))
