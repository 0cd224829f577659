"""Edges written as lines of numbers: the part that all text formats share.

A block of lines at a time goes to numpy's C reader. Only a block which that reader refuses, or
whose values no graph may hold, is read again line by line, to name the first bad line.

scipy.io.mmread was tried for Matrix Market: it reads the integer `5.5` as 5 and `3x` as 3, passes
over a fourth column, and refuses comments between the entries. Hence one reader for all formats.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from graphs.errors import GraphError
from graphs.file_text import Text, is_skipped, quoted

LARGEST = int(np.iinfo(np.int64).max)
_EDGE_BYTES = 24  # src, dst, weight
_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)


@dataclass(frozen=True)
class Layout:
    """How a format writes an edge.

    line       the line as its documentation shows it: "a u v w"
    comment    the character a comment line starts with
    lead       the word before the numbers: "a", or ""
    first_id   the least vertex id
    """

    line: str
    comment: str
    lead: str = ""
    first_id: int = 0


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
        """Return src and dst, int64 (m,) counted from 0, and weight (m,).

        Raises
        ------
        GraphError
            Naming the first line that is no edge, or the header's line if edges are missing.
        """
        for number, lines in self.text.blocks():
            self._add(number, lines)
        if self._as_integers and self._beyond_int64 is not None:
            raise self._beyond_int64
        if self.m is not None and self._count < self.m:
            fault = f"promises {self.m} edges, but the file holds {self._count}: it was cut short"
            raise self.text.error(self.promised, f"{fault}, or the count is wrong")
        src, dst, weight = (_joined(column) for column in self._columns)
        src -= self.layout.first_id
        dst -= self.layout.first_id
        # The integers of a file with floats become floats; -0.0 becomes 0.0.
        weight = weight.astype(np.int64 if self._as_integers else np.float64, copy=False)
        weight += 0
        return src, dst, weight

    def _add(self, number: int, lines: list[str]) -> None:
        """Add a block's edges, or raise the error of its first bad line."""
        # `is_skipped` written out: a call for each line would cost a quarter of the whole.
        comment = self.layout.comment
        kept = [line for line in lines if (words := line.lstrip()) and words[0] != comment]
        if not kept:
            return
        table = self._parse(number, lines, kept)
        if table is None or not self._accept(table):
            raise self._first_fault(number, lines, self.weights == "integer")
        if self.most_bytes is not None and self._count * _EDGE_BYTES > self.most_bytes:
            fault = f"edges up to here take more than the {self.most_bytes} bytes available"
            raise self.text.error(number, fault)

    def _parse(self, number: int, lines: list[str], kept: list[str]) -> np.ndarray | None:
        """Return a block as a table, None if the C reader refuses it."""
        if self._as_integers:
            table = self._load(kept, np.int64)
            if table is not None or self.weights == "integer":
                return table
        table = self._load(kept, np.float64)
        if table is not None and self._as_integers:
            # Either there is a float, or an integer beyond int64. The latter is a fault unless
            # a float comes later and makes all weights floats.
            self._as_integers = all(_INTEGER.fullmatch(line.split()[-1]) for line in kept)
            if self._as_integers and self._beyond_int64 is None:
                self._beyond_int64 = self._first_fault(number, lines, True)
        return table

    def _load(self, kept: list[str], weight: type) -> np.ndarray | None:
        # Room for two letters of the lead, so that a longer word is not cut down to the right one.
        lead = [("lead", "S2")] if self.layout.lead else []
        dtype = np.dtype([*lead, ("src", np.int64), ("dst", np.int64), ("weight", weight)])
        try:
            return np.loadtxt(kept, dtype=dtype, comments=None, ndmin=1)
        except (ValueError, OverflowError):
            return None

    def _accept(self, table: np.ndarray) -> bool:
        """Add the table if all its values are allowed, else say no."""
        if self.layout.lead and not (table["lead"] == self.layout.lead.encode()).all():
            return False
        if self.m is not None and self._count + len(table) > self.m:
            return False
        src, dst, weight = (np.ascontiguousarray(table[k]) for k in ("src", "dst", "weight"))
        if min(src.min(), dst.min()) < self.layout.first_id:
            return False
        if max(src.max(), dst.max()) > self._last_id:
            return False
        if not (weight.min() >= 0 and weight.max() < np.inf):  # so written that NaN fails
            return False
        for column, values in zip(self._columns, (src, dst, weight), strict=True):
            column.append(values)
        self._count += len(table)
        return True

    def _first_fault(self, number: int, lines: list[str], as_integers: bool) -> GraphError:
        """Return the error of a block's first bad line."""
        count = self._count
        for at, line in enumerate(lines, number):
            if is_skipped(line, self.layout.comment):
                continue
            if count == self.m:
                fault = f"{quoted(line)} follows the {self.m} edges that the header promises"
                return self.text.error(at, fault)
            if fault := self._fault(line, as_integers):
                return self.text.error(at, fault)
            count += 1
        return self.text.error(number, f"not readable as edges {self.layout.line!r} from here on")

    def _fault(self, line: str, as_integers: bool) -> str:
        """Return what is wrong with a line, "" if it is an edge."""
        form, words = self.layout.line, line.split()
        if self.layout.lead and words[0] != self.layout.lead:
            comment = f"{self.layout.comment} ..."
            return f"{quoted(line)} is neither an edge {form!r} nor a comment {comment!r}"
        if len(words) != len(form.split()):
            wanted = len(form.split())
            return f"{quoted(line)} has {len(words)} columns, an edge {form!r} has {wanted}"
        src, dst, weight = words[-3:]
        return self._id_fault(src) or self._id_fault(dst) or _weight_fault(weight, as_integers)

    def _id_fault(self, word: str) -> str:
        if not _INTEGER.fullmatch(word):
            return f"vertex id {quoted(word)} is not an integer"
        if not self.layout.first_id <= _value(word) <= self._last_id:
            return f"vertex id {_short(word)} is not in {self.layout.first_id}..{self._last_id}"
        return ""


def _weight_fault(word: str, as_integers: bool) -> str:
    if _NOT_FINITE.fullmatch(word) or (_NUMBER.fullmatch(word) and float(word) < 0):
        return f"weight {_short(word)} is not allowed; weights must be finite and >= 0"
    if not _NUMBER.fullmatch(word):
        return f"weight {quoted(word)} is not a number"
    if as_integers and not _INTEGER.fullmatch(word):
        return f"weight {_short(word)} is not an integer, which the header says all weights are"
    if as_integers and _value(word) > LARGEST:
        return f"weight {_short(word)} is too large for a 64-bit integer; write it as a float"
    if float(word) == np.inf:
        return f"weight {_short(word)} is too large for float64"
    return ""


def _value(word: str) -> float:
    """Return an integer's value, rounded where it is so long that Python will not read it."""
    return int(word) if len(word) <= 100 else float(word)


def _short(word: str) -> str:
    return word if len(word) <= 40 else word[:37] + "..."


def _joined(column: list[np.ndarray]) -> np.ndarray:
    """Return a column in one piece and forget its parts."""
    joined = np.concatenate(column) if column else np.empty(0, np.int64)
    column.clear()
    return joined
