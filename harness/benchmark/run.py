"""A run: edges -> CSR (timed) -> search keys -> warm-up -> searches (timed).

Source: Graph500 specification V2.0, sections 2 and 6. Construction is timed around kernel 1 and
whatever the solver prepares from the graph. Generating edges is no part of it: where they do not
fit and are generated over and over, the seconds spent on it are taken out and recorded by
themselves. Several ranks do each step together; the slowest one's time counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING, Any

from graphs.comm import Comm, SerialComm
from harness.benchmark.backend import HostBackend, backend_for
from harness.benchmark.checkpoint import Checkpoint
from harness.benchmark.collector import gc_disabled
from harness.benchmark.energy import measure
from harness.benchmark.resume import check_construction, check_graph
from harness.benchmark.roots import draw_keys, given_roots, warmup_root
from harness.benchmark.source import LoadedEdges, OfficialGraph, Source
from harness.benchmark.usage import measure_steps, memory_facts
from harness.console.progress import Progress
from harness.machine.facts import git_state, machine_facts, versions
from harness.machine.gpu import gpu_facts
from harness.results.ranks import rank_facts
from harness.results.record import SCHEMA

if TYPE_CHECKING:
    from graphs.csr import CSR
    from sssp.solver import Solver


@dataclass(frozen=True)
class Settings:
    """What a run is asked for.

    source      the graph
    roots       searches asked for; fewer run where fewer vertices have an edge
    root        where to search from, by the file's own ids; None: from the search keys
    engine      auto, cpu, cuda
    threads     threads of the engine
    delta       width of a bucket in units of weight, None: chosen from the graph
    presolve    keep only the edges that a search can use (graphs.presolve)
    validate    check every answer against the rules
    check       networkx, or None
    energy      measure the energy of the searches, where the machine's counters can be read
    """

    source: Source
    roots: int = 64
    engine: str = "auto"
    threads: int | None = None
    delta: float | None = None
    presolve: bool = False
    validate: bool = True
    check: str | None = None
    energy: bool = True
    root: list[int] | None = None

    def flags(self) -> dict[str, Any]:
        """Return what the run is asked for, by the names of the flags."""
        asked = {name: value for name, value in vars(self).items() if name != "source"}
        return {**self.source.flags(), **asked}


def new_result(settings: Settings, argv: list[str]) -> dict[str, Any]:
    """Return a result of which nothing has run yet; `run` fills it."""
    return {
        "schema": SCHEMA,
        "status": "incomplete",
        "flags": settings.flags(),
        "graph": {},
        "num_mpi_processes": 1,
        "roots_requested": settings.roots,
        "searches": [],
        "validated": False,
        "check": settings.check,
        **_new_part(argv),
    }


def resumed_result(earlier: dict[str, Any], argv: list[str]) -> dict[str, Any]:
    """Return the result of a run that was stopped, with a new part of which nothing has run yet."""
    part = {"searches_before": len(earlier["searches"]), **_new_part(argv)}
    return {
        **earlier,
        "searches": list(earlier["searches"]),
        "resumed": [*earlier.get("resumed", []), part],
    }


def _new_part(argv: list[str]) -> dict[str, Any]:
    """Return what a run has once, and a resumed one once more for each of its parts."""
    commit, dirty = git_state()
    return {
        "generation_seconds": 0.0,
        "construction_seconds": 0.0,
        "regeneration_seconds": 0.0,
        "edges_kept": True,
        "solver": {},
        "machine": machine_facts(),
        "versions": versions(),
        "commit": commit,
        "dirty": dirty,
        "argv": argv,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def run(
    settings: Settings,
    result: dict[str, Any],
    progress: Progress,
    checkpoint: Checkpoint | None = None,
    comm: Comm | None = None,
) -> None:
    """Run the benchmark and fill `result`, search after search.

    Whatever stops it, `result` then holds the searches that were finished, its status
    "incomplete" (or "invalid", if one of them was). A result that holds searches already gets the
    remaining ones.

    Parameters
    ----------
    settings : Settings
    result : dict
        From `new_result` or `resumed_result`.
    progress : Progress
    checkpoint : Checkpoint, optional
        What is done between two rounds of searches.
    comm : Comm, optional
        The ranks that run it together; every one of them gets the whole result.

    Raises
    ------
    UsageError
        If the graph does not fit, has no edge to search from, or is not the one of `result`.
    GraphError
        If its file is not a graph.
    EngineError
        If the engine cannot run.
    """
    # The first thing of all: what is imported and compiled later is part of the plan.
    comm = comm or SerialComm()
    backend = backend_for(settings.engine, settings.threads, comm, settings.presolve)
    open_edges = backend.plan(settings.source)
    with gc_disabled():
        import sssp.solver  # noqa: F401  Loaded here, before a clock runs.
        from harness.benchmark.searches import Judge, search_all
        from sssp.engine_choice import check_engine

    check_engine(settings.engine)
    opened = _open(settings, open_edges, progress, backend)
    result["num_mpi_processes"] = comm.size
    part = result["resumed"][-1] if "resumed" in result else result
    graph = settings.source.describe(opened)
    if part is not result:
        check_graph(result, graph)
    part["generation_seconds"] = opened.seconds
    part["edges_kept"] = opened.need.edges_kept
    judge = Judge(opened, settings.validate, settings.check, progress, comm, backend)
    csr, solver = _construct(settings, opened, part, progress, backend)
    part["solver"] = dict(solver.choices)
    if comm.size > 1:
        apart = {tuple(peers) for peers in comm.allgather(comm.node_peers)}
        nodes = csr.halo.nodes if csr.halo else len(apart)
        part["ranks"] = rank_facts(comm, solver.threads, nodes)
    graph["arcs"] = int(csr.stats.arcs)
    if settings.root is None:
        keys = draw_keys(settings.source, csr, settings.roots, comm)
    else:
        keys = given_roots(settings.root, opened.edges, csr, comm)
    if part is not result:
        check_construction(result, graph["arcs"], part["solver"], keys.tolist())
    result["graph"] = graph
    if len(keys) < settings.roots:
        progress.stage(f"only {len(keys)} vertices have an edge: {len(keys)} searches")
    # Once outside the clock.
    solver.search(warmup_root(csr, keys, comm), out=solver.new_answer())
    if solver.name == "cuda":
        part["machine"] = {**part["machine"], **gpu_facts()}
    checkpoint = checkpoint or Checkpoint(progress, comm=comm)
    finished = search_all(solver, keys, judge, result, progress, checkpoint)
    part["memory"] = memory_facts(opened.need, comm)
    if finished and result["status"] == "incomplete":
        result["status"] = "complete"
        if not checkpoint.time_is_up():
            result["steps"] = measure_steps(solver, keys)
        if settings.energy:
            measured = measure(solver, keys, progress, checkpoint.time_is_up)
            result.update({"energy": measured} if measured else {})


def _open(
    settings: Settings,
    open_edges: Callable[[], LoadedEdges],
    progress: Progress,
    backend: HostBackend,
) -> LoadedEdges:
    """Generate or read the edges, and compile what comes after it."""
    from graphs.presolve import refuse_directed
    from harness.benchmark.networkx_check import refuse_large
    from harness.benchmark.tiny_graphs import warm_up_generator

    source = settings.source
    if isinstance(source, OfficialGraph):
        if settings.check:
            refuse_large(source.edges)
        progress.stage("compiling what was not compiled before")
        backend.compile("float32", False, settings.engine, settings.validate)
        warm_up_generator()
        progress.stage(f"generating {source}: {source.edges} edges")
        return open_edges()
    progress.stage(f"reading {source}")
    opened = open_edges()
    if settings.presolve:  # kernel 1 would do so, after all that it needs was compiled
        refuse_directed(opened.edges)
    if settings.check:
        refuse_large(opened.edges.m)
    progress.stage("compiling what was not compiled before")
    edges = opened.edges
    backend.compile(edges.weight_dtype, edges.directed, settings.engine, settings.validate)
    return opened


def _construct(
    settings: Settings,
    opened: LoadedEdges,
    part: dict[str, Any],
    progress: Progress,
    backend: HostBackend,
) -> tuple[CSR, Solver]:
    edges, comm = opened.edges, backend.comm
    progress.stage(f"constructing from {opened.need.edges} edges, {edges.n} vertices")
    generated_before = edges.generation_seconds
    with gc_disabled():
        comm.barrier()
        start = perf_counter()
        csr = backend.build(edges)
        solver = backend.solver(csr, settings.engine, settings.delta)
        comm.barrier()
        seconds = comm.allreduce_max(perf_counter() - start)
    # Of several ranks the one that has spent least on it: what others waited for them counts.
    regeneration = comm.allreduce_min(edges.generation_seconds - generated_before)
    part["regeneration_seconds"] = regeneration
    if not opened.need.edges_kept:
        part["generation_seconds"] = regeneration
    part["construction_seconds"] = max(0.0, seconds - regeneration)
    kept = _kept(csr, opened.need.edges)
    progress.stage(f"constructed in {part['construction_seconds']:.3g} s{kept}")
    return csr, solver


def _kept(csr: CSR, edges: int) -> str:
    """What presolve has kept of the edges, and whether it pays; nothing without it."""
    if csr.presolved is None:
        return ""
    if csr.presolved["hub"] is None:
        return ", no edge dropped: presolve does not pay on this graph"
    return f", {csr.presolved['kept_edges']} of {edges} edges kept"
