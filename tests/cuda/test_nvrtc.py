"""Kernels compiled for a device: the options that bits depend on, and no others; kept on disk."""

from __future__ import annotations

import platform
import struct

import pytest

from kernels import nvrtc
from kernels.device import defines, source

pytestmark = pytest.mark.skipif(
    platform.system() != "Linux", reason="NVRTC has wheels for Linux alone"
)

SUM = 'extern "C" __global__ void k(float *x) { x[0] = x[1] * x[2] + x[3]; }'


def test_what_is_compiled_is_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(nvrtc, "CACHE_FOLDER", str(tmp_path))
    macros = defines({"KIND_FLOAT32": 1}, 32)
    first = nvrtc.compiled(source("sweep.cu"), "sweep.cu", macros, 80)
    assert first.read_bytes().startswith(b"\x7fELF")
    monkeypatch.setattr(nvrtc, "compile_source", lambda *_: pytest.fail("compiled again"))
    assert nvrtc.compiled(source("sweep.cu"), "sweep.cu", macros, 80) == first
    assert [path.name for path in tmp_path.iterdir()] == [first.name]


def test_source_macros_options_and_device_tell_files_apart(monkeypatch, tmp_path):
    monkeypatch.setattr(nvrtc, "CACHE_FOLDER", str(tmp_path))
    monkeypatch.setattr(nvrtc, "compile_source", lambda *_: b"")
    paths = {
        nvrtc.compiled(text, "k.cu", macros, capability)
        for text in (SUM, SUM + " ")
        for macros in ((), ("-DLANES=32",))
        for capability in (80, 90)
    }
    assert len(paths) == 8


def end_of(elf):
    """Where the last segment, section or table of an ELF file ends, as its headers say."""
    segments, sections = struct.unpack_from("<QQ", elf, 32)
    segment, segment_count, section, section_count = struct.unpack_from("<4H", elf, 54)
    ends = [segments + segment * segment_count, sections + section * section_count]
    for i in range(segment_count):
        _, _, offset, _, _, size, _, _ = struct.unpack_from(
            "<IIQQQQQQ", elf, segments + i * segment
        )
        ends.append(offset + size)
    for i in range(section_count):
        _, kind, _, _, offset, size = struct.unpack_from("<IIQQQQ", elf, sections + i * section)
        ends.append(offset + (0 if kind == 8 else size))  # a section of zeros is not in the file
    return max(ends)


FILES: list[tuple[str, dict[str, object]]] = [
    ("sweep.cu", {"KIND_FLOAT64": 1}),
    ("generate.cu", {}),
]


@pytest.mark.parametrize("capability", [75, 80, 90, 100])
def test_a_kept_file_ends_where_its_headers_say(monkeypatch, tmp_path, capability):
    monkeypatch.setattr(nvrtc, "CACHE_FOLDER", str(tmp_path))
    for file, macros in FILES:
        kept = nvrtc.compiled(source(file), file, defines(macros, 32), capability).read_bytes()
        assert end_of(kept + bytes(64)) == len(kept)
        assert nvrtc.whole(kept) == kept, "nothing is added to a whole file"
        assert nvrtc.whole(kept[:-1]) == kept
        with pytest.raises(RuntimeError, match=rf"{len(kept) - 2} bytes .* of {len(kept)}; rein"):
            nvrtc.whole(kept[:-2])


def test_a_device_that_nvrtc_does_not_know_gets_ptx():
    """The smallest numbers are not taken for zero, sums not fused."""
    text = nvrtc.compile_source(SUM, "k.cu", (), 999).decode()
    assert ".version" in text
    assert "mul.rn.f32" in text and "add.rn.f32" in text
    assert "fma" not in text and "ftz" not in text


def test_a_source_that_does_not_compile_says_where():
    with pytest.raises(RuntimeError, match=r"k\.cu for sm_80: (.|\n)*no_such_name"):
        nvrtc.compile_source('extern "C" __global__ void k() { no_such_name(); }', "k.cu", (), 80)
