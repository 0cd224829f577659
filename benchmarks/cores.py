"""Plain and presolved searches in turn, and what of each runs on one thread.

    python -m benchmarks.cores 16 18 20 22           plain beside presolved, one thread and all
    python -m benchmarks.cores 20 --cores 16 64 128  and the prediction for those cores

The same graph, roots and process for both. Before each search other memory is written, so that it
finds nothing in the caches, as after the validation in a run; --warm leaves that out. Distances
are compared for equality. What runs on one thread is all that is outside of parallel regions
(benchmarks.regions), rounds of few entries included.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from statistics import median
from time import perf_counter, thread_time
from typing import Any, TypeVar

import numpy as np

from harness.commands.options import use_default_threads

# Before numba is imported: it asks for the number of threads once.
use_default_threads()

from benchmarks import regions  # noqa: E402
from benchmarks.flags import parser_of  # noqa: E402
from graphs import CSR, build_csr, kronecker, search_keys  # noqa: E402
from kernels.compile import njit  # noqa: E402
from kernels.groups import Bucket  # noqa: E402
from kernels.heap import heap_to_far, run_heap  # noqa: E402
from kernels.push import NEVER  # noqa: E402
from kernels.queues import OWN  # noqa: E402
from sssp import Solver  # noqa: E402
from sssp.engine import Answer  # noqa: E402

KINDS = ("plain", "presolved")
PARTS = ("heap", "rounds", "finish", "passes")
T = TypeVar("T")
_FORGET = np.zeros(1 << 23)  # 64 MB, more than most caches


@njit(cache=False, _nrt=False)
def _run_heap(bucket, most, rows, state, queues):
    """What a search does until it shares buckets (kernels.push.advance)."""
    run_heap(bucket, most, rows, state, queues)
    heap_to_far(queues)


def _medians(records: list[dict[str, float]]) -> dict[str, float]:
    """Medians in ms."""
    return {name: 1e3 * median(record[name] for record in records) for name in records[0]}


def _searched(solver: Solver, root: int, out: Answer, warm: bool) -> dict[str, float]:
    """Seconds of a search, and how many of them on one thread."""
    if not warm:
        np.add(_FORGET, 1, out=_FORGET)
    start, own, shared = perf_counter(), thread_time(), regions.seconds()
    solver.search(root, out=out)
    whole, own = perf_counter() - start, thread_time() - own
    return {"search": whole, "alone": own - (regions.seconds() - shared)}


class _Alone:
    """Seconds outside of parallel regions, by step."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(PARTS, 0.0)

    def __call__(self, name: str, step: Callable[..., T], *arguments: Any) -> T:
        start, shared = thread_time(), regions.seconds()
        found = step(*arguments)
        self.seconds[name] += thread_time() - start - (regions.seconds() - shared)
        return found


def on_one_thread(solver: Solver, root: int, out: Answer) -> dict[str, float]:
    """Search as the loop does (sssp.loop): what one thread does by itself, by the part of it.

    heap     Dijkstra's order, until more is queued than one thread should work off
    rounds   buckets of few entries, and what is done between buckets
    finish   the nearest settled rows are pushed to their end before the pull
    passes   the same of reset, pull, sweeps and the answer
    """
    engine, alone = solver._engine, _Alone()
    ranges = engine.ranges
    own_begin, own_end = ranges.bounds[OWN]
    stop = engine.choices.stop_at_bucket_end
    bucket = Bucket(
        engine.unreached, stop, own_begin, own_end, ranges.leaf_begin, NEVER
    )  # fmt: skip
    most = engine.limits.alone
    engine.stepwise = True
    with solver._using():
        alone("passes", engine.reset, root)
        alone("heap", _run_heap, bucket, most, engine.out, engine.state, engine.queues)
        while (lo := engine.nearest()) < math.inf:
            if engine.wants_pull(*engine.settled()):
                alone("passes", engine.pull, alone("finish", engine.push_settled, lo))
            alone("passes" if engine.pulled else "rounds", engine.relax, lo)
        alone("passes", engine.result, out)
    engine.stepwise = False
    return alone.seconds


def graphs_of(scale: int, roots: int) -> tuple[dict[str, CSR], list[int]]:
    """A graph, plain and presolved, and its first search keys."""
    edges = kronecker(scale)
    graphs = {kind: build_csr(edges, presolve=kind == "presolved") for kind in KINDS}
    return graphs, search_keys(edges.n, graphs["plain"].degree_positive, count=roots).tolist()


def measure(
    graphs: dict[str, CSR], keys: list[int], threads: int, warm: bool
) -> dict[str, dict[str, float]]:
    """Medians in ms of each kind: `search`, the steps, and what one thread does."""
    solvers = {kind: Solver(csr, threads=threads) for kind, csr in graphs.items()}
    if any(solver._small is not None for solver in solvers.values()):
        raise SystemExit("so small a graph is searched without an engine; take scale 14 or more")
    out = {kind: solver.new_answer() for kind, solver in solvers.items()}
    records: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
    for root in [keys[0], *keys]:  # the first is not counted
        for kind, solver in solvers.items():
            searched = _searched(solver, root, out[kind], warm)
            searched |= solver.steps(root, out[kind]) | on_one_thread(solver, root, out[kind])
            records[kind].append(searched)
        assert np.array_equal(*(out[kind].dist for kind in KINDS))
    return {kind: _medians(records[kind][1:]) for kind in KINDS}


def rows_of(scale: int, found: dict[int, dict[str, dict[str, float]]]) -> Iterator[str]:
    """Rows of the table of searches: one for each number of threads."""
    for threads, kinds in found.items():
        plain, presolved = (kinds[kind]["search"] for kind in KINDS)
        yield f"| {scale} | {threads} | {plain:.2f} | {presolved:.2f} | {plain / presolved:.2f} |"


def predicted(most: float, threads: int, alone: float, cores: int) -> float:
    """Ms on that many cores, where `alone` ms run on one thread and all else is shared evenly."""
    return alone + (most - alone) * threads / cores


def rows_of_cores(scale: int, found: dict[int, dict[str, dict[str, float]]],
                  cores: list[int]) -> Iterator[str]:  # fmt: skip
    """Rows of the table of what one thread does: one for each kind."""
    threads = max(found)
    for kind in KINDS:
        one, most = found[1][kind], found[threads][kind]
        alone = most["alone"]
        between = max(alone - sum(most[name] for name in PARTS), 0.0)
        # Of t(p) = s + (t(1) - s) / p.
        fit = (threads * most["search"] - one["search"]) / (threads - 1)
        times = " | ".join(
            f"{predicted(most['search'], threads, alone, count):.2f}" for count in cores
        )
        parts = " | ".join(f"{most[name]:.2f}" for name in PARTS)
        share = 100 * alone / most["search"]
        yield (f"| {scale}, {kind} | {one['search']:.2f} | {most['search']:.2f} | {parts} | "
               f"{between:.2f} | {share:.1f} % | {fit:.2f} | {times} |")  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    parser = parser_of("cores", __doc__)
    parser.add_argument("scales", type=int, nargs="+")
    parser.add_argument("--roots", type=int, default=32)
    parser.add_argument("--threads", type=int, help="beside 1; all cores by default")
    parser.add_argument("--cores", type=int, nargs="*", default=[16, 64, 128])
    parser.add_argument("--warm", action="store_true", help="leave the caches as they are")
    given = parser.parse_args(arguments)
    from kernels.threads import thread_count

    regions.watch()
    counts = [1, thread_count(given.threads)]
    every = {}
    for scale in given.scales:
        graph = graphs_of(scale, given.roots)
        every[scale] = {threads: measure(*graph, threads, given.warm) for threads in counts}
    print("| scale | threads | plain ms | presolved ms | ratio |\n|---|---|---|---|---|")
    for scale, found in every.items():
        print("\n".join(rows_of(scale, found)))
    if counts[1] == 1:
        return
    heads = " | ".join(f"{count} cores" for count in given.cores)
    parts = " | ".join((*PARTS, "between"))
    print(f"\n| scale | 1 thread ms | {counts[1]} | {parts} | share | fit | {heads} |")
    print("|---" * (6 + len(PARTS) + len(given.cores)) + "|")
    for scale, found in every.items():
        print("\n".join(rows_of_cores(scale, found, given.cores)))
    print("\nsteps, ms:")
    for scale, found in every.items():
        for threads, kinds in found.items():
            for kind, steps in kinds.items():
                parts = ", ".join(f"{name} {ms:.2f}" for name, ms in steps.items())
                print(f"scale {scale}, {threads} thread(s), {kind}: {parts}")


if __name__ == "__main__":
    main()
