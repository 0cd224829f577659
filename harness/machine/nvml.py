"""NVML, NVIDIA's management library: energy, clocks and driver of a GPU.

Through ctypes, for a handful of functions; the library comes with the driver.
Source: NVML API reference, device queries.
"""

from __future__ import annotations

import ctypes
from typing import Any

LIBRARY = "libnvidia-ml.so.1"
_TEXT_BYTES = 96
_SM, _MEMORY = 1, 2  # nvmlClockType_t
_CLOCKS = (("", "nvmlDeviceGetClockInfo"), ("_most", "nvmlDeviceGetMaxClockInfo"))


class NvmlError(RuntimeError):
    """The library refuses: no such GPU, or nothing it knows of this one."""


class Nvml:
    """The library, initialized.

    Raises
    ------
    OSError
        None can be loaded.
    NvmlError
        It finds no driver.
    """

    def __init__(self) -> None:
        self._library = ctypes.CDLL(LIBRARY)
        self._call("nvmlInit_v2")

    def driver(self) -> str:
        """Version of the driver."""
        text = ctypes.create_string_buffer(_TEXT_BYTES)
        self._call("nvmlSystemGetDriverVersion", text, ctypes.c_uint(_TEXT_BYTES))
        return text.value.decode(errors="replace")

    def gpu(self, bus_id: str) -> NvmlGpu:
        """The GPU on the PCI bus that CUDA names so: 0000:01:00.0."""
        handle = ctypes.c_void_p()
        name = ctypes.c_char_p(bus_id.encode())
        self._call("nvmlDeviceGetHandleByPciBusId_v2", name, ctypes.byref(handle))
        return NvmlGpu(self, handle)

    def _call(self, function: str, *arguments: Any) -> None:
        called = getattr(self._library, function, None)
        code = called(*arguments) if called is not None else "there is no such function"
        if code:
            raise NvmlError(f"{function}: {code}")


class NvmlGpu:
    """One GPU, from `Nvml.gpu`. What it does not report raises NvmlError."""

    def __init__(self, library: Nvml, handle: ctypes.c_void_p):
        self._library, self._handle = library, handle

    def name(self) -> str:
        text = ctypes.create_string_buffer(_TEXT_BYTES)
        self._call("nvmlDeviceGetName", text, ctypes.c_uint(_TEXT_BYTES))
        return text.value.decode(errors="replace")

    def joules(self) -> float:
        """Energy since the driver was loaded; Volta and newer. Renewed every 20 to 100 ms."""
        millijoules = ctypes.c_ulonglong()
        self._call("nvmlDeviceGetTotalEnergyConsumption", ctypes.byref(millijoules))
        return millijoules.value / 1e3

    def clocks_mhz(self) -> dict[str, int]:
        """Clocks in MHz at this moment, and the highest ones: sm, memory, sm_most, memory_most."""
        clocks = {}
        for name, kind in (("sm", _SM), ("memory", _MEMORY)):
            for suffix, function in _CLOCKS:
                clock = ctypes.c_uint()
                self._call(function, ctypes.c_int(kind), ctypes.byref(clock))
                clocks[name + suffix] = clock.value
        return clocks

    def _call(self, function: str, *arguments: Any) -> None:
        self._library._call(function, self._handle, *arguments)
