"""What each kernel of a search takes: launches watched, their seconds and their bytes counted.

Bytes are counted, not measured: arrays that a kernel walks through count as they are, a place that
it jumps to counts a sector of 32 bytes, every time. What the caches hold is counted all the same.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

SECTOR = 32
COPY_BYTES = 1 << 30
COPIES = 20
# A stream is not held longer, whatever happens.
_HELD_SECONDS = 1.0


class Mark:
    """A point in the work of a device, as a CUDA event."""

    def __init__(self) -> None:
        import cupy

        self._event = cupy.cuda.Event()
        self._event.record()

    def seconds_since(self, earlier: Mark) -> float:
        """Seconds between two marks of a device that is idle again."""
        import cupy

        return float(cupy.cuda.get_elapsed_time(earlier._event, self._event)) / 1e3


class Hold:
    """Holds the stream, so that what is started next is queued up before any of it runs.

    A kernel takes less than the host needs to start the next one, 6 to 8 microseconds: on an idle
    stream, two events would time Python.
    """

    def __init__(self) -> None:
        import cupy

        self._released = threading.Event()
        stream = cupy.cuda.get_current_stream()
        stream.launch_host_func(lambda _: self._released.wait(_HELD_SECONDS), None)

    def release(self) -> None:
        """Let the stream go on."""
        self._released.set()


class WatchedModule:
    """The kernels of a file, each launch of which is passed to `watch` while there is one."""

    def __init__(self, module: Any, device: Any):
        self._module, self._device = module, device

    def launch(self, name: str, *arguments: Any, **settings: Any) -> None:
        """As `kernels.device.Module.launch`."""

        def launch() -> None:
            self._module.launch(name, *arguments, **settings)

        watch = self._device.watch
        launch() if watch is None else watch(name, launch)


def watched(device: Any) -> Any:
    """The same device; `watch(name, launch)`, where it has one, is called for each launch.

    Its `hold`, where there is one, is released before anything is waited for.
    """
    module = device.module
    device.watch = device.hold = None
    device.module = lambda file, **macros: WatchedModule(module(file, **macros), device)
    for name in ("read", "write", "to_host", "synchronize"):
        setattr(device, name, _released_before(getattr(device, name), device))
    return device


def _released_before(wait: Callable[..., Any], device: Any) -> Callable[..., Any]:
    def release_and_wait(*arguments: Any) -> Any:
        if device.hold is not None:
            device.hold.release()
            device.hold = None
        return wait(*arguments)

    return release_and_wait


def copy_seconds(device: Any) -> tuple[int, list[float]]:
    """Copy within device memory; bytes read and written by a copy, and seconds of each."""
    xp = device.xp
    size = min(COPY_BYTES, device.free_bytes() // 4)
    source, target = xp.zeros(size, np.uint8), xp.empty(size, np.uint8)
    marks = [Mark()]
    for _ in range(COPIES + 1):
        xp.copyto(target, source)
        marks.append(Mark())
    device.synchronize()
    seconds = [b.seconds_since(a) for a, b in zip(marks, marks[1:], strict=False)]
    return 2 * size, seconds[1:]


def counted_bytes(name: str, engine: Any, before: dict[str, int], after: dict[str, int]) -> int:
    """Bytes that a kernel of a search had to read and write; 0 for those that only steer.

    Parameters
    ----------
    name : str
    engine : CUDAEngine
    before, after : dict
        The engine's words (kernels/queues.cuh) when the kernel began and ended.
    """
    csr = engine.csr
    wide = csr.kind == "float64"
    entry, arc, state = (24, 16, 16) if wide else (16, 8, 8)
    # An arc is read in the order of its row; the distance at its end lies anywhere.
    arcs = (after["ARCS"] - before["ARCS"]) * (arc + SECTOR)
    runs = bool(before["RUN"])
    room = before["CAPACITY"]
    queued = min(before["NEXT_COUNT"], room) + min(before["FAR_COUNT"], room)
    within = min(after["WITHIN_COUNT"], 3 * room)
    # Bounds of a row, and the distance of its vertex.
    row = 2 * SECTOR
    answer = csr.n * (4 + (4 if csr.kind == "float32" else 8) + 8)
    answer += min(csr.n, csr.layout.reachable) * 2 * SECTOR
    pulled = csr.layout.rows.stop * (state + 16) + within * entry
    steps = arcs + (pulled if after["PULLED"] > before["PULLED"] else 0)
    inner = len(csr.layout.leaves) * (8 + arc + SECTOR + state)
    trees = 0
    if csr.forest is not None:  # a leaf reads its weight and the state of what it hangs on
        connected = csr.layout.reachable + csr.forest.leaves
        trees = csr.n * (4 + 8 + 2 * np.dtype(csr.kind).itemsize) + connected * 2 * SECTOR
    return {
        "reset": csr.layout.reachable * state,
        "rounds": steps,
        "search": steps,
        "split": runs * before["SPARE_COUNT"] * (2 * entry + SECTOR),
        "push": runs * (before["NEAR_COUNT"] * (entry + row) + arcs),
        "push_hubs": before["HUB_COUNT"] * entry + arcs,
        "weigh": queued * (entry + row),
        "list_rows": queued * (entry + SECTOR),
        "pull": arcs + pulled,
        "sweep": runs * within * (entry + 2 * SECTOR),
        "settle_leaves": inner,
        "answer_32": answer,
        "answer_64": answer,
        "finish": trees + inner,
    }.get(name, 0)


def words_of(engine: Any) -> dict[str, int]:
    """The engine's words as they are on the device now."""
    words = engine.device.to_host(engine.control).tolist()
    return {name: words[place] for name, place in engine._word.items() if place < len(words)}


def timed_launches(search: Callable[[], Any], device: Any) -> dict[str, list[float]]:
    """Search with an event before and after each kernel; seconds of each launch, by kernel.

    The stream is held from the first launch after the host has waited until it waits again.
    """
    marks: list[tuple[str, Mark, Mark]] = []

    def watch(name: str, launch: Callable[[], None]) -> None:
        if device.hold is None:
            device.hold = Hold()
        before = Mark()
        launch()
        marks.append((name, before, Mark()))

    device.watch = watch
    search()
    device.watch = None
    device.synchronize()
    seconds = defaultdict(list)
    for name, before, after in marks:
        seconds[name].append(after.seconds_since(before))
    return seconds


def counted_launches(search: Callable[[], Any], engine: Any) -> dict[str, int]:
    """Search with a look at the engine's words around each kernel; bytes, by kernel."""
    counted: dict[str, int] = defaultdict(int)

    def watch(name: str, launch: Callable[[], None]) -> None:
        before = words_of(engine)
        launch()
        counted[name] += counted_bytes(name, engine, before, words_of(engine))

    engine.device.watch = watch
    search()
    engine.device.watch = None
    return counted
