"""The benchmark's one way: edges -> CSR (timed) -> search keys -> warm-up -> searches (timed).

Source: Graph500 specification V2.0, sections 2 and 6. Construction is timed around kernel 1 and
whatever the solver prepares from the graph. Generating edges is no part of it: where they do not
fit and are generated over and over, the seconds spent on it are taken out and recorded by
themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING, Any

from harness.errors import UsageError
from harness.machine import git_state, machine_facts, versions
from harness.progress import Progress
from harness.results import SCHEMA
from harness.source import OfficialGraph, Opened, Source

if TYPE_CHECKING:
    import numpy as np

    from graphs.csr import CSR
    from sssp.solver import Solver


@dataclass(frozen=True)
class Settings:
    """What a run is asked for.

    source      the graph
    roots       searches asked for; fewer run where fewer vertices have an edge
    engine      auto, cpu, cuda
    threads     threads of the engine
    delta       width of a bucket in units of weight, None: chosen from the graph
    validate    check every answer against the rules
    check       networkx, or None
    """

    source: Source
    roots: int = 64
    engine: str = "auto"
    threads: int | None = None
    delta: float | None = None
    validate: bool = True
    check: str | None = None


def new_result(settings: Settings, argv: list[str]) -> dict[str, Any]:
    """Return a result of which nothing has run yet; `run` fills it."""
    commit, dirty = git_state()
    return {
        "schema": SCHEMA,
        "status": "incomplete",
        "graph": {},
        "generation_seconds": 0.0,
        "construction_seconds": 0.0,
        "regeneration_seconds": 0.0,
        "edges_kept": True,
        "solver": {},
        "num_mpi_processes": 1,
        "roots_requested": settings.roots,
        "searches": [],
        "validated": False,
        "check": settings.check,
        "machine": machine_facts(),
        "versions": versions(),
        "commit": commit,
        "dirty": dirty,
        "argv": argv,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def run(settings: Settings, result: dict[str, Any], progress: Progress) -> None:
    """Run the benchmark and fill `result`, search after search.

    Whatever stops it, `result` then holds the searches that were finished, its status
    "incomplete" (or "invalid", if one of them was).

    Raises
    ------
    UsageError
        If the graph does not fit, or has no edge to search from.
    GraphError
        If its file is not a graph.
    EngineError
        If the engine cannot run.
    """
    # The first thing of all: what is imported and compiled later is part of the plan.
    open_edges = settings.source.plan()
    from harness.searches import Judge, search_all
    from sssp.solver import check_engine

    check_engine(settings.engine)
    opened = _open(settings, open_edges, progress)
    result["graph"] = settings.source.describe(opened)
    result["generation_seconds"] = opened.seconds
    result["edges_kept"] = opened.need.edges_kept
    judge = Judge(opened, settings.validate, settings.check, progress)
    csr, solver = _construct(settings, opened, result, progress)
    keys = draw_keys(settings.source, csr, settings.roots)
    if len(keys) < settings.roots:
        progress.stage(f"only {len(keys)} vertices have an edge: {len(keys)} searches")
    # Once outside the clock.
    solver.search(spare_root(csr, keys), out=solver.new_answer())
    result["solver"] = dict(solver.choices)
    search_all(solver, keys, judge, result, progress)
    if result["status"] == "incomplete":
        result["status"] = "complete"


def _open(settings: Settings, open_edges: Callable[[], Opened], progress: Progress) -> Opened:
    """Generate or read the edges, and compile what comes after it."""
    from harness.check import refuse_large
    from harness.warmup import warm_up, warm_up_generator

    source = settings.source
    if isinstance(source, OfficialGraph):
        if settings.check:
            refuse_large(source.edges)
        progress.stage("compiling what was not compiled before")
        warm_up_generator()
        warm_up("float32", False, settings.engine, settings.validate)
        progress.stage(f"generating {source}: {source.edges} edges")
        return open_edges()
    progress.stage(f"reading {source}")
    opened = open_edges()
    if settings.check:
        refuse_large(opened.edges.m)
    progress.stage("compiling what was not compiled before")
    warm_up(opened.edges.weight_dtype, opened.edges.directed, settings.engine, settings.validate)
    return opened


def _construct(
    settings: Settings, opened: Opened, result: dict[str, Any], progress: Progress
) -> tuple[CSR, Solver]:
    from graphs.csr import build_csr
    from harness.searches import no_collection
    from sssp.solver import Solver

    edges = opened.edges
    progress.stage(f"constructing from {edges.m} edges, {edges.n} vertices")
    generated_before = edges.generation_seconds
    with no_collection():
        start = perf_counter()
        csr = build_csr(edges, threads=settings.threads)
        solver = Solver(csr, engine=settings.engine, threads=settings.threads, delta=settings.delta)
        seconds = perf_counter() - start
    regeneration = edges.generation_seconds - generated_before
    result["regeneration_seconds"] = regeneration
    if not opened.need.edges_kept:
        result["generation_seconds"] = regeneration
    result["construction_seconds"] = max(0.0, seconds - regeneration)
    result["graph"]["arcs"] = int(csr.arcs)
    progress.stage(f"constructed in {result['construction_seconds']:.3g} s")
    return csr, solver


def draw_keys(source: Source, csr: CSR, count: int) -> np.ndarray:
    """Return the official search keys of a graph, `count` of them or all there are.

    Raises
    ------
    UsageError
        If there is none.
    """
    from graphs.keys import search_keys

    count = min(count, csr.n)
    keys = search_keys(csr.n, csr.degree_positive, seed=source.seed, count=count, rule="spec")
    if len(keys) == 0:
        raise UsageError(f"{source}: no edge other than self loops, nothing to search")
    return keys


def spare_root(csr: CSR, keys: np.ndarray) -> int:
    """Return a root to warm up with: a vertex that is no key, where there is one."""
    import numpy as np

    others = csr.degree_positive.copy()
    others[keys] = False
    return int(np.argmax(others)) if others.any() else int(keys[0])
