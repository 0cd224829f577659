"""`sssp run`: the benchmark, its lines on stdout, its result file."""

from __future__ import annotations

import shlex
from argparse import ArgumentParser, BooleanOptionalAction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.benchmark.collector import gc_disabled
from harness.benchmark.time_limit import Duration, TimeLimit
from harness.commands.arguments import PATH, ROOTS
from harness.commands.options import (
    DEFAULT_OUTPUT,
    DEFAULT_SCALE,
    Commands,
    add_graph_file,
    add_official_graph,
    add_output,
    add_root,
    add_seed,
    add_solver,
    check_writable,
    source_of,
    use_threads,
)
from harness.console import logs
from harness.console.errors import EXIT_CODES, Exit, Interrupted, UsageError
from harness.console.signals import keep_with

if TYPE_CHECKING:
    from graphs.comm import Comm
    from harness.benchmark.run import Settings
    from harness.console.progress import Progress
    from harness.results.record import ResultFile

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
    graph = parser.add_argument_group("graph")
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
    search = parser.add_argument_group("search")
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
    output = parser.add_argument_group("output")
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
    stopping = parser.add_argument_group("stopping and going on")
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
    parser.set_defaults(
        command=lambda flags, argv: run_benchmark(_with_config(flags, parser), argv, parser)
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


def run_benchmark(flags: dict[str, Any], argv: list[str], parser: ArgumentParser) -> int:
    """Run the benchmark that `flags` ask for, on all ranks; return the exit status."""
    from harness.machine.facts import default_threads
    from sssp.mpi_comm import world

    comm = world()
    if "log_dir" in flags:
        logs.open_log(flags["log_dir"], comm.rank)
        logs.write(shlex.join(argv))
    if "hang_limit" in flags:
        from harness.job import heartbeat

        heartbeat.limit_silence(flags["hang_limit"], comm.size)
    earlier, flags = _earlier(flags, comm, parser)
    threads = flags.get("threads") or default_threads()
    use_threads(threads, comm)  # before anything below imports numba

    with gc_disabled():
        from harness.benchmark.checkpoint import Checkpoint
        from harness.benchmark.run import new_result, resumed_result, run
        from harness.console.progress import Progress
        from harness.results.ranks import on_rank_zero
        from harness.results.record import ResultFile

    settings = _settings(flags, threads, comm)
    progress = Progress(flags.get("quiet", False))
    # Rank 0 asks git and the machine for all: it is its answers that are kept.
    result = on_rank_zero(
        comm, lambda: resumed_result(earlier, argv) if earlier else new_result(settings, argv)
    )
    output, path = on_rank_zero(comm, lambda: _output(flags))
    file = ResultFile(output, path) if comm.rank == 0 else None
    limit = TimeLimit(flags["time_limit"]) if "time_limit" in flags else None
    before = len(result["searches"])
    keep_with(lambda: _keep_unfinished(result, before, file))
    try:
        run(settings, result, progress, Checkpoint(progress, file, limit, comm), comm)
    except Interrupted as interruption:
        interruption.add_note(_keep_unfinished(result, before, file))
        raise
    except Exception:
        if len(result["searches"]) > before:
            progress.warn(f"sssp run: {_keep_unfinished(result, before, file)}")
        raise
    if result["status"] == "incomplete":
        progress.warn(f"sssp run: time limit; {_keep_unfinished(result, before, file)}")
        return Exit.INCOMPLETE
    return _finish(result, file, progress)


def _settings(flags: dict[str, Any], threads: int, comm: Comm) -> Settings:
    """Return what the flags ask for; UsageError if they do not go together."""
    from harness.benchmark.run import Settings

    if comm.size > 1 and "check" in flags:
        raise UsageError(
            f"--check networkx runs as one process, not as {comm.size} ranks; the validation "
            "needs no second opinion, and dist_digest in the result files compares runs"
        )
    if "root" in flags and flags.get("roots", len(flags["root"])) != len(flags["root"]):
        raise UsageError("--roots does not go with --root: as many searches run as are named")
    return Settings(
        source=source_of(flags, DEFAULT_SCALE),
        roots=len(flags["root"]) if "root" in flags else flags.get("roots", 64),
        root=flags.get("root"),
        engine=flags.get("engine", "auto"),
        threads=threads,
        delta=flags.get("delta"),
        presolve=flags.get("presolve", False),
        validate=flags.get("validate", True),
        check=flags.get("check"),
        energy=flags.get("energy", True),
    )


def _earlier(
    flags: dict[str, Any], comm: Comm, parser: ArgumentParser
) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """Return the result to be resumed, if any, and all flags, those of its run included."""
    if "resume" not in flags:
        return None, flags
    from harness.benchmark.resume import OF_THIS_COMMAND, agreed, check_ranks, unfinished
    from harness.commands.config import checked
    from harness.results.ranks import on_rank_zero

    path = flags["resume"]
    if "output" in flags:
        raise UsageError("--output does not go with --resume: its file gets the whole result")
    earlier = on_rank_zero(comm, lambda: unfinished(path, partial(checked, parser)))
    check_ranks(earlier, comm.size, path)
    asked = {name: value for name, value in flags.items() if name not in OF_THIS_COMMAND}
    return earlier, {**agreed(asked, earlier, path), **flags}


def _output(flags: dict[str, Any]) -> tuple[str | Path, Path | None]:
    """Return the folder of the result file, and the file if there is one already.

    Raises
    ------
    UsageError
        If the folder cannot be written.
    """
    path = Path(flags["resume"]) if "resume" in flags else None
    output = flags.get("output", DEFAULT_OUTPUT) if path is None else path.parent
    check_writable(output)
    return output, path


def _keep_unfinished(result: dict[str, Any], before: int, file: ResultFile | None) -> str:
    """Write the finished searches of a run that was stopped; return what became of them."""
    from harness.console.signals import unstoppable
    from harness.results import record as results

    if file is None:
        return ""
    count = len(result["searches"])
    if count == before:
        kept = "nothing is kept" if before == 0 else f"{file.path} is as it was"
        return f"no {'further ' if before else ''}search was finished, {kept}"
    with unstoppable():
        try:
            path = file.keep(result)
        except results.ResultError as error:
            return f"{count - before} finished searches are lost: {error}"
    done = f"{count} of {result['roots_requested']} searches were finished, kept in {path}"
    if result["status"] != "incomplete":  # stopped while measuring energy, or in the last search
        return done
    return f"{done}; the others: sssp run --resume {path}"


def _finish(result: dict[str, Any], file: ResultFile | None, progress: Progress) -> int:
    """Write the result file and print the benchmark's lines; return the exit status."""
    from harness.console.signals import unstoppable
    from harness.console.streams import emit
    from harness.reports import report
    from harness.results import noise

    invalid = result["status"] == "invalid"
    with unstoppable():
        try:
            path = file.keep(result) if file is not None else "written by rank 0"
        finally:  # a full disk must not take the figures with it
            if not invalid:
                emit(report.graph500_lines(result))
    progress.stage(f"result: {path}")
    if invalid:
        wrong = sum(search["valid"] is False for search in result["searches"])
        progress.warn(f"{wrong} of {len(result['searches'])} searches are invalid: no TEPS")
    if not result["validated"]:
        progress.warn("not validated")
    if disturbed := noise.shared(result):
        progress.warn(disturbed)
    problems = report.submission_problems(result)
    if problems:
        progress.warn(f"not a submission: {'; '.join(problems)}")
    return Exit.INVALID if invalid else Exit.OK
