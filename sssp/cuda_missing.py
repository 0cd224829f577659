"""Which part the CUDA engine lacks here, and what to install.

The parts are asked for in the order in which they need each other: the driver, a device, CuPy's
wheel (from the installed distributions, nothing is imported), CuPy, NVRTC, the CUDA headers.
Where there is no driver, nothing of CuPy is imported.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import metadata
from importlib.util import find_spec

from sssp.cuda_driver import LIBRARY, NO_DEVICE, Driver, DriverError, Gpu

# Volta: the first that the kernels are compiled for.
OLDEST = (7, 0)
# What CUDA 13 still compiles for.
OLDEST_OF_CUDA_13 = (7, 5)
_WHEELS = {"cupy-cuda11x": 11, "cupy-cuda12x": 12, "cupy-cuda13x": 13}


@cache
def missing() -> str | None:
    """Why the CUDA engine cannot run here and what to do, in one line; None where it can.

    Asked once a process: the driver reads CUDA_VISIBLE_DEVICES once, too.
    """
    return find_missing()


def find_missing() -> str | None:
    """As `missing`, asked anew."""
    try:
        driver = Driver()
    except OSError:
        return (
            f"no NVIDIA driver, {LIBRARY} is not found; install the GPU's driver, or run where "
            "there is one (a container needs --gpus all or --nv)"
        )
    try:
        version, gpus = driver.version(), driver.gpus()
    except DriverError as error:
        return _no_device() if error.code == NO_DEVICE else f"the NVIDIA driver fails, {error}"
    if not gpus:
        return _no_device()
    return (
        _device_unfit(gpus[0]) or _wheel_unfit(version, gpus[0]) or _cupy_broken(version, gpus[0])
    )


def _no_device() -> str:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return (
            f"no GPU is visible, CUDA_VISIBLE_DEVICES={visible!r} hides them; unset it, or name "
            "one that nvidia-smi lists"
        )
    return "the NVIDIA driver finds no GPU; nvidia-smi lists those there are"


def _device_unfit(gpu: Gpu) -> str | None:
    if gpu.capability >= OLDEST:
        return None
    return (
        f"{gpu.name} is too old, of compute capability {_dotted(gpu.capability)}; "
        f"{_dotted(OLDEST)} (Volta) or newer is needed"
    )


def _wheel_unfit(version: tuple[int, int], gpu: Gpu) -> str | None:
    """Compare CuPy's wheel with the driver's CUDA; a newer driver runs an older CUDA's wheel."""
    if version[0] < 12:
        return (
            f"the NVIDIA driver supports only CUDA {_dotted(version)}; "
            "update it to one of CUDA 12 or newer (525 or newer)"
        )
    wheels = cupy_wheels()
    if len(wheels) > 1:
        return (
            f"{' and '.join(wheels)} are both installed and overwrite each other: "
            f"pip uninstall {' '.join(wheels)}, then {_install(version, gpu)}"
        )
    if find_spec("cupy") is None:
        return f"CuPy is not installed; {_install(version, gpu)}"
    for name, major in wheels.items():
        instead = f"pip uninstall {name}, then {_install(version, gpu)}"
        if major > version[0]:
            return (
                f"{name} is for CUDA {major}, the NVIDIA driver supports CUDA {_dotted(version)}; "
                f"{instead}, or update the driver"
            )
        if major < 12:
            return f"{name} is for CUDA {major}; {instead}"
        if major >= 13 and gpu.capability < OLDEST_OF_CUDA_13:
            return (
                f"{name} cannot compile for {gpu.name}, of compute capability "
                f"{_dotted(gpu.capability)}; {instead}"
            )
    return None


def cupy_wheels() -> dict[str, int]:
    """The installed wheels of CuPy, each with its CUDA; one built here is not among them."""
    return {name: major for name, major in _WHEELS.items() if _is_installed(name)}


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _cupy_broken(version: tuple[int, int], gpu: Gpu) -> str | None:
    """Load CuPy and what it compiles with; say what fails, in its own words."""
    try:
        import cupy

        seen = cupy.cuda.runtime.getDeviceCount()
        built_for = cupy.cuda.runtime.runtimeGetVersion() // 1000
    except Exception as error:  # a broken installation may raise anything
        return (
            f"CuPy cannot be used ({_first_line(error)}); update the driver, or install CuPy "
            f"anew: {_install(version, gpu)}"
        )
    if not seen:
        return _no_device()
    install = f"pip install -e '.[cuda{built_for}]', or set CUDA_PATH to a CUDA toolkit's folder"
    try:
        from cupy.cuda import nvrtc

        nvrtc.getVersion()
    except Exception as error:
        return f"NVRTC is not found, which compiles the kernels ({_first_line(error)}); {install}"
    if not _headers_found():
        return f"the CUDA headers are not found, which CuPy compiles with; {install}"
    return None


def without_cusparse(error: ImportError) -> str:
    """What to install where CuPy finds no cuSPARSE, which only matrices of cupyx need."""
    wheel = "nvidia-cusparse-cu12" if 12 in cupy_wheels().values() else "nvidia-cusparse"
    return f"cuSPARSE cannot be loaded ({_first_line(error)}); pip install {wheel}"


def _headers_found() -> bool:
    """Whether CuPy will find the headers of the CUDA runtime, in a wheel or in a toolkit."""
    try:
        from cuda.pathfinder import find_nvidia_header_directory
    except ImportError:  # CuPy then looks by itself, and says what it lacks
        return True
    return find_nvidia_header_directory("cudart") is not None


def _install(version: tuple[int, int], gpu: Gpu) -> str:
    """The command that installs the newest CuPy for this driver and device."""
    newest = version[0] >= 13 and gpu.capability >= OLDEST_OF_CUDA_13
    return f"pip install -e '.[{'cuda13' if newest else 'cuda12'}]'"


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else type(error).__name__
