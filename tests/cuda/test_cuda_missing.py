"""What the CUDA engine lacks on this machine: named, with what to install, before any work."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import command
import pytest
from command import SMALL, only_result, own_process
from repository import run_python

from sssp import cuda_missing
from sssp.cuda_driver import NO_DEVICE, Driver, DriverError, Gpu

sssp = command.sssp
H100 = Gpu("NVIDIA H100", (9, 0))
V100 = Gpu("Tesla V100", (7, 0))
GTX_1080 = Gpu("GeForce GTX 1080", (6, 1))


@pytest.fixture
def machine(monkeypatch):
    """Pretend what is there: a driver of this CUDA, these devices, these wheels of CuPy."""

    def pretend(version=(12, 4), gpus=(H100,), wheels=("cupy-cuda12x",), error=None):
        def devices():
            if error is not None:
                raise error
            return list(gpus)

        driver = SimpleNamespace(version=lambda: version, gpus=devices)
        monkeypatch.setattr(cuda_missing, "Driver", lambda: driver)
        monkeypatch.setattr(cuda_missing, "_is_installed", lambda name: name in wheels)
        monkeypatch.setattr(cuda_missing, "find_spec", lambda name: wheels or None)
        return cuda_missing.find_missing

    return pretend


@pytest.fixture
def cupy(monkeypatch):
    """Stand in for CuPy; `break_` lets one of its parts fail."""

    def fail():
        raise RuntimeError("CuPy failed to load libnvrtc.so.12\nand so on")

    runtime = SimpleNamespace(getDeviceCount=lambda: 1, runtimeGetVersion=lambda: 12090)
    nvrtc = SimpleNamespace(getVersion=lambda: (12, 9))
    cuda = SimpleNamespace(runtime=runtime, nvrtc=nvrtc)
    headers = SimpleNamespace(find_nvidia_header_directory=lambda name: "/usr/include")
    for name, module in {
        "cupy": SimpleNamespace(cuda=cuda),
        "cupy.cuda": cuda,
        "cuda.pathfinder": headers,
        "cuda": SimpleNamespace(pathfinder=headers),
    }.items():
        monkeypatch.setitem(sys.modules, name, module)
    return SimpleNamespace(runtime=runtime, nvrtc=nvrtc, headers=headers, fail=fail)


def test_nothing_is_missing_where_all_parts_are_there(machine, cupy):
    assert machine()() is None
    # A newer driver runs the wheel of an older CUDA.
    assert machine(version=(13, 0))() is None
    assert machine(version=(13, 0), wheels=("cupy-cuda13x",))() is None
    assert machine(gpus=[V100])() is None


@pytest.mark.parametrize(
    ("there", "part", "remedy"),
    [
        ({"version": (11, 8)}, "the NVIDIA driver supports only CUDA 11.8", "update it"),
        ({"gpus": []}, "the NVIDIA driver finds no GPU", "nvidia-smi"),
        ({"gpus": [GTX_1080]}, "GeForce GTX 1080 is too old, of compute capability 6.1", "7.0"),
        ({"wheels": ()}, "CuPy is not installed", "pip install -e '.[cuda12]'"),
        ({"wheels": (), "version": (13, 1)}, "CuPy is not installed", "-e '.[cuda13]'"),
        (
            {"wheels": (), "version": (13, 1), "gpus": [V100]},
            "CuPy is not installed",
            "pip install -e '.[cuda12]'",
        ),
        (
            {"wheels": ("cupy-cuda13x",)},
            "cupy-cuda13x is for CUDA 13, the NVIDIA driver supports CUDA 12.4",
            "pip uninstall cupy-cuda13x, then pip install -e '.[cuda12]', or update the driver",
        ),
        (
            {"wheels": ("cupy-cuda11x",)},
            "cupy-cuda11x is for CUDA 11",
            "pip uninstall cupy-cuda11x, then pip install -e '.[cuda12]'",
        ),
        (
            {"wheels": ("cupy-cuda13x",), "version": (13, 0), "gpus": [V100]},
            "cupy-cuda13x cannot compile for Tesla V100, of compute capability 7.0",
            "pip install -e '.[cuda12]'",
        ),
        (
            {"wheels": ("cupy-cuda12x", "cupy-cuda13x"), "version": (13, 0)},
            "cupy-cuda12x and cupy-cuda13x are both installed",
            "pip uninstall cupy-cuda12x cupy-cuda13x, then pip install -e '.[cuda13]'",
        ),
        (
            {"error": DriverError(803, "cuInit: system has unsupported display driver")},
            "the NVIDIA driver fails, cuInit: system has unsupported display driver (error 803)",
            "",
        ),
    ],
)
def test_the_missing_part_is_named_with_its_remedy(machine, cupy, monkeypatch, there, part, remedy):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    said = machine(**there)()
    assert said.startswith(part)
    assert remedy in said
    assert "\n" not in said


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_hidden_devices_are_told_from_missing_ones(machine, monkeypatch, hidden):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    said = machine(error=DriverError(NO_DEVICE, "cuInit: no CUDA-capable device"))()
    assert said.startswith(f"no GPU is visible, CUDA_VISIBLE_DEVICES={hidden!r} hides them")


def test_a_cupy_that_cannot_be_loaded_is_told_in_one_line(machine, cupy):
    cupy.runtime.getDeviceCount = cupy.fail
    said = machine()()
    assert said.startswith("CuPy cannot be used (CuPy failed to load libnvrtc.so.12); update the")
    assert said.endswith("pip install -e '.[cuda12]'")
    assert "\n" not in said


def test_a_missing_nvrtc_is_named(machine, cupy):
    cupy.nvrtc.getVersion = cupy.fail
    said = machine()()
    assert said.startswith("NVRTC is not found")
    assert said.endswith("pip install -e '.[cuda12]', or set CUDA_PATH to a CUDA toolkit's folder")


def test_missing_headers_are_named(machine, cupy):
    cupy.headers.find_nvidia_header_directory = lambda name: None
    said = machine()()
    assert said.startswith("the CUDA headers are not found")
    assert said.endswith("pip install -e '.[cuda12]', or set CUDA_PATH to a CUDA toolkit's folder")


WITHOUT_DRIVER = """
import json, sys
from sssp import cuda_driver, cuda_missing
cuda_driver.LIBRARY = cuda_missing.LIBRARY = "libcuda-that-is-not-there.so.1"
said = cuda_missing.missing()
print(json.dumps([said, [m for m in ("cupy", "numba", "numpy") if m in sys.modules]]))
"""


def test_without_a_driver_nothing_of_cupy_is_loaded():
    said, loaded = run_python(WITHOUT_DRIVER)
    assert said.startswith("no NVIDIA driver, libcuda-that-is-not-there.so.1 is not found; install")
    assert loaded == []


def test_auto_takes_the_cpu_and_the_result_says_so(sssp, monkeypatch):
    monkeypatch.setattr(cuda_missing, "missing", lambda: "no NVIDIA driver")
    assert sssp(*SMALL, "--engine", "auto").status == 0
    assert only_result("out")["solver"]["engine"] == "cpu"


def test_info_says_why_cuda_cannot_run_and_which_gpu_there_is(sssp, monkeypatch):
    monkeypatch.setattr(cuda_missing, "missing", lambda: "no NVIDIA driver")
    shown = sssp("info").out
    assert re.search(r"^engine cuda: +missing: no NVIDIA driver$", shown, re.M)
    assert "GPU" not in shown
    facts = {"gpu": "NVIDIA H100", "gpu_memory_bytes": 80 * 2**30, "gpu_driver": "550.54.15"}
    facts |= {"gpu_driver_cuda": "12.4", "gpu_runtime_cuda": "12.9"}
    monkeypatch.setattr(cuda_missing, "missing", lambda: None)
    monkeypatch.setattr("harness.machine.gpu.gpu_facts", lambda: facts)
    assert re.search(r"^GPU: +NVIDIA H100, 80 GiB, driver 550\.54\.15 for", sssp("info").out, re.M)


# A driver made of g++, for what ctypes does with one.

LIBCUDA = r"""
#include <cstdlib>
#include <cstring>
static int number(const char *name) { return std::atoi(std::getenv(name)); }
extern "C" {
int cuDriverGetVersion(int *version) { *version = number("FAKE_VERSION"); return 0; }
int cuInit(unsigned flags) { return flags ? 1 : number("FAKE_INIT"); }
int cuDeviceGetCount(int *count) { *count = number("FAKE_COUNT"); return 0; }
int cuDeviceGet(int *device, int index) { *device = 40 + index; return 0; }
int cuDeviceGetName(char *name, int bytes, int device)
{
    std::strncpy(name, device == 40 ? "First GPU" : "Another GPU", bytes);
    return 0;
}
int cuDeviceGetAttribute(int *value, int attribute, int device)
{
    if (device != 40 || (attribute != 75 && attribute != 76)) return 1;
    *value = number("FAKE_CAPABILITY") / (attribute == 75 ? 10 : 1) % 10;
    return 0;
}
int cuGetErrorString(int error, const char **text)
{
    *text = error == 100 ? "no CUDA-capable device is detected" : "unknown error";
    return 0;
}
}
"""


@pytest.fixture(scope="module")
def libcuda(tmp_path_factory):
    """A folder with a driver's library; the environment says what it answers."""
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    folder = tmp_path_factory.mktemp("driver")
    (folder / "libcuda.cpp").write_text(LIBCUDA)
    build = ["g++", "-shared", "-fPIC", "-o", folder / "libcuda.so.1", folder / "libcuda.cpp"]
    subprocess.run(build, check=True)
    return folder


def driver_of(libcuda, version=12040, init=0, count=1, capability=90):
    return {
        "LD_LIBRARY_PATH": str(libcuda),
        "FAKE_VERSION": str(version),
        "FAKE_INIT": str(init),
        "FAKE_COUNT": str(count),
        "FAKE_CAPABILITY": str(capability),
    }


ASK = """
import json
from sssp.cuda_driver import Driver
driver = Driver()
(gpu,) = driver.gpus()
print(json.dumps([driver.version(), gpu.name, gpu.capability]))
"""


def test_the_driver_tells_its_version_and_its_devices(libcuda):
    assert run_python(ASK, **driver_of(libcuda)) == [[12, 4], "First GPU", [9, 0]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"init": 999}, "the NVIDIA driver fails, cuInit: unknown error (error 999)"),
        ({"capability": 61}, "First GPU is too old, of compute capability 6.1; 7.0 (Volta)"),
        ({"version": 11080}, "the NVIDIA driver supports only CUDA 11.8; update it"),
    ],
)
def test_the_command_refuses_before_any_work(libcuda, tmp_path, settings, said):
    environment = driver_of(libcuda, **settings)
    started = own_process(
        *SMALL, "--engine", "cuda", afresh=True, cwd=tmp_path, environment=environment
    )
    out, err = started.communicate()
    assert started.returncode == 3
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith(f"sssp run: error: engine 'cuda' cannot run here: {said}")
    assert list(tmp_path.glob("out/*")) == []


def test_a_library_that_is_no_driver_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr("sssp.cuda_driver.LIBRARY", "libc.so.6")
    with pytest.raises(OSError, match=r"libc\.so\.6 has no function cuDriverGetVersion"):
        Driver()
