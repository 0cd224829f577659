"""A text file as numbered lines: a header line by line, then blocks of lines.

Lines end in newline, carriage return or both. No more than a block is held at a time.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from typing import BinaryIO

from graphs.errors import GraphError

# Bytes read at once; no line may be longer.
BLOCK = 1 << 20


def quoted(words: str) -> str:
    """Return words of a file as a message may show them: short, in printable ASCII, quoted."""
    words = words.strip()
    return ascii(words if len(words) <= 60 else words[:57] + "...")


class Text:
    """The lines of a text file.

    Parameters
    ----------
    name : str
        The file, as messages name it.
    stream : BinaryIO
        Its bytes. Any byte passes here (Latin-1), so that comments may be in any encoding.
    """

    def __init__(self, name: str, stream: BinaryIO):
        self.name = name
        self._stream = stream
        self._decoder = io.IncrementalNewlineDecoder(
            codecs.getincrementaldecoder("latin-1")(), translate=True
        )
        self._lines: list[str] = []
        self._next = 0  # of these lines, the first that is not handed out yet
        self._first = 1  # the number of lines[0]
        self._rest = ""
        self._ended = False

    def error(self, number: int, fault: str) -> GraphError:
        """Return the error that names the file, the line's number (from 1) and its fault."""
        return GraphError(f"{self.name}, line {number}: {fault}")

    def line(self) -> tuple[int, str] | None:
        """Return the next line and its number, None at the end of the file."""
        while self._next == len(self._lines):
            if not self._fill():
                return None
        self._next += 1
        return self._first + self._next - 1, self._lines[self._next - 1]

    def line_after_comments(self, comment: str) -> tuple[int, str] | None:
        """Return the next line that is neither blank nor starts with `comment`."""
        while (found := self.line()) is not None:
            if not is_skipped(found[1], comment):
                break
        return found

    def blocks(self) -> Iterator[tuple[int, list[str]]]:
        """Yield what is left, a block at a time: (number of its first line, its lines)."""
        while self._next < len(self._lines) or self._fill():
            yield self._first + self._next, self._lines[self._next :]
            self._next = len(self._lines)

    def _fill(self) -> bool:
        """Read on; False at the end of the file."""
        if self._ended:
            return False
        data = self._stream.read(BLOCK)
        self._ended = not data
        piece = self._decoder.decode(data, final=self._ended)
        self._first += len(self._lines)
        self._next = 0
        self._lines = (self._rest + piece).split("\n")
        # What follows the last newline is the start of a line, or the file's end.
        self._rest = "" if self._ended else self._lines.pop()
        if "\0" in piece:
            lines = enumerate([*self._lines, self._rest], self._first)
            number = next(number for number, line in lines if "\0" in line)
            raise self.error(number, "holds a zero byte, so this is no text file")
        if len(self._rest) > BLOCK:
            number = self._first + len(self._lines)
            raise self.error(number, f"is longer than {BLOCK} characters; no graph file's line is")
        return True


def is_skipped(line: str, comment: str) -> bool:
    """Say whether a line is blank or a comment."""
    words = line.lstrip()
    return not words or words.startswith(comment)
