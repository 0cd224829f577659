"""The verdict on a result: is it valid, is it complete, is it a submission?

Rules: Graph500 specification V2.0 (64 searches, edge factor 16, every answer validated); a run
with an invalid answer has no figures at all.
"""

from __future__ import annotations

from typing import Any

SEARCHES = 64
EDGEFACTOR = 16


def failures(result: dict[str, Any]) -> list[str]:
    """Return what the validation found, a line for each broken rule; empty for a valid result.

    A line names the search (its place in `searches`, from 0), its root, the rule and the first
    vertex. While there is one, nothing derived from the result may be printed.
    """
    lines = []
    for i, search in enumerate(result["searches"]):
        if search["valid"] is False:
            found = search["violations"] or ["invalid; the result does not say why"]
            lines += [f"search {i} (root {search['root']}): {violation}" for violation in found]
    if result["status"] == "invalid" and not lines:
        lines = ["the run is marked invalid; no search says why"]
    return lines


def incompleteness(result: dict[str, Any]) -> str | None:
    """Return e.g. 'incomplete: 12 of 64 searches'; None for a run that went to its end."""
    if result["status"] != "incomplete":
        return None
    return f"incomplete: {len(result['searches'])} of {result['roots_requested']} searches"


def longest(result: dict[str, Any], key: str) -> float:
    """Return the longest of the times `key` of a run's parts: stopping must not flatter it."""
    return max(part[key] for part in parts(result))


def parts(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what holds the facts of each part of a run; one that ran in one go is its own."""
    return [result, *result.get("resumed", ())]


# Of machine and sources: where parts of a run differ in one of these, they are not one benchmark.
MACHINE = ("cpu", "architecture", "cores", "gpu")


def differing_parts(result: dict[str, Any]) -> list[str]:
    """Return in what the parts of a resumed run differ, a clause for each."""
    whole = parts(result)
    machines = [[part["machine"].get(key) for key in MACHINE] for part in whole]
    sources = [(part["commit"], part["versions"].get("sssp-bench")) for part in whole]
    clauses = []
    if any(machine != machines[0] for machine in machines):
        clauses.append("resumed on another machine")
    if any(source != sources[0] for source in sources):
        clauses.append("resumed with other sources")
    return clauses


def submission_problems(result: dict[str, Any]) -> list[str]:
    """Return why a result is not a Graph500 submission, a clause for each reason; empty: it may be.

    The size of the graph is free, and so are the seeds.
    """
    problems = []
    if failures(result):
        problems.append("invalid")
    stopped = incompleteness(result)
    if stopped:
        problems.append(stopped)
    searches = result["searches"]
    if result.get("flags", {}).get("root"):
        problems.append("the roots were given, not drawn as search keys")
    if len(searches) < SEARCHES:
        ran = f"only {len(searches)} searches" if len(searches) != 1 else "only 1 search"
        problems.append(f"{ran} ran, {SEARCHES} are asked for")
    unchecked = sum(search["valid"] is None for search in searches)
    if unchecked == len(searches):
        problems.append("not validated")
    elif unchecked:
        problems.append(f"{unchecked} of {len(searches)} searches were not validated")
    graph = result["graph"]
    if graph["file"] is not None:
        problems.append("the graph comes from a file, not from the official generator")
    elif graph["edgefactor"] != EDGEFACTOR:
        problems.append(f"the edge factor is {graph['edgefactor']:g}, not {EDGEFACTOR}")
    return problems + differing_parts(result)
