"""Shared: a whole record of `sssp peers` with made-up figures."""

from __future__ import annotations

from typing import Any

from example_result import example


def row(name: str, threads: int, seconds: list[float]) -> dict[str, Any]:
    return {
        "name": name,
        "version": "1.0",
        "threads": threads,
        "parents": True,
        "choices": None,
        "conversion_seconds": 1.5,
        "seconds": seconds,
        "disagreements": [],
    }


def record(**changes: Any) -> dict[str, Any]:
    """Return a record of scale 10: ours on 1 and 2 threads, and SciPy, from two roots."""
    solvers = [row("sssp-bench", 1, [0.5, 0.5]), row("sssp-bench", 2, [0.25, 0.25])]
    solvers.append(row("scipy", 1, [10.0, 11.0]))
    same = ("graph", "machine", "versions", "commit", "dirty", "argv", "started")
    return {
        "peers_schema": 1,
        "status": "complete",
        "generation_seconds": 1.0,
        "roots": [3, 4],
        "m": [1000, 1000],
        "reached": [10, 10],
        "matrix_seconds": 0.5,
        "solvers": solvers,
        "one_shot": None,
        **{key: example()[key] for key in same},
        **changes,
    }


def presolved_rows() -> list[dict[str, Any]]:
    """Solvers of such a record, with ours presolved as well on 1 and 2 threads."""
    name = "sssp-bench presolved"
    return [*record()["solvers"], row(name, 1, [0.25, 0.25]), row(name, 2, [0.2, 0.2])]
