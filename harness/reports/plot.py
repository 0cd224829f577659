"""Results as a picture: TEPS against scale, and beside it every search of every run.

On the left a point is the harmonic mean over the roots of a run, as its report gives it; where a
solver ran several times on one scale, its line passes through the run in the middle. Other
libraries' points, from files of `sssp peers`, are hollow and their lines dashed. On the right a
dot is one search, a box the middle half of them with the median.
"""

from __future__ import annotations

import os
from pathlib import Path
from statistics import median_low
from typing import Any

from harness.console.errors import UsageError
from harness.reports.series import Point, Series, machines_of, series_of
from kernels.disk import replacing

# Okabe and Ito's colours, which colour-blind readers can distinguish; ours start from the front.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = "osD^v<>"
_TITLE = "Single-source shortest paths"
_OFFICIAL = f"{_TITLE}, Graph500 kernel 3"
_INK, _FAINT = "#333333", "#DDDDDD"
# Letters that fit beside each other above the axes, in the legend's size.
_LEGEND_LETTERS = 150
# Where the slowest search is this much slower than the fastest, the axis has to be logarithmic.
_WIDE = 8


def draw(
    results: list[dict[str, Any]], comparisons: list[dict[str, Any]], path: str | os.PathLike[str]
) -> bool:
    """Draw results of runs and records of comparisons; false if none can be shown.

    Parameters
    ----------
    results : list of dict
        As `harness.results.record.load` returns them; invalid ones are left out.
    comparisons : list of dict
        As `harness.peers.record.load` returns them; likewise.
    path : path
        Where the picture goes, a name in .png or .svg; a file there is replaced.

    Raises
    ------
    UsageError
        If matplotlib is missing, with what to install.
    OSError
        If the file cannot be written; nothing is left behind.
    """
    series = series_of(results, comparisons)
    if not series:
        return False
    try:
        from matplotlib import rc_context
    except ImportError as error:
        raise UsageError(
            f"--format {_form(path)}: {error}; install it: pip install 'sssp-bench[plot]', or "
            "pip install matplotlib"
        ) from error
    with rc_context({"text.parse_math": False, "text.usetex": False}):  # a name may hold $
        _save(_figure(series, _footnote(results, comparisons)), path)
    return True


def _figure(series: list[Series], footnote: str) -> Any:
    from matplotlib.figure import Figure

    rows = _rows(series)
    figure = Figure(figsize=(12, max(5.0, 1.9 + 0.3 * len(rows))), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1))
    styles = {one.label: _style(i, one) for i, one in enumerate(series)}
    _draw_means(left, series, styles)
    _draw_searches(right, rows, styles)
    figure.legend(
        *left.get_legend_handles_labels(),
        loc="outside upper center",
        ncols=min(3, max(1, _LEGEND_LETTERS // max(len(_legend(one)) + 6 for one in series))),
        fontsize=9,
        frameon=False,
        labelcolor=_INK,
        title=_OFFICIAL if all(p.official for one in series for p in one.points) else _TITLE,
        title_fontsize=13,
    )
    figure.supxlabel(footnote, fontsize=8, color=_INK)
    return figure


def _rows(series: list[Series]) -> list[tuple[Series, Point]]:
    """Return what the right side shows: the runs; without any, what was compared."""
    rows = [(one, point) for one in series for point in one.points]
    return [row for row in rows if not row[1].compared] or rows


def _style(i: int, series: Series) -> dict[str, Any]:
    colour = _COLOURS[i % len(_COLOURS)]
    return {
        "color": colour,
        "marker": _MARKERS[(i + i // len(_COLOURS)) % len(_MARKERS)],  # a colour comes again
        "markerfacecolor": colour if series.ours else "white",
        "linestyle": "-" if series.ours else (0, (4, 3)),
    }


def _draw_means(axes: Any, series: list[Series], styles: dict[str, dict[str, Any]]) -> None:
    from matplotlib.ticker import MaxNLocator

    for one in series:
        style = styles[one.label]
        scales = [point.scale for point in one.points]
        axes.plot(*line_of(one), **style | {"marker": ""}, linewidth=1.6)
        means = [point.mean for point in one.points]
        axes.plot(scales, means, **style | {"linestyle": ""}, markersize=7, markeredgewidth=1.5)
        axes.plot([], [], **style, label=_legend(one), linewidth=1.6, markersize=7)
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.margins(x=0.08, y=0.12)
    _widen_to_a_decade(axes)
    label_teps(axes.yaxis)
    _dress(axes, "Harmonic mean over the roots", "y")
    axes.set_xlabel("scale (log₂ of the vertices)", color=_INK)
    axes.set_ylabel("TEPS (traversed edges per second)", color=_INK)


def line_of(series: Series) -> tuple[list[float], list[float]]:
    """Return scales and TEPS of a line through measured points, one for each scale."""
    scales = sorted({point.scale for point in series.points})
    means = [median_low(p.mean for p in series.points if p.scale == scale) for scale in scales]
    return scales, means


def _legend(series: Series) -> str:
    return f"{series.label} ({series.note})"


def _widen_to_a_decade(axes: Any) -> None:
    """Let a logarithmic axis span a decade at least, so that it has figures to read."""
    low, high = axes.get_ylim()
    if high < 10 * low:
        middle = (low * high) ** 0.5
        axes.set_ylim(middle / 10**0.5, middle * 10**0.5)


def _draw_searches(
    axes: Any, rows: list[tuple[Series, Point]], styles: dict[str, dict[str, Any]]
) -> None:
    labels, places, y = [], [], 0.0
    for i, (series, point) in enumerate(rows):
        if i > 0:
            y += 1.0 if series is rows[i - 1][0] else 1.5
        places.append(y)
        colour = styles[series.label]["color"]
        count = len(point.rates)
        # A spread that is the same each time: dots of equal rates stay apart.
        heights = [y + 0.26 * (((j * 0.618034) % 1) * 2 - 1) for j in range(count)]
        axes.plot(
            point.rates, heights, ".", color=colour, markersize=5, alpha=0.45, markeredgewidth=0
        )
        _draw_box(axes, y, point, colour)
        labels.append(_row_label(series, point))
    slowest = min(min(point.rates) for _, point in rows)
    fastest = max(max(point.rates) for _, point in rows)
    if fastest > _WIDE * slowest:
        axes.set_xscale("log")
        axes.set_xlim(slowest / 1.15, fastest * 1.15)  # a box ends where its searches do
    else:
        axes.set_xlim(0, fastest * 1.06)
    axes.set_yticks(places, labels, fontsize=9)
    axes.set_ylim(max(y, 5) + 0.6, -0.6)
    label_teps(axes.xaxis)
    _dress(axes, "Every search", "x")
    axes.set_xlabel("TEPS (traversed edges per second)", color=_INK)


def _draw_box(axes: Any, y: float, point: Point, colour: str) -> None:
    """Draw the middle half and the median."""
    low, middle, high = point.teps.firstquartile, point.teps.median, point.teps.thirdquartile
    axes.barh(
        y, high - low, left=low, height=0.62, facecolor="none", edgecolor=colour, linewidth=1.2
    )
    axes.plot([middle, middle], [y - 0.31, y + 0.31], color=colour, linewidth=2.4)


def _row_label(series: Series, point: Point) -> str:
    unchecked = "" if point.checked else ", not validated"
    scale = f"scale {point.scale}, " if point.official else ""
    return f"{scale}{series.short}{unchecked}"


def label_teps(axis: Any) -> None:
    """Let an axis have TEPS with prefixes, and figures where it is logarithmic."""
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

    axis.set_major_formatter(EngFormatter(sep=" "))
    if axis.get_scale() == "log":
        low, high = axis.get_view_interval()
        subs = (1.0, 2.0, 5.0) if high < 100 * low else (1.0, 3.0)
        axis.set_major_locator(LogLocator(subs=subs, numticks=12))
        axis.set_minor_formatter(NullFormatter())


def _dress(axes: Any, title: str, grid: str) -> None:
    axes.set_title(title, loc="left", fontsize=11, color=_INK)
    axes.grid(axis=grid, color=_FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(which="both", length=0, colors=_INK)


def _footnote(results: list[dict[str, Any]], comparisons: list[dict[str, Any]]) -> str:
    machines = machines_of([*results, *comparisons])
    where = f"{machines[0]}. " if len(machines) == 1 else ""
    return f"{where}Edges: those of the root's component, without self loops."


def _form(path: str | os.PathLike[str]) -> str:
    """Return the format that a name ends in: png, svg."""
    return Path(path).suffix.lower().removeprefix(".")


def _save(figure: Any, path: str | os.PathLike[str]) -> None:
    """Write a figure; the same figure makes the same bytes."""
    import matplotlib

    form = _form(path)
    # Text as text: smaller than outlines, and found by a search. The ids of an SVG are else random.
    settings: Any = {"svg.fonttype": "none", "svg.hashsalt": _TITLE}
    undated = {"metadata": {"Date": None}} if form == "svg" else {}
    with matplotlib.rc_context(settings), replacing(path) as file:
        figure.savefig(file, format=form, facecolor="white", **undated)
