"""What presolved searches send, counted on ranks that are threads of one process.

Each rank is a node of its own. "plain" is a search without presolve. Then each rank has the whole
core of a presolved graph, or all share it (graphs.rank_core): then also what the growth laws say,
from the largest number of ranks at that scale:

    core    as the pairs of a core vertex and another rank that has a neighbour of it
    trees   4 bytes for each pair of a core vertex and another rank that has tree vertices on it

    python -m benchmarks.scaling_core 14:4,16,64 18:2,4

Prints a table in Markdown: kilobytes of a search, all ranks together. Of kernel 1 the megabytes of
its messages, and apart from these the bounds on which all ranks agree by reductions of an array of
all vertices, once for each rank and round.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, cast

import numpy as np

import graphs.rank_core
from benchmarks.scaling_model import viewers
from graphs import build_csr, kronecker
from graphs.edges import EdgeList
from graphs.partition import part_of
from graphs.thread_comm import ThreadComm, on_threads
from sssp import Solver

SEED = (2, 3)
ROOTS = 8


class CountingComm(ThreadComm):
    """Counts bytes to other ranks, as sssp.mpi_comm does; of reductions of bounds, `bounds`."""

    bounds = 0

    def alltoallv(self, counts: np.ndarray, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        items = int(np.sum(counts)) - int(counts[self.rank])
        self.traffic.bytes += sum(items * array.dtype.itemsize for array in arrays)
        return super().alltoallv(counts, *arrays)

    def alltoallv_next_bucket(
        self, nearest: float, values: Any, counts: np.ndarray, *arrays: np.ndarray
    ) -> tuple[tuple[float, list[int]], tuple[np.ndarray, ...]]:
        return self.next_bucket(nearest, values), self.alltoallv(counts, *arrays)

    def allreduce_minimum(self, values: np.ndarray) -> np.ndarray:
        self.bounds += values.nbytes
        return super().allreduce_minimum(values)


def count(edges: EdgeList, ranks: int, presolve: bool, keys: list[int]) -> dict[str, float]:
    """Bytes of all ranks: `all` of a search and of it `leaves`, means; `kernel 1`, `bounds`."""

    def work(comm: CountingComm) -> dict[str, float]:
        csr = build_csr(part_of(edges, comm.rank, ranks), 1, comm, presolve=presolve)
        found = {"kernel 1": float(comm.traffic.bytes), "bounds": float(comm.bounds)}
        solver = Solver(csr, "cpu", 1, comm=comm)
        sent = [solver.search(key).traffic for key in keys]
        found["all"] = sum(one.bytes for one in sent) / len(keys)
        found["leaves"] = sum(one.parts.get("leaves", 0) for one in sent) / len(keys)
        return found

    every = on_threads(ranks, cast("Callable[[ThreadComm], dict[str, float]]", work), CountingComm)
    return {name: sum(one[name] for one in every) for name in every[0]}


def hung(edges: EdgeList) -> tuple[np.ndarray, np.ndarray]:
    """Of each core vertex its arcs, and the vertices of the trees on it."""
    csr = build_csr(edges, presolve=True)
    assert csr.forest is not None
    core, inner = csr.forest.core, csr.out.adj[csr.indptr[csr.forest.core : -1]]
    root = np.arange(len(csr.indptr) - 1)
    for labels in csr.forest.passes:
        for label in labels:
            root[label] = root[inner[label - core]]
    leaves = csr.local_id[csr.local_id < 0]
    trees = np.bincount(root[np.concatenate([np.arange(core, len(root)), ~leaves])], minlength=core)
    return np.diff(csr.indptr[: core + 1]), trees


def rows_of(scale: int, sizes: list[int]) -> list[str]:
    """Return the lines of the table of one scale."""
    edges = kronecker(scale, seed=SEED)
    degree = np.bincount(edges.src, minlength=edges.n)
    keys = np.random.default_rng(1).choice(np.flatnonzero(degree), ROOTS, replace=False).tolist()
    arcs, trees = hung(edges)
    lines, unit = [], 0.0
    limit = graphs.rank_core.COPIED_ARCS
    for ranks in sorted(sizes, reverse=True):
        plain, alone = (count(edges, ranks, presolve, keys) for presolve in (False, True))
        graphs.rank_core.COPIED_ARCS = -1
        shared = count(edges, ranks, True, keys)
        graphs.rank_core.COPIED_ARCS = limit
        rest = shared["all"] - shared["leaves"]
        unit = unit or rest / viewers(arcs, ranks)
        grown = unit * viewers(arcs, ranks), 4 * viewers(trees, ranks)
        sizes_sent = (
            plain["all"], alone["all"], shared["all"], rest, grown[0], shared["leaves"], grown[1],
        )  # fmt: skip
        cells = (
            scale, ranks, *(f"{size / 1e3:.3g}" for size in sizes_sent),
            *(f"{one['kernel 1'] / 1e6:.3g}" for one in (plain, alone, shared)),
            f"{shared['bounds'] / 1e6:.3g}",
        )  # fmt: skip
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return lines[::-1]


def main() -> None:
    head = (
        "scale", "ranks", "plain", "core on each", "core shared", "of it core", "by growth",
        "of it trees", "by growth", "kernel 1 plain", "core on each", "core shared", "bounds",
    )  # fmt: skip
    print("| " + " | ".join(head) + " |")
    print("| " + " | ".join(["---"] * len(head)) + " |")
    for argument in sys.argv[1:]:
        scale, _, sizes = argument.partition(":")
        print("\n".join(rows_of(int(scale), [int(size) for size in sizes.split(",")])), flush=True)


if __name__ == "__main__":
    main()
