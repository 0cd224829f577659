"""Energy of the searches, by the machine's own counters: RAPL's and NVML's.

They count components (processor packages, their memory, GPUs), not the whole system, so every
figure is labelled "component energy" and is not one for the Green Graph500. They are renewed a few
times a second, while a search may take a millisecond: so all keys are searched again, one after
another, loop after loop for some seconds. Between two searches the counters are read, as they wrap
around, and the ranks ask each other whether the time is up. The machine is read idle for some
seconds before. Of several ranks, one on each machine reads.
Source: Green Graph500 rules V1.1; Linux, power capping framework.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Any, Protocol

from harness.console.progress import Progress
from harness.machine.gpu import bus_id
from harness.machine.nvml import Nvml, NvmlError, NvmlGpu
from sssp.hosts import machine_id

if TYPE_CHECKING:
    import numpy as np

    from sssp.solver import Solver

LABEL = "component energy"
POWERCAP = Path("/sys/class/powercap")
IDLE_SECONDS = 3.0
LOOP_SECONDS = 3.0


class Counter(Protocol):
    """Energy of one component, counted from some moment on."""

    name: str

    def joules(self) -> float:
        """Joules so far; to be read more often than the counter wraps around."""


class RaplCounter:
    """A domain of the power capping framework: energy_uj, which wraps at max_energy_range_uj.

    Raises
    ------
    OSError, ValueError
        If its files cannot be read.
    """

    def __init__(self, folder: Path, name: str):
        self.name = name
        self._file = folder / "energy_uj"
        self._range = int((folder / "max_energy_range_uj").read_text())
        self._last = self._read()
        self._total = 0

    def joules(self) -> float:
        now = self._read()
        self._total += now - self._last if now >= self._last else now - self._last + self._range
        self._last = now
        return self._total / 1e6

    def _read(self) -> int:
        return int(self._file.read_text())


class GpuCounter:
    """A GPU, by NVML."""

    def __init__(self, gpu: NvmlGpu):
        self.name = gpu.name()
        self.joules = gpu.joules
        self.joules()


def rapl_counters() -> list[Counter]:
    """The processor packages and their memory, as far as this user may read them.

    A package contains its cores; of its other parts, only memory is counted beside it. The
    domain psys contains all of them.
    """
    found: list[Counter] = []
    packages: dict[str, str] = {}
    for folder in sorted(POWERCAP.glob("intel-rapl:*")):
        try:
            name = (folder / "name").read_text().strip()
            if re.fullmatch(r"intel-rapl:\d+", folder.name) and name.startswith("package"):
                found.append(RaplCounter(folder, name))
                packages[folder.name] = name
            elif name == "dram" and folder.name.rpartition(":")[0] in packages:
                package = packages[folder.name.rpartition(":")[0]]
                found.append(RaplCounter(folder, f"dram of {package}"))
        except (OSError, ValueError):
            continue
    return found


def gpu_counters(bus_ids: list[str]) -> list[Counter]:
    """The GPUs on these PCI buses, each once, as far as NVML reports their energy."""
    found: list[Counter] = []
    try:
        library = Nvml() if bus_ids else None
    except (OSError, NvmlError):
        return []
    for name in sorted(set(bus_ids)):
        try:
            if library is not None:
                found.append(GpuCounter(library.gpu(name)))
        except NvmlError:
            continue
    return found


def measure(
    solver: Solver,
    keys: np.ndarray,
    progress: Progress,
    is_late: Callable[[], bool] = lambda: False,
) -> dict[str, Any] | None:
    """Search from all keys again, and say what energy that took. Collective.

    Parameters
    ----------
    solver : Solver
        Whose warm-up is over.
    keys : array of int
        The search keys.
    progress : Progress
        Reports where there is something to measure.
    is_late : callable
        Asked after each search; where it says true on some rank, nothing is measured.

    Returns
    -------
    dict or None
        As results/schema.json describes `energy`; None where no counter can be read, or on some
        machine of the run none.
    """
    comm = solver.comm
    device = bus_id() if solver.name == "cuda" else None
    seen = comm.allgather((machine_id(), device))
    here = [rank for rank, (machine, _) in enumerate(seen) if machine == seen[comm.rank][0]]
    reads = here[0] == comm.rank
    counters: list[Counter] = []
    if reads:
        devices = [name for name in (seen[rank][1] for rank in here) if name is not None]
        counters = rapl_counters() + gpu_counters(devices)
    if len(keys) == 0 or comm.allreduce_or(reads and not counters):
        return None
    progress.stage(f"measuring energy: {IDLE_SECONDS:g} s idle, then all searches again")
    comm.barrier()
    idle = [-counter.joules() for counter in counters]
    start = perf_counter()
    sleep(IDLE_SECONDS)
    idle = [before + counter.joules() for before, counter in zip(idle, counters, strict=True)]
    idle_seconds = perf_counter() - start
    spent = [-counter.joules() for counter in counters]
    found = _loops(solver, keys, counters, is_late)
    if found is None:
        return None
    loops, seconds = found
    spent = [before + counter.joules() for before, counter in zip(spent, counters, strict=True)]
    components = [
        {"machine": socket.gethostname(), "name": c.name, "idle_joules": at_rest, "joules": joules}
        for c, at_rest, joules in zip(counters, idle, spent, strict=True)
    ]
    return {
        "label": LABEL,
        "idle_seconds": idle_seconds,
        "seconds": seconds,
        "loops": loops,
        "components": [one for of_rank in comm.allgather(components) for one in of_rank],
    }


def _loops(
    solver: Solver, keys: np.ndarray, counters: list[Counter], is_late: Callable[[], bool]
) -> tuple[int, float] | None:
    """Search from all keys, again and again; return how often and how long that took."""
    out = solver.new_answer()
    solver.comm.barrier()
    start = perf_counter()
    loops, seconds = 0, 0.0
    while seconds < LOOP_SECONDS:
        for root in keys:
            solver.search(int(root), out=out)
            for counter in counters:
                counter.joules()
            if solver.comm.allreduce_or(is_late()):
                return None
        loops += 1
        seconds = solver.comm.allreduce_max(perf_counter() - start)
    return loops, seconds
