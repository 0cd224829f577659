"""Shared: graph files to write, in the text formats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from graphs import EdgeList, GraphError, read_graph

DATA = Path(__file__).parent.parent / "data"
TEXT = ("gr", "mtx", "wel")
FORMATS = (*TEXT, "npz")
MTX = "%%MatrixMarket matrix coordinate real general\n"


def tuples(edges: EdgeList) -> list[tuple[int, int, float]]:
    return list(zip(edges.src.tolist(), edges.dst.tolist(), edges.weight.tolist(), strict=True))


def edge_list(rows, n: int, dtype=np.int64, directed: bool = False) -> EdgeList:
    src, dst, weight = zip(*rows, strict=True) if rows else ((), (), ())
    ids = np.array(src, np.int64), np.array(dst, np.int64)
    return EdgeList(*ids, np.array(weight, dtype), n, directed)


@st.composite
def edge_lists(draw, dtypes=(np.int64, np.float32, np.float64), min_size: int = 0) -> EdgeList:
    n = draw(st.integers(1, 30))
    ids = st.integers(0, n - 1)
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    weights: st.SearchStrategy = st.integers(0, 2**63 - 1)
    if dtype.kind == "f":
        weights = st.floats(0, allow_infinity=False, width=8 * dtype.itemsize)
    rows = draw(st.lists(st.tuples(ids, ids, weights), min_size=min_size, max_size=40))
    return edge_list(rows, n, dtype, draw(st.booleans()))


def assert_same(read: EdgeList, meant: EdgeList, n: int | None = None) -> None:
    assert tuples(read) == tuples(meant)
    assert read.n == (meant.n if n is None else n)
    assert read.src.dtype == read.dst.dtype == np.int64
    assert read.weight.dtype == meant.weight.dtype


def text_of(suffix: str, edges: EdgeList, end: str = "\n") -> str:
    """Return edges in a text format, `end` after each line, `#` in it being a comment's mark."""
    mark = {"gr": "c", "mtx": "%", "wel": "#"}[suffix]
    field = "integer" if edges.weight.dtype.kind == "i" else "real"
    lines = []
    if suffix == "gr":
        lines = [f"p sp {edges.n} {edges.m}"]
    elif suffix == "mtx":
        lines = [f"%%MatrixMarket matrix coordinate {field} general"]
        lines += [f"{edges.n} {edges.n} {edges.m}"]
    lead, first = {"gr": ("a ", 1), "mtx": ("", 1), "wel": ("", 0)}[suffix]
    lines += [f"{lead}{u + first} {v + first} {w!r}" for u, v, w in tuples(edges)]
    return "".join(line + end.replace("#", mark) for line in lines)


def put(folder: Path, name: str, content: str | bytes) -> Path:
    """Write a file and return its path."""
    path = folder / name
    path.write_bytes(content.encode("latin-1") if isinstance(content, str) else content)
    return path


def refusal(path: str | Path, **options: Any) -> str:
    """Return what follows the file's name in the message with which a file is refused."""
    with pytest.raises(GraphError) as error:
        read_graph(path, **options)
    message = str(error.value)
    assert message.startswith(str(path)), message
    assert "\n" not in message
    return message[len(str(path)) :]
