"""The settings of a search on a device: parsed strictly, recorded, and swept by a benchmark."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from devices import shim_device

from benchmarks import gpu_tuning
from graphs.csr import build_csr
from graphs.errors import GraphError
from graphs.generator import kronecker
from harness.machine import gpu
from kernels import device as device_module
from sssp import Solver, cuda_missing
from sssp.cuda_tuning import CudaTuning

USED = CudaTuning()


def test_a_text_sets_what_it_names():
    tuning = CudaTuning.parse("narrow=4096, ahead=4,wider=2.5,one_launch=1")
    assert (tuning.narrow, tuning.ahead, tuning.wider, tuning.one_launch) == (4096, 4, 2.5, 1)
    assert tuning.sweeps == USED.sweeps
    assert CudaTuning.parse(str(tuning)) == tuning
    assert CudaTuning.parse("") == USED


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nerrow=1", "'nerrow' is not known; write name=value, of narrow, ahead, sweeps, wider,"),
        ("ahead", "'' is not an integer from 1 to 64"),
        ("ahead=4,ahead=5", "'ahead' stands twice"),
        ("ahead=0", "ahead=0 is not an integer from 1 to 64"),
        ("ahead=2.5", "'2.5' is not an integer from 1 to 64"),
        ("wider=nan", "wider=nan is not a number from 1e-06 to 1000000"),
        ("narrow=99999999999", "is not an integer from 0 to 2147483647"),
        ("one_launch=yes", "'yes' is not an integer from 0 to 1"),
    ],
)
def test_what_is_not_allowed_is_refused_with_what_is(text, said, monkeypatch):
    monkeypatch.setenv("SSSP_CUDA_TUNING", text)
    with pytest.raises(GraphError) as refused:
        CudaTuning.from_environment()
    assert str(refused.value).startswith("SSSP_CUDA_TUNING: CUDA tuning ")
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_a_number_of_another_type_is_refused():
    with pytest.raises(GraphError, match="narrow=0.5 is not an integer"):
        CudaTuning(narrow=0.5)  # type: ignore[arg-type]


def test_a_solver_takes_it_and_records_it(monkeypatch):
    shim, csr = shim_device(), build_csr(kronecker(6))
    monkeypatch.setenv("SSSP_CUDA_TUNING", "wider=8,sweeps=2")
    told = Solver(csr, device=shim)
    assert told.choices["cuda_tuning"] == CudaTuning(wider=8.0, sweeps=2).record()
    given = Solver(csr, device=shim, tuning=CudaTuning(wider=2.0, narrow=0))
    assert given.choices["cuda_tuning"]["narrow"] == 0, "an argument goes before the environment"
    assert told.choices["delta"] == 4 * given.choices["delta"]
    for root in (1, 5):
        np.testing.assert_array_equal(told.search(root).dist, given.search(root).dist)
    assert "cuda_tuning" not in Solver(csr, engine="cpu").choices


def test_a_solver_refuses_what_it_cannot_use():
    csr = build_csr(kronecker(4))
    with pytest.raises(GraphError, match="tuning needs engine='cuda', not 'cpu'"):
        Solver(csr, engine="cpu", tuning=USED)
    with pytest.raises(GraphError, match="tuning='narrow=1' is no"):
        Solver(csr, engine="cpu", tuning="narrow=1")


def test_the_best_of_each_number_are_tried_together():
    def measured(tuning):
        seconds = 10.0 + abs(tuning.narrow - 1024) / 1e4 + abs(tuning.ahead - 4)
        return {"seconds": [seconds] * 2, "phases": [3, 3], "equal": True}

    found = gpu_tuning.sweep(measured, USED)
    assert found[0] == {"tuning": USED.record(), "varied": "", **measured(USED)}
    best = CudaTuning(narrow=1024, ahead=4)
    assert found[-1] == {"tuning": best.record(), "varied": "best", **measured(best)}
    assert [one["varied"] for one in found[1:-1]] == [name for name, _ in gpu_tuning.varied(USED)]
    record = {"graph": {"scale": 9, "edges": 64}, "settings": found, "machine": {}}
    assert f"SSSP_CUDA_TUNING={best}" in gpu_tuning.table(record)


@pytest.fixture
def shim(monkeypatch):
    shim = shim_device()
    monkeypatch.setattr(shim, "release", lambda: None)
    monkeypatch.setattr(cuda_missing, "missing", lambda: None)
    monkeypatch.setattr(device_module, "Device", lambda: shim)
    monkeypatch.setattr(gpu, "gpu_facts", lambda: {"gpu": shim.name})
    monkeypatch.setattr(gpu_tuning, "VALUES", {"narrow": (0,), "wider": (1.0,)})
    return shim


def test_settings_are_swept_and_find_the_same_bits(shim, tmp_path, capsys):
    assert gpu_tuning.main(["--scale", "6", "--roots", "2", "--output", str(tmp_path)]) == 0
    (path,) = tmp_path.glob("*-s6-gpu-*.json")
    settings = json.loads(path.read_text())["settings"]
    assert [one["varied"] for one in settings][:3] == ["", "narrow", "wider"]
    assert all(one["equal"] and len(one["seconds"]) == 2 for one in settings)
    shown = capsys.readouterr().out
    assert shown.startswith("scale 6 on one CPU thread, 2 roots; in use: narrow=2048,ahead=8,")
    assert "| narrow=0 |" in shown and "best, " in shown


def test_other_bits_are_a_fault(shim, tmp_path, capsys, monkeypatch):
    search = Solver.search

    def wrong(self, root, out=None):
        answer = search(self, root, out)
        if self._tuning.narrow == 0:
            answer.dist[3] += 1
        return answer

    monkeypatch.setattr(Solver, "search", wrong)
    assert gpu_tuning.main(["--scale", "6", "--roots", "1", "--output", str(tmp_path)]) == 1
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "narrow=0 |" in line]
    assert "NOT equal" in line


def test_a_grid_has_no_more_blocks_than_are_resident():
    """Of a kernel whose registers let three blocks on a multiprocessor, on four of these."""
    grids = []

    class Kernel:
        kernel = SimpleNamespace(ptr=7)

        def __call__(self, grid, block, arguments):
            grids.append((*grid, *block))

    driver = SimpleNamespace(
        occupancyMaxActiveBlocksPerMultiprocessor=lambda ptr, block, shared: 768 // block
    )
    xp = SimpleNamespace(
        cuda=SimpleNamespace(driver=driver),
        RawModule=lambda **_: SimpleNamespace(get_function=lambda name: Kernel()),
    )
    device: Any = SimpleNamespace(xp=xp, processors=4, blocks=32)
    module = device_module.Module(Path("push.cubin"), device)
    for threads, block in ((10**6, 256), (10**6, 512), (300, 256), (1, 32)):
        module.launch("push", threads, block=block)
    assert grids == [(12, 256), (4, 512), (2, 256), (1, 32)]
