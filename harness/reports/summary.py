"""What a report says of one run: the verdict, the figures, and every fact with its label.

Only words and figures: formats that show them (a page of HTML, a sheet) add none of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.reports import text
from harness.reports.facts import Facts, groups
from harness.results import noise
from harness.results.statistics import TepsSummary, summarize_teps
from harness.results.submission import failures, submission_problems


@dataclass(frozen=True)
class Summary:
    """A run, in words.

    title       graph and solver
    standing    'valid', 'unchecked' or 'invalid'
    verdict     how many searches were found right
    claim       whether it may be submitted, or why not
    warnings    what else must be known before the figure is believed
    failures    what the validation found
    teps        statistics of the rates; None where nothing may be derived
    groups      facts by subject: label and value
    """

    title: str
    standing: str
    verdict: str
    claim: str
    warnings: list[str]
    failures: list[str]
    teps: TepsSummary | None
    groups: dict[str, Facts]


def summary_of(result: dict[str, Any]) -> Summary:
    """Return what a report says of a result."""
    searches, wrong = result["searches"], failures(result)
    teps = None
    if searches and not wrong:
        teps = summarize_teps([s["seconds"] for s in searches], [s["m"] for s in searches])
    problems = submission_problems(result)
    disturbed = noise.shared(result)
    dirty = "tracked files differed from the commit" if result["dirty"] else None
    standing, verdict = _verdict(result)
    return Summary(
        title=f"{graph_name(result)}: {text.engine(result)}",
        standing=standing,
        verdict=verdict,
        claim=f"Not a submission: {'; '.join(problems)}"
        if problems
        else "May be submitted: no rule of Graph500 stands against it",
        warnings=[warning for warning in (disturbed, dirty) if warning],
        failures=wrong,
        teps=teps,
        groups={title: facts for title, facts in groups(result, teps) if facts},
    )


def graph_name(result: dict[str, Any]) -> str:
    """Return 'Scale 20', or the name of the graph's file."""
    graph = result["graph"]
    return graph["file"] if graph["scale"] is None else f"Scale {graph['scale']}"


def _verdict(result: dict[str, Any]) -> tuple[str, str]:
    searches, asked = result["searches"], result["roots_requested"]
    wrong = sum(search["valid"] is False for search in searches)
    right = sum(search["valid"] is True for search in searches)
    if failures(result):
        return "invalid", f"Invalid: {wrong} of {_searches(len(searches))} gave a wrong answer"
    ran = "" if len(searches) >= asked else f"; {asked} were asked for"
    if not searches or right < len(searches):
        return "unchecked", f"{right} of {_searches(len(searches))} validated{ran}"
    return "valid", f"Valid: {right} of {_searches(len(searches))} validated{ran}"


def _searches(n: int) -> str:
    return f"{n} search" if n == 1 else f"{n} searches"
