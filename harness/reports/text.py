"""Figures as people read them: counts, rates, bytes, seconds, where and by what a run searched."""

from __future__ import annotations

from typing import Any

_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_UNITS = ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))
_SHORTER = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))


def count(n: int, noun: str) -> str:
    """Return '1 thread', '2 threads'."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def with_prefix(rate: float) -> str:
    """Return 34036800.0 as '34.04 M'."""
    for factor, prefix in _PREFIXES:
        if rate >= factor:
            return f"{rate / factor:.4g} {prefix}"
    return f"{rate:.4g}"


def teps(rate: float) -> str:
    """Return 34036800.0 as '34.04 MTEPS', and 415.8 as '415.8 TEPS'."""
    figure = with_prefix(rate)
    return f"{figure}TEPS" if figure[-1].isalpha() and " " in figure else f"{figure} TEPS"


def size(n: float) -> str:
    """Return 3145728 as '3 MiB'."""
    for unit, name in _UNITS:
        if n >= unit:
            return f"{n / unit:.3g} {name}"
    return f"{n:.0f} B"


def duration(seconds: float) -> str:
    """Return 0.00991 as '9.91 ms'."""
    for unit, name in _SHORTER:
        if seconds >= unit:
            return f"{seconds / unit:.4g} {name}"
    return f"{seconds * 1e6:.4g} µs" if seconds else "0 s"


def machine(facts: dict[str, Any]) -> str:
    """Return processor, cores and GPU of a machine; '-' where nothing is known."""
    parts = [facts.get("cpu"), facts.get("gpu")]
    if facts.get("cores"):
        parts.insert(1, count(facts["cores"], "core"))
    return ", ".join(str(part) for part in parts if part) or "-"


def engine(result: dict[str, Any]) -> str:
    """Return what searched: 'cpu, 2 threads, 4 ranks on 2 machines, presolved'."""
    solver = result["solver"]
    parts = [solver["engine"]]
    if solver["threads"]:
        parts.append(count(solver["threads"], "thread"))
    if result["num_mpi_processes"] > 1:
        parts.append(ranks(result))
    if solver.get("presolve"):
        parts.append("presolved")
    return ", ".join(parts)


def hosts(result: dict[str, Any]) -> list[str]:
    """Return the machines of a run's ranks, each once; empty for one process."""
    places = result.get("ranks", {}).get("places", ())
    return list(dict.fromkeys(place["host"] for place in places))


def ranks(result: dict[str, Any]) -> str:
    """Return '4 ranks', or '4 ranks on 2 machines'."""
    several, machines = count(result["num_mpi_processes"], "rank"), len(hosts(result))
    return several if machines < 2 else f"{several} on {machines} machines"


def validated(searches: list[dict[str, Any]]) -> str:
    """Return 'yes', 'no' or '60 of 64'."""
    checked = sum(search["valid"] is not None for search in searches)
    if 0 < checked < len(searches):
        return f"{checked} of {len(searches)}"
    return "yes" if checked else "no"


def commit(result: dict[str, Any]) -> str:
    """Return the first digits of the commit, and whether files differed from it."""
    if not result["commit"]:
        return "-"
    return f"{result['commit'][:10]}{', dirty' if result['dirty'] else ''}"
