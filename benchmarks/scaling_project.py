"""What the model predicts for a machine and a graph that were not run here.

    python -m benchmarks.scaling_project results/scaling --ranks 2000 --scale 41
        --latency 3e-6 --overhead 5e-7 --bandwidth 25e9 --arc-seconds 2e-10

Takes the counts of the run on the most ranks in a folder (`scaling.py`), lets them grow
(`scaling_model.grown`), and prints where the time of a search would go, beside it what the same
growth says of the other runs at that scale, to be compared with what was counted there. The network
and the seconds of an arc are given: what a ping-pong and one rank take on that machine. With
`--presolved results/scaling-core`, a file of `scaling_core.py`, also what it would be presolved.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.flags import parser_of
from benchmarks.scaling import counts_of, load
from benchmarks.scaling_core import read as read_core
from benchmarks.scaling_core_model import Grown, grown_to, three
from benchmarks.scaling_model import Counts, Wires, grown, predict
from graphs.memory import Need, PresolvedNeed

EDGEFACTOR = 16


def main() -> int:
    asked = parser().parse_args()
    print("\n\n".join(projection(load(Path(asked.folder)), asked)))
    return 0


def projection(runs: list[dict[str, Any]], asked: argparse.Namespace) -> tuple[str, ...]:
    """Return the tables: seconds of the machine asked about, bytes counted and by growth.

    Where it is asked for, also the same presolved.
    """
    ranked = [run for run in runs if run["num_mpi_processes"] > 1]
    if not ranked:
        raise SystemExit(
            f"{asked.folder}: no result of several ranks; run benchmarks.scaling first"
        )
    most = max(ranked, key=lambda run: (run["num_mpi_processes"], run["graph"]["scale"]))
    degrees = degrees_of(most["graph"])
    others = [counts_of(run) for run in ranked if run["graph"] == most["graph"]]
    last = counts_of(most)
    counts = grown(last, degrees, asked.ranks, 2**asked.scale)
    between = Wires(asked.latency, asked.overhead, asked.bandwidth)
    seconds = seconds_table(counts, between, asked.arc_seconds)
    tables = seconds, bytes_table(others, last, degrees)
    if asked.presolved is None:
        return tables
    grown_core = grown_to(read_core(Path(asked.presolved)), asked.ranks, asked.scale)
    return *tables, presolved_table(counts, grown_core, between, asked.arc_seconds)


def parser() -> argparse.ArgumentParser:
    """Return the flags of the command."""
    flags = parser_of("scaling_project", __doc__)
    flags.add_argument("folder", metavar="DIR", help="result files of several numbers of ranks")
    flags.add_argument("--ranks", type=int, required=True, metavar="P")
    flags.add_argument("--scale", type=int, required=True, metavar="S")
    for name, what in (
        ("latency", "seconds of a step of a small collective"),
        ("overhead", "seconds of a message"),
        ("bandwidth", "bytes a second that leave a rank"),
        ("arc-seconds", "seconds of an arc on one rank"),
    ):
        flags.add_argument(f"--{name}", type=float, required=True, help=what)
    flags.add_argument("--presolved", metavar="DIR", help="a file of benchmarks.scaling_core")
    return flags


def degrees_of(graph: dict[str, Any]) -> np.ndarray:
    """Return the number of neighbours of each vertex of an official graph, int64 (n,)."""
    from scipy.sparse import coo_array

    from graphs import kronecker

    edges = kronecker(graph["scale"], graph["edgefactor"], tuple(graph["seed"]))
    other = edges.src != edges.dst
    src, dst = edges.src[other], edges.dst[other]
    both = (np.concatenate([src, dst]), np.concatenate([dst, src]))
    arcs = coo_array((np.ones(len(both[0]), np.int8), both), shape=(edges.n, edges.n)).tocsr()
    return np.diff(arcs.indptr).astype(np.int64)


def seconds_table(counts: Counts, between: Wires, arc_seconds: float) -> str:
    """Return where the seconds of a search go, and what the rate would be."""
    parts = predict(counts, between, arc_seconds)
    rows = [
        ("work", parts.work, f"{counts.arcs_largest:.3g} arcs on the busiest rank"),
        ("latency", parts.latency, f"{counts.collectives:.0f} collectives"),
        ("overhead", parts.overhead, f"{counts.messages / counts.ranks:.3g} messages a rank"),
        ("transfer", parts.transfer, f"{counts.bytes / counts.ranks / 1e9:.3g} GB a rank"),
        ("all", parts.total, f"{EDGEFACTOR * counts.vertices / parts.total / 1e9:.3g} GTEPS"),
    ]
    table = ["| | seconds | of |", "|---|---|---|"]
    return "\n".join([*table, *(f"| {name} | {s:.3g} | {what} |" for name, s, what in rows)])


def presolved_table(plain: Counts, presolved: Grown, between: Wires, arc_seconds: float) -> str:
    """Return what a plain run and a presolved one would take of the machine."""
    n, ranks = plain.vertices, plain.ranks
    kinds = (Need, PresolvedNeed)
    needs = [kind(n, EDGEFACTOR * n, edges_kept=False, ranks=ranks) for kind in kinds]
    both = plain, presolved.search
    parts = [predict(counts, between, arc_seconds) for counts in both]

    def memory(sizes: list[int]) -> list[str]:
        total = [size * ranks for size in sizes]
        return [f"{size / n:.0f} bytes a vertex, {three(size / 1e12)} TB" for size in total]

    def gigabytes(*sizes: float) -> list[str]:
        return [f"{three(size / ranks / 1e9)} GB" for size in sizes]

    def of(amounts: list[str], name: str) -> list[str]:
        return [f"{a}, {getattr(b, name):.3g} s" for a, b in zip(amounts, parts, strict=True)]

    core, trees = presolved.core_pairs, presolved.tree_pairs
    ghosts = [f"{pairs * n / ranks:.3g}" for pairs in (presolved.plain_pairs, core + trees)]
    lookups, copies = gigabytes(presolved.lookups, presolved.copies)
    arcs = of([f"{counts.arcs_largest:.3g}" for counts in both], "work")
    sent = of(gigabytes(*(counts.bytes for counts in both)), "transfer")
    rates = [
        f"{part.total:.3g} s, {three(EDGEFACTOR * n / part.total / 1e9)} GTEPS" for part in parts
    ]
    rows = [
        ("memory of kernel 1", *memory([need.construction for need in needs]), "all ranks"),
        ("memory of a search", *memory([need.search + need.answer for need in needs]), "all ranks"),
        ("ghosts a rank", *ghosts,
         f"{presolved.plain_pairs:.3g} pairs a vertex; {core:.2g} and {trees:.2g}"),
        ("kernel 1 sends", *gigabytes(presolved.plain_kernel, presolved.rows + presolved.lookups),
         f"a rank; of it {lookups} for bounds at their owners, copies of them {copies}"),
        ("a search sends", *sent, "a rank"),
        ("arcs of a search", *arcs, "on the busiest rank"),
        ("a search", *rates, "latency and overhead included"),
    ]  # fmt: skip
    lines = ["| | plain | presolved | of |", "|---|---|---|---|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def bytes_table(counted: list[Counts], last: Counts, degrees: np.ndarray) -> str:
    """Return the bytes of each run beside those which the growth from `last` says."""
    rows = []
    for each in sorted(counted, key=lambda counts: counts.ranks):
        predicted = grown(last, degrees, each.ranks, each.vertices)
        rows.append(f"| {each.ranks} | {each.bytes / 1e6:.3g} | {predicted.bytes / 1e6:.3g} |")
    return "\n".join(["| ranks | MB counted | MB by growth |", "|---|---|---|", *rows])


if __name__ == "__main__":
    sys.exit(main())
