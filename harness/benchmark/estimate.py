"""What a run on an official graph will need: memory, and time to generate its edges."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from graphs.device_memory import DeviceNeed, PresolvedDeviceNeed
from graphs.memory import MOST_ANSWERS, Need, PresolvedNeed, gib
from harness.benchmark.source import OfficialGraph
from harness.console.errors import MemoryRefused
from harness.machine.memory import available_to_each
from harness.results.submission import SEARCHES

if TYPE_CHECKING:
    from graphs.comm import Comm

# Edges of the slice by which the time of a generation is judged.
_SAMPLE = 2**20
# Kernel 1 reads the edges so often: for the degrees, and for the rows.
PASSES_TO_CONSTRUCT = 2


def memory_lines(graph: OfficialGraph, comm: Comm) -> tuple[list[tuple[str, str]], Need | None]:
    """Return what a run on an official graph needs, and what it would do here: None if nothing.

    Collective: of several ranks, what each needs.
    """
    there = available_to_each(comm).bytes
    what = "a run" if comm.size == 1 else "each rank"
    lines = []
    ways: tuple[tuple[type[Need], bool, str], ...] = (
        (Need, True, "edge list kept"),
        (Need, False, "edge list made again"),
        (PresolvedNeed, False, "the same presolved"),
    )
    for kind, kept, name in ways:
        need = kind(2**graph.scale, graph.edges, edges_kept=kept, ranks=comm.size)
        fits = "fits" if need.total <= there else "does not fit"
        lines.append((name, f"{gib(need.total)} for {what}, {fits}"))
    lines += _on_a_gpu(graph) if comm.size == 1 else []
    try:
        need = graph.need(comm)
    except MemoryRefused:
        return [*lines, ("a run here", "would be refused")], None
    if need.edges_kept:
        return [*lines, ("a run here", "would keep the edge list")], need
    answers = "1 answer" if need.answers == 1 else f"{need.answers} answers"
    how = f"in each pass, {answers} validated in one"
    return [*lines, ("a run here", f"would make the edge list again {how}")], need


def _on_a_gpu(graph: OfficialGraph) -> list[tuple[str, str]]:
    """Return what a run with the CUDA engine takes of a device, one answer at a time."""
    n, edges = 2**graph.scale, graph.edges
    plain, presolved = (
        kind(n, edges, edges_kept=False) for kind in (DeviceNeed, PresolvedDeviceNeed)
    )
    return [
        ("on a GPU", f"{gib(plain.total)} of its memory"),
        ("on a GPU, presolved", f"{gib(presolved.total)} of its memory"),
    ]


def size_lines(graph: OfficialGraph, need: Need | None, comm: Comm) -> list[tuple[str, str]]:
    """Return the size of an official graph, and how long its edges take to make; collective.

    `need` is how a run here would go; where it would not make the edges again, or could not run,
    as many answers wait for a pass as ever may.
    """
    seconds = comm.allreduce_max(generation_seconds(graph)) / comm.size
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
    """Return how long one pass takes this process, judged by a slice of the graph."""
    from graphs.generator import kronecker

    count = min(graph.edges, _SAMPLE)
    kronecker(graph.scale, graph.edgefactor, graph.seed, count=min(count, 1024))  # compiles
    start = perf_counter()
    kronecker(graph.scale, graph.edgefactor, graph.seed, count=count)
    return (perf_counter() - start) * graph.edges / count
