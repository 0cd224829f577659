"""`sssp run`: its flags, those of a configuration file included."""

from __future__ import annotations

from argparse import ArgumentParser, BooleanOptionalAction
from typing import TYPE_CHECKING, Any

from harness.benchmark.time_limit import Duration
from harness.commands.arguments import PATH, ROOTS
from harness.commands.options import (
    DEFAULT_SCALE,
    Commands,
    add_graph_file,
    add_official_graph,
    add_output,
    add_root,
    add_seed,
    add_solver,
)
from harness.commands.run_benchmark import run_benchmark
from harness.console.errors import EXIT_CODES

if TYPE_CHECKING:
    from harness.commands.options import Flags

_DESCRIPTION = """\
Run Graph500 kernel 3: make the graph (or read one), build its rows (timed), pick the search keys,
search from each (timed) and validate each answer. stdout gets the lines that the reference code
prints, and nothing else; progress goes to stderr, the raw figures to one JSON file.
"""
_EPILOG = f"""\
examples:
  sssp run --scale 18                        64 searches on the official graph of 2^18 vertices
  sssp run --graph rome99.gr.gz --roots 8    8 searches on your graph
  sssp run --config nightly.toml --scale 20  flags from a file; those given here win
  sssp run --scale 24 --time-limit 25m       ends in time, its finished searches kept
  sssp run --scale 24 --presolve             the same distances from a twentieth of the arcs
  sssp run --resume results/runs/FILE.json   the remaining searches of a run that was stopped
  mpirun -n 4 sssp run --scale 20            four ranks, each with its part of the graph

A run that was stopped (a signal, --time-limit, a crash) leaves its finished searches in a valid
result file marked incomplete; while it runs, that file is written every second or less. --resume
takes the graph, seeds and solver flags from that file, constructs the graph again, runs the
remaining searches in the order of the keys, and replaces the file by the one whole result. What is
not as it was is refused: a flag, the graph, its seeds, the keys, the solver, the number of ranks.
Construction, machine, versions and sources of the second part are recorded under "resumed"; reports
show the longest construction of the parts.

A configuration file is TOML and names the flags as above, with hyphens or underscores:
  scale = 20
  seed = [2, 3]
  quiet = true

{EXIT_CODES}"""


def add_commands(commands: Commands) -> None:
    """Add `sssp run` to the parser."""
    parser = commands.add_parser(
        "run",
        help="run the benchmark",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    _add_graph(parser.add_argument_group("graph"))
    _add_search(parser.add_argument_group("search"))
    _add_output(parser.add_argument_group("output"))
    _add_stopping(parser.add_argument_group("stopping and going on"))
    parser.set_defaults(
        command=lambda flags, argv: run_benchmark(_with_config(flags, parser), argv, parser)
    )


def _add_graph(graph: Flags) -> None:
    add_official_graph(
        graph, f"the official graph of 2^S vertices (default: {DEFAULT_SCALE}, without --graph)"
    )
    add_seed(graph, "the generator and of the search keys")
    add_graph_file(graph)
    graph.add_argument(
        "--keep-edges",
        action=BooleanOptionalAction,
        help="hold the edge list in memory, or generate it again whenever it is read "
        "(default: one process holds it where it fits, several ranks make it again)",
    )


def _add_search(search: Flags) -> None:
    search.add_argument(
        "--roots", type=ROOTS, metavar="K", help="searches (default: 64, as a submission needs)"
    )
    add_root(search, "a root to search from, by the file's own ids, instead of the keys; again for")
    add_solver(search)
    search.add_argument(
        "--presolve",
        action=BooleanOptionalAction,
        help="in the timed construction, keep only the edges that a search can use: the same "
        "distances from a twentieth of the arcs; undirected graphs (default: no)",
    )
    search.add_argument(
        "--validate",
        action=BooleanOptionalAction,
        help="check every answer against all rules (default: yes)",
    )
    search.add_argument(
        "--check",
        choices=("networkx",),
        help="compare the distances with networkx, too; small graphs only",
    )
    search.add_argument(
        "--energy",
        action=BooleanOptionalAction,
        help="after all searches, measure the energy of some more loops over them, for six seconds "
        "or so (default: where RAPL or NVML can be read)",
    )


def _add_output(output: Flags) -> None:
    add_output(output, "result")
    output.add_argument(
        "--config", type=PATH, metavar="FILE.toml", help="flags from a file; the command line wins"
    )
    output.add_argument(
        "--log-dir",
        type=PATH,
        metavar="DIR",
        help="folder of a log for each rank, rank-0000.log and so on, made where missing",
    )


def _add_stopping(stopping: Flags) -> None:
    stopping.add_argument(
        "--resume",
        type=PATH,
        metavar="FILE",
        help="run the remaining searches of an incomplete result file, and replace it",
    )
    stopping.add_argument(
        "--time-limit",
        type=Duration(),
        metavar="TIME",
        help="stop while there is time to end, counted from the start: seconds (Slurm's plain "
        "number is minutes), or 90s, 30m, 2h, MM:SS, HH:MM:SS, D-HH:MM:SS",
    )
    stopping.add_argument(
        "--hang-limit",
        type=Duration(),
        metavar="TIME",
        help="end a job of several ranks when one of them sends no sign of life for so long, at "
        "least 30s (default: it is named after 30 s, and the others wait for it)",
    )


def _with_config(flags: dict[str, Any], parser: ArgumentParser) -> dict[str, Any]:
    """Return the flags with those of the configuration file below them."""
    path = flags.pop("config", None)
    if path is None:
        return flags
    from harness.commands.config import read_config

    below = read_config(path, parser)
    # The graph of the command line replaces that of the file, whatever kind each of them is.
    if "graph" in flags and "graph" not in below:
        below = {key: value for key, value in below.items() if key not in _OFFICIAL}
    if "graph" in below and any(key in flags for key in _OFFICIAL):
        below = {key: value for key, value in below.items() if key not in ("graph", "symmetrize")}
    return {**below, **flags}


_OFFICIAL = ("scale", "edgefactor", "keep_edges")
