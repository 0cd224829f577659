"""What `sssp run` does with its flags: the benchmark, its lines on stdout, its result file."""

from __future__ import annotations

import shlex
from argparse import ArgumentParser
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.benchmark.collector import gc_disabled
from harness.benchmark.time_limit import TimeLimit
from harness.commands.options import (
    DEFAULT_OUTPUT,
    DEFAULT_SCALE,
    check_writable,
    source_of,
    use_threads,
)
from harness.console import logs
from harness.console.errors import Exit, Interrupted, UsageError
from harness.console.signals import keep_with

if TYPE_CHECKING:
    from graphs.comm import Comm
    from harness.benchmark.run import Settings
    from harness.console.progress import Progress
    from harness.results.record import ResultFile


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
