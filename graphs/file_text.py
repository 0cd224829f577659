"""A text file as numbered lines: a header line by line, then blocks of lines.

Lines end in newline, carriage return or both; a byte order mark in front is passed over. No more
than a block is held at a time.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from graphs.errors import GraphError

# Bytes read at once.
BLOCK = 1 << 22
# No line may be longer.
LONGEST = 1 << 20


def quoted(words: str | bytes) -> str:
    """Return words of a file as a message may show them: short, in printable ASCII, quoted."""
    text = words.decode("latin-1") if isinstance(words, bytes) else words
    text = text.strip()
    return ascii(text if len(text) <= 60 else text[:57] + "...")


class Text:
    """The lines of a text file.

    Parameters
    ----------
    name : str
        The file, as messages name it.
    stream : BinaryIO
        Its bytes. Any byte passes here but zero, so that comments may be in any encoding.
    """

    def __init__(self, name: str, stream: BinaryIO):
        self.name = name
        self._stream = stream
        self._block = b""  # whole lines, each with its newline
        self._at = 0  # in this block, the first byte that is not handed out yet
        self._number = 1  # of the line there
        self._rest = b""
        self._ended = False
        self._started = False

    def error(self, number: int, fault: str) -> GraphError:
        """Return the error that names the file, the line's number (from 1) and its fault."""
        return GraphError(f"{self.name}, line {number}: {fault}")

    def line(self) -> tuple[int, bytes] | None:
        """Return the next line and its number, None at the end of the file."""
        found = self.peek()
        if found is not None:
            self._at += len(found[1]) + 1
            self._number += 1
        return found

    def peek(self) -> tuple[int, bytes] | None:
        """Return what `line` will return."""
        while self._at == len(self._block):
            if not self._fill():
                return None
        return self._number, self._block[self._at : self._block.index(b"\n", self._at)]

    def line_after_comments(self, comments: bytes) -> tuple[int, bytes] | None:
        """Return the next line that is neither blank nor starts with one of `comments`."""
        self.pass_comments(comments)
        return self.line()

    def pass_comments(self, comments: bytes) -> list[bytes]:
        """Pass over lines that are blank or start with one of `comments`; return the first 100."""
        passed: list[bytes] = []
        while (found := self.peek()) is not None and is_skipped(found[1], comments):
            self.line()
            passed += [found[1]] if len(passed) < 100 else []
        return passed

    def blocks(self) -> Iterator[tuple[int, bytes]]:
        """Yield what is left, a block at a time: the number of its first line, and its lines.

        Each line ends in a newline, the file's last one too.
        """
        while self._at < len(self._block) or self._fill():
            number, block = self._number, self._block[self._at :] if self._at else self._block
            self._number += block.count(b"\n")
            self._at = len(self._block)
            if block:
                yield number, block

    def _fill(self) -> bool:
        """Read on; False at the end of the file."""
        if self._ended:
            return False
        data = self._stream.read(BLOCK)
        self._ended = not data
        if not self._started:
            self._started = True
            data = data.removeprefix(codecs.BOM_UTF8)
        piece = self._rest + data
        if self._ended and piece:
            piece += b"\n"
        if b"\r" in piece:
            # The newline behind a carriage return at the end has not been read yet.
            held = b"\r" if piece.endswith(b"\r") else b""
            piece = piece[: len(piece) - len(held)].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            piece += held
        end = piece.rfind(b"\n") + 1
        self._block, self._rest, self._at = piece[:end], piece[end:], 0
        zero = piece.find(b"\0")
        if zero >= 0:
            number = self._number + piece.count(b"\n", 0, zero)
            raise self.error(number, "holds a zero byte, so this is no text file")
        if len(self._rest) > LONGEST:
            number = self._number + self._block.count(b"\n")
            raise self.error(
                number, f"is longer than {LONGEST} characters; no graph file's line is"
            )
        return True


def is_skipped(line: bytes, comments: bytes) -> bool:
    """Say whether a line is blank or a comment."""
    words = line.lstrip()
    return not words or words[0] in comments
