"""The figures of the GPU's kernels: taken from the host shim here, as from a GPU elsewhere."""

from __future__ import annotations

import json
from time import perf_counter
from typing import ClassVar

import numpy as np
import pytest
from devices import shim_device

from benchmarks import gpu_kernels, gpu_watch
from graphs.generator import kronecker
from harness.machine import gpu
from kernels import device as device_module
from sssp import cuda_missing


class HostMark:
    """A point in the work of the shim, which is done when a launch returns."""

    def __init__(self):
        self.at = perf_counter()

    def seconds_since(self, earlier):
        return self.at - earlier.at


class HostHold:
    """Holds nothing: notes when a stream would be held."""

    noted: ClassVar[list[str]] = []

    def __init__(self):
        self.noted.append("held")

    def release(self):
        self.noted.append("released")


@pytest.fixture
def shim(monkeypatch):
    shim = shim_device()
    monkeypatch.setattr(gpu_watch, "Hold", HostHold)
    monkeypatch.setattr(HostHold, "noted", [])
    monkeypatch.setattr(cuda_missing, "missing", lambda: None)
    monkeypatch.setattr(gpu_watch, "Mark", HostMark)
    monkeypatch.setattr(gpu_watch, "COPY_BYTES", 1 << 20)
    monkeypatch.setattr(device_module, "Device", lambda: shim)
    monkeypatch.setattr(gpu, "gpu_facts", lambda: {"gpu": shim.name})
    return shim


def test_every_kernel_of_a_search_is_timed_and_its_bytes_are_counted(shim, tmp_path, capsys):
    status = gpu_kernels.main(["--scale", "10", "--roots", "3", "--output", str(tmp_path)])
    assert status == 0
    (path,) = tmp_path.glob("*-s10-gpu-*.json")
    found = json.loads(path.read_text())
    assert len(found["searches"]) == 3
    assert found["machine"]["gpu"] == shim.name
    kernels = found["kernels"]
    # A search resets once and answers once; a warm-up is not among them.
    assert kernels["reset"]["launches"] == kernels["answer_32"]["launches"] == 3
    edges = kronecker(10)
    joins = edges.src != edges.dst
    # Nothing is looked up for isolated vertices.
    looked_up = len(np.unique(np.concatenate([edges.src[joins], edges.dst[joins]])))
    assert kernels["answer_32"]["bytes"] == 3 * (1024 * (4 + 4 + 8) + looked_up * 64)
    assert {"push", "rounds", "pull", "settle_leaves"} <= set(kernels)
    # Every arc that a search looks at is in the bytes of some kernel.
    arcs = sum(search["arcs"] for search in found["searches"])
    counted = sum(kernel["bytes"] or 0 for kernel in kernels.values())
    assert counted >= 0.9 * arcs * (8 + gpu_watch.SECTOR) > 0
    assert all(kernel["seconds"] > 0 for kernel in kernels.values())
    assert found["copy"]["bytes"] == 2 << 20
    assert len(found["copy"]["seconds"]) == gpu_watch.COPIES
    shown = capsys.readouterr().out.strip()
    assert shown.startswith(f"scale 10 on {shim.name}: median search ")
    assert {line.split(" | ")[0].lstrip("| ") for line in shown.splitlines()[4:]} == set(kernels)


def test_a_stream_is_held_until_the_host_waits_and_answers_stay_there(shim, tmp_path, monkeypatch):
    waits, read = [], shim.read

    def noted_read(array, out):
        waits.append((len(array), HostHold.noted[-1:]))
        return read(array, out)

    monkeypatch.setattr(shim, "read", noted_read)
    gpu_kernels.main(["--scale", "10", "--roots", "2", "--output", str(tmp_path)])
    # Each batch is held once, before its first kernel, and released before the host waits for it.
    assert HostHold.noted == ["held", "released"] * (len(HostHold.noted) // 2)
    assert len(HostHold.noted) >= 2 * 2 * 2, "of two searches, each with two batches at least"
    assert all(noted != ["held"] for _, noted in waits)
    assert max(length for length, _ in waits) < 2**10, "no answer is copied to the host"


def test_the_same_with_all_large_steps_in_one_launch(shim, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("SSSP_CUDA_TUNING", "narrow=16")
    flags = ["--scale", "9", "--roots", "2", "--one-launch", "--output", str(tmp_path)]
    assert gpu_kernels.main(flags) == 0
    (path,) = tmp_path.glob("*.json")
    found = json.loads(path.read_text())
    assert found["one_launch"] is True
    assert not {"rounds", "split", "pull"} & set(found["kernels"])
    arcs = sum(search["arcs"] for search in found["searches"])
    assert found["kernels"]["search"]["bytes"] > arcs / 2 * (8 + gpu_watch.SECTOR)
    assert capsys.readouterr().out.startswith("scale 9, large steps in one launch, on ")


def test_the_same_presolved(shim, tmp_path, capsys):
    flags = ["--scale", "9", "--roots", "2", "--presolve", "--output", str(tmp_path)]
    assert gpu_kernels.main(flags) == 0
    (path,) = tmp_path.glob("*.json")
    found = json.loads(path.read_text())
    assert found["presolve"]["kept_edges"] < found["graph"]["edges"] / 8
    assert {"climb", "finish"} <= set(found["kernels"])
    # Of each vertex label, weight of a leaf, distance and parent; states of those with edges.
    connected = found["presolve"]["core"] + found["presolve"]["leaves"]
    assert found["kernels"]["finish"]["bytes"] > 2 * (512 * (4 + 4 + 4 + 8) + connected * 64)
    assert capsys.readouterr().out.startswith("scale 9, presolved, on ")


def test_without_a_gpu_the_reason_is_told_and_nothing_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cuda_missing, "missing", lambda: "no NVIDIA driver")
    assert gpu_kernels.main(["--output", str(tmp_path)]) == 3
    done = capsys.readouterr()
    assert done.out == ""
    assert done.err == "gpu_kernels: no GPU can be used: no NVIDIA driver\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.gpu
def test_a_gpu_is_measured(tmp_path):
    assert gpu_kernels.main(["--scale", "14", "--roots", "2", "--output", str(tmp_path)]) == 0
    (path,) = tmp_path.glob("*-s14-gpu-*.json")
    found = json.loads(path.read_text())
    assert found["machine"]["gpu"] and found["machine"]["gpu_runtime_cuda"]
    assert all(kernel["seconds"] > 0 for kernel in found["kernels"].values())
