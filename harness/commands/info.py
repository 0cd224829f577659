"""`sssp info` and `sssp warmup`: what this machine can do, and compiling ahead of a job."""

from __future__ import annotations

import subprocess
import sys
from time import perf_counter
from typing import TYPE_CHECKING, Any

from harness.commands.options import (
    DEFAULT_SCALE,
    Commands,
    add_official_graph,
    use_default_threads,
)
from harness.console.errors import EXIT_CODES, Exit
from harness.console.streams import emit, say
from harness.machine.facts import default_threads, machine_facts, versions

if TYPE_CHECKING:
    from graphs.comm import Comm

_INFO = """\
Say what this machine is, which engines can run on it and why one cannot, which MPI mpi4py finds;
with --scale also what a graph of that size needs, and whether it fits. Under a launcher also where
each rank is: its host, threads and cores.
"""
_INFO_EPILOG = f"""\
example:
  sssp info --scale 25
  mpirun -n 4 sssp info

{EXIT_CODES}"""

_WARMUP = """\
Compile everything a run may need, so that the first run of a job does not. What is compiled stays
in the cache folder (NUMBA_CACHE_DIR, else in the user's cache folder). Under a launcher, what
several ranks call is compiled, by one rank for each cache folder.
"""
_WARMUP_EPILOG = f"""\
example:
  sssp warmup && srun sssp run --scale 24

{EXIT_CODES}"""

_ASK_MPI = """
import re, sys
try:
    import mpi4py
    mpi4py.rc.initialize = False
    from mpi4py import MPI
except (ImportError, RuntimeError) as error:
    sys.exit("; ".join(str(error).splitlines()))
name = " ".join(MPI.Get_library_version().splitlines()[0].strip("\\0").split())
try:
    with open("/proc/self/maps") as maps:
        files = re.findall(r"/\\S*/lib\\w*mpi\\w*\\.so\\S*", maps.read())
except OSError:
    files = []
print(name, f"({files[0]})" if files else "")
"""


def add_commands(commands: Commands) -> None:
    """Add `sssp info` and `sssp warmup` to the parser."""
    info = commands.add_parser(
        "info",
        help="describe this machine, and what a scale needs",
        description=_INFO,
        epilog=_INFO_EPILOG,
    )
    add_official_graph(info, "say what 2^S vertices need")
    info.set_defaults(command=run_info)
    warmup = commands.add_parser(
        "warmup", help="compile ahead of a job", description=_WARMUP, epilog=_WARMUP_EPILOG
    )
    warmup.set_defaults(command=run_warmup)


def run_info(flags: dict[str, Any], _argv: list[str]) -> int:
    """Print what is known about the machine, and the ranks if there are several."""
    from harness.benchmark.estimate import memory_lines, size_lines
    from harness.benchmark.source import OfficialGraph
    from sssp.mpi_comm import world

    comm = world()
    use_default_threads(comm)
    sizes: list[tuple[str, str]] = []
    if "scale" in flags or "edgefactor" in flags:
        graph = OfficialGraph(flags.get("scale", DEFAULT_SCALE), flags.get("edgefactor", 16))
        needed, need = memory_lines(graph, comm)  # as a run would: before a large import
        sizes = [*size_lines(graph, need, comm), *needed]
    ranks = rank_lines(comm)
    if comm.rank == 0:
        tables = (machine_lines(), ranks, sizes)
        emit("\n\n".join(_table(lines) for lines in tables if lines))
    return Exit.OK


def rank_lines(comm: Comm) -> list[tuple[str, str]]:
    """Return where each of several ranks is; collective."""
    if comm.size == 1:
        return []
    from harness.results.ranks import rank_facts

    nodes = len(set(comm.allgather(comm.node_peers[0])))
    facts = rank_facts(comm, default_threads(), nodes)
    places = facts["places"]
    lines = [("ranks", f"{comm.size} on {len({place['host'] for place in places})} host(s)")]
    for rank, place in enumerate(places):
        threads = f"{place['threads']} thread{'s' if place['threads'] > 1 else ''}"
        lines.append((f"rank {rank}", f"{place['host']}, {threads}, cores {place['cores']}"))
    return [
        *lines,
        ("binding", binding(places)),
        ("shared memory", sharing(comm.size, nodes)),
        ("MPI of the ranks", facts["library"]),
    ]


def sharing(ranks: int, nodes: int) -> str:
    """Return which ranks can read each other's memory, in words."""
    if nodes == ranks:
        return "none, ranks send messages"
    if nodes == 1:
        return "all ranks read each other's"
    return f"ranks of {nodes} nodes, each among themselves"


def binding(places: list[dict[str, Any]]) -> str:
    """Return whether the ranks of a host are kept apart, by their cores in `rank_facts`."""
    if any(place["cores"] is None for place in places):
        return "unknown"
    taken: set[tuple[str, int]] = set()
    for place in places:
        own = {(place["host"], core) for core in listed(place["cores"])}
        if taken & own:
            return "ranks share cores"
        taken |= own
    return "each rank has cores of its own"


def listed(cores: str) -> list[int]:
    """Return the cores in a list as Linux writes it: 0-3,8."""
    ends = [[int(end) for end in run.split("-")] for run in cores.split(",")]
    return [core for run in ends for core in range(run[0], run[-1] + 1)]


def machine_lines() -> list[tuple[str, str]]:
    """Return what `sssp info` says of the machine, as names and values."""
    from graphs.memory import gib
    from harness.machine.memory import available

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
    from sssp.engine_choice import engines

    return engines()


def _gpu() -> str:
    from graphs.memory import gib
    from harness.machine.gpu import gpu_facts

    facts = gpu_facts()
    if not facts:
        return "unknown"
    return (
        f"{facts['gpu']}, {gib(facts['gpu_memory_bytes'])}, driver {facts['gpu_driver']} for CUDA "
        f"up to {facts['gpu_driver_cuda']}, CuPy of CUDA {facts['gpu_runtime_cuda']}"
    )


def _numba_lines() -> list[tuple[str, str]]:
    import numba

    from kernels.cache import CACHE_FOLDER, REFUSED

    # Asking for the number of threads starts the threading layer, which then has a name.
    threads = numba.get_num_threads()
    layer = numba.threading_layer()
    if layer == "workqueue":
        layer += ": one search of a process at a time; install libgomp or tbb for several"
    return [
        ("threads", str(threads)),
        ("threading layer", layer),
        ("cache folder", CACHE_FOLDER),
        *(("cache folder refused", why) for why in REFUSED),
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


def _table(lines: list[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in lines) + 2
    return "\n".join(f"{name + ':':<{width}}{value}" for name, value in lines)


def run_warmup(_flags: dict[str, Any], _argv: list[str]) -> int:
    """Compile for every kind of graph; return the exit status."""
    from sssp.mpi_comm import world

    comm = world()
    use_default_threads(comm)
    from harness.benchmark.tiny_graphs import KINDS
    from harness.benchmark.warmup import Plan, cache_folders, leads, wait_idle

    start = perf_counter()
    # One process compiles what a run on official graphs calls on several ranks and presolved, too.
    plans = [Plan(dtype, directed, ranks=comm.size > 1) for dtype, directed in KINDS]
    if comm.size == 1:
        plans[1:1] = [Plan(*KINDS[0], ranks=True), Plan(*KINDS[0], presolve=True)]
    if leads(comm):
        for plan in plans:
            say(f"compiling for {plan}")
            plan.compile()
            plan.mark()
    wait_idle(comm)
    emit(f"compiled in {perf_counter() - start:.1f} s, kept in {cache_folders()[0]}")
    return Exit.OK
