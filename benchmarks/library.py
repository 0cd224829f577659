"""One call on a matrix, and a search on rows that are built, beside SciPy's dijkstra.

    python -m benchmarks.library --output results/library      measures, and writes a file there
    python -m benchmarks.library --read results/library        the tables of the file that is there

Thirteen shapes, each with weights of three types. The searches take turns, from the same roots,
so that a busy machine slows all of them. SciPy returns predecessors, too. Then what the first call
of a process takes, Python's start included, with nothing compiled before and with everything.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from time import gmtime, perf_counter, strftime
from typing import Any

import numpy as np
import scipy.sparse
from scipy.sparse.csgraph import dijkstra

from benchmarks.flags import parser_of
from graphs import build_csr, kronecker
from harness.machine.facts import git_state, machine_facts, versions
from kernels.disk import replacing
from sssp import Solver, shortest_paths
from sssp.graph import matrix_edges

TYPES = ("float32", "float64", "int32")
KRONECKER = (8, 10, 12, 14, 16, 18, 20)
_ROOTS = 4
_LARGE = 1 << 24  # arcs from which two turns are enough
_FIRST = """
import scipy.sparse
from sssp import shortest_paths
m = scipy.sparse.csr_array([[0, 2, 9], [0, 0, 3], [0, 0, 0.0]])
assert shortest_paths(m, 0)[0].tolist() == [0, 2, 5]
"""
Ends = tuple[np.ndarray, np.ndarray, int]


def _kronecker(scale: int) -> Ends:
    edges = kronecker(scale)
    kept = np.unique(np.minimum(edges.src, edges.dst) * edges.n + np.maximum(edges.src, edges.dst))
    return kept // edges.n, kept % edges.n, edges.n


def _grid(side: int, diagonals: bool = False) -> Ends:
    ids = np.arange(side * side).reshape(side, side)
    pairs = [(ids[:, :-1], ids[:, 1:]), (ids[:-1], ids[1:])]
    if diagonals:
        pairs.append((ids[:-1, :-1], ids[1:, 1:]))
    src, dst = (np.concatenate([pair[i].ravel() for pair in pairs]) for i in (0, 1))
    return src, dst, side * side


def _random(n: int, m: int) -> Ends:
    ends = np.random.default_rng(5).integers(0, n, (2, m))
    return ends[0], ends[1], n


SHAPES: dict[str, Callable[[], Ends]] = {
    **{f"Kronecker, scale {scale}": partial(_kronecker, scale) for scale in KRONECKER},
    "mesh of 32,400": lambda: _grid(180, diagonals=True),
    "grid of 512 x 512": lambda: _grid(512),
    "path of 100,000": lambda: (np.arange(99_999), np.arange(1, 100_000), 100_000),
    "star of 100,000": lambda: (np.zeros(99_999, np.int64), np.arange(1, 100_000), 100_000),
    "random, 100,000": lambda: _random(100_000, 800_000),
    "complete, 1,000": lambda: (*np.triu_indices(1_000, 1), 1_000),
}


def matrices(shape: str) -> Iterator[Any]:
    """The symmetric matrix of a shape, with weights of each type."""
    src, dst, n = SHAPES[shape]()
    weight = np.random.default_rng(6).integers(1, 1 << 20, len(src))
    for name in TYPES:
        data = weight.astype(name) / (1 << 20) if name.startswith("f") else weight // 1024 + 1
        data = np.append(data, data).astype(name)
        ends = np.append(src, dst), np.append(dst, src)
        yield scipy.sparse.coo_array((data, ends), (n, n)).tocsr()


def _measure(matrix: Any, turns: int) -> dict[str, list[float]]:
    """Seconds of each way to search, by turns from the same roots; answers are compared."""
    solver = Solver(build_csr(matrix_edges(matrix)), "cpu")
    out = solver.new_answer()
    eligible = np.flatnonzero(np.diff(matrix.indptr))
    roots = np.random.default_rng(7).choice(eligible, _ROOTS)
    rounding = 1e-3 if matrix.dtype == np.float32 else 1e-12
    ways: dict[str, Callable[[int], np.ndarray]] = {
        "scipy": lambda root: dijkstra(matrix, indices=root, return_predecessors=True)[0],
        "call": lambda root: shortest_paths(matrix, root, "cpu")[0],
        "built": lambda root: solver.search(root, out).dist,
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(turns + 1):
        for root in roots.tolist():
            found = {}
            for way, search in ways.items():
                started = perf_counter()
                found[way] = search(root)
                if turn:  # the first compiles
                    seconds[way].append(perf_counter() - started)
            assert np.array_equal(found["call"], found["built"])
            # SciPy adds in float64; sums of 100,000 float32 numbers are a little apart.
            assert np.allclose(found["call"], found["scipy"], rtol=rounding)
    return seconds


def _first_answers() -> dict[str, float]:
    """Seconds of a process that answers one call: nothing compiled before, then all."""
    seconds = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("cold", "warm"):
            started = perf_counter()
            # Kernels are looked for in both.
            environment = os.environ | {"NUMBA_CACHE_DIR": folder, "XDG_CACHE_HOME": folder}
            subprocess.run([sys.executable, "-c", _FIRST], env=environment, check=True)
            seconds[name] = perf_counter() - started
    return seconds


def _turns(turns: int, arcs: int) -> int:
    """As many as are asked for, and fewer where they take long."""
    if arcs < 1 << 20:
        return turns
    return min(turns, 3 if arcs < _LARGE else 2)


def measured(turns: int, shapes: list[str]) -> dict[str, Any]:
    """Everything that the tables are made of."""
    rows = []
    for shape in shapes:
        for matrix in matrices(shape):
            print(shape, matrix.dtype, file=sys.stderr, flush=True)
            rows.append(
                {
                    "shape": shape,
                    "weights": str(matrix.dtype),
                    "vertices": matrix.shape[0],
                    "arcs": matrix.nnz,
                    "seconds": _measure(matrix, _turns(turns, matrix.nnz)),
                }
            )
    return {"first_answer_seconds": _first_answers(), "rows": rows}


def table(record: dict[str, Any]) -> str:
    """In Markdown: the searches of each shape, as medians; how many times as long SciPy takes."""
    lines = [
        "| shape | weights | arcs | SciPy ms | one call ms | call ratio | built ms | built ratio |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in record["rows"]:
        ms = {way: 1e3 * median(found) for way, found in row["seconds"].items()}
        lines.append(
            f"| {row['shape']} | {row['weights']} | {row['arcs']:,} | {ms['scipy']:.3g} "
            f"| {ms['call']:.3g} | {ms['scipy'] / ms['call']:.1f} "
            f"| {ms['built']:.3g} | {ms['scipy'] / ms['built']:.1f} |"
        )
    return "\n".join(lines)


def first_answers(record: dict[str, Any]) -> str:
    """In Markdown: the first call of a process."""
    found = record["first_answer_seconds"]
    return (
        "| the first call of a process | seconds |\n|---|---|\n"
        f"| nothing compiled before | {found['cold']:.1f} |\n"
        f"| compiled by an earlier process | {found['warm']:.1f} |"
    )


def main() -> int:
    parser = parser_of("library", __doc__)
    parser.add_argument("--output", metavar="FOLDER", default="results/runs")
    parser.add_argument("--read", metavar="FOLDER")
    parser.add_argument("--turns", type=int, default=5, metavar="N")
    parser.add_argument("--shape", action="append", choices=SHAPES, help="only this one, or these")
    asked = parser.parse_args()
    if asked.read is None:
        commit, dirty = git_state()
        about = {
            "commit": commit,
            "dirty": dirty,
            "machine": machine_facts(),
            "versions": versions(),
        }
        record = about | measured(asked.turns, asked.shape or list(SHAPES))
        name = f"{strftime('%Y%m%dT%H%M%SZ', gmtime())}-library-{uuid.uuid4().hex[:6]}.json"
        Path(asked.output).mkdir(parents=True, exist_ok=True)
        with replacing(Path(asked.output) / name) as file:
            file.write(json.dumps(record, indent=1).encode())
    else:
        record = json.loads(max(Path(asked.read).glob("2*-library-*.json")).read_text())
    print(first_answers(record), table(record), sep="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
