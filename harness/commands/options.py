"""Flags that several commands share, and what is made of their values."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, BooleanOptionalAction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from harness.commands.arguments import DELTA, EDGEFACTOR, PATH, ROOT, SCALE, SEED, THREADS, WEIGHTS
from harness.console.errors import UsageError
from harness.machine.facts import default_threads, launched_ranks
from harness.machine.thread_limit import refuse_few_threads

if TYPE_CHECKING:
    from argparse import _ActionsContainer as Flags  # a parser, or a group of its flags

    from graphs.comm import Comm
    from harness.benchmark.source import OfficialGraph, Source

SEEDS = (2, 3)
DEFAULT_SCALE = 16
DEFAULT_OUTPUT = "results/runs"
# Spelled out, as the readers are not needed to print a page of help.
FORMATS = ("gr", "mtx", "wel", "npz", "edges", "konect", "metis", "ldbc", "parquet")


class Commands(Protocol):
    """What takes the commands: the sub-parsers of the parser of `sssp`."""

    def add_parser(
        self, name: str, *, help: str, description: str, epilog: str
    ) -> ArgumentParser: ...


def add_official_graph(parser: Flags, scale_help: str, required: bool = False) -> None:
    """Add the flags that name a graph of the official generator."""
    parser.add_argument("--scale", type=SCALE, metavar="S", required=required, help=scale_help)
    parser.add_argument(
        "--edgefactor", type=EDGEFACTOR, metavar="E", help="edges per vertex (default: 16)"
    )


def add_seed(parser: Flags, what: str) -> None:
    """Add the flag for the seeds of the generator."""
    parser.add_argument(
        "--seed",
        type=SEED,
        nargs=2,
        metavar=("A", "B"),
        help=f"the two seeds of {what}, 0 to 2^64-1 (default: 2 3, the official ones)",
    )


def add_graph_file(parser: Flags) -> None:
    """Add the flags that name a graph file."""
    parser.add_argument(
        "--graph",
        type=PATH,
        metavar="FILE",
        help="a graph file instead, by its suffix: .gr (DIMACS), .mtx (Matrix Market), .wel (GAP), "
        ".npz (sssp-bench, scipy.sparse), .txt .csv .tsv .el .edges (edge list), out.* (KONECT), "
        ".properties (Graphalytics), .graph (METIS), .parquet; each also with .gz, .bz2, .xz or "
        ".zst behind, or in a .tar",
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="the file's format, where its name does not say it",
    )
    parser.add_argument(
        "--weights",
        type=WEIGHTS,
        metavar="RULE",
        help="weights for a file that has none: unit, every edge 1, or random:SEED, float32 in "
        "[0, 1)",
    )
    parser.add_argument(
        "--symmetrize",
        action=BooleanOptionalAction,
        help="walk every edge of a directed file both ways (default: no)",
    )


def add_root(parser: Flags, what: str) -> None:
    """Add the flag that names a root, once for each."""
    parser.add_argument("--root", type=ROOT, action="append", metavar="R", help=f"{what} several")


def add_solver(parser: Flags) -> None:
    """Add what a search is made with."""
    parser.add_argument(
        "--engine",
        choices=("auto", "cpu", "cuda"),
        help="what searches; auto takes the best there is (default: auto)",
    )
    parser.add_argument(
        "--threads",
        type=THREADS,
        metavar="T",
        help="threads (default: NUMBA_NUM_THREADS, else the cores this process may use)",
    )
    parser.add_argument(
        "--delta",
        type=DELTA,
        metavar="D",
        help="width of a bucket, in the unit of the weights (default: chosen from the graph)",
    )


def add_output(parser: Flags, what: str) -> None:
    """Add the flags that say where a file of figures goes, and whether progress is shown."""
    parser.add_argument(
        "--output",
        type=PATH,
        metavar="DIR",
        help=f"folder of the {what} file, made where missing (default: {DEFAULT_OUTPUT})",
    )
    parser.add_argument(
        "--quiet", action=BooleanOptionalAction, help="no progress on stderr (default: progress)"
    )


def source_of(flags: dict[str, Any], default_scale: int | None = None) -> Source:
    """Return the graph that the flags name.

    Raises
    ------
    UsageError
        If they name two, or neither where `default_scale` is None.
    """
    if "graph" in flags:
        for other in ("scale", "edgefactor", "keep_edges"):
            if other in flags:
                flag = other.replace("_", "-")
                raise UsageError(f"--{flag} does not go with --graph: the file is the graph")
        from harness.benchmark.source import GraphFile
        from harness.console.progress import Progress

        first, second = flags.get("seed", SEEDS)
        return GraphFile(
            flags["graph"],
            flags.get("symmetrize", False),
            (first, second),
            flags.get("format"),
            flags.get("weights"),
            Progress(flags.get("quiet", False)),
        )
    if flags.get("symmetrize"):
        raise UsageError("--symmetrize goes with --graph: the official graph is undirected")
    for name in ("format", "weights"):
        if name in flags:
            raise UsageError(f"--{name} goes with --graph: it says how that file is read")
    if "scale" not in flags and default_scale is None:
        raise UsageError("name a graph: --graph FILE, or --scale S")
    return official_graph({"scale": default_scale, **flags})


def official_graph(flags: dict[str, Any]) -> OfficialGraph:
    """Return the official graph that the flags name."""
    from harness.benchmark.source import OfficialGraph

    first, second = flags.get("seed", SEEDS)
    return OfficialGraph(
        flags["scale"], flags.get("edgefactor", 16), (first, second), flags.get("keep_edges")
    )


def refuse_ranks() -> None:
    """Stop where a launcher has started several ranks: each would do all the work again.

    Raises
    ------
    UsageError
        On every rank; only rank 0 prints it.
    """
    _, size = launched_ranks()
    if size > 1:
        raise UsageError(
            f"started as {size} ranks, but this command runs as one process: use it without a "
            "launcher, or with one rank (mpirun -n 1)"
        )


def use_threads(threads: int, comm: Comm | None = None) -> None:
    """Fix how many threads numba may use; it takes this only before its import. Collective.

    Raises
    ------
    UsageError
        If they cannot be started here, or by another rank of `comm`.
    """
    if "numba" not in sys.modules:
        refuse_few_threads(threads, comm)
        os.environ["NUMBA_NUM_THREADS"] = str(threads)


def use_default_threads(comm: Comm | None = None) -> None:
    """Fix numba's threads for a command without the flag --threads; as `use_threads`."""
    use_threads(default_threads(), comm)


def check_writable(folder: str | os.PathLike[str], make: bool = True) -> None:
    """Find out before the work whether `folder` can be made and written, and leave no trace.

    With `make` false it must be there already.

    Raises
    ------
    UsageError
        If it cannot.
    """
    import tempfile

    path = Path(folder)
    if path.exists() and not path.is_dir():
        raise UsageError(f"--output {folder}: is not a folder")
    missing = [part for part in (path, *path.parents) if make and not part.exists()]
    try:
        if make:
            path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise UsageError(f"--output {folder}: cannot be written: {error.strerror}") from error
    finally:
        for made in missing:
            if made.is_dir():
                made.rmdir()
