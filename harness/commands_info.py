"""`sssp info` and `sssp warmup`: what this machine can do, and compiling ahead of a job."""

from __future__ import annotations

import subprocess
import sys
from time import perf_counter
from typing import Any

from harness.arguments import EDGEFACTOR, SCALE
from harness.errors import EXIT_CODES, Exit, MemoryRefused
from harness.machine import machine_facts, versions
from harness.memory import MOST_ANSWERS, Need, available, gib
from harness.options import DEFAULT_SCALE, use_default_threads
from harness.report_verdict import SEARCHES
from harness.source import OfficialGraph
from harness.streams import emit, say

_INFO = """\
Say what this machine is, which engines can run on it and why one cannot, which MPI there is; with
--scale also what a graph of that size needs, and whether it fits.
"""
_INFO_EPILOG = f"""\
example:
  sssp info --scale 25

{EXIT_CODES}"""

_WARMUP = """\
Compile everything a run may need, so that the first run of a job does not. What is compiled stays
in the cache folder (NUMBA_CACHE_DIR, else in the user's cache folder).
"""
_WARMUP_EPILOG = f"""\
example:
  sssp warmup && srun sssp run --scale 24

{EXIT_CODES}"""

# Edges of the slice by which the time of a generation is judged.
_SAMPLE = 2**20
# Kernel 1 reads the edges so often: for the degrees, and for the rows.
PASSES_TO_CONSTRUCT = 2

_ASK_MPI = """
import sys
try:
    import mpi4py
    mpi4py.rc.initialize = False
    from mpi4py import MPI
except (ImportError, RuntimeError) as error:
    sys.exit("; ".join(str(error).splitlines()))
print(" ".join(MPI.Get_library_version().splitlines()[0].strip("\\0").split()))
"""


def add_commands(commands: Any) -> None:
    info = commands.add_parser(
        "info",
        help="describe this machine, and what a scale needs",
        description=_INFO,
        epilog=_INFO_EPILOG,
    )
    info.add_argument("--scale", type=SCALE, metavar="S", help="say what 2^S vertices need")
    info.add_argument(
        "--edgefactor", type=EDGEFACTOR, metavar="E", help="edges per vertex (default: 16)"
    )
    info.set_defaults(command=run_info)
    warmup = commands.add_parser(
        "warmup", help="compile ahead of a job", description=_WARMUP, epilog=_WARMUP_EPILOG
    )
    warmup.set_defaults(command=run_warmup)


def run_info(flags: dict[str, Any], _argv: list[str]) -> int:
    """Print what is known about the machine; return the exit status."""
    use_default_threads()
    graph = None
    if "scale" in flags or "edgefactor" in flags:
        graph = OfficialGraph(flags.get("scale", DEFAULT_SCALE), flags.get("edgefactor", 16))
        needed, need = memory_lines(graph)  # as a run would: before anything large is imported
    emit(_table(machine_lines()))
    if graph is not None:
        emit("\n" + _table([*size_lines(graph, need), *needed]))
    return Exit.OK


def machine_lines() -> list[tuple[str, str]]:
    """Return what `sssp info` says of the machine, as names and values."""
    facts = machine_facts()
    there = available()
    lines = [
        ("hostname", facts["hostname"]),
        ("system", facts["system"]),
        ("cpu", facts["cpu"] or "unknown"),
        ("cores", f"{facts['cores']} usable of {facts['cores_online']} online"),
        ("memory", gib(facts["memory_bytes"]) if facts["memory_bytes"] else "unknown"),
        ("memory available", f"{gib(there.bytes)} ({there.limit})"),
    ]
    for name, reason in _engines().items():
        lines.append((f"engine {name}", "usable" if reason is None else f"missing: {reason}"))
        if name == "cuda" and reason is None:
            lines.append(("GPU", _gpu()))
    lines.append(("MPI", _mpi_library()))
    lines += _numba_lines()
    lines += [(name, found or "not installed") for name, found in versions().items()]
    return lines


def _engines() -> dict[str, str | None]:
    from sssp.solver import engines

    return engines()


def _gpu() -> str:
    from harness.gpu import gpu_facts

    facts = gpu_facts()
    return (
        f"{facts['gpu']}, {gib(facts['gpu_memory_bytes'])}, driver {facts['gpu_driver']} for CUDA "
        f"up to {facts['gpu_driver_cuda']}, CuPy of CUDA {facts['gpu_runtime_cuda']}"
    )


def _numba_lines() -> list[tuple[str, str]]:
    import numba

    from harness.warmup import cache_folder

    # Asking for the number of threads starts the threading layer, which then has a name.
    threads = numba.get_num_threads()
    return [
        ("threads", str(threads)),
        ("threading layer", numba.threading_layer()),
        ("cache folder", cache_folder()),
    ]


def _mpi_library() -> str:
    """Return the MPI library's name, or why there is none.

    Asked in a process of its own: a broken library may stop the process that loads it.
    """
    try:
        asked = subprocess.run(
            [sys.executable, "-c", _ASK_MPI], capture_output=True, text=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"unknown: {error}"
    if asked.returncode == 0:
        return asked.stdout.strip()
    last = asked.stderr.strip().splitlines()[-1:] or [f"exit status {asked.returncode}"]
    return f"missing: {last[0]}; everything but mpirun works"


def memory_lines(graph: OfficialGraph) -> tuple[list[tuple[str, str]], Need | None]:
    """Return what a run on an official graph needs, and what it would do here: None if nothing."""
    there = available().bytes
    lines = []
    for kept, name in ((True, "edge list kept"), (False, "edge list made again")):
        need = Need(2**graph.scale, graph.edges, edges_kept=kept)
        fits = "fits" if need.total <= there else "does not fit"
        lines.append((name, f"{gib(need.total)} for a run, {fits}"))
    try:
        need = graph.need()
    except MemoryRefused:
        return [*lines, ("a run here", "would be refused")], None
    if need.edges_kept:
        return [*lines, ("a run here", "would keep the edge list")], need
    answers = "1 answer" if need.answers == 1 else f"{need.answers} answers"
    how = f"in each pass, {answers} validated in one"
    return [*lines, ("a run here", f"would make the edge list again {how}")], need


def size_lines(graph: OfficialGraph, need: Need | None) -> list[tuple[str, str]]:
    """Return the size of an official graph, and how long its edges take to make.

    `need` is how a run here would go; where it would not make the edges again, or could not run,
    as many answers wait for a pass as ever may.
    """
    seconds = generation_seconds(graph)
    sample = min(graph.edges, _SAMPLE)
    answers = need.answers if need is not None and not need.edges_kept else MOST_ANSWERS
    to_validate = -(-SEARCHES // answers)
    again = (PASSES_TO_CONSTRUCT + to_validate) * seconds
    return [
        ("graph", str(graph)),
        ("vertices", str(2**graph.scale)),
        ("edges", str(graph.edges)),
        ("generation", f"about {_rounded(seconds)} s a pass, judged by {sample} edges just made"),
        (
            "regeneration",
            f"about {_rounded(again)} s in {SEARCHES} searches where the edge list is made again: "
            f"{PASSES_TO_CONSTRUCT} passes to construct, {to_validate} to validate",
        ),
    ]


def _rounded(seconds: float) -> str:
    return f"{seconds:.2g}" if seconds < 100 else f"{seconds:.0f}"


def generation_seconds(graph: OfficialGraph) -> float:
    """Return how long one pass of the generator takes here, judged by a slice of the graph."""
    from graphs.generator import kronecker

    count = min(graph.edges, _SAMPLE)
    kronecker(graph.scale, graph.edgefactor, graph.seed, count=min(count, 1024))  # compiles
    start = perf_counter()
    kronecker(graph.scale, graph.edgefactor, graph.seed, count=count)
    return (perf_counter() - start) * graph.edges / count


def _table(lines: list[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in lines) + 2
    return "\n".join(f"{name + ':':<{width}}{value}" for name, value in lines)


def run_warmup(_flags: dict[str, Any], _argv: list[str]) -> int:
    """Compile for every kind of graph; return the exit status."""
    use_default_threads()
    from harness.warmup import KINDS, cache_folder, warm_up, warm_up_generator

    start = perf_counter()
    say("compiling the generator")
    warm_up_generator()
    for dtype, directed in KINDS:
        say(f"compiling for {dtype} weights, {'directed' if directed else 'undirected'}")
        warm_up(dtype, directed)
    emit(f"compiled in {perf_counter() - start:.1f} s, kept in {cache_folder()}")
    return Exit.OK
