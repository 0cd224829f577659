"""Other libraries on the same graph and the same roots, a few roots at a time in turn.

Each library gets the graph in a structure of its own; `harness.peers.turns` then searches and
compares, `harness.peers.record` says what is kept. Of sssp-bench it is what a run times: reset,
search, distances and parents in original ids, on rows that are there already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import cycle
from typing import TYPE_CHECKING, Any

from graphs.memory import ONE_SHOT, Need, gib
from harness.benchmark.roots import draw_keys, warmup_root
from harness.benchmark.source import LoadedEdges, OfficialGraph, Source
from harness.console.errors import MemoryRefused
from harness.console.progress import Progress
from harness.machine.facts import git_state, machine_facts, version, versions
from harness.machine.memory import available
from harness.peers.libraries import Peer, plain_matrix
from harness.peers.record import OURS, PRESOLVED, SCHEMA
from harness.peers.turns import ROOTS_A_TURN, Row, one_shot_calls, take_turns, timed

if TYPE_CHECKING:
    import numpy as np
    from scipy.sparse import csr_array

    from graphs.csr import CSR
    from sssp.solver import Solver

ONE_SHOT_ROOTS = 3


@dataclass(frozen=True)
class Settings:
    """What a comparison is asked for.

    source    the graph
    peers     the libraries, in the order of their turns
    roots     searches asked for; fewer where fewer vertices have an edge
    threads   numbers of threads of ours, one row each; peers that can use threads get the most
    """

    source: Source
    peers: list[Peer]
    roots: int = 16
    threads: tuple[int, ...] = (1,)


def compare(settings: Settings, argv: list[str], progress: Progress) -> dict[str, Any]:
    """Measure ours and the peers; return the record, as `harness.peers.record` describes it.

    Raises
    ------
    UsageError
        If the graph does not fit, or has no edge to search from.
    GraphError
        If its file is not a graph.
    """
    # The first thing of all: what is imported and compiled later is part of the plan.
    source = _kept(settings.source)
    open_edges = source.plan()
    started = datetime.now(UTC).isoformat(timespec="seconds")
    commit, dirty = git_state()
    opened = _open(source, open_edges, progress)
    csr, ours = _ours(opened, settings.threads, progress)
    keys = draw_keys(source, csr, settings.roots)
    progress.stage("converting the graph for the peers")
    matrix, matrix_seconds = timed(plain_matrix, csr)
    most = max(settings.threads)
    rows = [*ours, *_peers(settings.peers, matrix, csr.stats.directed, most, matrix_seconds)]
    if not opened.edges.directed:
        rows += _ours(opened, settings.threads, progress, presolve=True)[1]
    m, reached = take_turns(rows, keys, warmup_root(csr, keys), opened.edges, progress)
    record = {
        "peers_schema": SCHEMA,
        "status": "invalid" if any(row.disagreements for row in rows) else "complete",
        "graph": source.describe(opened) | {"arcs": int(csr.arcs)},
        "generation_seconds": opened.seconds,
        "roots": [int(root) for root in keys],
        "m": m,
        "reached": reached,
        "matrix_seconds": matrix_seconds,
        "solvers": [row.describe() for row in rows],
        "one_shot": None,
        "machine": machine_facts(),
        "versions": versions(),
        "commit": commit,
        "dirty": dirty,
        "argv": argv,
        "started": started,
    }
    if record["status"] == "complete":
        record["one_shot"] = _one_shot(settings, matrix, keys, progress)
    return record


def _kept(source: Source) -> Source:
    """Return the source, its edges to be kept; MemoryRefused if that cannot fit."""
    if isinstance(source, OfficialGraph):
        source = replace(source, keep=True)
        _refuse_large(str(source), source.need())
    return source


def _refuse_large(name: str, need: Need, resident: int = 0) -> None:
    there = available()
    total = need.total + need.peer_matrix - resident
    if total > there.bytes:
        raise MemoryRefused(
            f"{name} does not fit: with the matrix of the peers it needs {gib(total)}, available "
            f"are {gib(there.bytes)} ({there.limit})"
        )


def _open(source: Source, open_edges: Callable[[], LoadedEdges], progress: Progress) -> LoadedEdges:
    from harness.benchmark.tiny_graphs import warm_up, warm_up_generator

    progress.stage("compiling what was not compiled before")
    if isinstance(source, OfficialGraph):
        warm_up_generator()
    progress.stage(f"making or reading the edges: {source}")
    opened = open_edges()
    _refuse_large(str(source), opened.need, resident=opened.need.edge_list)
    warm_up(opened.edges.weight_dtype, opened.edges.directed, "cpu", validating=False)
    warm_up("float64", opened.edges.directed, "cpu", validating=False)  # for the one-shot calls
    if not opened.edges.directed:
        warm_up(opened.edges.weight_dtype, False, "cpu", validating=False, presolve=True)
    return opened


def _ours(
    opened: LoadedEdges, threads: tuple[int, ...], progress: Progress, presolve: bool = False
) -> tuple[CSR, list[Row]]:
    """Build the rows once, and a solver for each number of threads.

    Presolved, they are of what is left of the graph when kernel 1 has dropped what it can.
    """
    from graphs.csr import build_csr
    from sssp.solver import Solver

    most = max(threads)
    progress.stage(
        "constructing again, presolved"
        if presolve
        else f"constructing from {opened.edges.m} edges, {opened.edges.n} vertices"
    )
    csr, build_seconds = timed(build_csr, opened.edges, threads=most, presolve=presolve)
    rows = []
    for count in threads:
        solver, seconds = timed(Solver, csr, engine="cpu", threads=count)
        built = build_seconds + seconds if count == most else None
        rows.append(_our_row(solver, built, PRESOLVED if presolve else OURS))
    return csr, rows


def _our_row(solver: Solver, conversion_seconds: float | None, name: str) -> Row:
    buffers = cycle([solver.new_answer() for _ in range(ROOTS_A_TURN)])
    return Row(
        name=name,
        version=version(),
        threads=solver.threads,
        parents=True,
        search=lambda root: solver.search(root, out=next(buffers)),
        distances=lambda answer: answer.dist,
        conversion_seconds=conversion_seconds,
        choices=lambda: dict(solver.choices),
    )


def _peers(
    peers: list[Peer], matrix: csr_array, directed: bool, threads: int, matrix_seconds: float
) -> Iterator[Row]:
    for peer in peers:
        prepared, seconds = timed(peer.prepare, matrix, directed, threads)
        yield Row(
            name=peer.name,
            version=peer.version,
            threads=prepared.threads,
            parents=peer.parents,
            search=prepared.search,
            distances=prepared.distances,
            conversion_seconds=matrix_seconds if peer.name == "scipy" else seconds,
        )


def _one_shot(
    settings: Settings, matrix: csr_array, keys: np.ndarray, progress: Progress
) -> dict[str, Any] | None:
    """Measure the calls that build and search in one; None where they do not fit."""
    there, needed = available(), matrix.nnz * ONE_SHOT
    if needed > there.bytes:
        progress.warn(
            f"one-shot calls left out: they need {gib(needed)}, available are {gib(there.bytes)}"
        )
        return None
    progress.stage("one-shot calls, building included")
    with_scipy = any(peer.name == "scipy" for peer in settings.peers)
    roots = [int(root) for root in keys[:ONE_SHOT_ROOTS]]
    return one_shot_calls(matrix, roots, max(settings.threads), with_scipy)
