"""CUDA sources compiled by NVRTC, and kept on disk.

CuPy's own way to compile (`cupy.RawModule(code=...)`) adds -ftz=true, which takes the smallest
weights for zero. So NVRTC is called here, through CuPy's low-level module, with exactly the options
that the bits of distances need; what comes of it is a file that CuPy loads.
"""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

from kernels.cache import CACHE_FOLDER, keep

# The header of a 64-bit ELF file; of its fields, those that say where the tables of segments and of
# sections are. Source: System V ABI, chapter 4.
_ELF = struct.Struct("<4s28xQQ6x4H2x")

# What the bits of a distance depend on; the tests compile with the same.
OPTIONS = ("--std=c++17", "-fmad=false", "-ftz=false", "-prec-div=true", "-prec-sqrt=true")


def compile_source(text: str, name: str, options: tuple[str, ...], capability: int) -> bytes:
    """Machine code for a device, or PTX where this NVRTC is older than the device.

    Parameters
    ----------
    text : str
    name : str
        Said in messages.
    options : tuple of str
        Beside `OPTIONS` and the architecture.
    capability : int
        Of the device: 90 for sm_90.
    """
    from cupy.cuda import nvrtc

    known = [arch for arch in nvrtc.getSupportedArchs() if arch <= capability]
    exact = capability in known
    arch = f"sm_{capability}" if exact else f"compute_{max(known)}"
    program = nvrtc.createProgram(text, name, (), ())
    try:
        nvrtc.compileProgram(program, (*OPTIONS, *options, f"-arch={arch}"))
        return whole(nvrtc.getCUBIN(program)) if exact else nvrtc.getPTX(program)
    except nvrtc.NVRTCError as error:
        raise RuntimeError(f"{name} for {arch}: {nvrtc.getProgramLog(program)}") from error
    finally:
        nvrtc.destroyProgram(program)


def whole(code: bytes) -> bytes:
    """Machine code with its last byte: CuPy 14 takes it for a string and cuts a NUL off.

    A cubin is an ELF file that ends with one of its tables. Code that reaches its end, as that of a
    CuPy which cuts nothing, is returned as it is, and so is what is no ELF file.

    Raises
    ------
    RuntimeError
        More than a byte is missing.
    """
    if not code.startswith(b"\x7fELF"):
        return code
    _, segments, sections, segment, segment_count, section, section_count = _ELF.unpack_from(code)
    end = max(segments + segment * segment_count, sections + section * section_count)
    if end > len(code) + 1:
        raise RuntimeError(f"NVRTC returned {len(code)} bytes of machine code, of {end}; reinstall")
    return code.ljust(end, b"\0")


def compiled(text: str, name: str, options: tuple[str, ...], capability: int) -> Path:
    """The file of what `compile_source` returns, kept under a digest of all that it depends on."""
    from cupy.cuda import nvrtc

    key = "\0".join(["whole", text, *OPTIONS, *options, str(capability), str(nvrtc.getVersion())])
    path = Path(CACHE_FOLDER) / f"cuda-{hashlib.sha256(key.encode()).hexdigest()[:32]}.cubin"
    if not path.exists():
        code = compile_source(text, name, options, capability)
        return keep(path, code)
    return path
