"""Facts about the GPU that a process uses, for its result file."""

from __future__ import annotations

from typing import Any

from harness.machine.nvml import Nvml, NvmlError


def bus_id() -> str | None:
    """Return the current CUDA device's place on the PCI bus; None where there is none."""
    device = _current()
    return None if device is None else str(device.pci_bus_id)


def gpu_facts() -> dict[str, Any]:
    """Return what a result file says about the current CUDA device; nothing where there is none.

    Its name, memory and compute capability, the versions of driver, CUDA and NVRTC, and its
    clocks; those as they are now, so right after work they are those of the work.
    """
    device = _current()
    if device is None:
        return {}
    from cupy.cuda import nvrtc, runtime

    properties = runtime.getDeviceProperties(device.id)
    return {
        "gpu": properties["name"].decode(errors="replace"),
        "gpu_memory_bytes": int(properties["totalGlobalMem"]),
        "gpu_capability": f"{properties['major']}.{properties['minor']}",
        "gpu_driver_cuda": _dotted(runtime.driverGetVersion()),
        "gpu_runtime_cuda": _dotted(runtime.runtimeGetVersion()),
        "gpu_nvrtc": ".".join(map(str, nvrtc.getVersion())),
        **_management_facts(str(device.pci_bus_id)),
    }


def _current() -> Any:
    """The current CUDA device, None where there is none."""
    try:
        import cupy

        device = cupy.cuda.Device()
        return device if device.pci_bus_id else None
    except (ImportError, RuntimeError):  # CUDARuntimeError is one
        return None


def _management_facts(name: str) -> dict[str, Any]:
    """What only NVML knows; null for what it does not report."""
    facts: dict[str, Any] = {"gpu_driver": None, "gpu_clocks_mhz": None}
    try:
        library = Nvml()
        facts["gpu_driver"] = library.driver()
        facts["gpu_clocks_mhz"] = library.gpu(name).clocks_mhz()
    except (OSError, NvmlError):
        pass
    return facts


def _dotted(version: int) -> str:
    return f"{version // 1000}.{version % 1000 // 10}"
