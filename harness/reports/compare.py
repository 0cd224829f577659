"""Two sides compared: what stands against it, are the answers equal, is B faster or slower?

A side is one run or several of one configuration. Everything here is derived; `compare_formats`
spells it out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

import numpy as np

from harness.console.errors import UsageError
from harness.reports.measured import Measured
from harness.reports.ratio import Ratio, per_root, ratio_of, verdict
from harness.results.statistics import summarize, summarize_teps

DIFFERENT = "different answers"
# Where one of these differs, so do the answers.
_QUESTION = ("graph", "seeds")
# No search is as quick or as slow; its ratio to another one would not be a number.
_QUICKEST, _SLOWEST = 1e-12, 1e12

Side = tuple[Measured, ...]


class Figure(NamedTuple):
    """One figure of both sides, the median over a side's runs; None where it was not measured."""

    name: str
    unit: str
    a: float | None
    b: float | None


@dataclass(frozen=True)
class Comparison:
    """One configuration on both sides.

    a, b         the runs of each side
    obstacles    what makes their times not comparable, a clause each; empty as a rule
    differences  what else differs, and may explain the ratio
    roots        those that all runs have searched
    left_out     roots that not all of them have searched
    proved       of `roots`, those whose distances every run has a fingerprint of, all equal
    unequal      a line for each root whose answers differ
    asked_alike  graph and seeds are the same, so that answers have to be
    ratios       of each root, in the order of `roots`
    ratio        of all; None where answers differ
    verdict      same, faster, slower, undecided, or different answers
    figures      of both sides, over `roots`
    """

    a: Side
    b: Side
    obstacles: list[str]
    differences: list[str]
    roots: list[int]
    left_out: int
    proved: int
    unequal: list[str]
    asked_alike: bool
    ratios: list[float]
    ratio: Ratio | None
    verdict: str
    figures: list[Figure]


def paired(a: Sequence[Measured], b: Sequence[Measured]) -> tuple[list[tuple[Side, Side]], Side]:
    """Return the runs of both sides by configuration, and those without a partner.

    Where each side has a single configuration they are a pair, whatever differs.
    """
    groups_a, groups_b = _grouped(a), _grouped(b)
    if len(groups_a) == len(groups_b) == 1:
        return [(tuple(a), tuple(b))], ()
    pairs = [(groups_a[key], groups_b[key]) for key in groups_a if key in groups_b]
    left = [runs for key, runs in groups_a.items() if key not in groups_b]
    left += [runs for key, runs in groups_b.items() if key not in groups_a]
    return pairs, tuple(run for runs in left for run in runs)


def _grouped(side: Iterable[Measured]) -> dict[tuple[str, ...], Side]:
    groups: dict[tuple[str, ...], Side] = defaultdict(tuple)
    for one in side:
        groups[one.configuration] += (one,)
    return groups


def compare(a: Side, b: Side, margin: float) -> Comparison:
    """Compare two sides; `margin` as in `harness.reports.ratio.verdict`.

    Raises
    ------
    UsageError
        If there is no root that all runs have searched, or a time of which there is no ratio.
    """
    roots, left_out = _common_roots((*a, *b))
    against = _obstacles(a, b)
    asked_alike = not any(name in _QUESTION for name, _ in against)
    unequal = _unequal((*a, *b), roots) if asked_alike else []
    seconds_a, seconds_b = _seconds(a, roots), _seconds(b, roots)
    ratio = None if unequal else ratio_of(seconds_a, seconds_b)
    return Comparison(
        a,
        b,
        [line for _, line in against],
        [line for _, line in _unlike([r.details for r in a], [r.details for r in b])],
        roots,
        left_out,
        sum(_proved((*a, *b), root) for root in roots) if asked_alike and not unequal else 0,
        unequal,
        asked_alike,
        [] if unequal else per_root(seconds_a, seconds_b).tolist(),
        ratio,
        DIFFERENT if ratio is None else verdict(ratio, margin),
        _figures(a, b, roots),
    )


def obstacles(a: Side, b: Side) -> list[str]:
    """Return what makes the times of two sides not comparable, a clause each."""
    return [line for _, line in _obstacles(a, b)]


def _obstacles(a: Side, b: Side) -> list[tuple[str, str]]:
    return _unlike([run.identity for run in a], [run.identity for run in b])


def _common_roots(runs: Side) -> tuple[list[int], int]:
    first, *others = (run.searches.keys() for run in runs)
    roots = [root for root in first if all(root in other for other in others)]
    if not roots:
        paths = " and ".join(dict.fromkeys(run.path for run in runs))
        raise UsageError(f"{paths}: no search key in common, so there is nothing to pair")
    return roots, len(set(first).union(*others)) - len(roots)


def _unlike(a: list[dict[str, str]], b: list[dict[str, str]]) -> list[tuple[str, str]]:
    """Return the names whose values are not the same in all runs, with a line that says so."""
    lines = []
    for name in dict.fromkeys(key for run in (*a, *b) for key in run):
        sides = [sorted({run.get(name, "none") for run in side}) for side in (a, b)]
        if len({value for side in sides for value in side}) > 1:
            in_a, in_b = (" and ".join(value or "unknown" for value in side) for side in sides)
            lines.append((name, f"{name}: {in_a} in A, {in_b} in B"))
    return lines


def _unequal(runs: Side, roots: list[int]) -> list[str]:
    """Return a line for each root to which two runs have different answers."""
    lines = []
    for root in roots:
        for name in ("dist_digest", "reached", "m"):
            found: dict[object, str] = {}  # each value, with the first file that has it
            for run in runs:
                found.setdefault(getattr(run.searches[root], name), run.path)
            found.pop(None, None)
            if len(found) > 1:
                values = ", ".join(f"{value} in {path}" for value, path in found.items())
                lines.append(f"root {root}: {name} is {values}")
                break
    return lines


def _proved(runs: Side, root: int) -> bool:
    return all(run.searches[root].dist_digest for run in runs)


def _seconds(side: Side, roots: list[int]) -> np.ndarray:
    """Return the seconds of a side's searches, float64 (runs, roots)."""
    for run in side:
        for root in roots:
            seconds = run.searches[root].seconds
            if not _QUICKEST < seconds < _SLOWEST:
                raise UsageError(f"{run.path}: root {root}: {seconds:g} s give no ratio")
    return np.array([[run.searches[root].seconds for root in roots] for run in side])


def _figures(a: Side, b: Side, roots: list[int]) -> list[Figure]:
    """Return what stands beside the ratio; TEPS and the search over the paired roots only."""
    rows = [
        ("search, median", "s", _median_search),
        ("harmonic mean", "TEPS", _harmonic_mean),
        ("construction", "s", lambda run, _: run.construction),
        ("memory, peak", "bytes", lambda run, _: run.memory),
        ("component energy of a loop", "J", lambda run, _: run.energy and run.energy.joules),
    ]
    found = []
    for name, unit, read in rows:
        of_a, of_b = (_middle(read(run, roots) for run in side) for side in (a, b))
        if of_a is not None or of_b is not None:
            found.append(Figure(name, unit, of_a, of_b))
    return found


def _middle(values: Iterable[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return median(there) if there else None


def _median_search(run: Measured, roots: list[int]) -> float:
    return summarize([run.searches[root].seconds for root in roots]).median


def _harmonic_mean(run: Measured, roots: list[int]) -> float:
    searches = [run.searches[root] for root in roots]
    return summarize_teps([s.seconds for s in searches], [s.m for s in searches]).harmonic_mean
