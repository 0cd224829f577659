"""A session on a GPU: its plan, its time limits, and what it leaves behind."""

from __future__ import annotations

import json
import re
import signal
import sys
from pathlib import Path
from time import sleep

import numpy as np
import pytest

from benchmarks import gpu_plan, gpu_session
from benchmarks.gpu_plan import KERNELS, Step, write_grid
from benchmarks.gpu_session import session
from graphs.files import read_graph
from harness.console.errors import Interrupted
from kernels.device import FOLDER
from sssp import cuda_missing


def python(code):
    return sys.executable, "-c", code


def taken(folder, *plan, minutes=1.0):
    """The steps of a session, by name, as its summary has them."""
    folder.mkdir(exist_ok=True)
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


def test_every_file_with_tests_that_need_a_gpu_is_run(request):
    run = {Path(file).name for files in gpu_plan._test_files() for file in files}
    assert {"test_cuda_search.py", "test_cuda_presolve.py", "test_cuda_trees.py"} <= run
    marked = [item for item in request.session.items if item.get_closest_marker("gpu")]
    assert {item.path.name for item in marked} - {"test_cuda_sanitizer.py"} <= run


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


def test_a_command_that_cannot_be_started_fails_and_the_next_is_taken(tmp_path):
    nothing = str(tmp_path / "no-such-program"), "--version"
    told = taken(tmp_path, Step("gone", 30, (nothing,)), Step("good", 30, (python("print(7)"),)))
    assert told["gone"]["status"] == "failed"
    assert told["gone"]["why"] == f"{nothing[0]}: No such file or directory"
    assert told["good"]["status"] == "passed"


def test_a_tool_of_cuda_is_found_and_started_where_path_does_not_lead(tmp_path, monkeypatch):
    tool = tmp_path / "bin" / "a-tool-of-cuda"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho started\n")
    tool.chmod(0o755)
    monkeypatch.setenv("CUDA_HOME", str(tmp_path))
    told = taken(tmp_path, Step("profiled", 30, ((tool.name,),), (tool.name,)))
    assert told["profiled"]["status"] == "passed", told
    assert (tmp_path / "profiled" / "0.out").read_text() == "started\n"


KEEPS = """
import signal, sys, time
def keep(*_):
    open(sys.argv[1], "w").write("half")
    sys.exit(1)
signal.signal(signal.SIGTERM, keep)
{then}
time.sleep(60)
"""


def test_what_is_ended_at_its_limit_can_keep_what_it_has(tmp_path, monkeypatch):
    kept, ready, late = tmp_path / "kept", tmp_path / "ready", gpu_session._late

    def late_once_ready(process, deadline):
        while not ready.exists() and process.poll() is None:
            sleep(0.01)
        return late(process, deadline)

    monkeypatch.setattr(gpu_session, "_late", late_once_ready)
    code = KEEPS.format(then=f"open({str(ready)!r}, 'w')")
    told = taken(tmp_path, Step("slow", 0.01, ((*python(code), str(kept)),)))
    assert told["slow"]["status"] == "out of time"
    assert kept.read_text() == "half"


def test_a_signal_while_a_late_step_is_ended_leaves_nothing_running(tmp_path, monkeypatch):
    running = []

    def late_then_interrupted(process, deadline):
        running.append(process)
        if len(running) == 2:
            raise Interrupted(signal.SIGINT)
        return True

    monkeypatch.setattr(gpu_session, "_late", late_then_interrupted)
    ignores = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    told = taken(tmp_path, Step("slow", 30, (python(ignores),)))
    assert told["slow"]["status"] == "interrupted"
    assert running[0] is running[1] and running[0].returncode is not None


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_step_and_the_summary_is_written(
    tmp_path, monkeypatch, capsys, number, status
):
    kept, interrupt = tmp_path / "kept", f"import os; os.kill(os.getppid(), {int(number)})"
    plan = [
        Step("before", 30, (python("print(7)"),)),
        Step("slow", 60, ((*python(KEEPS.format(then=interrupt)), str(kept)),)),
        Step("after", 30, (python("print(8)"),)),
    ]
    monkeypatch.setattr(gpu_session, "steps", lambda asked, folder: plan)
    monkeypatch.setattr(cuda_missing, "missing", lambda: None)
    handler = signal.getsignal(number)
    assert gpu_session.main(["--output", str(tmp_path)]) == status
    assert signal.getsignal(number) is handler
    told = json.loads((tmp_path / "summary.json").read_text())["steps"]
    assert [(step["name"], step["status"]) for step in told] == [
        ("before", "passed"),
        ("slow", "interrupted"),
    ]
    assert "| slow | interrupted |" in capsys.readouterr().out
    assert kept.read_text() == "half", "its process was asked to end"
    assert (tmp_path / "before" / "0.out").read_text() == "7\n"


@pytest.mark.parametrize("minutes", ["0", "-1", "nan", "inf"])
def test_minutes_that_are_none_are_refused(minutes, capsys):
    assert gpu_session.main(["--dry-run", "--minutes", minutes]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line == f"gpu_session: --minutes {minutes}: take a number above 0"


def test_a_folder_that_cannot_be_made_is_said(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setattr(cuda_missing, "missing", lambda: None)
    assert gpu_session.main(["--output", str(tmp_path / "file" / "out")]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("gpu_session: ") and "Not a directory; name another folder" in line


def test_ncu_profiles_every_kernel_of_a_search():
    assert KERNELS.startswith("regex:")
    files = "sweep.cu", "search.cu", "push.cu", "pull.cu"
    text = "".join((FOLDER / file).read_text() for file in files)
    bounds = r"(?:\s+__launch_bounds__\([^)]*\))?"
    kernels = re.findall(rf'extern "C" __global__ void{bounds}\s+(\w+)\(', text)
    assert {"reset", "search", "push", "pull", "answer_32"} <= set(kernels)
    # These serve a queue that runs over, messages of ranks, and the check for infinite sums.
    rare = {"forget", "requeue", "begin_bucket", "begin_pull", "has_overflow"}
    pattern = KERNELS.removeprefix("regex:")
    assert {name for name in kernels if not re.search(pattern, name)} == rare


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
    write_grid(path, 5)
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
