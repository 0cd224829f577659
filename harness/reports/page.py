"""Results as one page of HTML: it opens offline, runs no script, and holds the raw files."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import PurePath
from typing import Any
from xml.etree.ElementTree import Element

from harness.peers import record as peer_record
from harness.reports import sketches, text
from harness.reports.facts import Facts
from harness.reports.html import document, table, tag
from harness.reports.series import Series, series_of
from harness.reports.summary import Summary, summary_of
from harness.results import record as results
from harness.results.submission import submission_problems

Named = Sequence[tuple[str, dict[str, Any]]]

# Of a run with more, the page shows the first; the raw file has all.
_ROWS = 256
NO_PICTURES = "no pictures: matplotlib is not installed (pip install 'sssp-bench[plot]')"


def render_page(runs: Named, comparisons: Named = ()) -> bytes:
    """Return the page.

    Parameters
    ----------
    runs : sequence of (name, result)
        Names of files, and what `harness.results.record.load` returns.
    comparisons : sequence of (name, record)
        The same of `harness.peers.record.load`.
    """
    summaries = [summary_of(result) for _, result in runs]
    title = summaries[0].title if len(runs) == 1 and not comparisons else "sssp-bench report"
    drawn = sketches.can_draw()
    series = series_of([r for _, r in runs], [r for _, r in comparisons])
    several = len(runs) + len(comparisons) > 1
    style = files("harness.reports").joinpath("page.css").read_text(encoding="utf-8")
    return document(
        title,
        style,
        tag("h1", "Graph500 kernel 3, single-source shortest paths"
            if all(r["graph"]["file"] is None for _, r in [*runs, *comparisons])
            else "Single-source shortest paths"),
        None if drawn else tag("p", NO_PICTURES, class_="warning"),
        _overview(runs, summaries) if len(runs) > 1 else None,
        _scales(series) if several and series and drawn else None,
        *(_run(i, *run, summary, drawn)
          for i, (run, summary) in enumerate(zip(runs, summaries, strict=True), 1)),
        *(_comparison(*comparison) for comparison in comparisons),
        tag("p", "TEPS: input edges of the root's component, without self loops, over the seconds "
            "of a search. The harmonic mean is over all searches.", class_="soft"),
    )  # fmt: skip


def _overview(runs: Named, summaries: list[Summary]) -> Element:
    header = ("run", "verdict", "harmonic mean", "± error", "construction", "date", "submission")
    rows = []
    for i, ((_, result), summary) in enumerate(zip(runs, summaries, strict=True), 1):
        teps = summary.teps
        rates = [teps.harmonic_mean, teps.harmonic_stddev] if teps else []
        shown = [text.teps(rate) for rate in rates] or ["-", "-"]
        built = text.duration(result["construction_seconds"])
        name = f"{i}. {summary.title}"
        may = "no" if submission_problems(result) else "may be"
        rows.append([name, summary.verdict, *shown, built, result["started"][:10], may])
    return tag("section", tag("h2", "Runs"), table(header, rows))


def _scales(series: list[Series]) -> Element:
    legend = []
    for i, one in enumerate(series):
        colour, letter = sketches.symbol(i, one)
        swatch = tag("span", letter, style=f"color: {colour}")
        legend.append(tag("li", swatch, f" {one.label} ({one.note})"))
    picture = tag("div", sketches.against_scale(series), class_="card scales")
    below = tag("ul", *legend, class_="legend")
    return tag("section", tag("h2", "TEPS against scale"), picture, below)


def _run(i: int, name: str, result: dict[str, Any], summary: Summary, drawn: bool) -> Element:
    searches = result["searches"]
    return tag(
        "section",
        tag("h2", summary.title),
        _verdict(summary),
        tag("div", *(_pictures(i, result, summary) if drawn else ()), class_="grid"),
        tag("div", *(_card(title, facts) for title, facts in summary.groups.items()),
            class_="facts"),
        _places(result),
        _searches(searches, summary) if searches else None,
        _download(name, result),
        id=f"run-{i}",
    )  # fmt: skip


def _verdict(summary: Summary) -> Element:
    figure = None
    if summary.teps is not None:
        mean = f"{text.teps(summary.teps.harmonic_mean)} "
        error = f"± {text.teps(summary.teps.harmonic_stddev)}, harmonic mean and its error"
        figure = tag("p", mean, tag("span", error, class_="soft"), class_="figure")
    wrong = [tag("li", line, class_="bad") for line in summary.failures[:_ROWS]]
    return tag(
        "div",
        tag("p", summary.verdict, class_="state"),
        figure,
        tag("p", summary.claim),
        *(tag("p", f"Warning: {warning}", class_="warning") for warning in summary.warnings),
        tag("ul", *wrong) if wrong else None,
        class_=f"verdict {summary.standing}",
    )


def _pictures(i: int, result: dict[str, Any], summary: Summary) -> Iterator[Element]:
    seconds = [search["seconds"] for search in result["searches"]]
    if seconds and summary.teps is not None:
        yield _picture("Searches in run order", sketches.in_run_order(seconds, f"r{i}-order"))
        yield _picture("Searches, sorted", sketches.in_sorted_order(seconds, f"r{i}-sorted"))
    steps = result.get("steps", {}).get("seconds")
    if steps and summary.teps is not None:
        whole = sum(steps.values()) or 1
        label = "Where the time of a search goes"
        found = sketches.bars(
            steps, lambda s: f"{text.duration(s)}, {s / whole:.0%}", label, f"r{i}-steps"
        )
        note = f"mean of {result['steps']['searches']} searches that are not timed as a whole"
        yield _picture(label, found, note)
    parts = _exchanged(result)
    if parts and summary.teps is not None:
        label = "Sent from rank to rank in a search"
        yield _picture(label, sketches.bars(parts, text.size, label, f"r{i}-bytes"))


def _exchanged(result: dict[str, Any]) -> dict[str, float]:
    """Return the mean bytes of a search by what they were for."""
    parts = [s["exchange"].get("parts", {}) for s in result["searches"] if "exchange" in s]
    names = list(dict.fromkeys(name for one in parts for name in one))[:16]
    return {name: sum(one.get(name, 0) for one in parts) / len(parts) for name in names}


def _picture(title: str, picture: Element, note: str | None = None) -> Element:
    below = None if note is None else tag("p", note, class_="soft")
    return tag("div", tag("h3", title), picture, below, class_="card")


def _card(title: str, facts: Facts) -> Element:
    pairs = [found for label, value in facts for found in (tag("dt", label), tag("dd", value))]
    return tag("div", tag("h3", title), tag("dl", *pairs), class_="card")


def _places(result: dict[str, Any]) -> Element | None:
    places = result.get("ranks", {}).get("places")
    if not places:
        return None
    rows = [
        [str(rank), place["host"], str(place.get("threads", "-")), place.get("cores") or "-"]
        for rank, place in enumerate(places[:_ROWS])
    ]
    found = table(("rank", "host", "threads", "cores"), rows, numbers=False)
    return _folded(f"Where the {text.count(len(places), 'rank')} were", found, len(places))


def _searches(searches: list[dict[str, Any]], summary: Summary) -> Element:
    header = ("search", "root", "time", "edges", "MTEPS", "rounds", "arcs", "validated", "switches",
              "stolen", "distances")  # fmt: skip
    rows = []
    for i, search in enumerate(searches[:_ROWS]):
        valid = {True: "yes", False: "NO", None: "not checked"}[search["valid"]]
        rated = summary.teps is not None and search["seconds"] > 0
        rate = f"{search['m'] / search['seconds'] / 1e6:.4g}" if rated else "-"
        noise = search.get("noise", {})
        rows.append([
            str(i), str(search["root"]), text.duration(search["seconds"]), str(search["m"]), rate,
            str(search["phases"]), str(search["arcs"]), valid,
            _or_dash(noise.get("involuntary_switches")), _or_dash(noise.get("steal_seconds")),
            search.get("dist_digest") or "-",
        ])  # fmt: skip
    return _folded(f"Each search ({len(searches)})", table(header, rows), len(searches))


def _or_dash(value: object) -> str:
    return "-" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)


def _folded(title: str, found: Element, rows: int) -> Element:
    cut = None if rows <= _ROWS else tag("p", f"The first {_ROWS}; the raw file has all {rows}.")
    return tag("details", tag("summary", title), found, cut)


def _comparison(name: str, record: dict[str, Any]) -> Element:
    failures = peer_record.failures(record)
    lines = tag("ul", *(tag("li", line, class_="bad") for line in failures[:_ROWS]))
    if not failures:
        ours = peer_record.times(peer_record.yardstick(record)).median
        rows = []
        for row in record["solvers"]:
            median = peer_record.times(row).median
            ratio = f"{median / ours:.3g}" if ours else "-"
            rows.append([row["name"], row["version"] or "-", str(row["threads"]),
                         text.duration(median), ratio])  # fmt: skip
        header = ("solver", "version", "threads", "median time", "ratio to sssp-bench")
        lines = table(header, rows)
    graph = record["graph"]
    where = graph["file"] if graph["scale"] is None else f"scale {graph['scale']}"
    title = f"Other libraries in turn, {where}, {text.count(len(record['roots']), 'root')}"
    return tag("section", tag("h2", title), lines, _download(name, record))


def _download(name: str, record: dict[str, Any]) -> Element:
    """Return a link that holds the raw file itself."""
    raw = base64.b64encode(results.text(record)).decode()
    link = tag(
        "a", "the raw figures (JSON)", download=PurePath(name).name or "result.json",
        href=f"data:application/json;base64,{raw}",
    )  # fmt: skip
    return tag("p", "Download ", link, f" of {name}")
