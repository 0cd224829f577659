"""Graph files that are larger than they look: measured before they take memory."""

from __future__ import annotations

import gzip
import io
import zipfile

import numpy as np
import pytest
from graph_files import put, refusal

import harness.benchmark.source
from graphs import GraphError, read_graph
from graphs.memory import BASE
from harness.machine.memory import Available
from harness.validation import solution

M = 300_000  # edges, all alike: 7 MB unpacked, 7 KB packed
MOST = 1_000_000


@pytest.fixture
def bomb(tmp_path):
    ids = np.zeros(M, np.int64)
    np.savez_compressed(tmp_path / "g.npz", src=ids, dst=ids, weight=ids, n=1)
    return tmp_path / "g.npz"


def reads_less(most, read):
    """The error of reading, and the largest piece of memory that was asked for."""
    import tracemalloc

    tracemalloc.start()
    try:
        with pytest.raises(GraphError) as error:
            read()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * most
    assert "\n" not in str(error.value)
    return str(error.value)


def test_an_archive_is_measured_before_it_is_unpacked(bomb):
    assert bomb.stat().st_size < 100_000
    said = reads_less(MOST, lambda: read_graph(bomb, most_bytes=MOST))
    assert said.startswith(f"{bomb}: its arrays take 72") and f"{MOST} are available" in said
    assert read_graph(bomb, most_bytes=10 * MOST).m == M


def test_a_run_asks_for_what_is_available(bomb, monkeypatch):
    there = Available(BASE + MOST, "a test")
    monkeypatch.setattr(harness.benchmark.source, "available_to_each", lambda comm: there)
    said = reads_less(MOST, lambda: harness.benchmark.source.GraphFile(str(bomb)).load())
    assert f"{MOST} are available" in said


def test_a_solution_is_measured_too(tmp_path, monkeypatch):
    there = Available(BASE + MOST, "a test")
    monkeypatch.setattr(solution, "available", lambda: there)
    zeros = np.zeros(M, np.int64)
    np.savez_compressed(tmp_path / "s.npz", dist=zeros, parent=zeros)
    said = reads_less(MOST, lambda: solution.read_solution(str(tmp_path / "s.npz")))
    assert said.startswith(f"{tmp_path / 's.npz'}: its arrays take 48")


@pytest.mark.parametrize("suffix", ["gr.gz", "mtx.gz", "wel.gz", "wel"])
def test_a_packed_text_is_read_no_further_than_there_is_memory(tmp_path, suffix):
    mtx = f"%%MatrixMarket matrix coordinate integer general\n2 2 {M}\n"
    head = {"gr": f"p sp 2 {M}\n", "mtx": mtx}
    line = "a 1 2 3\n" if suffix.startswith("gr") else "1 2 3\n"
    text = (head.get(suffix[:3].strip("."), "") + M * line).encode()
    path = put(tmp_path, f"g.{suffix}", gzip.compress(text) if "gz" in suffix else text)
    with pytest.raises(GraphError, match=rf"line \d+: edges up to here take more than the {MOST}"):
        read_graph(path, most_bytes=MOST)
    assert read_graph(path, most_bytes=24 * M).m == M


def test_a_packed_archive_is_unpacked_no_further_than_there_is_memory(bomb, tmp_path):
    whole = io.BytesIO()
    np.savez(whole, **np.load(bomb))
    path = put(tmp_path, "h.npz.gz", gzip.compress(whole.getvalue()))
    assert f"holds more than the {MOST} bytes" in reads_less(
        3 * MOST, lambda: read_graph(path, most_bytes=MOST)
    )
    assert read_graph(path, most_bytes=10 * MOST).m == M


@pytest.mark.parametrize("shape", [(10**12,), (2**62, 8), (3,), (0,), (1, 2), (-1, -2)])
@pytest.mark.parametrize("version", [1, 2])
def test_an_array_that_lies_about_its_shape_gets_no_memory(tmp_path, shape, version):
    with zipfile.ZipFile(tmp_path / "g.npz", "w") as archive:
        for key in ("src", "dst", "weight"):
            file = io.BytesIO()
            write = getattr(np.lib.format, f"write_array_header_{version}_0")
            write(file, {"descr": "<i8", "fortran_order": False, "shape": shape})
            archive.writestr(f"{key}.npy", file.getvalue() + bytes(16))
    said = reads_less(MOST, lambda: read_graph(tmp_path / "g.npz"))
    assert ": array 'src' " in said
    if shape not in ((1, 2), (-1, -2)):
        assert "16 are there" in said


def test_half_a_character_is_no_path():
    with pytest.raises(GraphError, match="half a character"):
        read_graph("\ud800.gr")
    assert "No such file" in refusal("\udcff.gr")
