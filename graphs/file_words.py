"""The words of a line: numbers as a graph file may write them, and what is wrong with others."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from graphs.file_text import quoted

LARGEST = int(np.iinfo(np.int64).max)
INTEGER = re.compile(rb"[+-]?[0-9]+")
NUMBER = re.compile(rb"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_NOT_FINITE = re.compile(rb"[+-]?(nan|inf|infinity)", re.IGNORECASE)
_SHORT = 18  # an integer of at most this many digits is an int64


@dataclass(frozen=True)
class Layout:
    """How a format writes an edge.

    line       the line as its documentation shows it, ids first: "a u v w"
    comments   the characters that a comment line starts with
    lead       the word before the numbers: b"a", or b""
    first_id   the least vertex id
    comma      whether commas are between the numbers, else blanks
    """

    line: str
    comments: bytes
    lead: bytes = b""
    first_id: int = 0
    comma: bool = False

    @property
    def columns(self) -> int:
        """Numbers on a line."""
        return len(self.line.split()) - bool(self.lead)

    def words(self, line: bytes) -> list[bytes]:
        """Return the words of a line, the lead one of them."""
        if self.comma:
            return [word.strip() for word in line.split(b",")]
        return line.split()

    def read(self, line: bytes, last_id: int) -> tuple[int, int, int | float] | None:
        """Return ids and weight of a line, or None; 0 for what the format lacks."""
        words = self.words(line)
        if self.lead and words.pop(0) != self.lead:
            return None
        if len(words) != self.columns:
            return None
        ids = [0, 0]
        for i, word in enumerate(words[:2]):
            if not INTEGER.fullmatch(word) or not self.first_id <= value(word) <= last_id:
                return None
            ids[i] = int(word)
        weight: int | float = 0
        if self.columns > 2:
            if not NUMBER.fullmatch(words[2]):
                return None
            weight = int(words[2]) if is_integer(words[2]) else float(words[2])
            if not 0 <= weight < np.inf:
                return None
        if not all(words[3:]) or any(b" " in word or b"\t" in word for word in words[3:]):
            return None
        return ids[0], ids[1], weight

    def is_whole(self, line: bytes) -> bool:
        """Say whether the weight of a line is written as an integer."""
        return bool(INTEGER.fullmatch(self.words(line)[2 + bool(self.lead)]))

    def fault(self, line: bytes, last_id: int, as_integers: bool) -> str:
        """Return what is wrong with a line, "" if it is an edge."""
        form, words = self.line, self.words(line)
        if self.lead and words[0] != self.lead:
            comment = f"{chr(self.comments[0])} ..."
            return f"{quoted(line)} is neither an edge {form!r} nor a comment {comment!r}"
        words = words[bool(self.lead) :]
        if len(words) != self.columns:
            count, wanted = len(words) + bool(self.lead), len(form.split())
            return f"{quoted(line)} has {count} columns, an edge {form!r} has {wanted}"
        for word in words[:2]:
            if not INTEGER.fullmatch(word):
                return f"vertex id {quoted(word)} is not an integer"
            if not self.first_id <= value(word) <= last_id:
                return f"vertex id {short(word)} is not in {self.first_id}..{last_id}"
        return weight_fault(words[2], as_integers) if len(words) > 2 else ""


@dataclass(frozen=True)
class Table:
    """What a block of lines holds.

    src, dst    int64 (k,)   ids as in the file
    weight      (k,)         int64 where all are integers, else float64
    stopped     offset of the first line that is not an edge, None if all are
    real        offset of the first line with a weight not written as an integer, None if none
    large       the same of an integer beyond int64
    """

    src: np.ndarray
    dst: np.ndarray
    weight: np.ndarray
    stopped: int | None
    real: int | None
    large: int | None


def weight_fault(word: bytes, as_integers: bool) -> str:
    """Return what is wrong with a weight, "" if nothing is."""
    if _NOT_FINITE.fullmatch(word) or (NUMBER.fullmatch(word) and float(word) < 0):
        return f"weight {short(word)} is not allowed; weights must be finite and >= 0"
    if not NUMBER.fullmatch(word):
        return f"weight {quoted(word)} is not a number"
    if as_integers and not INTEGER.fullmatch(word):
        return f"weight {short(word)} is not an integer, which the header says all weights are"
    if as_integers and value(word) > LARGEST:
        return f"weight {short(word)} is too large for a 64-bit integer; write it as a float"
    if float(word) == np.inf:
        return f"weight {short(word)} is too large for float64"
    return ""


def is_integer(word: bytes) -> bool:
    """Say whether a number is written as an integer and is an int64."""
    return bool(INTEGER.fullmatch(word)) and (len(word) <= _SHORT or value(word) <= LARGEST)


def value(word: bytes) -> float:
    """Return an integer's value, rounded where it is so long that Python will not read it."""
    return int(word) if len(word) <= 100 else float(word)


def short(word: bytes) -> str:
    """Return a word as a message shows it, cut where it is long."""
    text = word.decode("latin-1")
    return text if len(text) <= 40 else text[:37] + "..."
