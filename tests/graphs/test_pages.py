"""Arrays that take no more memory than is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graphs.pages import lazy_zeros


def anonymous_bytes():
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        pytest.skip("no /proc here")
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


def test_what_is_not_written_takes_no_memory():
    before = anonymous_bytes()
    room = lazy_zeros((64, 2**20), np.uint64)
    room[::8, 0] = 1
    assert anonymous_bytes() - before < 2**22
    assert room[:, :2].sum() == 8


@pytest.mark.skipif(
    not Path("/sys/kernel/mm/transparent_hugepage").exists(), reason="no pages of 2 MB here"
)
def test_pages_of_two_megabytes_are_refused_whatever_the_system_prefers():
    """Where the system does not make them, too: the mapping says it (nh)."""
    room = lazy_zeros((64, 2**20), np.uint64)
    assert "nh" in flags_of(room.ctypes.data)
    plain = np.zeros((64, 2**20), np.uint64)
    assert "nh" not in flags_of(plain.ctypes.data)


def flags_of(address):
    """VmFlags of the mapping that holds an address."""
    try:
        lines = Path("/proc/self/smaps").read_text().splitlines()
    except OSError:
        pytest.skip("no /proc/self/smaps here")
    inside = False
    for line in lines:
        head = line.split()[0]
        if "-" in head and not head.endswith(":"):
            first, last = (int(part, 16) for part in head.split("-"))
            inside = first <= address < last
        elif inside and head == "VmFlags:":
            return line.split()[1:]
    raise AssertionError("no mapping holds the address")


@pytest.mark.parametrize("shape", [0, 3, (2, 3), (0, 4)])
def test_it_is_zero_and_may_be_written(shape):
    dtype = np.dtype([("vertex", "<i4"), ("key", "<f4")])
    room = lazy_zeros(shape, dtype)
    assert room.shape == np.zeros(shape).shape and room.dtype == dtype
    assert not room["vertex"].any()
    room["vertex"] = 7
    assert (room["vertex"] == 7).all()
