"""Which settings of a search on a GPU (sssp/cuda_tuning.py) are fastest; none changes a bit.

    python -m benchmarks.gpu_tuning --scale 24 --roots 8

The graph is made and built on the device once. From the settings in use (the defaults, or those of
SSSP_CUDA_TUNING) each number is varied while the others stay; at the end the best of each are tried
together. Every setting searches the same roots, once to warm up and then by the wall clock, answers
left on the device; their distances must equal those of the settings in use, to the bit. The raw
figures go to a JSON file, a table of them and the best settings to stdout. Exit status 1 where
distances differ, 3, with the reason, where no GPU can be used.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from statistics import fmean, median
from time import perf_counter
from typing import Any

from benchmarks.flags import parser_of
from benchmarks.gpu_kernels import lacks_gpu, origin
from harness.results.record import store
from sssp.cuda_tuning import VARIABLE, CudaTuning

# What each number is varied to.
VALUES: dict[str, tuple[Any, ...]] = {
    "one_launch": (False,),
    "narrow": (512, 1024, 4096, 8192, 16384),
    "wider": (2.0, 3.0, 6.0, 8.0),
    "ahead": (2, 4, 16),
    "sweeps": (3, 4, 8),
    "blocks": (2, 4, 6),
}


def varied(used: CudaTuning) -> Iterator[tuple[str, CudaTuning]]:
    """The settings in use with one number changed at a time: its name, and they."""
    for name, values in VALUES.items():
        for value in values:
            if value != getattr(used, name):
                yield name, replace(used, **{name: value})


def sweep(
    measured: Callable[[CudaTuning], dict[str, Any]], used: CudaTuning
) -> list[dict[str, Any]]:
    """Measure the settings in use, each number varied, and the best of each together.

    Parameters
    ----------
    measured : callable
        The figures of some settings; of `seconds`, the mean is what the best have least of.
    used : CudaTuning

    Returns
    -------
    list of dict
        In the order measured: `tuning`, `varied` (a field's name, "" or "best") and the figures.
    """
    found = [{"tuning": used.record(), "varied": "", **measured(used)}]
    best: dict[str, dict[str, Any]] = {}
    for name, tuning in varied(used):
        found.append({"tuning": tuning.record(), "varied": name, **measured(tuning)})
        if mean(found[-1]) < mean(best.get(name, found[0])):
            best[name] = found[-1]
    together = replace(used, **{name: one["tuning"][name] for name, one in best.items()})
    if len(best) > 1:
        found.append({"tuning": together.record(), "varied": "best", **measured(together)})
    return found


def mean(figures: dict[str, Any]) -> float:
    """Mean seconds of a search."""
    return fmean(figures["seconds"])


def figures(device: Any, scale: int, roots: int) -> dict[str, Any]:
    """Measure a scale; raw figures.

    Returns
    -------
    dict
        graph      scale, vertices `n`, `edges`, `arcs`, `file` (None)
        settings   as `sweep` returns them: of each `seconds` of the searches, `phases`, and
                   whether its distances are `equal` to those of the settings in use
    """
    from graphs.device_csr import build_device_csr
    from graphs.device_edges import on_device
    from graphs.generator import KroneckerStream
    from graphs.keys import search_keys
    from sssp.solver import Solver

    edges = on_device(device, KroneckerStream(scale))
    csr = build_device_csr(edges)
    keys = search_keys(csr.n, csr.degree_positive, count=roots).tolist()
    xp, expected = device.xp, list[Any]()

    def measured(tuning: CudaTuning) -> dict[str, Any]:
        solver = Solver(csr, engine="cuda", device=device, output="device", tuning=tuning)
        out = solver.new_answer()
        seconds, phases, equal = [], [], True
        for root in keys:
            answer = solver.search(root, out)
            phases.append(answer.phases)
            bits = answer.dist.view(xp.uint32)
            if len(expected) < len(keys):
                expected.append(bits.copy())
            equal = equal and bool((bits == expected[len(phases) - 1]).all())
        for root in keys:
            device.synchronize()
            start = perf_counter()
            solver.search(root, out)
            device.synchronize()
            seconds.append(perf_counter() - start)
        del solver, out, answer, bits
        device.release()
        return {"seconds": seconds, "phases": phases, "equal": equal}

    return {
        "graph": {"scale": scale, "n": csr.n, "edges": edges.m, "arcs": csr.arcs, "file": None},
        "settings": sweep(measured, CudaTuning.from_environment()),
    }


def table(found: dict[str, Any]) -> str:
    """The figures as Markdown, and the best settings as SSSP_CUDA_TUNING takes them."""
    settings, edges = found["settings"], found["graph"]["edges"]
    used, best = settings[0], min(settings, key=mean)
    lines = [
        f"scale {found['graph']['scale']} on {found['machine'].get('gpu', 'unknown')}, "
        f"{len(used['seconds'])} roots; in use: {CudaTuning(**used['tuning'])}",
        "",
        "| varied | GTEPS, edges over mean time | ms, mean | ms, median | rounds | bits |",
        "|---|---|---|---|---|---|",
    ]
    for one in settings:
        tuning, name = one["tuning"], one["varied"]
        shown = f"{name}={tuning[name]:g}" if name in tuning else name or "in use"
        cells = [
            shown, f"{edges / mean(one) / 1e9:.4g}", f"{1e3 * mean(one):.4g}",
            f"{1e3 * median(one['seconds']):.4g}", f"{fmean(one['phases']):.4g}",
            "equal" if one["equal"] else "NOT equal",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    gain = mean(used) / mean(best)
    lines += ["", f"best, {gain:.3f} times as fast: {VARIABLE}={CudaTuning(**best['tuning'])}", ""]
    return "\n".join(lines)


def parser() -> ArgumentParser:
    """The flags of this command."""
    flags = parser_of("gpu_tuning", __doc__)
    flags.add_argument("--scale", type=int, default=24, metavar="S")
    flags.add_argument("--roots", type=int, default=8, metavar="K", help="searches (default: 8)")
    flags.add_argument("--output", default="results/runs", metavar="DIR")
    return flags


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print and store; return the exit status."""
    flags = parser().parse_args(argv)
    if lacks_gpu("gpu_tuning"):
        return 3
    from kernels.device import Device

    about = origin("gpu_tuning", argv)
    found = figures(Device(), flags.scale, flags.roots)
    record = {"kind": "gpu tuning", **found, **about}
    print(table(record), flush=True)
    print(f"gpu_tuning: {store(record, flags.output, 'gpu')}", file=sys.stderr)
    return int(not all(one["equal"] for one in record["settings"]))


if __name__ == "__main__":
    sys.exit(main())
