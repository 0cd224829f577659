"""Shared: the pages of the project, and what their Markdown holds: tables, blocks, links."""

from __future__ import annotations

import re

from repository import HOUSE, label

PAGES = {
    label(path): path.read_text(encoding="utf-8")
    for path in (
        *(HOUSE / name for name in ("README.md", "CONTRIBUTING.md", "results/README.md")),
        *sorted((HOUSE / "docs").glob("*.md")),
    )
}


def blocks(text, language):
    """The contents of the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.S | re.M)


def section(text, title):
    """What stands under a heading, to the next one; a `#` of a shell block is not one."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)
    (found,) = re.findall(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", text, re.S | re.M)
    return found


def cells(table):
    """The rows of a Markdown table, given as lines, as dicts by the column's title."""
    head, _, *rows = [[cell.strip() for cell in line.strip()[1:-1].split("|")] for line in table]
    return [dict(zip(head, row, strict=True)) for row in rows]


def tables(text):
    """The tables of a page, as `cells` returns them, in order."""
    found = re.findall(r"(?:^ *\|.*\|\n?)+", text, re.M)
    return [cells(table.strip().splitlines()) for table in found]


def table(text, column):
    """The only table of a page with a column of that title."""
    (found,) = [rows for rows in tables(text) if rows and column in rows[0]]
    return found


def anchors(text):
    """The anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", text, flags=re.S | re.M), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in headings}
