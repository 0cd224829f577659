"""Where a run keeps its graph and its answers: on the host, or on a device.

A run asks its backend for whatever depends on that: what fits, the rows, the solver, the validator.
On a device, official edges are made there, and of an answer only its fingerprint comes back.
Several ranks keep graph and answers with the host, whatever engine searches.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any

from graphs.comm import Comm, SerialComm
from graphs.device_memory import DeviceNeed, PresolvedDeviceNeed, too_little
from graphs.memory import first_that_fits, scale_that_fits
from graphs.pages import give_back_freed
from harness.benchmark.source import LoadedEdges, OfficialGraph, Source
from harness.console.errors import MemoryRefused
from harness.results.digest import device_digest, dist_digest
from harness.validation.host import Validator

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import DTypeLike

    from graphs.csr import CSR
    from graphs.edges import Edges
    from harness.validation.device import DeviceValidator
    from sssp.solver import Solver


class HostBackend:
    """Graph and answers are arrays of the host; an engine may copy what it needs elsewhere.

    Parameters
    ----------
    threads : int or None
        Threads of construction and of the solver.
    comm : Comm, optional
        The ranks that share the graph.
    engine : {"auto", "cpu", "cuda"}
        What will search on it.
    presolve : bool
        Keep only the edges that a search can use.
    """

    def __init__(
        self,
        threads: int | None = None,
        comm: Comm | None = None,
        engine: str = "auto",
        presolve: bool = False,
    ):
        self.threads, self.comm, self.engine = threads, comm or SerialComm(), engine
        self.presolve = presolve

    def plan(self, source: Source) -> Callable[[], LoadedEdges]:
        """Return what opens the edges; MemoryRefused, with the figures, if a run cannot fit."""
        return source.plan(self.comm, self.presolve)

    def compile(self, dtype: DTypeLike, directed: bool, engine: str, validating: bool) -> None:
        """Compile what was not compiled before, by graphs of this kind; collective."""
        from harness.benchmark.warmup import Plan, prepare

        presolve = self.presolve and not directed
        prepare(Plan(str(dtype), directed, engine, presolve=presolve), self.comm)

    def build(self, edges: Edges) -> CSR:
        """Kernel 1."""
        from graphs.csr import build_csr
        from sssp.engine_choice import agreed_engine

        together = agreed_engine(self.engine, self.comm) == "cpu"
        csr = build_csr(edges, self.threads, self.comm, together, self.presolve)
        if self.comm.size > 1:
            give_back_freed()
        return csr

    def solver(self, csr: CSR, engine: str, delta: float | None) -> Solver:
        from sssp.solver import Solver

        return Solver(csr, engine, self.threads, delta, self.comm)

    def validator(self, edges: Edges) -> Validator | DeviceValidator:
        return Validator(edges, self.comm)

    def edges_of(self, edges: Edges) -> Edges:
        """The edges as arrays of the host."""
        return edges

    def on_host(self, array: Any) -> np.ndarray:
        """An array of an answer, on the host."""
        return array

    def digest(self, dist: Any, first: int) -> str:
        """The fingerprint of an answer's distances, of which `first` is the first vertex."""
        return dist_digest(dist, first, self.comm)


class DeviceBackend(HostBackend):
    """Graph and answers are arrays of one device.

    Parameters
    ----------
    device : kernels.device.Device
    threads : int or None
        Threads of what the host does.
    presolve : bool
        Keep only the edges that a search can use.
    """

    def __init__(self, device: Any, threads: int | None = None, presolve: bool = False):
        super().__init__(threads, presolve=presolve)
        self.device = device

    @property
    def _need(self) -> type[DeviceNeed]:
        return PresolvedDeviceNeed if self.presolve else DeviceNeed

    def plan(self, source: Source) -> Callable[[], LoadedEdges]:
        if not isinstance(source, OfficialGraph):
            open_file = source.plan(self.comm)
            return lambda: self._bring(source, open_file())
        need = self._need(2**source.scale, source.edges, edges_kept=bool(source.keep))
        chosen = self._choose(source, need)
        return lambda: self._make(source, chosen)

    def _choose(self, source: Source, need: DeviceNeed) -> DeviceNeed:
        """As many answers at once as fit; MemoryRefused, with the figures, if the run does not."""
        free = self.device.free_bytes()
        chosen = first_that_fits([need], free)
        if chosen is None:
            smaller = ""
            if isinstance(source, OfficialGraph):
                smaller = f"{scale_that_fits([need], free)}, or "
                if first_that_fits([PresolvedDeviceNeed(**vars(need))], free):
                    smaller = f"with --presolve it does; {smaller}"
            refusal = too_little(str(need), need.total, self.device)
            raise MemoryRefused(f"{source} does not fit: {refusal}; {smaller}take --engine cpu")
        return chosen

    def _make(self, source: OfficialGraph, need: DeviceNeed) -> LoadedEdges:
        """Official edges: kept on the device if asked for, else made there as they are read."""
        from graphs.device_edges import DeviceStream, kept
        from graphs.generator import KroneckerStream

        stream = DeviceStream(
            self.device, KroneckerStream(source.scale, source.edgefactor, source.seed)
        )
        if not need.edges_kept:
            return LoadedEdges(stream, need, 0.0)
        start = perf_counter()
        edges = kept(stream)
        self.device.synchronize()
        return LoadedEdges(edges, need, perf_counter() - start)

    def _bring(self, source: Source, opened: LoadedEdges) -> LoadedEdges:
        """Edges of a file, brought to the device once."""
        from graphs.device_edges import on_device

        need = self._choose(source, self._need.of(opened.edges))
        edges = on_device(self.device, opened.edges)
        return LoadedEdges(edges, need, opened.seconds, opened.sha256)

    def compile(self, dtype: DTypeLike, directed: bool, engine: str, validating: bool) -> None:
        import numpy as np

        from graphs.device_edges import on_device
        from graphs.generator import KroneckerStream
        from harness.benchmark.tiny_graphs import TINY_SCALE, tiny_graphs

        ahead = DeviceBackend(self.device, self.threads, self.presolve and not directed)
        for _ in on_device(self.device, KroneckerStream(TINY_SCALE)).slices():
            pass
        for tiny in tiny_graphs(np.dtype(dtype), directed):
            edges = on_device(self.device, tiny)
            csr = ahead.build(edges)
            solver = self.solver(csr, engine, None)
            root = int(csr.degree_positive.argmax())
            answer = solver.search(root, out=solver.new_answer())
            validator = self.validator(edges)
            judge = validator.validate if validating else validator.count_m
            judge([(root, answer.dist, answer.parent)])
            self.digest(answer.dist, 0)

    def build(self, edges: Any) -> CSR:
        from graphs.device_csr import build_device_csr

        return build_device_csr(edges, self.presolve)

    def solver(self, csr: CSR, engine: str, delta: float | None) -> Solver:
        from sssp.solver import Solver

        return Solver(csr, "cuda", self.threads, delta, output="device")

    def validator(self, edges: Any) -> DeviceValidator:
        from harness.validation.device import DeviceValidator

        return DeviceValidator(edges)

    def edges_of(self, edges: Any) -> Edges:
        return edges.on_host()

    def on_host(self, array: Any) -> np.ndarray:
        return self.device.to_host(array)

    def digest(self, dist: Any, first: int) -> str:
        return device_digest(self.device, dist)


def backend_for(
    engine: str, threads: int | None, comm: Comm, presolve: bool = False
) -> HostBackend:
    """Return where a run with an engine of this name keeps its graph."""
    from sssp import cuda_missing

    on_host = comm.size > 1 or engine not in ("auto", "cuda")
    if on_host or cuda_missing.missing() is not None:
        return HostBackend(threads, comm, engine, presolve)
    from sssp.solver import device_for

    return DeviceBackend(device_for(comm), threads, presolve)
