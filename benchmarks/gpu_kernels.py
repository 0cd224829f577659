"""The kernels of a search on a GPU: what each takes, and its share of the memory's speed.

    python -m benchmarks.gpu_kernels --scale 20 22 24 26

For each scale, the graph is made and built on the device. Then the official search keys are
searched three times over: as a run does, answers left on the device (by the wall clock), with a
CUDA event before and after each kernel, and with a look at the engine's words after each, which
counts what the kernel had to do. Kernels between events are queued up before the first one runs, so
that no event waits for the host. The peak is that of a copy within device memory in the same
process. The raw figures go to a JSON file, described at `figures`, a table of them to stdout. Exit
status 3, with the reason, where no GPU can be used.

Bytes are counted (gpu_watch.py), with those that the caches hold, so a share may be above 1;
`ncu --metrics dram__bytes.sum` measures the traffic itself (docs/GPU.md).
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.flags import parser_of
from benchmarks.gpu_watch import copy_seconds, counted_launches, timed_launches, watched
from harness.machine.facts import git_state, machine_facts, versions
from harness.results.record import store


def figures(
    device: Any, scale: int, roots: int, one_launch: bool = False, presolve: bool = False
) -> dict[str, Any]:
    """Measure a scale; raw figures.

    Returns
    -------
    dict
        graph          as in results/schema.json
        generation_seconds, construction_seconds
        one_launch     all large steps in one cooperative launch, else one each
        presolve       what was dropped, as in results/schema.json; null: nothing
        searches       of each: root, seconds by the wall clock, phases, arcs looked at
        kernels        by name: launches, seconds and bytes, summed over all searches;
                       bytes null for kernels that only steer
        copy           bytes that a copy reads and writes, seconds of each copy
    """
    from graphs.device_csr import build_device_csr
    from graphs.device_edges import on_device
    from graphs.generator import KroneckerStream
    from graphs.keys import search_keys
    from sssp.cuda import CUDAEngine
    from sssp.cuda_tuning import CudaTuning
    from sssp.solver import Solver

    edges = on_device(device, KroneckerStream(scale))
    start = perf_counter()
    csr = build_device_csr(edges, presolve)
    tuning = replace(CudaTuning.from_environment(), one_launch=one_launch)
    solver = Solver(csr, engine="cuda", device=device, output="device", tuning=tuning)
    device.synchronize()
    construction = perf_counter() - start - edges.generation_seconds
    engine, out = solver._engine, solver.new_answer()
    assert isinstance(engine, CUDAEngine)
    keys = search_keys(csr.n, csr.degree_positive, count=roots).tolist()
    solver.search(keys[0], out)
    searches = []
    seconds: dict[str, list[float]] = defaultdict(list)
    counted: dict[str, int] = defaultdict(int)
    for root in keys:
        start = perf_counter()
        answer = solver.search(root, out)
        took = perf_counter() - start
        searches.append({
            "root": root, "seconds": took, "phases": answer.phases, "arcs": answer.arcs,
        })  # fmt: skip
    for root in keys:
        search = partial(solver.search, root, out)
        for name, launches in timed_launches(search, device).items():
            seconds[name] += launches
        for name, count in counted_launches(search, engine).items():
            counted[name] += count
    copied, copies = copy_seconds(device)
    return {
        "graph": {
            "scale": scale, "edgefactor": 16, "seed": [2, 3], "n": csr.n, "edges": edges.m,
            "arcs": csr.arcs, "file": None,
        },
        "generation_seconds": edges.generation_seconds,
        "construction_seconds": construction,
        "one_launch": one_launch,
        "presolve": dict(csr.presolved) if csr.presolved else None,
        "searches": searches,
        "kernels": {
            name: {
                "launches": len(launches),
                "seconds": sum(launches),
                "bytes": counted[name] or None,
            }
            for name, launches in seconds.items()
        },
        "copy": {"bytes": copied, "seconds": copies},
    }  # fmt: skip


def table(found: dict[str, Any]) -> str:
    """The figures as Markdown, a row for each kernel, the slowest first."""
    count = len(found["searches"])
    peak = found["copy"]["bytes"] / min(found["copy"]["seconds"])
    median = np.median([search["seconds"] for search in found["searches"]])
    kernels = found["kernels"]
    total = sum(kernel["seconds"] for kernel in kernels.values())
    ways = {"presolved": found["presolve"], "large steps in one launch": found["one_launch"]}
    how = "".join(f", {way}" for way, is_so in ways.items() if is_so)
    how += "," if how else ""
    lines = [
        f"scale {found['graph']['scale']}{how} on {found['machine'].get('gpu', 'unknown')}: "
        f"median search {1e3 * median:.4g} ms, kernels {1e3 * total / count:.4g} ms a search, copy "
        f"{peak / 1e9:.4g} GB/s",
        "",
        "| kernel | launches a search | ms a search | share of time | GB/s | share of the copy |",
        "|---|---|---|---|---|---|",
    ]
    for name, kernel in sorted(kernels.items(), key=lambda item: -item[1]["seconds"]):
        seconds, moved = kernel["seconds"], kernel["bytes"]
        rates = ["-", "-"]
        if moved and seconds:
            rates = [f"{moved / seconds / 1e9:.4g}", f"{moved / seconds / peak:.3f}"]
        cells = [
            name, f"{kernel['launches'] / count:.4g}", f"{1e3 * seconds / count:.4g}",
            f"{seconds / total if total else 0:.3f}", *rates,
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def parser() -> ArgumentParser:
    """The flags of this command."""
    flags = parser_of("gpu_kernels", __doc__)
    flags.add_argument("--scale", type=int, nargs="+", default=[20, 22, 24, 26], metavar="S")
    flags.add_argument("--roots", type=int, default=16, metavar="K", help="searches (default: 16)")
    flags.add_argument(
        "--one-launch",
        action="store_true",
        help="all large steps in one cooperative launch (default: a launch each, some ahead)",
    )
    flags.add_argument(
        "--presolve", action="store_true", help="keep only the edges that a search can use"
    )
    flags.add_argument("--output", default="results/runs", metavar="DIR")
    return flags


def lacks_gpu(command: str) -> bool:
    """Say on stderr why a command can use no GPU; False where it can."""
    from sssp.engine_choice import engines

    lacks = engines()["cuda"]
    if lacks is not None:
        print(f"{command}: no GPU can be used: {lacks}", file=sys.stderr)
    return lacks is not None


def origin(command: str, argv: Sequence[str] | None) -> dict[str, Any]:
    """Where figures come from that are measured now: machine, sources, date, command line."""
    from harness.machine.gpu import gpu_facts

    commit, dirty = git_state()
    return {
        "machine": {**machine_facts(), **gpu_facts()}, "versions": versions(), "commit": commit,
        "dirty": dirty, "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "argv": [command, *(sys.argv[1:] if argv is None else argv)],
    }  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print and store; return the exit status."""
    flags = parser().parse_args(argv)
    if lacks_gpu("gpu_kernels"):
        return 3
    from kernels.device import Device

    device = watched(Device())
    for scale in flags.scale:
        about = origin("gpu_kernels", argv)
        found = figures(device, scale, flags.roots, flags.one_launch, flags.presolve)
        record = {"kind": "gpu kernels", **found, **about}
        print(table(record), flush=True)
        print(f"gpu_kernels: {store(record, flags.output, 'gpu')}", file=sys.stderr)
        device.release()
    return 0


if __name__ == "__main__":
    sys.exit(main())
