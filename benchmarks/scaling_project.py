"""What the model predicts for a machine and a graph that were not run here.

    python -m benchmarks.scaling_project results/scaling --ranks 2000 --scale 41
        --latency 3e-6 --overhead 5e-7 --bandwidth 25e9 --arc-seconds 2e-10

Takes the counts of the run on the most ranks in a folder (`scaling.py`), lets them grow
(`scaling_model.grown`), and prints where the time of a search would go, beside it what the same
growth says of the other runs at that scale, to be compared with what was counted there. The network
and the seconds of an arc are given: what a ping-pong and one rank take on that machine.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.scaling import counts_of, load
from benchmarks.scaling_model import Counts, Wires, grown, predict

EDGEFACTOR = 16


def main() -> int:
    asked = parser().parse_args()
    print("\n\n".join(projection(load(Path(asked.folder)), asked)))
    return 0


def projection(runs: list[dict[str, Any]], asked: argparse.Namespace) -> tuple[str, str]:
    """Return the two tables: seconds of the machine asked about, bytes counted and by growth."""
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
    return seconds, bytes_table(others, last, degrees)


def parser() -> argparse.ArgumentParser:
    """Return the flags of the command."""
    first, _, rest = __doc__.partition("\n\n")
    flags = argparse.ArgumentParser(
        description=first, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
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


def bytes_table(counted: list[Counts], last: Counts, degrees: np.ndarray) -> str:
    """Return the bytes of each run beside those which the growth from `last` says."""
    rows = []
    for each in sorted(counted, key=lambda counts: counts.ranks):
        told = grown(last, degrees, each.ranks, each.vertices)
        rows.append(f"| {each.ranks} | {each.bytes / 1e6:.3g} | {told.bytes / 1e6:.3g} |")
    return "\n".join(["| ranks | MB counted | MB by growth |", "|---|---|---|", *rows])


if __name__ == "__main__":
    sys.exit(main())
