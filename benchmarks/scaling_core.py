"""What presolved searches and kernel 1 send, counted on ranks that are threads of one process.

    python -m benchmarks.scaling_core 14:4,16,64 18:2,4 --output results/scaling-core
    python -m benchmarks.scaling_core --read results/scaling-core

The first counts and writes a file, the second prints the tables of the file that is there. Each
rank is a node of its own. "plain" is a search without presolve. Then each rank has the whole core
of a presolved graph, or all share it (graphs.rank_core): then also what the growth laws say
(scaling_core_model). Kilobytes of a search, megabytes of kernel 1, all ranks together. Apart from
the messages of kernel 1 those about bounds: of copies that all ranks agree on by reductions, or
looked up at their owners (graphs.owned_bounds).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any, cast

import numpy as np

import graphs.rank_core
from benchmarks.flags import parser_of
from benchmarks.scaling_core_model import graph_facts, table, tables_of
from graphs import build_csr, kronecker
from graphs.edges import EdgeList
from graphs.owned_bounds import OwnerSelection
from graphs.partition import part_of
from graphs.presolve import drop
from graphs.selection import Bounds
from graphs.thread_comm import ThreadComm, on_threads
from harness.machine.facts import git_state, machine_facts, versions
from harness.results import record as results
from sssp import Solver

SEED = (2, 3)
ROOTS = 8
# The plain degrees are taken of these, the rest of larger graphs, too.
MOST_PLAIN = 18


class CountingComm(ThreadComm):
    """Counts what goes to other ranks, as sssp.mpi_comm does; of reductions of bounds, `bounds`."""

    bounds = 0

    def _meet(self, call: str, value: Any, together: Callable[[list[Any]], list[Any]]) -> Any:
        self.traffic.calls += 1
        return super()._meet(call, value, together)

    def _count(self, counts: np.ndarray, arrays: tuple[np.ndarray, ...]) -> None:
        items = int(np.sum(counts)) - int(counts[self.rank])
        others = int(np.count_nonzero(counts)) - int(counts[self.rank] > 0)
        self.traffic.bytes += sum(items * array.dtype.itemsize for array in arrays)
        self.traffic.messages += others * len(arrays)

    def alltoallv(self, counts: np.ndarray, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        self._count(counts, arrays)
        return super().alltoallv(counts, *arrays)

    def alltoallv_next_bucket(
        self, nearest: float, values: Any, counts: np.ndarray, *arrays: np.ndarray
    ) -> tuple[tuple[float, list[int]], tuple[np.ndarray, ...]]:
        self._count(counts, arrays)
        return super().alltoallv_next_bucket(nearest, values, counts, *arrays)

    def allreduce_minimum(self, values: np.ndarray) -> np.ndarray:
        self.bounds += values.nbytes
        return super().allreduce_minimum(values)


class _Counting(OwnerSelection):
    """Counts the bytes of the rounds over light edges and of those over edges kept."""

    light = kept = 0

    def lower(self, edges: Any, bounds: Bounds, worth: float, most: int) -> Bounds:
        before = self.comm.traffic.bytes
        lowered = super().lower(edges, bounds, worth, most)
        sent = self.comm.traffic.bytes - before
        self.light, self.kept = (
            (self.light, self.kept + sent) if worth else (self.light + sent, self.kept)
        )
        return lowered


def _on_ranks(ranks: int, work: Callable[[CountingComm], dict[str, float]]) -> dict[str, float]:
    """The sums of what the ranks return."""
    every = on_threads(ranks, cast("Callable[[ThreadComm], dict[str, float]]", work), CountingComm)
    found = {name: sum(one[name] for one in every) for name in every[0]}
    if "arcs" in found:
        found["arcs_largest"] = max(one["arcs"] for one in every)
    return found


def count(edges: EdgeList, ranks: int, presolve: bool, keys: list[int]) -> dict[str, float]:
    """What all ranks count, of searches the means; bytes where it says nothing else.

    kernel_1, copies   of kernel 1; of its reductions of bounds
    search, leaves     of a search, and of it those for trees
    calls, messages, arcs, arcs_largest   of a search: `calls` of each rank, summed
    """

    def work(comm: CountingComm) -> dict[str, float]:
        bounds = "copies" if presolve else None
        mine = part_of(edges, comm.rank, ranks)
        csr = build_csr(mine, 1, comm, presolve=presolve, bounds=bounds)
        found = {"kernel_1": float(comm.traffic.bytes), "copies": float(comm.bounds)}
        answers = [Solver(csr, "cpu", 1, comm=comm).search(key) for key in keys]
        sent = [answer.traffic for answer in answers]
        totals = {
            "search": sum(one.bytes for one in sent),
            "leaves": sum(one.parts.get("leaves", 0) for one in sent),
            "calls": sum(one.calls for one in sent),
            "messages": sum(one.messages for one in sent),
            "arcs": sum(answer.arcs for answer in answers),
        }
        return found | {name: total / len(keys) for name, total in totals.items()}

    return _on_ranks(ranks, work)


def count_bounds(edges: EdgeList, ranks: int) -> dict[str, float]:
    """Bytes that all ranks send to look bounds up: in passes over edges, and in both rounds."""

    def work(comm: CountingComm) -> dict[str, float]:
        mine = part_of(edges, comm.rank, ranks)
        selection = _Counting(mine, "float32", 1, comm)
        drop(mine, selection, perf_counter())
        light, kept = float(selection.light), float(selection.kept)
        return {"passes": comm.traffic.bytes - light - kept, "light": light, "kept": kept}

    return _on_ranks(ranks, work)


def rows_of(scale: int, sizes: list[int]) -> list[dict[str, Any]]:
    """Return what is counted at one scale, a row for each number of ranks."""
    edges = kronecker(scale, seed=SEED)
    degree = np.bincount(edges.src, minlength=edges.n)
    keys = np.random.default_rng(1).choice(np.flatnonzero(degree), ROOTS, replace=False).tolist()
    rows, limit = [], graphs.rank_core.COPIED_ARCS
    for ranks in sizes:
        print(f"scale {scale} on {ranks} ranks", file=sys.stderr, flush=True)
        row: dict[str, Any] = {"scale": scale, "ranks": ranks}
        row |= {name: count(edges, ranks, name == "copied", keys) for name in ("plain", "copied")}
        graphs.rank_core.COPIED_ARCS = -1
        row["shared"] = count(edges, ranks, True, keys)
        graphs.rank_core.COPIED_ARCS = limit
        rows.append(row | {"bounds": count_bounds(edges, ranks)})
    return rows


def counted(points: dict[int, list[int]], larger: list[int]) -> dict[str, Any]:
    """Return the record of a result file: ranks by scale, and scales of which only the graph."""
    commit, dirty = git_state()
    scales = sorted({*points, *larger})
    return {
        "commit": commit,
        "dirty": dirty,
        "machine": machine_facts(),
        "versions": versions(),
        "graph": {"scale": max(points), "file": None},
        "seed": list(SEED),
        "roots": ROOTS,
        "graphs": [graph_facts(scale, SEED, scale <= MOST_PLAIN) for scale in scales],
        "rows": [row for scale in sorted(points) for row in rows_of(scale, points[scale])],
    }


def _point(argument: str) -> tuple[int, list[int]]:
    scale, _, sizes = argument.partition(":")
    return int(scale), [int(size) for size in sizes.split(",")]


def main() -> int:
    parser = parser_of("scaling_core", __doc__)
    parser.add_argument("points", nargs="*", type=_point, metavar="SCALE:RANKS,RANKS")
    parser.add_argument(
        "--larger", type=int, nargs="*", default=[], metavar="S", help="scales to take the graph of"
    )
    parser.add_argument("--output", metavar="FOLDER", default="results/runs")
    parser.add_argument("--read", metavar="FOLDER")
    asked = parser.parse_args()
    if asked.read is None:
        if not asked.points:
            parser.error("name points to count, as 14:4,16, or --read a folder")
        record = counted(dict(asked.points), asked.larger)
        print(results.store(record, asked.output, "core"), file=sys.stderr)
    else:
        record = read(Path(asked.read))
    print("\n\n".join(table(rows) for rows in tables_of(record)))
    return 0


def read(folder: Path) -> dict[str, Any]:
    """Return the newest record in a folder."""
    paths = sorted(folder.glob("2*-core-*.json"))
    if not paths:
        raise SystemExit(f"{folder}: no file of benchmarks.scaling_core; run it with --output")
    return results.read(paths[-1])


if __name__ == "__main__":
    sys.exit(main())
