"""A CUDA device made of g++ and one thread: the same .cu sources, the same Python above them.

`ShimDevice` stands in for `kernels.device.Device`, with numpy for cupy. A kernel runs as one block
of one thread, so this finds wrong answers, wrong indices and undefined behaviour, but no races.
With `sanitize` the kernels are built for the address and undefined behaviour sanitizers, whose
libraries must be loaded before Python: see `sanitized_environment`.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from kernels.device import Device, checked, defines, source

_SHIM = Path(__file__).parent / "cuda_shim.h"
# -ffp-contract=off as the GPU's -fmad=false.
_FLAGS = ["-std=c++17", "-O1", "-g", "-shared", "-fPIC", "-ffp-contract=off"]
_FLAGS += ["-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-Wno-sign-compare"]
_FLAGS += ["-Wno-unused-function", "-Wno-unused-variable", "-Wno-unused-but-set-variable"]
_SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
_SCALARS = {"i": {1: ctypes.c_int8, 2: ctypes.c_int16, 4: ctypes.c_int32, 8: ctypes.c_int64},
            "u": {1: ctypes.c_uint8, 2: ctypes.c_uint16, 4: ctypes.c_uint32, 8: ctypes.c_uint64},
            "f": {4: ctypes.c_float, 8: ctypes.c_double}, "b": {1: ctypes.c_bool}}  # fmt: skip


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


def _built(text: str, options: list[str]) -> Path:
    """The shared library of a source; kept in the temporary folder under a digest of it all."""
    key = "\0".join([text, _SHIM.read_text(), *options])
    digest = hashlib.sha256(key.encode()).hexdigest()[:24]
    folder = Path(tempfile.gettempdir()) / f"sssp-bench-shim-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    library = folder / f"{digest}.so"
    if not library.exists():
        with tempfile.TemporaryDirectory(dir=folder) as work:
            built = Path(work) / "kernels.so"
            unit = Path(work) / "kernels.cpp"
            unit.write_text(text)
            command = ["g++", *options, "-include", str(_SHIM), "-o", str(built), str(unit)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode != 0:
                raise RuntimeError(f"{' '.join(command)}\n{done.stderr[:8000]}")
            os.replace(built, library)
    return library


class ShimModule:
    """The kernels of one file as functions of a shared library."""

    def __init__(self, library: Path):
        self._library = ctypes.CDLL(str(library))

    def launch(self, name, threads, *arguments, block=256):
        values = []
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
        self.lanes = 1
        self.blocks = 1
        self.memory = memory
        self._sanitize = sanitize
        self._modules = {}

    def module(self, file, **macros):
        key = (file, *sorted(macros.items()))
        if key not in self._modules:
            flags = _FLAGS + (_SANITIZE if self._sanitize else [])
            options = [*flags, *defines(macros, self.lanes)]
            self._modules[key] = ShimModule(_built(source(file), options))
        return self._modules[key]

    def to_device(self, array):
        return np.array(array)

    def to_host(self, array):
        return np.array(array)

    def pinned(self, shape, dtype):
        return np.zeros(shape, dtype)

    def read(self, array, out):
        np.copyto(out, array)
        return out

    def synchronize(self):
        pass

    def free_bytes(self):
        return self.memory

    def total_bytes(self):
        return self.memory

    def release(self):
        pass
