"""Shared: a CUDA device made of g++ and one thread: the same .cu sources, the same Python above.

`ShimDevice` stands in for `kernels.device.Device`, with numpy for cupy. A kernel runs as one block
of one thread, so this finds wrong answers, wrong indices and undefined behaviour, but no races.
`LaneDevice` runs blocks of whole warps, as fibers that give way to each other at random: slower, it
finds lanes that miss each other and some races, but no memory that is seen late.
With `sanitize` the kernels are built for the address and undefined behaviour sanitizers, whose
libraries must be loaded before Python: see `sanitized_environment`.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from kernels.device import Device, checked, defines, source

_FOLDER = Path(__file__).parent
_SHIM, _FIBERS = _FOLDER / "cuda_shim.h", _FOLDER / "fibers.cpp"
# -ffp-contract=off as the GPU's -fmad=false. _FORTIFY_SOURCE, which some systems define, takes a
# jump from fiber to fiber for a mistake.
_FLAGS = ["-std=c++17", "-O1", "-fPIC", "-ffp-contract=off", "-U_FORTIFY_SOURCE"]
_FLAGS += ["-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-Wno-sign-compare"]
_FLAGS += ["-Wno-unused-function", "-Wno-unused-variable", "-Wno-unused-but-set-variable"]
# -Og finds what -O1 does, and is compiled in two thirds of the time.
_SANITIZE = ["-Og", "-g1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
_SCALARS: dict[str, dict[int, type]] = {
    "i": {1: ctypes.c_int8, 2: ctypes.c_int16, 4: ctypes.c_int32, 8: ctypes.c_int64},
    "u": {1: ctypes.c_uint8, 2: ctypes.c_uint16, 4: ctypes.c_uint32, 8: ctypes.c_uint64},
    "f": {4: ctypes.c_float, 8: ctypes.c_double},
    "b": {1: ctypes.c_bool},
}


def compiler_missing() -> str | None:
    """Why the shim cannot run here, or None."""
    return None if shutil.which("g++") else "g++ is not installed"


def sanitized_environment() -> dict[str, str]:
    """Environment of a Python process that may load kernels built with `sanitize`."""
    libraries = [
        subprocess.run(
            ["g++", f"-print-file-name={name}"], check=True, capture_output=True, text=True
        ).stdout.strip()
        for name in ("libasan.so", "libubsan.so")
    ]
    return {
        **os.environ,
        "LD_PRELOAD": " ".join(libraries),
        "ASAN_OPTIONS": "detect_leaks=0",
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }


def _compiled(text: str, options: list[str], kind: str) -> Path:
    """The library or object of a source; kept in the temporary folder under a digest of it all."""
    headers = [path.read_text() for path in sorted(_FOLDER.glob("*.h"))]
    key = "\0".join([text, *headers, *_FLAGS, *options])
    digest = hashlib.sha256(key.encode()).hexdigest()[:24]
    folder = Path(tempfile.gettempdir()) / f"sssp-bench-shim-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    kept = folder / f"{digest}{kind}"
    if not kept.exists():
        # Another process that wants the same waits, and finds it.
        with open(f"{kept}.lock", "w") as lock, tempfile.TemporaryDirectory(dir=folder) as work:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if kept.exists():
                return kept
            made = Path(work) / f"made{kind}"
            unit = Path(work) / "source.cpp"
            unit.write_text(text)
            command = ["g++", *_FLAGS, "-I", str(_FOLDER), "-o", str(made), str(unit), *options]
            # Not the compiler itself under the sanitizers, which takes twice as long.
            own = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
            done = subprocess.run(command, capture_output=True, text=True, env=own)
            if done.returncode != 0:
                raise RuntimeError(f"{' '.join(command)}\n{done.stderr[:8000]}")
            os.replace(made, kept)
    return kept


def _built(text: str, lanes: int, options: list[str]) -> Path:
    """The shared library of a file of kernels, with the fibers that run its lanes."""
    if lanes > 1:
        fibers = [f"-DLANES={lanes}", "-c"]
        options = [*options, str(_compiled(_FIBERS.read_text(), fibers, ".o"))]
    return _compiled(text, [*options, "-shared", "-include", str(_SHIM)], ".so")


class ShimModule:
    """The kernels of one file as functions of a shared library."""

    def __init__(self, library: Path):
        self._library = ctypes.CDLL(str(library))

    def launch(self, name, threads, *arguments, block=256, cooperative=False):
        values: list[Any] = []
        for argument in checked(arguments):
            if isinstance(argument, np.ndarray):
                assert argument.flags.c_contiguous, f"{name}: an array is not contiguous"
                values.append(ctypes.c_void_p(argument.ctypes.data))
            else:
                dtype = argument.dtype
                values.append(_SCALARS[dtype.kind][dtype.itemsize](argument.item()))
        kernel = getattr(self._library, name)
        kernel.restype = None
        kernel(*values)


class ShimDevice(Device):
    """As `kernels.device.Device`; `memory` is what it says it has free, in bytes."""

    def __init__(self, sanitize: bool = False, memory: int = 1 << 34):
        self.xp = np
        self.index = 0
        self.name = "one CPU thread"
        self.lanes = self.processors = self.blocks = 1
        self.memory = memory
        self._sanitize = sanitize
        self._modules = {}

    def module(self, file, **macros):
        key = (file, *sorted(macros.items()))
        if key not in self._modules:
            options = [*defines(macros, self.lanes), *(_SANITIZE if self._sanitize else [])]
            self._modules[key] = self.load(_built(source(file), self.lanes, options))
        return self._modules[key]

    def load(self, library):
        return ShimModule(library)

    def part(self, array, start, stop):
        return array[start:stop]

    def to_device(self, array):
        return np.array(array)

    def to_host(self, array):
        return np.array(array)

    def pinned(self, shape, dtype):
        return np.zeros(shape, dtype)

    def read(self, array, out):
        np.copyto(out, array)
        return out

    def write(self, array, out):
        np.copyto(out, array)

    def pointer(self, array):
        return array.ctypes.data

    def stream(self):
        return 0

    def bus_id(self):
        return "the only one"

    def synchronize(self):
        pass

    def free_bytes(self):
        return self.memory

    def total_bytes(self):
        return self.memory

    def release(self):
        pass


class LaneModule(ShimModule):
    """The kernels of one file, run by fibers; their arguments are integers and arrays."""

    def __init__(self, library, device):
        super().__init__(library)
        self._device = device
        self._launch = self._library.shim_launch
        self._launch.restype = ctypes.c_char_p
        self._launch.argtypes = [
            ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint, ctypes.c_uint64,
        ]  # fmt: skip

    def launch(self, name, threads, *arguments, block=256, cooperative=False):
        words = np.zeros(20, np.int64)
        for i, argument in enumerate(checked(arguments)):
            if isinstance(argument, np.ndarray):
                assert argument.flags.c_contiguous, f"{name}: an array is not contiguous"
                words[i] = argument.ctypes.data
            else:
                assert argument.dtype.kind in "iub", f"{name}: {argument!r} is no integer"
                words[i] = np.array(argument).astype(np.uint64).view(np.int64)
        block = min(block, self._device.most_threads)
        grid = max(min(-(-threads // block), self._device.blocks), 1)
        kernel = ctypes.cast(getattr(self._library, name), ctypes.c_void_p)
        self._device.seed += 1
        fault = self._launch(kernel, words.ctypes.data, grid, block, self._device.seed)
        assert fault is None, f"{name}: {fault.decode()}"


class LaneDevice(ShimDevice):
    """A device whose warps have 32 lanes, `blocks` blocks of at most `most_threads`."""

    def __init__(self, blocks: int = 2, most_threads: int = 64, seed: int = 0):
        super().__init__()
        self.name = "fibers"
        self.lanes = 32
        self.processors = self.blocks = blocks
        self.most_threads = most_threads
        self.seed = seed << 32

    def load(self, library):
        return LaneModule(library, self)
