"""Two ranks in one process, without MPI, to compile what ranks call.

Each rank is a thread, and one of them runs at a time, from one collective call to the next. Both
stand where the caller does on its node, so that they share the caller's device and open no other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphs.alone import Alone

SIZE = 2
# A rank that waits so long waits for one that has failed.
_SECONDS = 600.0


class _Stage:
    """Where the ranks meet: each brings something, and all see what was brought."""

    def __init__(self) -> None:
        self.turn = threading.Lock()
        self.barrier = threading.Barrier(SIZE)
        self.brought: list[Any] = [None] * SIZE

    def meet(self, rank: int, value: Any) -> list[Any]:
        self.brought[rank] = value
        self._wait()
        seen = list(self.brought)
        self._wait()
        return seen

    def _wait(self) -> None:
        self.turn.release()
        try:
            self.barrier.wait(_SECONDS)
        finally:
            self.turn.acquire()


class _Player(Alone):
    """What a rank calls, as in sssp.comm."""

    def __init__(self, stage: _Stage, rank: int, node_rank: int):
        super().__init__(rank=rank, size=SIZE, node_rank=node_rank, node_size=SIZE)
        self._stage = stage

    def gather(self, value: Any) -> list[Any]:
        return self._stage.meet(self.rank, value)

    def least(self, value: float) -> float:
        return min(self.gather(value))

    def most(self, value: float) -> float:
        return max(self.gather(value))

    def total(self, values: Sequence[int] | np.ndarray) -> np.ndarray:
        return np.sum(self.gather(np.array(values, np.int64)), axis=0)

    def all_agree(self, value: bool) -> bool:
        return all(self.gather(value))

    def any(self, value: bool) -> bool:
        return any(self.gather(value))

    def outlook(self, nearest: float, counts: Sequence[int]) -> tuple[float, list[int]]:
        return self.least(nearest), self.total(counts).tolist()

    def first(self, value: Any) -> Any:
        return self.gather(value)[0]

    def merge(self, flags: np.ndarray) -> np.ndarray:
        return np.bitwise_or.reduce(self.gather(flags.copy()))

    def barrier(self) -> None:
        self.gather(None)

    def exchange(self, counts: np.ndarray, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        # Copies, because the sender goes on to change what it has sent.
        everything = self.gather((np.array(counts, np.int64), [array.copy() for array in arrays]))
        parts = []
        for given, _ in everything:
            start = int(given[: self.rank].sum())
            parts.append(slice(start, start + int(given[self.rank])))
        received = np.array([part.stop - part.start for part in parts], np.int64)
        pieces = [
            np.concatenate([sent[i][part] for (_, sent), part in zip(everything, parts)])  # noqa: B905
            for i in range(len(arrays))
        ]
        return (received, *pieces)


def rehearse(work: Callable[[Any], None], node_rank: int = 0) -> None:
    """Do `work` on two ranks; it is given its comm.

    Parameters
    ----------
    work : callable
    node_rank : int
        The caller's place on its node, of which its device follows.

    Raises
    ------
    Exception
        What a rank has raised.
    """
    stage = _Stage()
    errors: list[BaseException] = []

    def play(rank: int) -> None:
        with stage.turn:
            try:
                work(_Player(stage, rank, node_rank))
            except threading.BrokenBarrierError as error:
                errors.append(error)
            except BaseException as error:  # raised again below, in the thread of who asked
                errors.insert(0, error)
                stage.barrier.abort()

    threads = [threading.Thread(target=play, args=(rank,), daemon=True) for rank in range(SIZE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
