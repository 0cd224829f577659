"""`sssp peers`: other libraries on the same graph and roots."""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import Any

from harness.commands.arguments import ROOTS, THREADS
from harness.commands.options import (
    DEFAULT_OUTPUT,
    DEFAULT_SCALE,
    Commands,
    add_graph_file,
    add_official_graph,
    add_output,
    add_seed,
    check_writable,
    refuse_ranks,
    source_of,
    use_threads,
)
from harness.console.errors import EXIT_CODES, Exit

# Spelled out, as the libraries' module is not needed to print a page of help.
PEER_NAMES = ("scipy", "networkit", "igraph", "graphblas", "networkx")
DEFAULT_ROOTS = 16

_DESCRIPTION = """\
Measure the searches of sssp-bench beside those of other libraries: the same graph, the same roots
(the official search keys), four roots at a time in turn, after one untimed search each. All answers
are compared. A table goes to stdout, the seconds of every search to one JSON file.
"""
_EPILOG = f"""\
examples:
  sssp peers --scale 20 --with scipy           the ratio to SciPy's Dijkstra
  sssp peers --scale 20 --threads 1,2          a row for each number of threads of sssp-bench
  sssp peers --graph rome99.gr --roots 64      on your graph

The columns:
  parents        the search finds predecessors, too (sssp-bench always does)
  ms             of one search: sssp-bench resets its arrays, searches, and leaves distances and
                 parents in original ids; the others what their call does on a graph of their own
  MTEPS          edges traversed (self loops left out) / median seconds / 10^6
  ratio          median / that of sssp-bench on the most threads: above 1, sssp-bench is faster
  conversion s   sssp-bench: kernel 1 from the edge list; scipy: the sorted float64 matrix from
                 those rows; the others: from that matrix to their own graph
Then, building included, shortest_paths(matrix, root) beside SciPy's on the same matrix.

The libraries: pip install 'sssp-bench[peers]'. Their memory is not planned for; that of
sssp-bench and of the matrix is.

{EXIT_CODES}"""


class Listed:
    """Words of one kind, with commas between them; each once."""

    def __init__(self, kind: Any):
        self.kind = kind

    def __call__(self, text: str) -> tuple[Any, ...]:
        values = tuple(self.kind(part.strip()) for part in text.split(","))
        twice = [value for value in values if values.count(value) > 1]
        if twice:
            raise ArgumentTypeError(f"{twice[0]} stands there twice: {text!r}")
        return values


def peer_name(text: str) -> str:
    """Return a name that `--with` knows."""
    if text not in PEER_NAMES:
        raise ArgumentTypeError(f"must be names of {', '.join(PEER_NAMES)}, got {text!r}")
    return text


def add_commands(commands: Commands) -> None:
    """Add `sssp peers` to the parser."""
    parser = commands.add_parser(
        "peers",
        help="measure other libraries beside sssp-bench",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    add_official_graph(
        parser, f"the official graph of 2^S vertices (default: {DEFAULT_SCALE}, without --graph)"
    )
    add_seed(parser, "the generator and of the search keys")
    add_graph_file(parser)
    parser.add_argument(
        "--roots", type=ROOTS, metavar="K", help=f"searches of each (default: {DEFAULT_ROOTS})"
    )
    parser.add_argument(
        "--with",
        type=Listed(peer_name),
        metavar="NAME,...",
        dest="peers",
        help=f"of {', '.join(PEER_NAMES)} (default: those that are installed, but for the slow "
        "networkx)",
    )
    parser.add_argument(
        "--threads",
        type=Listed(THREADS),
        metavar="T,...",
        help="threads of sssp-bench, a row for each number; a peer that uses threads gets the most "
        "(default: NUMBA_NUM_THREADS, else the cores this process may use)",
    )
    add_output(parser, "JSON")
    parser.set_defaults(command=run_peers)


def run_peers(flags: dict[str, Any], argv: list[str]) -> int:
    """Measure what `flags` ask for; return the exit status."""
    from harness.machine.facts import default_threads

    refuse_ranks()
    source = source_of(flags, DEFAULT_SCALE)
    threads = flags.get("threads") or (default_threads(),)
    use_threads(max(threads))
    output = flags.get("output", DEFAULT_OUTPUT)
    check_writable(output)

    from harness.console.progress import Progress
    from harness.console.signals import unstoppable
    from harness.console.streams import emit
    from harness.peers import record as peer_record
    from harness.peers import table as peer_table
    from harness.peers.libraries import chosen_peers
    from harness.peers.run import Settings, compare

    peers = chosen_peers(flags.get("peers"))
    settings = Settings(source, peers, flags.get("roots", DEFAULT_ROOTS), threads)
    progress = Progress(flags.get("quiet", False))
    record = compare(settings, argv, progress)
    failures = peer_record.failures(record)
    with unstoppable():
        try:
            path = peer_record.write(record, output)
        finally:  # a full disk must not take the figures with it
            lines = [f"invalid: {line}" for line in failures]
            emit("\n".join(lines) if lines else peer_table.render(record))
    progress.stage(f"result: {path}")
    return Exit.INVALID if failures else Exit.OK
