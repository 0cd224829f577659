"""Edges written as lines of numbers: the part that all text formats share.

A short text is read here, line by line. The blocks of a longer one go to a compiled walk over
their bytes (kernels/lines.py), on a few threads, in their order. Where that stops, the line is read
again here, to name what is wrong with it.

Others' readers are not strict enough: scipy.io.mmread reads the integer `5.5` as 5 and `3x` as 3
and passes over a fourth column; those of pandas and pyarrow take a comment behind a number, or
only one character between two.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from graphs.errors import GraphError
from graphs.file_text import Text, is_skipped, quoted
from graphs.file_words import LARGEST, Layout, Table

if TYPE_CHECKING:
    from concurrent.futures import Future

_EDGE_BYTES = 24  # src, dst, weight
# A text that is shorter is read before the compiled walk would be loaded.
COMPILED_FROM = 1 << 20


@dataclass
class EdgeLines:
    """The edges on the lines that are left of `text`.

    n          vertices; None: every id is allowed
    m          edges that the header promises on line `promised`; None: any number
    weights    "integer": int64, "real": float64, "any": int64 where all are integers, else float64
    most_bytes that the edges may take; None: any number
    """

    text: Text
    layout: Layout
    n: int | None = None
    m: int | None = None
    promised: int = 1
    weights: str = "any"
    most_bytes: int | None = None

    def __post_init__(self) -> None:
        self._count = 0
        self._columns: tuple[list, list, list] = ([], [], [])
        self._as_integers = self.weights != "real"
        self._beyond_int64: GraphError | None = None
        # Where n is unknown, it will be the largest id + 1 and has to be an int64 as well.
        self._last_id = LARGEST - 1 if self.n is None else self.n - 1 + self.layout.first_id

    def read(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return src and dst, int64 (m,) as in the file, and weight (m,), 0 where there are none.

        Raises
        ------
        GraphError
            Naming the first line that is not an edge, or the header's line if edges are missing.
        """
        for number, block, table in self._tables():
            self._add(number, block, table)
        if self._as_integers and self._beyond_int64 is not None:
            raise self._beyond_int64
        if self.m is not None and self._count < self.m:
            fault = f"promises {self.m} edges, but the file holds {self._count}: it was cut short"
            raise self.text.error(self.promised, f"{fault}, or the count is wrong")
        src, dst, weight = (_joined(column) for column in self._columns)
        # The integers of a file with floats become floats.
        weight = weight.astype(np.int64 if self._as_integers else np.float64, copy=False)
        if not self._as_integers:
            weight += 0  # -0.0 becomes 0.0
        return src, dst, weight

    def _tables(self) -> Iterator[tuple[int, bytes, Table]]:
        """Yield the blocks, the number of the first line of each, and what each holds."""
        blocks = self.text.blocks()
        first = next(blocks, None)
        if first is None:
            return
        if len(first[1]) < COMPILED_FROM:
            yield *first, _by_line(first[1], self.layout, self._last_id)
            first = next(blocks, None)
        if first is None:
            return
        from graphs.file_compiled import walker  # what is compiled is imported only here

        walk, threads = walker(self.layout, self._last_id)
        with ThreadPoolExecutor(threads) as pool:
            waiting = deque([(*first, pool.submit(walk, first[1]))])
            try:
                for number, block in blocks:
                    waiting.append((number, block, pool.submit(walk, block)))
                    if len(waiting) > threads:
                        yield _done(waiting.popleft())
                while waiting:
                    yield _done(waiting.popleft())
            finally:
                pool.shutdown(cancel_futures=True)

    def _add(self, number: int, block: bytes, table: Table) -> None:
        """Add a block's edges, or raise the error of its first bad line."""
        stopped = table.stopped
        if self.m is not None and self._count + len(table.src) > self.m:
            stopped = self._offset(block, self.m - self._count)
        if self.weights == "integer":
            bad = [at for at in (table.real, table.large, stopped) if at is not None]
            stopped = min(bad, default=None)
        if stopped is not None:
            raise self._error(number, block, stopped, self.weights == "integer")
        if table.large is not None and self._beyond_int64 is None:
            # A fault unless a float somewhere makes all weights floats.
            self._beyond_int64 = self._error(number, block, table.large, True)
        if table.real is not None:
            self._as_integers = False
        for column, values in zip(self._columns, (table.src, table.dst, table.weight), strict=True):
            column.append(values)
        self._count += len(table.src)
        if self.most_bytes is not None and self._count * _EDGE_BYTES > self.most_bytes:
            fault = f"edges up to here take more than the {self.most_bytes} bytes available"
            raise self.text.error(number, fault)

    def _offset(self, block: bytes, edge: int) -> int:
        """Return where the line of an edge of the block begins."""
        at = 0
        for line in block.splitlines(keepends=True):
            if not is_skipped(line, self.layout.comments):
                if edge == 0:
                    break
                edge -= 1
            at += len(line)
        return at

    def _error(self, number: int, block: bytes, at: int, as_integers: bool) -> GraphError:
        """Return the error of the line at an offset of a block."""
        number += block.count(b"\n", 0, at)
        line = block[at : block.index(b"\n", at)]
        layout = self.layout
        fault = layout.fault(line, self._last_id, as_integers)
        if not fault:
            fault = f"{quoted(line)} is not readable as an edge {layout.line!r}"
            if self.m is not None:
                fault = f"{quoted(line)} follows the {self.m} edges that the header promises"
        return self.text.error(number, fault)


def _done(waiting: tuple[int, bytes, Future[Table]]) -> tuple[int, bytes, Table]:
    number, block, table = waiting
    return number, block, table.result()


def _by_line(block: bytes, layout: Layout, last_id: int) -> Table:
    """Return what a block holds, as `graphs.file_compiled` does."""
    rows: list[tuple[int, int, int | float]] = []
    stopped = real = large = None
    at = 0
    for line in block.split(b"\n")[:-1]:
        if not is_skipped(line, layout.comments):
            row = layout.read(line, last_id)
            if row is None:
                stopped = at
                break
            if isinstance(row[2], float):
                whole = layout.is_whole(line)
                large = at if whole and large is None else large
                real = at if not whole and real is None else real
            rows.append(row)
        at += len(line) + 1
    src, dst, weight = zip(*rows, strict=True) if rows else ((), (), ())
    dtype = np.int64 if real is None and large is None else np.float64
    ids = np.array(src, np.int64), np.array(dst, np.int64)
    return Table(*ids, np.array(weight, dtype), stopped, real, large)


def _joined(column: list[np.ndarray]) -> np.ndarray:
    """Return a column in one piece and forget its parts."""
    joined = np.concatenate(column) if column else np.empty(0, np.int64)
    column.clear()
    return joined
