"""Whether a run had its machine for itself, judged by its own searches.

Searches that traverse the same edges do much the same work from any root. Where one of them takes
many times as long as another, the graph is not the reason: something else ran on the machine.
"""

from __future__ import annotations

from typing import Any

# No graph makes so much of a difference between roots of one component.
APART = 20
# What any machine loses to an interrupt; a search that lost less says nothing.
LOST_SECONDS = 0.005


def shared(result: dict[str, Any]) -> str | None:
    """Return e.g. 'the machine was shared: ...' with the two searches; None if nothing shows it."""
    fastest: dict[int, dict[str, Any]] = {}
    for search in result["searches"]:
        known = fastest.setdefault(search["m"], search)
        if search["seconds"] < known["seconds"]:
            fastest[search["m"]] = search
    for search in sorted(result["searches"], key=lambda search: -search["seconds"]):
        least = fastest[search["m"]]
        slow, quick = search["seconds"], least["seconds"]
        if slow >= APART * quick > 0 and slow - quick >= LOST_SECONDS:
            return (
                f"the machine was shared: root {search['root']} took {slow / quick:.0f} times as "
                f"long as root {least['root']}, with the same edges{_lost(result)}"
            )
    return None


def switches(result: dict[str, Any]) -> int | None:
    """Return the involuntary context switches of all searches; None where none were counted."""
    return _total(result, "involuntary_switches")


def steal(result: dict[str, Any]) -> float | None:
    """Return the seconds stolen during all searches; None where they were not counted."""
    return _total(result, "steal_seconds")


def highest_load(result: dict[str, Any]) -> float | None:
    """Return the highest load at the start of a search; None where it was not read."""
    return max(_values(result, "load"), default=None)


def _values(result: dict[str, Any], key: str) -> list[Any]:
    found = (search.get("noise", {}).get(key) for search in result["searches"])
    return [value for value in found if value is not None]


def _total(result: dict[str, Any], key: str) -> Any:
    values = _values(result, key)
    return sum(values) if values else None


def _lost(result: dict[str, Any]) -> str:
    switched, stolen = switches(result), steal(result)
    known = [] if switched is None else [f"{switched} involuntary context switches"]
    known += [] if stolen is None else [f"{stolen:.2g} s stolen"]
    return f" ({', '.join(known)} in all searches)" if known else ""
