"""Shared: the devices that CUDA kernels are tested on, the host shim and a GPU where there is one.

A test file takes them with `device = devices()`, and from here what several of them need of an
engine there. `sanitized` runs some of its tests once more, in a
Python of its own, with the kernels built for the address and undefined behaviour sanitizers.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import json
import os
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from repository import HOUSE
from shim import LaneDevice, ShimDevice, compiler_missing, sanitized_environment
from strategies import cluster_far_from_hub

from graphs.csr import build_csr
from graphs.edges import EdgeList
from graphs.rows import ARC_DTYPES
from sssp import Solver
from sssp.cuda import CUDAEngine

_SANITIZE = "SSSP_TEST_SANITIZE"
# Tests that run under the sanitizers as well, by file: what pytest's -k says of them.
SANITIZED = {
    "test_cuda_build": "any_length or parallel or many_times or official or levels or 32_bits",
    "test_cuda_generate": "golden or slices_of_any_size",
    "test_cuda_presolve": "any or hubs or deep",
    "test_cuda_search": (
        "golden or every_kernel or lone or joined or runs_over or wide_rounds or path or fixed"
    ),
    "test_cuda_trees": "depth or hubs or beyond",
    "test_cuda_validate": "rulebook or golden or on_purpose or any_dtype or however_deep",
}
# Of a CSR, what must be equal on a device.
_SAME = ("n", "first", "kind", "arcs", "layout", "halo")


def shim_device() -> ShimDevice:
    """The host shim; skips the test where it cannot be built."""
    missing = compiler_missing()
    if missing:
        pytest.skip(missing)
    return ShimDevice(sanitize=_SANITIZE in os.environ)


def lane_device(blocks: int, threads: int, seed: int = 0) -> LaneDevice:
    """Blocks of many threads on the host, which run among each other; skips as `shim_device`."""
    missing = compiler_missing()
    if missing:
        pytest.skip(missing)
    return LaneDevice(blocks, threads, seed)


def gpu_device():
    """The GPU; for tests marked `gpu`."""
    from kernels.device import Device

    return Device()


@contextlib.contextmanager
def used_on_gpu():
    """What arrays take on the GPU within the block: a list of bytes, beyond those of before.

    Blocks that CuPy's pool keeps do not count: it gives them back before it lacks memory.
    """
    import cupy

    pool = cupy.get_default_memory_pool()
    gc.collect()
    before, used = pool.used_bytes(), []

    class Used(cupy.cuda.MemoryHook):
        name = "used on GPU"

        def malloc_postprocess(self, **_):
            used.append(pool.used_bytes() - before)

    with Used():
        yield used
    gc.collect()
    used.append(pool.used_bytes() - before)


def devices():
    """A fixture, one for a module: each device in turn."""

    @pytest.fixture(scope="module", params=["shim", pytest.param("gpu", marks=pytest.mark.gpu)])
    def device(request):
        return shim_device() if request.param == "shim" else gpu_device()

    return device


def sanitized(request: pytest.FixtureRequest) -> bool:
    """Were tests of this file run once more, under the sanitizers, and did they pass?

    One start serves the files of this session, on all workers: SANITIZED says which of their tests.
    """
    missing = compiler_missing()
    if missing:
        pytest.skip(missing)
    folder = request.getfixturevalue("tmp_path_factory").getbasetemp()
    if hasattr(request.config, "workerinput"):
        folder = folder.parent
    kept = folder / "sanitized.json"
    with (folder / "sanitized.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            here = {item.path.stem for item in request.session.items}
            kept.write_text(json.dumps(_outcomes([file for file in SANITIZED if file in here])))
    outcomes, said = json.loads(kept.read_text())
    print(said)
    found = outcomes[request.path.stem]
    return "passed" in found and set(found) <= {"passed", "skipped"}


def _outcomes(files: list[str]) -> tuple[dict[str, list[str]], str]:
    """How each test ended, by file, and what was said where not all is well."""
    chosen = " or ".join(f"({file} and ({SANITIZED[file]}))" for file in files)
    paths = [f"tests/cuda/{file}.py" for file in files]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", *paths]
        + ["-m", "not gpu", "-k", chosen],
        cwd=HOUSE,
        env={**sanitized_environment(), _SANITIZE: "1"},
        capture_output=True,
        text=True,
    )
    outcomes: dict[str, list[str]] = {file: [] for file in files}
    line = r"^tests/cuda/(\w+)\.py::.*?(?: (PASSED|FAILED|ERROR|SKIPPED|XFAIL)\b.*)?$"
    for file, outcome in re.findall(line, done.stdout, re.M):
        outcomes[file].append((outcome or "crashed").lower())
    said = done.stdout[-8000:] + done.stderr[-8000:] if done.returncode != 0 else ""
    return outcomes, said


def counted_requeues(monkeypatch) -> list[CUDAEngine]:
    """A list that grows by an engine each time it queues everything again."""
    overruns = []
    requeue = CUDAEngine._requeue

    def counted(self):
        overruns.append(self)
        requeue(self)

    monkeypatch.setattr(CUDAEngine, "_requeue", counted)
    return overruns


def host_arcs(device, rows):
    """Rows of a device as records of the host."""
    words = np.ascontiguousarray(device.to_host(rows.arcs))
    return words.reshape(-1).view(ARC_DTYPES[rows.kind])


def check_same(device, theirs, ours):
    """Rows on a device are those of the host, array for array."""
    assert {name: getattr(ours, name) for name in _SAME} == {
        name: getattr(theirs, name) for name in _SAME
    }
    assert {**vars(ours.stats), "sample": None} == {**vars(theirs.stats), "sample": None}
    for name in ("local_id", "global_id"):
        assert np.array_equal(device.to_host(getattr(ours, name)), getattr(theirs, name))
    assert np.array_equal(ours.degree_positive, theirs.degree_positive)
    assert np.array_equal(ours.stats.sample, theirs.stats.sample)
    assert (ours.incoming is None) == (theirs.incoming is None)
    assert (ours.incoming is ours.out) == (theirs.incoming is theirs.out)
    pairs = [(theirs.out, ours.out)]
    if ours.incoming is not None:
        pairs.append((theirs.incoming, ours.incoming))
    for host, there in pairs:
        assert np.array_equal(device.to_host(there.indptr), host.indptr)
        arcs = host_arcs(device, there)
        assert np.array_equal(arcs, host.arcs)
        for name in ("adj", "weight"):
            column = getattr(there, name)
            assert np.array_equal(device.to_host(column), getattr(host, name))
            assert column.dtype == getattr(host, name).dtype


def far_pull(device) -> tuple[EdgeList, Solver]:
    """A graph and a solver of it whose pull looks far into a row."""
    edges = cluster_far_from_hub()
    csr = build_csr(edges)
    solver = Solver(csr, device=device, delta=0.001)
    chosen = replace(
        solver._engine.choices,
        stop_at_bucket_end=True,
        switch_settled=20,
        switch_arcs=0,
        finish_arcs=0,
    )
    solver._engine = CUDAEngine(csr, chosen, device)
    return edges, solver
