"""Edge tables in Parquet files, through pyarrow: the extra `parquet`."""

from __future__ import annotations

import dataclasses
from typing import Any, BinaryIO

import numpy as np

from graphs.edges import EdgeList, check_edges
from graphs.errors import GraphError
from graphs.file_options import Options
from graphs.renumber import numbered

_NAMES = (
    ("src", "source", "from", "u", "tail"),
    ("dst", "target", "to", "destination", "v", "head"),
    ("weight", "w", "distance", "cost", "length"),
)
_EDGE_BYTES = 24


def read_parquet(name: str, stream: BinaryIO, options: Options) -> EdgeList:
    """Read two columns of ids from 0 and perhaps one of weights, by their names; directed."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise GraphError(
            f"{name}: Parquet files need pyarrow, which is not installed: "
            "pip install 'sssp-bench[parquet]'"
        ) from error
    try:
        file = parquet.ParquetFile(stream)
        columns = _columns(name, file.schema_arrow.names)
        m = file.metadata.num_rows
        if options.most_bytes is not None and m * _EDGE_BYTES > options.most_bytes:
            raise GraphError(
                f"{name}: {m} edges take more than the {options.most_bytes} bytes available"
            )
        table = file.read(columns=columns)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        if isinstance(error, GraphError):
            raise
        said = " ".join(str(error).split())[:120]
        raise GraphError(f"{name}: not a readable Parquet file: {said}") from error
    if not m:
        raise GraphError(f"{name}: no edges in the file, so there is no vertex either")
    if fault := options.present() if len(columns) > 2 else options.missing():
        raise GraphError(f"{name}: {fault}")
    arrays = [_array(name, column, table[column]) for column in columns]
    for column, ids in zip(columns, arrays[:2], strict=False):
        if ids.dtype.kind not in "iu" or ids.min() < 0 or ids.max() >= 2**63 - 1:
            raise GraphError(f"{name}: column {column!r} must hold ids, whole numbers from 0 on")
    src, dst, vertices = numbered(arrays[0].astype(np.int64), arrays[1].astype(np.int64))
    weight = arrays[2] if len(arrays) > 2 else options.made(m)
    try:
        edges = check_edges(EdgeList(src, dst, weight, vertices.n, True, ids=vertices))
        return dataclasses.replace(edges, weight=edges.weight + 0)  # -0.0 becomes 0.0
    except GraphError as error:
        raise GraphError(f"{name}: {error}") from error


def _columns(name: str, there: list[str]) -> list[str]:
    """Return the names of the columns of an edge, the weight's only where there is one."""
    lower = {column.lower(): column for column in there}
    found = []
    for what, known in zip(("source", "target", "weight"), _NAMES, strict=True):
        given = [lower[word] for word in known if word in lower]
        if len(given) > 1 or (not given and what != "weight"):
            has = f"has {', '.join(given)}" if given else f"has only {', '.join(there[:6])}"
            raise GraphError(
                f"{name}: {has}; the {what} of an edge is one column named {', '.join(known)}"
            )
        found += given
    return found


def _array(name: str, column: str, values: Any) -> np.ndarray:
    if values.null_count:
        raise GraphError(f"{name}: column {column!r} lacks {values.null_count} values")
    return values.to_numpy()
