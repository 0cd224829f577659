"""The CUDA engine: the .cu kernels on one device, steered from here.

A search is one cooperative launch between those that begin and end it (kernels/search.cu): each
step says on the device what the next one does, one block runs small steps one after another, and
all blocks the large ones, a pull among them. Without `CudaTuning.one_launch`, and for the pull of
several ranks, each large step is a launch of its own (kernels/push.cu, kernels/pull.cu), started
ahead of what is known, and the host reads the words of the device back once in a while.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphs.csr import CSR
from graphs.device_memory import QUEUES, SPARE_ENTRIES, device_search
from kernels.device import Device, enumerators
from kernels.tentative import UNREACHED
from sssp.cuda_tuning import CudaTuning
from sssp.engine import Answer, TunedEngine
from sssp.errors import DeviceMemoryError
from sssp.tuning import Choices

BINS = 256  # of rows that are not finished, as in kernels/pull.cu
BLOCK_OF_ROUNDS = 512
DEFAULT_TUNING = CudaTuning()


class CUDAEngine(TunedEngine):
    """Searches on one CSR, on one device.

    Parameters
    ----------
    csr : CSR
        On the host, and then copied to the device, or on this device.
    choices : Choices
    device : kernels.device.Device
    tuning : CudaTuning

    Raises
    ------
    DeviceMemoryError
        The device has too little memory for the rows and a search.
    """

    def __init__(
        self, csr: CSR, choices: Choices, device: Device, tuning: CudaTuning = DEFAULT_TUNING
    ):
        self.csr, self.choices, self.device, self.tuning = csr, choices, device, tuning
        # Does a launch of many steps pull as well? Ranks have messages to send between.
        self._pulls = bool(tuning.one_launch) and csr.halo is None and choices.switch is not None
        self.unreached = UNREACHED[csr.kind]
        self.weight_type = np.dtype(csr.kind).type
        self.delta = self._delta()
        self._entry_words = 3 if csr.kind == "float64" else 2
        self._macros = {f"KIND_{csr.kind.upper()}": 1}
        self._push, self._pull, self._steps, self._sweep = (
            device.module(file, **self._macros)
            for file in ("push.cu", "pull.cu", "search.cu", "sweep.cu")
        )
        # A thread for each row, or a warp for some chunks of long ones: more find no work.
        most = max(csr.layout.rows.stop, csr.arcs // 64, 256)
        self._all = min(tuning.blocks * device.processors * 256, most)
        self._word = enumerators("queues.cuh", "Word")
        self._status = enumerators("queues.cuh", "Status")
        self._allocate()
        self.root = -1  # of the last search, its index among the own vertices
        self.switched = self.pulled = self.waiting = False
        self._reset(csr.layout.labels, -1)

    def _allocate(self) -> None:
        csr, xp = self.csr, self.device.xp
        self._capacity = self._most_queued + SPARE_ENTRIES
        need = device_search(
            self._labels, self._capacity, csr.arcs,
            weight_bytes=8 if csr.kind == "float64" else 4,
            dist_bytes=4 if csr.kind == "float32" else 8,
            queues=QUEUES + (csr.halo is not None), vertices=csr.n,
        )  # fmt: skip
        total = sum(need) + (0 if self._on_device(csr.out) else csr.nbytes)
        try:
            self._check_memory(total)
            self.out = self._rows(csr.out)
            self.incoming = self.out if csr.incoming is csr.out else self._rows(csr.incoming)
            self.local_id = xp.asarray(csr.local_id)
            self.global_id = xp.asarray(csr.global_id)
            self.state = xp.empty(need.state // 8, np.uint64)
            self.queues = xp.empty(need.queues // 8, np.uint64)
            self.hubs = xp.empty(need.hubs // 8, np.uint64)
            self.within = self._within
        except MemoryError as error:
            raise self._too_little(total) from error
        self.left = xp.zeros(BINS, np.uint64)
        self.control = xp.zeros(self._word["WORDS"], np.uint64)
        self._first_words = self._chosen_words()
        self.chosen = self.device.to_device(self._first_words)
        self.seen = self.device.pinned(self._word["WORDS"], np.uint64)
        self._answer: tuple[Any, Any] | None = None

    @property
    def _labels(self) -> int:
        """Labels that have a state."""
        return self.csr.layout.labels

    @property
    def _most_queued(self) -> int:
        """Vertices that can be reached; an isolated root is one more."""
        return self.csr.layout.reachable + 1

    def _check_memory(self, need: int) -> None:
        if need > self.device.free_bytes():
            raise self._too_little(need)

    def _too_little(self, need: int) -> DeviceMemoryError:
        return DeviceMemoryError(
            f"a search of {self.csr.n} vertices and {self.csr.arcs} arcs needs {need / 1e9:.3g} GB "
            f"of device memory, {self.device.free_bytes() / 1e9:.3g} GB of "
            f"{self.device.total_bytes() / 1e9:.3g} GB are free on {self.device.name}; "
            "take a smaller scale, more devices, or --engine cpu"
        )

    @staticmethod
    def _on_device(rows: Any) -> bool:
        """Are these rows on the device? There, arcs are words; on the host they are records."""
        return rows.arcs.dtype.names is None

    def _rows(self, rows: Any) -> tuple[Any, Any, Any] | None:
        """Begin and end of each row, and the arcs."""
        if rows is None:
            return None
        arcs = rows.arcs
        if not self._on_device(rows):
            arcs = self.device.to_device(np.ascontiguousarray(arcs).view(np.uint64))
        # Kernels of a device look at the rows of all labels, and find those of ghosts empty. Rows
        # of the host are not ours to write to.
        xp = self.device.xp
        indptr = xp.asarray(rows.indptr) if self._on_device(rows) else xp.array(rows.indptr)
        layout, rows_end = self.csr.layout, self.csr.layout.rows.stop
        indptr[rows_end + 1 : layout.leaves.start] = indptr[rows_end]
        return indptr[:-1], indptr[1:], arcs

    def _chosen_words(self) -> np.ndarray:
        """The words that a search begins with."""
        choices, csr = self.choices, self.csr
        values = {
            "NEAR": 0,
            "NEXT": 1,
            "FAR": 2,
            "SPARE": 3,
            "OUT": 4,
            "LEAST": int(self.unreached),
            "HI": int(self.unreached),
            "CAP": 2**63,
            "CAPACITY": self._capacity,
            "HUB_CAPACITY": len(self.hubs) // self._entry_words,
            "ROWS": csr.layout.rows.stop,
            "LEAVES_BEGIN": csr.layout.leaves.start,
            "DELTA": int(self.delta.view(self.unreached.dtype)),
            "SWITCH_SETTLED": choices.switch_settled,
            "SWITCH_ARCS": choices.switch_arcs,
            "STOPS_EARLY": choices.stop_at_bucket_end,
            "FINISH_ARCS": choices.finish_arcs,
            "SEVERAL_RANKS": csr.halo is not None,
        }
        chosen = np.zeros(self._word["WORDS"], np.uint64)
        for name, value in values.items():
            chosen[self._word[name]] = value
        return chosen

    def _reset(self, labels: int, root: int) -> None:
        """Begin a search from an own vertex, by its index; -1: another rank has the root."""
        self._sweep.launch(
            "reset", max(labels, 1), self.state, np.int64(labels),
            np.int64(self.csr.layout.labels), self.local_id, np.int64(self.root), np.int64(root),
            self.queues, self.control, self.chosen,
        )  # fmt: skip
        self.root = root

    def reset(self, root: int) -> None:
        csr = self.csr
        ours = csr.first <= root < csr.first + csr.n
        self._reset(csr.layout.reachable, root - csr.first if ours else -1)
        self.switched = self.pulled = self.waiting = False
        self.seen[:] = self._first_words
        if ours:
            self.seen[self._word["LEAST"]] = 0

    def _read(self, name: str) -> int:
        """A word of the device, as it was when last read back."""
        return int(self.seen[self._word[name]])

    def nearest(self) -> float:
        if self.waiting or (self.switched and not self.pulled):
            return self._distance(self._read("BELOW"))
        return self._distance(self._read("LEAST"))

    def settled(self) -> tuple[int, int, int]:
        return self._read("SETTLED"), self._read("SETTLED_ARCS"), int(self.switched)

    @property
    def _search(self) -> tuple[Any, ...]:
        assert self.out is not None
        return (*self.out, self.state, self.queues, self.hubs, self.control)

    def _start_steps(self, kernel: str, block: int, threads: int) -> None:
        """Many steps in one launch."""
        within, words = self.within, self._entry_words
        # Behind the arcs within reach, three bits for each row say which ones sweeps have improved.
        marks = 3 * (self.csr.layout.rows.stop // 32 + 1) * 4
        self._steps.launch(
            kernel, threads, *self._search, *(self.incoming or self._search[:3]), within,
            np.uint64(len(within) // words - -(-marks // (8 * words))), self.left,
            np.uint64(self.tuning.narrow), np.bool_(self._pulls), block=block,
            cooperative=threads > block,
        )  # fmt: skip

    def _start_small(self) -> None:
        """Steps as long as they are small."""
        self._start_steps("rounds", BLOCK_OF_ROUNDS, 1)

    def _start_large(self) -> None:
        """Steps of any size; or some rounds ahead, and then small ones."""
        if self.tuning.one_launch:
            self._start_steps("search", 256, self._all)
            return
        for _ in range(self.tuning.ahead):
            for kernel in ("split", "push", "push_hubs"):
                self._push.launch(kernel, self._all, *self._search)
        self._start_small()

    def relax(self, lo: float) -> None:
        """Push until nothing is queued or the rest should pull, and is not pulled here.

        One launch of many steps pulls as well, and goes on to the end of the search.
        """
        one_launch = self.tuning.one_launch
        if not one_launch:
            self._start_small()
        # What a pull leaves is little, most often, and so is all before it on a small graph.
        few = self.waiting or self.choices.switch_settled <= self.tuning.narrow
        if one_launch or not few:
            self._start_large()
        while True:
            self.device.read(self.control, self.seen)
            status = self._read("STATUS")
            if status == self._status["OVERRAN"]:
                self._requeue()
                if not one_launch:
                    self._start_small()
            elif status != self._status["GOING"]:
                break
            self._start_large()
        self.waiting = False
        self.pulled = self.pulled or self._read("PULLED") > 0
        self.switched = self.switched or self.pulled or status == self._status["SWITCH"]

    def _requeue(self) -> None:
        """A queue ran over: queue every reached vertex."""
        self._push.launch("forget", 1, self.control, block=32)
        self._push.launch(
            "requeue", self._all, self.state, self.queues, self.control,
            np.int64(self.csr.layout.labels),
        )  # fmt: skip

    def push_settled(self, lo: float) -> float:
        """Push the nearest settled rows to their end.

        The least distance of those that are not is no more than what this returns: the device has
        it, and a pull takes the lesser of both.
        """
        assert self.out is not None
        begin, end, _ = self.out
        pull, queued = self._pull, (self.state, self.queues, self.control)
        pull.launch("weigh", self._all, begin, end, *queued, self.left, np.uint64(self._bits(lo)))
        pull.launch("list_rows", self._all, *queued)
        self._push.launch("push", self._all, *self._search)
        self._push.launch("push_hubs", self._all, *self._search)
        self.switched = True
        return lo

    def pull(self, floor: float) -> None:
        pull, entries = self._pull, self.within
        self._note(floor, entries)
        pull.launch("plan_sweep", 1, self.control, block=32)
        for left in reversed(range(self.tuning.sweeps)):
            pull.launch(
                "sweep", self._all, self.state, self.queues, entries, self.control,
                np.bool_(left > 0),
            )  # fmt: skip
        self.pulled = self.waiting = True

    @property
    def _within(self) -> Any:
        """The room of all queues but the first, for the arcs within reach of a pull."""
        return self.queues[self._capacity * self._entry_words :]

    def _note(self, floor: float, within: Any) -> None:
        """Pull, and note the arcs within reach."""
        assert self.incoming is not None  # wants_pull() said so
        room = np.uint64(len(within) // self._entry_words)
        self._pull.launch("begin_pull", 1, self.control, np.uint64(self._bits(floor)), block=32)
        self._pull.launch("pull", self._all, *self.incoming, self.state, within, room, self.control)

    def result(self, out: Answer) -> None:
        dist, parent = self._arrays_of(out)
        self._answer_in(dist, parent)
        if dist is out.dist:
            self.device.synchronize()
        else:
            self.device.read(dist, out.dist)
            self.device.read(parent, out.parent)
        # The words were last read when nothing was left to do.
        out.phases = self._read("PHASES")
        out.arcs = self._read("ARCS")

    def _answer_in(self, dist: Any, parent: Any) -> None:
        """Settle the leaves, and write distances and parents in original ids."""
        csr, sweep = self.csr, self._sweep
        assert self.out is not None
        begin, _, arcs = self.out
        leaves = csr.layout.leaves
        if leaves:
            sweep.launch(
                "settle_leaves", len(leaves), begin, arcs, self.state, np.int64(leaves.start),
                np.int64(leaves.stop),
            )  # fmt: skip
        wide = "_64" if self.global_id.dtype.itemsize == 8 else "_32"
        sweep.launch(
            "answer" + wide, csr.n, self.local_id, self.global_id, self.state, np.int64(csr.n),
            np.int64(csr.layout.reachable), np.int64(self.root), dist, parent, block=1024,
        )  # fmt: skip

    def _arrays_of(self, out: Answer) -> tuple[Any, Any]:
        """Arrays on the device to answer in: those of `out` if they are there, else our own."""
        if isinstance(out.dist, self.device.xp.ndarray):
            return out.dist, out.parent
        if self._answer is None:
            xp = self.device.xp
            self._answer = xp.empty(self.csr.n, out.dist.dtype), xp.empty(self.csr.n, np.int64)
        return self._answer

    def has_overflow(self) -> bool:
        """Does an arc lead from a reached vertex to an unreached one? Then a sum was infinite."""
        csr, layout = self.csr, self.csr.layout
        assert self.out is not None
        found = self.device.xp.zeros(1, np.uint64)
        self._sweep.launch(
            "has_overflow", self._all, *self.out, self.state, np.int64(layout.labels),
            np.bool_(csr.stats.directed), np.int64(layout.leaves.stop), np.int64(layout.reachable),
            found,
        )  # fmt: skip
        return bool(found[0])
