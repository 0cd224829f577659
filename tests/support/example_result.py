"""Shared: a whole result with made-up figures."""

from __future__ import annotations

from typing import Any


def search(root: int = 5, seconds: float = 0.25, m: int = 16239, **changes: Any) -> dict[str, Any]:
    return {
        "root": root,
        "seconds": seconds,
        "m": m,
        "m_with_self_loops": m + 144,
        "reached": 897,
        "dist_digest": f"{root:016x}",
        "valid": True,
        "validate_seconds": 0.125,
        "phases": 11,
        "arcs": 1234,
        "noise": {"involuntary_switches": 2, "steal_seconds": 0.25, "load": 1.5},
        "violations": [],
    } | changes


def example(searches: list[dict[str, Any]] | None = None, **changes: Any) -> dict[str, Any]:
    """Return a result of scale 10 with 64 valid searches, or the given ones."""
    if searches is None:
        searches = [search(root, 0.25 + root / 1024) for root in range(64)]
    return {
        "schema": 1,
        "status": "complete",
        "flags": {"scale": 10, "seed": [2, 3], "roots": 64, "delta": None},
        "graph": {
            "scale": 10,
            "edgefactor": 16,
            "seed": [2, 3],
            "n": 1024,
            "edges": 16384,
            "arcs": 20914,
            "file": None,
            "sha256": None,
            "directed": False,
            "weight_dtype": "float32",
        },
        "generation_seconds": 0.5,
        "construction_seconds": 0.0625,
        "regeneration_seconds": 0,
        "edges_kept": True,
        "solver": {
            "engine": "cpu",
            "delta": 0.0125,
            "switch": 0.05,
            "threads": 2,
            "threading_layer": "omp",
        },
        "num_mpi_processes": 1,
        "roots_requested": 64,
        "searches": searches,
        "validated": True,
        "check": None,
        "memory": {
            "promised_bytes": 2**30,
            "promised_device_bytes": None,
            "peak_bytes": 2**29,
        },
        "steps": {"searches": 8, "seconds": {"push": 0.125, "pull": 0.0625, "other": 0.03125}},
        "machine": {"cpu": "Model | 3000", "cores": 2, "memory_bytes": 2**34, "system": "Linux"},
        "versions": {"sssp-bench": "0.1.0", "python": "3.11.2", "mpi4py": None},
        "commit": "0123456789abcdef0123456789abcdef01234567",
        "dirty": False,
        "argv": ["sssp", "run", "--scale", "10"],
        "started": "2025-06-01T12:00:00Z",
    } | changes


def resumed(before: int = 20, **changes: Any) -> dict[str, Any]:
    """Return a result whose searches from number `before` on belong to a second part."""
    result = example()
    keys = ["generation_seconds", "construction_seconds", "regeneration_seconds", "edges_kept"]
    keys += ["solver", "machine", "versions", "commit", "dirty", "argv", "started"]
    part = {"searches_before": before, **{key: result[key] for key in keys}}
    return result | {"resumed": [part | changes]}


def ranked(ranks: int = 2, **exchange: int) -> dict[str, Any]:
    """Return a result of several ranks."""
    sent = {"messages": 90, "bytes": 4096, "collectives": 58, "seconds": 0.0625}
    sent |= {"arcs_largest": 771, **exchange}
    searches = [search(root, 0.25 + root / 1024, exchange=sent) for root in range(64)]
    place = {"host": "node1", "threads": 4, "cores": "0-3"}
    where = {"library": "MPICH Version: 5.0.2", "places": [place] * ranks}
    return example(searches, num_mpi_processes=ranks, ranks=where)


def from_file(n: int = 1000, edges: int = 2500, file: str = "road, north.gr.gz") -> dict[str, Any]:
    """Return a result of a graph read from a file."""
    graph: dict[str, Any] = {
        "scale": None,
        "seed": None,
        "file": file,
        "sha256": "0f" * 32,
        "directed": True,
    }
    graph |= {"n": n, "edges": edges, "edgefactor": edges / n, "weight_dtype": "int64"}
    result = example()
    return result | {"graph": result["graph"] | graph}
