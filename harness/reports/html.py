"""Pages of HTML as trees, so that whatever a result file holds is text and never markup.

Elements are those of the standard library's ElementTree, which escapes texts and attributes as it
writes them; controls and letters that turn the direction of a line are spelled out before.
"""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from harness.console.escapes import visible

# Nothing is loaded and no script runs, whatever the page holds.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def tag(name: str, /, *children: Element | str | None, **attributes: str) -> Element:
    """Return an element; strings among the children are text, None is left out.

    An attribute whose name is a word of Python ends in an underscore here; others' underscores
    become hyphens.
    """
    named = {key.rstrip("_").replace("_", "-"): visible(v) for key, v in attributes.items()}
    element = Element(name, named)
    for child in children:
        if isinstance(child, str):
            _append_text(element, visible(child))
        elif child is not None:
            element.append(child)
    return element


def _append_text(element: Element, text: str) -> None:
    if len(element):
        element[-1].tail = (element[-1].tail or "") + text
    else:
        element.text = (element.text or "") + text


def table(header: Iterable[str], rows: Iterable[Iterable[str]], numbers: bool = True) -> Element:
    """Return a table that scrolls by itself where it is too wide; `numbers` are right-aligned."""
    head = tag("thead", tag("tr", *(tag("th", cell, scope="col") for cell in header)))
    body = tag("tbody", *(tag("tr", *(tag("td", cell) for cell in row)) for row in rows))
    found = tag("table", head, body, class_="figures" if numbers else "words")
    return tag("div", found, class_="wide", tabindex="0")


def document(title: str, style: str, *body: Element | None) -> bytes:
    """Return a whole page that needs nothing beside itself."""
    style_element = Element("style")
    style_element.text = style  # ours; written as it is
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("link", rel="icon", href="data:,"),
        style_element,
    )
    page = tag("html", head, tag("body", *body), lang="en")
    return b"<!DOCTYPE html>\n" + ElementTree.tostring(page, "utf-8", method="html") + b"\n"
