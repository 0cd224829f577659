"""Edge lists of many origins: plain ones, those of SNAP, and those of KONECT.

Sources: snap.stanford.edu/data; Kunegis, "Handbook of Network Analysis: the KONECT project",
section "File formats" (out.*).
"""

from __future__ import annotations

import re
from typing import BinaryIO

from graphs.edges import EdgeList
from graphs.errors import GraphError
from graphs.file_formats import free_edges
from graphs.file_options import Options
from graphs.file_text import Text, quoted
from graphs.file_words import NUMBER, Layout

_COMMENTS = b"#%"
_FORMS = {2: "u v", 3: "u v w", 4: "u v w time"}
_UNDIRECTED = re.compile(rb"[#%]\s*undirected graph\b", re.IGNORECASE)
_NAME = re.compile(rb"[\"']?[A-Za-z_~:][\w~:. -]*[\"']?")
_WEIGHT = re.compile(rb"weight|distance|cost|length|capacity", re.IGNORECASE)


def read_edge_list(name: str, stream: BinaryIO, options: Options) -> EdgeList:
    """Read lines `u v` or `u v w`, ids from 0, numbers parted by blanks or by commas.

    Directed, unless a comment at the start says `Undirected graph`, as SNAP's do. Lines that start
    with `#` or `%` are comments; a first line of names is passed over.
    """
    text = Text(name, stream)
    comments = text.pass_comments(_COMMENTS)
    directed = not any(map(_UNDIRECTED.match, comments))
    _pass_names(text)
    return free_edges(text, _layout(text, 3, 0, options), options, directed)


def read_konect(name: str, stream: BinaryIO, options: Options) -> EdgeList:
    """Read an out.* file of KONECT: `% sym|asym KIND`, then lines `u v [w [time]]`, ids from 1.

    Symmetric ones are undirected. The time is passed over.
    """
    text = Text(name, stream)
    comments = text.pass_comments(b"%")
    words = comments[0].lstrip(b"% \t").split() if comments else []
    if not words or words[0] not in (b"sym", b"asym", b"bip"):
        raise text.error(1, "no header '% sym ...' or '% asym ...', as KONECT's files have")
    if words[0] == b"bip":
        fault = "a bipartite network numbers its two sides apart, so an id is two vertices; "
        raise text.error(1, f"{fault}renumber one side, and give an edge list")
    layout = _layout(text, 4, 1, options)
    return free_edges(text, layout, options, directed=words[0] == b"asym")


def _pass_names(text: Text) -> None:
    """Pass over a line of column names in front of the edges."""
    found = text.peek()
    if found is None:
        return
    number, line = found
    words = Layout("u v w", _COMMENTS, comma=b"," in line).words(line)
    if len(words) < 2 or not all(map(_NAME.fullmatch, words)) or _is_number(words):
        return
    for word in words[:2]:
        if _WEIGHT.search(word):
            fault = f"the column {quoted(word)} stands where a vertex must: an edge is 'u v [w]'"
            raise text.error(number, fault)
    text.line()
    text.pass_comments(_COMMENTS)


def _is_number(words: list[bytes]) -> bool:
    """Say whether one of the words is a number: nan and inf are, and no edge list's names."""
    return any(NUMBER.fullmatch(word) or word.lower() in (b"nan", b"inf") for word in words)


def _layout(text: Text, most: int, first_id: int, options: Options) -> Layout:
    """Return how the edges are written, by the first of them."""
    found = text.peek()
    if found is None:
        raise GraphError(f"{text.name}: no edges in the file, so there is no vertex either")
    number, line = found
    comma = b"," in line
    columns = len(Layout("u v", _COMMENTS, comma=comma).words(line))
    if not 2 <= columns <= most:
        fault = f"{quoted(line)} has {columns} columns, an edge {_FORMS[most]!r} has 2 to {most}"
        raise text.error(number, fault)
    if columns == 2 and (fault := options.missing()):
        raise text.error(number, f"{quoted(line)} {fault}")
    return Layout(_FORMS[columns], _COMMENTS, first_id=first_id, comma=comma)
