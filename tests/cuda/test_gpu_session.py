"""A session on a GPU: its plan, its time limits, and what it leaves behind."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from benchmarks import gpu_session
from benchmarks.gpu_session import Step, session
from graphs.files import read_graph
from sssp import cuda_missing


def python(code):
    return sys.executable, "-c", code


def taken(folder, *plan, minutes=1.0):
    """The steps of a session, by name, as its summary has them."""
    session(plan, folder, minutes, lambda text: None)
    told = json.loads((folder / "summary.json").read_text())["steps"]
    assert [step["name"] for step in told] == [step.name for step in plan]
    shown = (folder / "summary.md").read_text()
    assert all(f"| {step['name']} | {step['status']} |" in shown for step in told)
    return {step["name"]: step for step in told}


def test_the_plan_is_shown_and_nothing_is_done(tmp_path, capsys):
    steps = "smoke", "scale-24", "scale-24-presolved", "tests"
    flags = ["--dry-run", "--output", str(tmp_path / "out"), "--only", *steps]
    assert gpu_session.main(flags) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "smoke, within 180 s"
    assert "--engine cuda --scale 12 --roots 8" in shown[1]
    assert shown[2] == "scale-24, within 120 s" and "--presolve" not in shown[3]
    assert shown[4] == "scale-24-presolved, within 120 s" and "--presolve" in shown[5]
    assert sum("-m 'gpu and not slow'" in line for line in shown) == 4
    assert not (tmp_path / "out").exists()


def test_an_unknown_step_is_refused_with_those_there_are(capsys):
    assert gpu_session.main(["--only", "smoke", "lunch"]) == 2
    assert capsys.readouterr().err.startswith(
        "gpu_session: no step 'lunch'; choose of facts, smoke,"
    )


def test_without_a_gpu_the_reason_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cuda_missing, "missing", lambda: "no NVIDIA driver")
    assert gpu_session.main(["--output", str(tmp_path / "out")]) == 3
    assert capsys.readouterr().err == "gpu_session: no GPU can be used: no NVIDIA driver\n"
    assert not (tmp_path / "out").exists()


def test_a_step_that_fails_is_told_and_the_next_is_taken(tmp_path):
    bad = python("import sys; print('some'); sys.exit('it broke')")
    told = taken(tmp_path, Step("bad", 30, (bad,)), Step("good", 30, (python("print(7)"),)))
    assert told["bad"]["status"] == "failed"
    assert told["bad"]["why"] == "exit status 1: it broke"
    assert told["good"]["status"] == "passed"
    assert (tmp_path / "good" / "0.out").read_text() == "7\n"
    assert (tmp_path / "bad" / "0.out").read_text() == "some\n", "what it printed is kept"


def test_a_step_is_ended_at_its_limit(tmp_path):
    slow = python("import time; time.sleep(60)")
    quick = python("print('quick', flush=True)")
    told = taken(tmp_path, Step("slow", 1, (slow, quick)))
    assert told["slow"]["status"] == "out of time"
    assert told["slow"]["seconds"] < 30
    assert (tmp_path / "slow" / "1.out").read_text() == "quick\n"


def test_what_is_missing_or_has_no_time_left_is_skipped(tmp_path):
    touch = python("open('/dev/null')")
    lacking = Step("lacking", 30, (touch,), ("pytest", "no-such-program"))
    told = taken(tmp_path, lacking)
    assert (told["lacking"]["status"], told["lacking"]["why"]) == (
        "skipped",
        "no-such-program not found",
    )
    told = taken(tmp_path, Step("late", 30, (touch,)), minutes=0.05)
    assert (told["late"]["status"], told["late"]["why"]) == ("skipped", "no time left")


def a_result(distances):
    search = {"root": 3, "m": 10**6, "seconds": 0.001, "valid": True, "dist_digest": distances}
    return {
        "searches": [search],
        "solver": {"engine": "cuda"},
        "construction_seconds": 0.5,
        "machine": {"gpu": "NVIDIA H100", "gpu_driver": "550", "gpu_runtime_cuda": "12.9"},
    }


@pytest.mark.parametrize("pair", [("smoke", "smoke-cpu"), ("scale-20", "scale-20-presolved")])
@pytest.mark.parametrize(("theirs", "word"), [("aa", "equal"), ("bb", "NOT equal")])
def test_the_summary_shows_runs_and_whether_they_agree(tmp_path, theirs, word, pair):
    plan = []
    for name, distances in zip(pair, ("aa", theirs), strict=True):
        text = json.dumps(a_result(distances))
        plan.append(
            Step(
                name,
                30,
                (python(f"open({str(tmp_path / name / 'r.json')!r}, 'w').write({text!r})"),),
            )
        )
    taken(tmp_path, *plan)
    shown = (tmp_path / "summary.md").read_text()
    assert f"| {pair[0]} | cuda | 1 of 1 | 1 | 1 | 0.5 |" in shown
    assert "NVIDIA H100, driver 550, CUDA 12.9" in shown
    assert f"{pair[0]} and {pair[1]}: distances are {word} to the bit" in shown
    assert bool(gpu_session.unequal(tmp_path)) == (theirs == "bb")


def test_figures_of_kernels_are_no_run(tmp_path):
    """They have searches, but no solver; what their benchmark printed is in the summary."""
    figures = json.dumps({"searches": [{"root": 3, "seconds": 0.001}], "kernels": {}})
    code = f"open({str(tmp_path / 'kernels' / 'r.json')!r}, 'w').write({figures!r}); print('| k |')"
    told = taken(tmp_path, Step("kernels", 30, (python(code),)))
    assert told["kernels"]["status"] == "passed"
    assert "| k |" in (tmp_path / "summary.md").read_text()


def test_the_grid_is_a_grid(tmp_path):
    path = str(tmp_path / "grid.npz")
    gpu_session.write_grid(path, 5)
    edges = read_graph(path)
    assert (edges.n, edges.m, edges.directed) == (25, 40, False)
    assert set(np.abs(edges.src - edges.dst).tolist()) == {1, 5}
    assert np.bincount(np.concatenate([edges.src, edges.dst])).max() == 4


@pytest.mark.gpu
@pytest.mark.slow
def test_a_session_on_a_gpu_finds_what_the_cpu_finds(tmp_path):
    chosen = ["facts", "smoke", "smoke-cpu", "scale-6", "scale-8", "scale-8-presolved"]
    chosen += ["kernels", "kernels-presolved"]
    chosen += ["tuning", "grid-file", "grid", "grid-cpu"]
    flags = ["--scale", "6", "8", "--smoke", "8", "--tuning", "8", "--grid", "16"]
    flags += ["--output", str(tmp_path)]
    assert gpu_session.main([*flags, "--only", *chosen]) == 0
    told = json.loads((tmp_path / "summary.json").read_text())["steps"]
    assert [(step["name"], step["status"]) for step in told] == [(c, "passed") for c in chosen]
    shown = (tmp_path / "summary.md").read_text()
    assert "| scale-8 | cuda | 64 of 64 |" in shown and "| grid | cuda | 8 of 8 |" in shown
    assert shown.count("distances are equal to the bit") == 3
    assert "| push |" in shown and "| finish |" in shown, "the tables of the kernels"
    assert "SSSP_CUDA_TUNING=narrow=" in shown and "NOT equal" not in shown
