"""Many searches on one graph."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from time import perf_counter
from typing import TYPE_CHECKING, cast

import numpy as np

from graphs.arguments import as_integer, checked_threads
from graphs.comm import Comm, SerialComm, Traffic
from graphs.csr import CSR
from graphs.errors import GraphError
from graphs.rank_core import RankForest
from kernels import sweep
from kernels.threads import Lock, thread_count, threading_layer, using
from sssp import exchange
from sssp.arc_types import distance_type
from sssp.arcs import Arcs
from sssp.arcs_from import arcs_of_rows
from sssp.cpu import CPUEngine
from sssp.cpu_rank import CPURankEngine
from sssp.cpu_trees import TreeEngine
from sssp.cuda_tuning import CudaTuning
from sssp.engine import Answer
from sssp.engine_choice import agreed_engine, check_output, device_engine
from sssp.errors import EngineError
from sssp.loop import solve
from sssp.rank_trees import CopiedCoreEngine, SharedCoreEngine
from sssp.steps import Stopwatch
from sssp.tuning import EXPANDS, choose

if TYPE_CHECKING:
    from kernels.device import Device
    from sssp.cuda import CUDAEngine

_EXACT = 2.0**53
# Arcs up to which one thread without the engine is faster: of graphs that expand, of others.
# Measured: 0.32 against 0.35 to 0.45 ms at 45,000 arcs of a Kronecker graph, 0.45 against 0.37 to
# 0.42 at twice as many; 5.4 against 6.4 ms on a grid of 261,000 arcs. On one of 10^6, 21 against 18
# to 40 ms on two threads, whose cores are seldom both free, and 20 against 25 on one.
SMALL, SMALL_LONG, FEW_THREADS = 1 << 16, 1 << 18, 2


def device_for(comm: Comm) -> Device:
    """A device for this rank, among those of its node."""
    from kernels.device import Device

    return Device.of_rank(comm.node_rank)


class Solver:
    """Searches on one graph: what a search needs is allocated once, here.

    Several Python threads may use one solver: a search waits until the one before it has ended.
    Solvers of their own search at the same time, also on one CSR (one at a time where numba has no
    other threading layer than workqueue, see `sssp info`). Among ranks that does not order
    searches: they are collective, and every rank must start the same ones in the same order.

    A process that was forked after a search has no threads any more: there a solver searches if
    it was made with `threads=1`, which is the default there, and else raises EngineError. Without
    `comm` and `delta`, a graph of few arcs is searched on one thread everywhere.

    Parameters
    ----------
    csr : CSR
        The graph, from `graphs.build_csr`.
    engine : {"auto", "cpu", "cuda"}
        "auto" takes the first that can run.
    threads : int, optional
        Threads to use, one a core by default; at most what numba was started with
        (NUMBA_NUM_THREADS). The answer does not depend on it.
    delta : float, optional
        Width of a bucket in units of the weights, above 0; chosen from the graph by default.
    comm : Comm, optional
        The ranks that hold the graph together, as `build_csr` was given them. Every call is then
        collective, and an answer holds only the rank's own vertices.
    device : kernels.device.Device, optional
        What the CUDA engine runs on; that of a CSR which is on a device, else one by the rank's
        place on its node.
    output : {"host", "device"}
        Where `new_answer` puts answers: NumPy arrays, or arrays on the device.
    tuning : CudaTuning, optional
        How the CUDA engine searches; what SSSP_CUDA_TUNING says by default. The distances do not
        depend on it.

    Raises
    ------
    EngineError
        The engine asked for cannot run here, or not with the memory that its device has; or this
        process was forked and has no threads any more.
    GraphError
        `csr`, `threads`, `delta`, `engine`, `output`, `tuning` or SSSP_CUDA_TUNING is not allowed,
        or the latter is not the same on all ranks.
    """

    def __init__(self, csr: CSR, engine: str = "auto", threads: int | None = None,
                 delta: float | None = None, comm: Comm | None = None,
                 device: Device | None = None, output: str = "host",
                 tuning: CudaTuning | None = None):  # fmt: skip
        self.threads = thread_count(checked_threads(threads))
        if not isinstance(csr, CSR):
            raise GraphError(f"{type(csr).__name__} is no CSR; make one with graphs.build_csr")
        self._lock = Lock()
        self.csr = csr
        device = device or getattr(csr, "device", None)
        self.comm: Comm = SerialComm() if comm is None else comm
        self.name = device_engine(engine) if device else agreed_engine(engine, self.comm)
        self.device = device
        if self.name == "cuda" and isinstance(csr.forest, RankForest):
            if engine != "auto" or device is not None:
                raise EngineError(
                    "engine 'cuda' does not search what ranks have presolved together; take "
                    "engine='cpu', or build with build_csr(..., together=False, presolve=True)"
                )
            self.name = "cpu"
        if csr.halo is not None and csr.halo.shares_memory and self.name == "cuda":
            if engine != "auto" or device is not None:
                raise EngineError(
                    "engine 'cuda' cannot search rows of ranks that read each other's memory; "
                    "build them with build_csr(..., together=False)"
                )
            self.name = "cpu"
        if self.name == "cuda" and device is None:
            self.device = device_for(self.comm)
        if self.device is not None and csr.halo is not None:
            self.comm.attach_device(self.device)
        self.output = check_output(output, self.name)
        self._tuning = self._agreed_tuning(tuning)
        self._delta = delta
        self._small = self._arcs_if_small(comm)
        if self._small is not None:
            return
        with self._using():
            self._engine = self._make(csr)
            if csr.kind == "uint32" and not csr.never_overflows:
                self._try_width()

    def _arcs_if_small(self, comm: Comm | None) -> Arcs | None:
        """The rows as arcs, where one thread with a heap is faster than the engine.

        A caller that names a comm or a delta gets the engine.
        """
        csr = self.csr
        if self.name != "cpu" or comm is not None or self._delta is not None:
            return None
        if csr.halo is not None or csr.forest is not None:
            return None
        most = SMALL_LONG * (4 if self.threads <= FEW_THREADS else 1)
        if csr.stats.levels <= EXPANDS:
            most = SMALL
        return arcs_of_rows(csr) if csr.arcs <= most else None

    def _using(self) -> AbstractContextManager[None]:
        """What a search needs of this process: threads, where the CPU searches."""
        if self.device is not None:
            return nullcontext()
        return using(self.threads, turns=self.comm.size == 1)

    def _agreed_tuning(self, tuning: CudaTuning | None) -> CudaTuning:
        """How a device is to search, the same on all ranks; the defaults where there is none."""
        if tuning is not None and not isinstance(tuning, CudaTuning):
            raise GraphError(f"tuning={tuning!r} is no sssp.cuda_tuning.CudaTuning")
        if self.name != "cuda":
            if tuning is not None:
                raise GraphError("tuning needs engine='cuda', not 'cpu'")
            return CudaTuning()
        tuning = CudaTuning.from_environment() if tuning is None else tuning
        tunings = {str(one) for one in self.comm.allgather(str(tuning))}
        if len(tunings) > 1:
            raise GraphError(f"CUDA tuning differs among ranks: {'; '.join(sorted(tunings))}")
        return tuning

    def _make(self, csr: CSR) -> CPUEngine | CUDAEngine:
        if self.device is not None:
            from sssp.cuda import CUDAEngine
            from sssp.cuda_rank import CUDARankEngine
            from sssp.cuda_trees import CUDATreeEngine

            there = CUDAEngine if csr.halo is None else CUDARankEngine
            there = there if csr.forest is None else CUDATreeEngine
            tuning = self._tuning
            return there(csr, choose(csr, self._delta, tuning.wider), self.device, tuning)
        chosen = choose(csr, self._delta)
        if csr.forest is not None and self.comm.size > 1:
            on_core = CopiedCoreEngine if csr.halo is None else SharedCoreEngine
            return on_core(csr, chosen, self.threads, self.comm)
        if csr.forest is not None:
            return TreeEngine(csr, chosen, self.threads)
        if csr.halo is None:
            return CPUEngine(csr, chosen, self.threads)
        return CPURankEngine(csr, chosen, self.threads, self.comm.shared_zeros)

    @property
    def choices(self) -> dict[str, object]:
        """What this solver chose: engine, arithmetic, delta, switch, threads, threading_layer.

        A delta of 0 stands for the search of `sssp.direct`, which small graphs get, on one
        thread. And what was dropped before, as `presolve`, where kernel 1 was asked to; of the
        CUDA engine `cuda_tuning`.
        """
        if self._small is not None:
            kind = "float32" if self._small.dtype == np.float32 else "float64"
            return {"engine": "cpu", "arithmetic": kind, "delta": 0.0, "switch": None,
                    "threads": 1, "threading_layer": None}  # fmt: skip
        chosen = self._engine.choices
        dropped = {"presolve": dict(self.csr.presolved)} if self.csr.presolved else {}
        return {
            "engine": self.name,
            "arithmetic": self._engine.csr.kind,
            "delta": float(self._engine.delta),
            "switch": chosen.switch,
            "threads": self.threads,
            "threading_layer": threading_layer(),
            **dropped,
            **({"cuda_tuning": self._tuning.record()} if self.name == "cuda" else {}),
        }

    def new_answer(self) -> Answer:
        """Fresh arrays for an answer."""
        n, dtype = self.csr.n, distance_type(self.csr.stats.weight_dtype)
        if self.name == "cpu" and self._small is None:
            answer = Answer(np.empty(n, dtype), np.empty(n, np.int64))
            with self._using():
                sweep.clear(self.threads, answer.dist, answer.parent)
            return answer
        xp = np if self.device is None or self.output == "host" else self.device.xp
        return Answer(xp.full(n, np.inf, dtype), xp.full(n, -1, np.int64))

    def search(self, root: int, out: Answer | None = None) -> Answer:
        """Shortest paths from `root` (an original id).

        Parameters
        ----------
        root : int
        out : Answer, optional
            Arrays to write to, from `new_answer`; fresh ones by default. They are the caller's:
            two searches at the same time need two of them.

        Raises
        ------
        GraphError
            `root` is not a vertex, or a distance leaves the range of its type.
        EngineError
            This process was forked and has no threads any more.
        """
        number = as_integer(root)
        if number is None:
            raise GraphError(f"root={root!r} is not an integer")
        if not 0 <= number < self.csr.stats.n:
            raise GraphError(f"root={number} is not a vertex; ids are 0..{self.csr.stats.n - 1}")
        out = self.new_answer() if out is None else out
        if self._small is not None:
            return self._search_small(self._small, number, out)
        with self._lock:
            self.comm.traffic = Traffic()
            with self._using():
                kind = self._solve(self._engine, number, out)
            if kind == "float64":
                self._check_exact(out)
            out.traffic = self.comm.traffic
        return out

    def _search_small(self, arcs: Arcs, root: int, out: Answer) -> Answer:
        out.dist[:], out.parent[:], _ = arcs.search(np.array([root]), np.inf, -1, False)
        out.phases, out.arcs = 0, arcs.looked_at(out.dist)
        return out

    def steps(self, root: int, out: Answer) -> dict[str, float]:
        """Search with a clock around each step: seconds by step, on this rank.

        The steps are those of `sssp.steps`, `exchange` (calls to other ranks, waiting included),
        and `other`. Parameters and errors are those of `search`; not for timed searches.
        """
        engine, stepwise = self._engine, self._engine.stepwise
        watch = Stopwatch(engine, self.device.synchronize if self.device else lambda: None)
        start = perf_counter()
        try:
            self._engine, engine.stepwise = cast("CPUEngine", watch), True
            answer = self.search(root, out)
        finally:
            self._engine, engine.stepwise = engine, stepwise
        whole = perf_counter() - start
        seconds = {**watch.seconds, "exchange": answer.traffic.seconds}
        return {**seconds, "other": max(0.0, whole - sum(seconds.values()))}

    def _solve(self, engine: CPUEngine | CUDAEngine, root: int, out: Answer) -> str:
        """Search; again in float64 where integers leave 32 bits. Returns the kind of the sums."""
        solve(engine, self.comm, root, out)
        if not self._overflowed(engine, out):
            return engine.csr.kind
        if engine.csr.kind == "uint32":
            return self._solve(self._make(engine.csr.as_float64()), root, out)
        raise GraphError(
            f"a distance is beyond the range of {engine.csr.kind}: "
            f"the largest weight is {self.csr.stats.max_weight:g}; scale the weights down"
        )

    def _try_width(self) -> None:
        """Search once from the longest row: if 32 bits are not enough there, take float64 for all.

        Part of building the graph, so that no search learns from the one before it.
        """
        csr = self.csr
        lengths = np.diff(csr.out.indptr)
        longest = int(np.argmax(lengths)) if len(lengths) else 0
        here = (int(lengths[longest]), int(csr.global_id[longest])) if len(lengths) else (-1, -1)
        _, root = max(self.comm.allgather(here))
        out = self.new_answer()
        solve(self._engine, self.comm, root, out)
        if self._overflowed(self._engine, out):
            self._engine = self._make(self.csr.as_float64())

    def _overflowed(self, engine: CPUEngine | CUDAEngine, out: Answer) -> bool:
        """Did the last search, whose answer is `out`, meet a sum beyond the range of its type?"""
        if engine.csr.never_overflows:
            return False
        if self._farthest(out) + self.csr.stats.max_weight < engine.csr.limit:
            return False
        exchange.reached(self.comm, engine)
        return self.comm.allreduce_or(engine.has_overflow())

    def _farthest(self, out: Answer) -> float:
        """The largest distance on any rank."""
        reached = out.dist[out.dist < np.inf]  # wherever the answer is
        return self.comm.allreduce_max(float(reached.max()) if len(reached) else 0.0)

    def _check_exact(self, out: Answer) -> None:
        """Refuse integer distances that float64 cannot hold exactly."""
        if self.csr.stats.weight_dtype.kind in "iub":
            farthest = self._farthest(out)
            if farthest >= _EXACT:
                raise GraphError(
                    f"a distance is at or beyond 2^53 (about {farthest:.6g}), where float64 does "
                    "not hold every integer; scale the weights down"
                )
