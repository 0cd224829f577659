"""The pictures of a page: drawn by matplotlib, put into the page as SVG in the page's own colours.

A picture is a tree of elements. Colours are names of the page's style (`var(--ink)`), so that they
follow light and dark; text stays text, for a search and for a reader aloud. Ids are made the page's
own, as several pictures share it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from harness.console.escapes import visible
from harness.reports.series import Series

# What matplotlib is given for each colour of the page's style; no other colour is drawn.
_COLOURS = {
    "ink": "#010203", "faint": "#010204", "series-0": "#010205", "series-1": "#010206",
    "series-2": "#010207", "series-3": "#010208", "series-4": "#010209", "warn": "#01020a",
}  # fmt: skip
_SERIES = 5
# matplotlib's markers, and the letters that look like them: filled, hollow.
_MARKERS = (("o", "●○"), ("s", "■□"), ("D", "◆◇"), ("^", "▲△"), ("v", "▼▽"), ("<", "◀◁"))
_WIDTH = 5.2  # inches
_HREF = "{http://www.w3.org/1999/xlink}href"
_SVG = "{http://www.w3.org/2000/svg}"
# Dots of one picture at most: of more searches each k-th is drawn, and the slowest.
_DOTS = 400
_WIDE = 8  # slowest over fastest, from which on an axis is logarithmic


def can_draw() -> bool:
    """Is matplotlib there?"""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        return False
    return True


def in_run_order(seconds: Sequence[float], name: str) -> Element:
    """The time of each search, in the order in which they ran: noise stands out."""
    places = _drawn(seconds)

    def draw(axes: Any) -> None:
        values = [seconds[i] for i in places]
        axes.vlines(places, 0, values, colors=_COLOURS["faint"], linewidth=1)
        axes.plot(places, values, ".", color=_COLOURS["series-0"], markersize=6)
        axes.set_xlabel("search, in run order")
        _time_axis(axes, values)

    return _sketch(draw, "Time of each search in run order", name)


def in_sorted_order(seconds: Sequence[float], name: str) -> Element:
    """The same times, ascending: what is the graph's is a gentle slope."""
    values = sorted(seconds)
    places = _drawn(values)

    def draw(axes: Any) -> None:
        middle = values[len(values) // 2]
        axes.axhline(middle, color=_COLOURS["series-1"], linewidth=1)
        axes.annotate("median", (0, middle), xytext=(0, 4), textcoords="offset points")
        axes.plot(places, [values[i] for i in places], ".", color=_COLOURS["series-0"])
        axes.set_xlabel("search, from the quickest to the slowest")
        _time_axis(axes, values)

    return _sketch(draw, "Times of the searches, sorted", name)


def bars(values: dict[str, float], label: Callable[[float], str], title: str, name: str) -> Element:
    """Bars from the left, each with its value behind it."""

    def draw(axes: Any) -> None:
        names, sizes = list(values), list(values.values())
        axes.barh(range(len(names)), sizes, height=0.6, color=_COLOURS["series-0"])
        for i, value in enumerate(sizes):
            axes.annotate(
                label(value), (value, i), xytext=(4, 0), textcoords="offset points", va="center",
                color=_COLOURS["ink"],
            )  # fmt: skip
        axes.set_yticks(range(len(names)), [_short(name) for name in names])
        axes.set_xlim(0, max(sizes) * 1.45 or 1)
        axes.invert_yaxis()
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)

    return _sketch(draw, title, name, height=0.5 + 0.28 * len(values))


def against_scale(series: Sequence[Series]) -> Element:
    """TEPS against scale: the harmonic mean of each run, lines through measured points only."""
    from matplotlib.ticker import MaxNLocator

    from harness.reports.plot import label_teps, line_of

    def draw(axes: Any) -> None:
        for i, one in enumerate(series):
            colour, (marker, _) = _style(i)
            style = {
                "color": _COLOURS[colour],
                "marker": marker,
                "markerfacecolor": _COLOURS[colour] if one.ours else "none",
                "linestyle": "-" if one.ours else (0, (4, 3)),
            }
            axes.plot(*line_of(one), **style | {"marker": ""})
            scales, means = [p.scale for p in one.points], [p.mean for p in one.points]
            axes.plot(scales, means, **style | {"linestyle": ""})
        axes.set_yscale("log")
        axes.margins(x=0.08, y=0.15)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        label_teps(axes.yaxis)
        axes.set_xlabel("scale (log₂ of the vertices)")
        axes.set_ylabel("TEPS, harmonic mean")

    return _sketch(draw, "TEPS against scale", "scale", height=3.2)


def symbol(i: int, series: Series) -> tuple[str, str]:
    """Return the colour and the letter of a series, as a legend shows it."""
    colour, (_, letters) = _style(i)
    return f"var(--{colour})", letters[not series.ours]


def _style(i: int) -> tuple[str, tuple[str, str]]:
    """Return the colour and the marker of a series; a pair comes again after thirty."""
    return f"series-{i % _SERIES}", _MARKERS[i % len(_MARKERS)]


def _drawn(seconds: Sequence[float]) -> list[int]:
    step = -(-len(seconds) // _DOTS) or 1
    slowest = max(range(len(seconds)), key=seconds.__getitem__)
    return sorted({*range(0, len(seconds), step), slowest})


def _time_axis(axes: Any, values: Sequence[float]) -> None:
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

    least = min((value for value in values if value > 0), default=1.0)
    if max(values) > _WIDE * least:
        axes.set_yscale("log")
        axes.set_ylim(least / 1.3, max(values) * 1.3)
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=8))
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_ylim(0, (max(values) or 1) * 1.12)
    axes.yaxis.set_major_formatter(EngFormatter("s"))
    axes.grid(axis="y", color=_COLOURS["faint"], linewidth=0.7)
    axes.set_axisbelow(True)


def _sketch(draw: Callable[[Any], None], title: str, name: str, height: float = 2.4) -> Element:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    ink = _COLOURS["ink"]
    settings: Any = {
        "text.parse_math": False, "text.usetex": False, "svg.fonttype": "none",
        "svg.hashsalt": name, "font.size": 9, "text.color": ink, "axes.labelcolor": ink,
        "axes.edgecolor": _COLOURS["faint"], "xtick.color": ink, "ytick.color": ink,
        "xtick.major.size": 0, "ytick.major.size": 0, "xtick.minor.size": 0, "ytick.minor.size": 0,
    }  # fmt: skip
    with rc_context(settings):
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        axes = figure.subplots()
        axes.spines[["top", "right"]].set_visible(False)
        draw(axes)
        out = io.StringIO()
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    return _inlined(out.getvalue(), title, name)


def _inlined(svg: str, title: str, name: str) -> Element:
    """Return matplotlib's SVG as a part of a page."""
    for colour, drawn in _COLOURS.items():
        svg = svg.replace(drawn, f"var(--{colour})")
    root = ElementTree.fromstring(svg)
    used = set(re.findall(r"#([\w-]+)", svg))
    for element in root.iter():
        element.tag = element.tag.removeprefix(_SVG)
        target = element.attrib.pop(_HREF, None)
        if target is not None:
            element.set("href", target)
        for key, value in list(element.attrib.items()):
            if key == "id" and value not in used:
                del element.attrib[key]
            elif key == "id":
                element.set(key, f"{name}-{value}")
            elif "#" in value:
                element.set(key, re.sub(r"#([\w-]+)", rf"#{name}-\1", value))
        # matplotlib's own style is for all of its elements, and would be for all of the page.
    for child in list(root):
        if child.tag == "metadata" or (child.tag == "defs" and child.find("style") is not None):
            root.remove(child)
    root.attrib = {"viewBox": root.attrib["viewBox"], "role": "img", "aria-label": visible(title)}
    return root


def _short(name: str) -> str:
    name = " ".join(visible(name).split())
    return name if len(name) <= 24 else f"{name[:23]}…"
