"""Every CUDA kernel compiles for every architecture, without a GPU, and spills no registers.

NVRTC alone is asked, through CuPy's low-level module, for real architectures: then its assembler
runs, and its log says what each kernel takes. This needs the wheels of the extra cuda12 and no
driver; CUDA 13 has dropped sm_70. What it said of a source is kept in pytest's cache: a hundred
seconds, as long as the source, the options and the compiler are the same.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
from pathlib import Path
from typing import NamedTuple

import pytest
from repository import HOUSE

from kernels.device import OPTIONS, defines, source

ARCHITECTURES = (70, 75, 80, 90, 100)
# With 64 registers a thread, 1024 threads are resident on a multiprocessor, with 80 still 768. More
# than 64 are for kernels that carry much from one arc to the next; the validator's run once.
REGISTERS = 64
REGISTERS_OF = {
    # 72 but on Volta.
    "push": 96,
    "push_hubs": 80,
    # Three blocks of 256 are resident with 80; before Hopper two, with up to 128.
    "search": 128,
    # One block of 512 is all that need be resident, and it may take 128.
    "rounds": 128,
    "pull": 80,
    "check_vertices": 72,
    "tally_marks": 72,
}
# The arithmetic of the distances, one macro of which every file gets that asks for any of them.
KINDS = ("KIND_FLOAT32", "KIND_UINT32", "KIND_FLOAT64")

FILES = sorted(path.name for path in (HOUSE / "kernels").glob("*.cu"))


def variants(file):
    """The macros that a file is compiled with, once for each set of them."""
    return [{kind: 1} for kind in KINDS] if KINDS[0] in source(file) else [{}]


VARIANTS = [(file, macros) for file in FILES for macros in variants(file)]


class Kernel(NamedTuple):
    """What the assembler says of a kernel: registers a thread, bytes spilled to memory."""

    name: str
    registers: int
    spilled: int


@pytest.fixture(scope="module")
def nvrtc():
    """CuPy's module of that name. Missing wheels are a fault: `make test` installs them."""
    if (platform.system(), platform.machine()) not in (("Linux", "x86_64"), ("Linux", "aarch64")):
        pytest.skip("NVRTC has wheels for Linux on x86_64 and on aarch64 alone")
    try:
        from cupy.cuda import nvrtc

        nvrtc.getVersion()
    except (ImportError, RuntimeError) as error:
        pytest.fail(f"NVRTC cannot be loaded ({error}); install it: pip install -e '.[cuda12]'")
    return nvrtc


def supported(nvrtc, arch):
    """Does NVRTC compile for it? CUDA 13 has dropped Volta, no other may be missing."""
    return arch >= 75 or nvrtc.getVersion() < (13, 0)


def compiled(nvrtc, text, name, arch, macros):
    """Compile for a real architecture; return the log."""
    options = (*OPTIONS, *defines(macros, 32), f"-arch=sm_{arch}", "--ptxas-options=-v")
    program = nvrtc.createProgram(text, name, (), ())
    try:
        try:
            nvrtc.compileProgram(program, options)
        except nvrtc.NVRTCError:
            pytest.fail(f"{name} for sm_{arch}:\n{nvrtc.getProgramLog(program)}")
        return nvrtc.getProgramLog(program)
    finally:
        nvrtc.destroyProgram(program)


@pytest.fixture(scope="module")
def kept(nvrtc, pytestconfig):
    """As `compiled`, but what was compiled by this very library is not compiled again."""
    paths = sorted(set(re.findall(r"/\S*/libnvrtc\.so\S*", Path("/proc/self/maps").read_text())))
    assert paths, "NVRTC is loaded, but from no file"
    library = [(path, os.stat(path).st_size, os.stat(path).st_mtime_ns) for path in paths]
    cache = getattr(pytestconfig, "cache", None)  # None with -p no:cacheprovider

    def log(text, name, arch, macros):
        facts = (text, name, arch, macros, OPTIONS, library)
        key = f"sssp-bench/nvrtc-{hashlib.sha256(repr(facts).encode()).hexdigest()}"
        found = cache and cache.get(key, None)
        if not found:
            found = compiled(nvrtc, text, name, arch, macros)
            if cache:
                cache.set(key, found)
        return found

    return log


def kernels_in(log):
    """The kernels that the assembler's log names."""
    found = []
    for part in re.split(r"Compiling entry function ", log)[1:]:
        name = re.match(r"'(\w+)'", part)[1]
        (registers,) = re.findall(r"Used (\d+) registers", part)
        spilled = re.findall(r"(\d+) bytes spill (?:stores|loads)", part)
        assert spilled, part
        found.append(Kernel(name, int(registers), sum(map(int, spilled))))
    return found


def ceiling(kernel):
    """How many registers a kernel may take; types in its name, as in pull_f4, do not count."""
    return REGISTERS_OF.get(re.sub(r"(_[fi]?[48])+$", "", kernel.name), REGISTERS)


def test_there_are_kernels_to_compile():
    assert FILES
    kernels = "".join(map(source, FILES))
    assert [name for name in REGISTERS_OF if not re.search(rf"\b{name}_?\b", kernels)] == []


def test_every_macro_that_selects_a_variant_is_compiled():
    for file in FILES:
        text = source(file)
        asked = re.findall(r"^ *# *(?:el)?if.*", text, re.M)
        words = {word for line in asked for word in re.findall(r"\b[A-Z][A-Z_0-9]*\b", line)}
        known = {name for macros in variants(file) for name in macros}
        assert words - {"LANES", "__CUDA_ARCH__"} <= known, file


@pytest.mark.slow
@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize(
    ("file", "macros"),
    VARIANTS,
    ids=["-".join([file, *macros]) for file, macros in VARIANTS],
)
def test_kernels_compile_without_spills_in_few_registers(nvrtc, kept, file, macros, arch):
    if not supported(nvrtc, arch):
        pytest.skip(f"CUDA {nvrtc.getVersion()[0]} no longer compiles for sm_{arch}")
    found = kernels_in(kept(source(file), file, arch, macros))
    assert found
    assert [kernel for kernel in found if kernel.spilled] == []
    assert [kernel for kernel in found if kernel.registers > ceiling(kernel)] == []


SPILLING = """
extern "C" __global__ void __launch_bounds__(1024) spills(float *x)
{
    float y[128];
#pragma unroll
    for (int i = 0; i < 128; i++) y[i] = x[i * 1024 + threadIdx.x];
    __syncthreads();
#pragma unroll
    for (int i = 0; i < 128; i++) x[threadIdx.x * 128 + i] = y[i] * y[127 - i];
}
"""


def test_a_kernel_that_spills_is_seen(nvrtc):
    (kernel,) = kernels_in(compiled(nvrtc, SPILLING, "spills.cu", 80, {}))
    assert kernel.name == "spills"
    assert kernel.registers == 64
    assert kernel.spilled > 0


def test_sums_are_not_fused_and_small_numbers_not_flushed(nvrtc):
    """The options that the kernels are compiled with keep the bits of IEEE 754."""
    text = 'extern "C" __global__ void k(float *x) { x[0] = x[1] * x[2] + x[3]; }'
    program = nvrtc.createProgram(text, "k.cu", (), ())
    nvrtc.compileProgram(program, (*OPTIONS, "-arch=compute_80"))
    ptx = nvrtc.getPTX(program).decode()
    nvrtc.destroyProgram(program)
    assert "mul.rn.f32" in ptx and "add.rn.f32" in ptx
    assert "fma" not in ptx and ".ftz" not in ptx
