"""A comparison spelled out: as text, as Markdown for a pull request, as JSON for programs."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from graphs.memory import gib
from harness.console.escapes import markdown
from harness.reports.compare import DIFFERENT, Comparison, Figure, Side
from harness.reports.ratio import CONFIDENCE, FEWEST_PAIRS

FORMATS = ("text", "markdown", "json")
# Version of the JSON.
_FORMAT = 1
_UNEQUAL_SHOWN = 3
_COMMIT_DIGITS = 12

_ONE_RUN = (
    "One run a side: the interval holds the noise of single searches, and nothing that slows a\n"
    "whole run down (another job, a lower clock). Folders of several runs a side show that."
)


def render(comparisons: list[Comparison], margin: float, form: str) -> str:
    """Return the comparisons as 'text' or 'markdown', ending in a newline."""
    write = _markdown if form == "markdown" else _text
    parts = [write(each, margin) for each in comparisons]
    if len(comparisons) > 1:
        counts = Counter(each.verdict for each in comparisons)
        found = ", ".join(f"{count} {name}" for name, count in counts.items())
        parts.insert(0, f"{len(comparisons)} configurations: {found}\n")
    if any(each.ratio is not None and not each.ratio.of_runs for each in comparisons):
        parts.append(f"{_ONE_RUN}\n")
    return "\n".join(parts)


def as_json(comparisons: list[Comparison], margin: float, **facts: Any) -> str:
    """Return the comparisons as a JSON object, with `facts` of the whole.

    Parameters
    ----------
    comparisons : list of Comparison
    margin : float
    **facts
        Further keys at the top.
    """
    whole = {"compare_format": _FORMAT, "confidence": CONFIDENCE, "margin": margin, **facts}
    return json.dumps(whole | {"comparisons": [_plain(each) for each in comparisons]}, indent=1)


def headline(found: Comparison, margin: float) -> str:
    """Return the verdict with the figures it rests on, in one line."""
    ratio = found.ratio
    if ratio is None:
        return f"{DIFFERENT.upper()} to {len(found.unequal)} of {len(found.roots)} search keys"
    takes = f"{found.verdict}: B takes {ratio.value:#.4g} times as long as A"
    if ratio.low is None:
        return f"{takes}; no interval, as that takes {FEWEST_PAIRS} search keys in common"
    interval = f"{CONFIDENCE:.0%} interval {ratio.low:#.4g} to {ratio.high:#.4g}"
    return f"{takes}; {interval}, margin {100 * margin:.3g}%"


def _lines(found: Comparison) -> list[tuple[str, str]]:
    """Return what has to be known of a comparison, as names and clauses."""
    lines = [("compared", _subject(found))]
    lines += [(name, file) for name, side in (("A", found.a), ("B", found.b)) for file in _of(side)]
    lines.append(("answers", _answers(found)))
    lines += [("different", line) for line in found.unequal[:_UNEQUAL_SHOWN]]
    lines += [("not comparable", line) for line in found.obstacles]
    lines += [("differs", line) for line in found.differences]
    return lines


def _subject(found: Comparison) -> str:
    parts = [found.a[0].title, f"{len(found.roots)} search keys paired"]
    if found.left_out:
        parts.append(f"{found.left_out} left out, which not all files have")
    return "; ".join(parts)


def _of(side: Side) -> list[str]:
    return [
        "; ".join([f"{run.path} ({run.details['commit'][:_COMMIT_DIGITS]})", *run.remarks])
        for run in side
    ]


def _answers(found: Comparison) -> str:
    count = len(found.roots)
    if not found.asked_alike:
        return "not compared: other graphs or other seeds have other answers"
    if found.unequal:
        return f"DIFFERENT to {len(found.unequal)} of {count} search keys; times are not compared"
    if found.proved == count:
        return f"equal, shown by dist_digest for all {count} search keys"
    return (
        f"equal in m and vertices reached; {count - found.proved} of {count} search keys have no "
        "dist_digest in all files, so that distances may differ"
    )


def _rows(found: Comparison) -> list[tuple[str, str, str, str]]:
    return [(f.name, _value(f.a, f.unit), _value(f.b, f.unit), _of_a(f)) for f in found.figures]


def _of_a(figure: Figure) -> str:
    return f"{figure.b / figure.a:#.4g}" if figure.a and figure.b is not None else "-"


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    return gib(int(value)) if unit == "bytes" else f"{value:.4g} {unit}"


def _text(found: Comparison, margin: float) -> str:
    out = [headline(found, margin)]
    # A name with a line break in it stays on its line.
    out += [f"{name}: {' '.join(clause.split())}" for name, clause in _lines(found)]
    if found.ratio is not None:
        rows = [("", "A", "B", "B / A"), *_rows(found)]
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        out += [_padded(row, widths) for row in rows]
    return "\n".join([*out, ""])


def _padded(row: tuple[str, ...], widths: list[int]) -> str:
    first, *others = (
        cell.ljust(width) if i == 0 else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return "  ".join([first, *others])


def _markdown(found: Comparison, margin: float) -> str:
    out = [f"**{markdown(headline(found, margin))}**", ""]
    if found.ratio is not None:
        rows = [("", "A", "B", "B / A"), ("---", "---:", "---:", "---:"), *_rows(found)]
        out += [f"| {' | '.join(row)} |" for row in rows] + [""]
    out += [f"- {name}: {markdown(clause)}" for name, clause in _lines(found)]
    return "\n".join([*out, ""])


def _plain(found: Comparison) -> dict[str, Any]:
    return {
        "verdict": found.verdict,
        "ratio": None if found.ratio is None else found.ratio._asdict(),
        **{name: _side(runs) for name, runs in (("a", found.a), ("b", found.b))},
        "not_comparable": found.obstacles,
        "differences": found.differences,
        "answers": {
            "search_keys": len(found.roots),
            "left_out": found.left_out,
            "shown_equal": found.proved,
            "unequal": found.unequal,
        },
        "roots": found.roots,
        "ratios": found.ratios,
        "figures": [figure._asdict() for figure in found.figures],
    }


def _side(runs: Side) -> dict[str, Any]:
    first = runs[0]
    return {"files": [run.path for run in runs], **first.identity, **first.details}
