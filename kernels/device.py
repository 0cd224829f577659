"""A CUDA device: arrays on it, and the kernels of the .cu files beside this one.

A kernel is right for any grid, any block size and any number of lanes a warp, one included, so the
same source runs on a CPU under the tests' host shim (tests/support/shim), in place of `Device`.
Sources are compiled for the device at hand and the macros asked for (kernels/nvrtc.py). CuPy knows
no record types: arcs and queue entries are arrays of words here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from kernels.nvrtc import OPTIONS, compiled

__all__ = ["OPTIONS", "Device", "Module", "checked", "defines", "enumerators", "source"]

FOLDER = Path(__file__).parent
_INCLUDE = re.compile(r'^#include "(\w+\.cuh)"$', re.MULTILINE)


def source(file: str) -> str:
    """The text of a .cu file with the headers of ours, each once, in place of its includes.

    One text, so that what was compiled before is known by a digest of it.
    """
    seen: set[str] = set()

    def text(name: str) -> str:
        def included(match: re.Match[str]) -> str:
            return text(match[1]) if match[1] not in seen else ""

        seen.add(name)
        return _INCLUDE.sub(included, (FOLDER / name).read_text())

    return text(file)


def enumerators(file: str, name: str) -> dict[str, int]:
    """The names of an enumeration in a source, and their values: 0, 1, 2, ..."""
    text = re.sub(r"//.*", "", source(file))
    found = re.search(rf"enum {name} \{{(.*?)\}}", text, re.DOTALL)
    if found is None:
        raise ValueError(f"{file} has no enum {name}")
    names = [part.strip() for part in found[1].split(",") if part.strip()]
    return {name: value for value, name in enumerate(names)}


def defines(macros: dict[str, object], lanes: int) -> tuple[str, ...]:
    """Compiler options that set the macros, LANES among them."""
    return tuple(f"-D{name}={value}" for name, value in sorted({**macros, "LANES": lanes}.items()))


def checked(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Arguments of a kernel: arrays and numpy scalars, whose size a kernel can rely on."""
    for place, argument in enumerate(arguments):
        if not hasattr(argument, "dtype"):
            raise TypeError(f"argument {place} of a kernel has no dtype: {argument!r}")
    return arguments


class Module:
    """The compiled kernels of one file.

    Parameters
    ----------
    path : Path
        Machine code.
    device : Device
    """

    def __init__(self, path: Path, device: Device):
        self._path, self._device = str(path), device
        self._kernels: dict[tuple[str, int, bool], tuple[Any, int]] = {}

    def launch(
        self, name: str, threads: int, *arguments: Any, block: int = 256, cooperative: bool = False
    ) -> None:
        """Start a kernel and go on; kernels of one device run in the order they are started.

        Parameters
        ----------
        name : str
        threads : int
            Threads that there is work for; the grid has at most as many blocks as are resident at
            once, and the kernel strides over the rest.
        arguments
            Arrays of `device.xp` and numpy scalars, of the types that the kernel declares.
        block : int
            Threads in a block.
        cooperative : bool
            All blocks run at the same time, so that they may wait for each other.
        """
        key = name, block, cooperative
        kernel, most = self._kernels.get(key) or self._load(*key)
        grid = max(min(-(-threads // block), most), 1)
        kernel((grid,), (block,), checked(arguments))

    def _load(self, name: str, block: int, cooperative: bool) -> tuple[Any, int]:
        """A kernel, and how many blocks of it are resident: registers let in fewer than threads."""
        xp = self._device.xp
        module = xp.RawModule(path=self._path, enable_cooperative_groups=cooperative)
        kernel = module.get_function(name)
        on_each = xp.cuda.driver.occupancyMaxActiveBlocksPerMultiprocessor(
            kernel.kernel.ptr, block, 0
        )
        found = self._kernels[name, block, cooperative] = kernel, on_each * self._device.processors
        return found


class Device:
    """One CUDA device, made the current one of this thread.

    Parameters
    ----------
    index : int, optional
        Which of the devices that the driver shows; the current one by default.

    Attributes
    ----------
    xp       module    cupy: arrays on the device, as numpy's
    lanes        int   threads in a warp
    processors   int   multiprocessors
    blocks       int   blocks of 256 threads that are resident at once, at most
    name         str
    """

    def __init__(self, index: int | None = None):
        import cupy

        self.xp: Any = cupy
        self._device = cupy.cuda.Device(index)
        self._device.use()
        properties = cupy.cuda.runtime.getDeviceProperties(self._device.id)
        self.index = int(self._device.id)
        self.name = properties["name"].decode()
        self.lanes = int(properties["warpSize"])
        self.processors = int(properties["multiProcessorCount"])
        # Eight blocks of 256 threads are resident on a multiprocessor of any kind, at most.
        self.blocks = 8 * self.processors
        self._modules: dict[tuple[Any, ...], Any] = {}

    @classmethod
    def of_rank(cls, node_rank: int) -> Device:
        """The device for one of the ranks of a node: they take turns."""
        import cupy

        return cls(node_rank % cupy.cuda.runtime.getDeviceCount())

    def module(self, file: str, **macros: object) -> Any:
        """Compile a .cu file of this folder, once for each set of macros."""
        key = (file, *sorted(macros.items()))
        if key not in self._modules:
            capability = int(self._device.compute_capability)
            path = compiled(source(file), file, defines(macros, self.lanes), capability)
            self._modules[key] = Module(path, self)
        return self._modules[key]

    def part(self, array: Any, start: int, stop: int) -> Any:
        """Some items of a device array, in the same memory.

        As an array of its own: CuPy has other kernels for those beyond 2 GiB, and takes a view of
        one for as large, so that it would compile them while a clock runs.
        """
        items = array[start:stop]
        return self.xp.ndarray(items.shape, items.dtype, items.data)

    def to_device(self, array: np.ndarray) -> Any:
        """A copy of a host array on the device."""
        return self.xp.asarray(array)

    def to_host(self, array: Any) -> np.ndarray:
        """A copy of a device array on the host, complete when this returns."""
        return self.xp.asnumpy(array)

    def pinned(self, shape: int | tuple[int, ...], dtype: Any) -> np.ndarray:
        """A host array in pinned memory, zero; for `read`."""
        import cupyx

        return cupyx.zeros_pinned(shape, dtype)

    def read(self, array: Any, out: np.ndarray) -> np.ndarray:
        """Copy a device array to one of `pinned`, complete when this returns."""
        array.get(out=out)
        return out

    def write(self, array: np.ndarray, out: Any) -> None:
        """Copy one of `pinned` to a device array, complete when this returns."""
        out.set(array)
        self.synchronize()

    def pointer(self, array: Any) -> int:
        """The address of a device array."""
        return int(array.data.ptr)

    def stream(self) -> int:
        """The stream on which everything is started, as CUDA knows it."""
        return int(self.xp.cuda.get_current_stream().ptr)

    def bus_id(self) -> str:
        """What distinguishes the devices of a machine, in all its processes."""
        return str(self._device.pci_bus_id)

    def synchronize(self) -> None:
        """Wait until everything started so far is done."""
        self.xp.cuda.get_current_stream().synchronize()

    def free_bytes(self) -> int:
        """Bytes that an allocation can have: free ones, and those CuPy keeps for later."""
        free, _ = self._device.mem_info
        return int(free) + int(self.xp.get_default_memory_pool().free_bytes())

    def total_bytes(self) -> int:
        """Bytes of memory of the device."""
        return int(self._device.mem_info[1])

    def release(self) -> None:
        """Give memory that no array uses back to the driver."""
        self.xp.get_default_memory_pool().free_all_blocks()
