"""What others have written, shown so that it does nothing: to a terminal, in Markdown, in a sheet.

File names, processors' names and whatever stands in a result file may hold anything: sequences
that steer a terminal, letters that turn the direction of a line, HTML, formulas.
"""

from __future__ import annotations

import re

_CONTROLS = bytes({*range(32), 127} - set(b"\n\t"))
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARKDOWN = re.compile(r"[\\`*\[\]|!~]|[&<>]|:(?=//)|(?<=www)\.", re.IGNORECASE)
_LETTERS = 60
_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")


def shown(value: object) -> str:
    """Return a value as a message may show it: short, in printable ASCII."""
    text = ascii(value)
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 3]}..."


def visible(text: str) -> str:
    """Return text whose characters all print, line breaks and tabs aside; others as in Python."""
    if text.isascii():
        data = text.encode()
        if len(data.translate(None, _CONTROLS)) == len(data):
            return text  # at once: tables may have a hundred megabytes
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)


def markdown(text: str) -> str:
    """Return text that Markdown shows as it is, on one line and in a table's cell, too."""
    return _MARKDOWN.sub(lambda found: _HTML.get(found[0], f"\\{found[0]}"), " ".join(text.split()))


def sheet_cell(text: str) -> str:
    """Return text that a spreadsheet does not take for a formula: an apostrophe goes before it."""
    return f"'{text}" if text.startswith(_FORMULAS) else text
