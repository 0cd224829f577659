"""`sssp run`: what it prints where, how it ends, and what it leaves behind."""

from __future__ import annotations

import io
import math
import os
import re
import signal
import sys

import command
import pytest
from command import KEYS, SMALL, only_result, own_process, wrong_distance

import harness.machine.facts

sssp = command.sssp
spoil = command.spoil


def test_a_run_prints_the_references_lines_and_nothing_else(sssp):
    done = sssp("run", "--scale", 8)
    assert done.status == 0
    assert list(done.figures) == KEYS
    assert [done.figures[key] for key in KEYS[:3]] == ["8", "16", "64"]
    assert done.figures["sssp harmonic_mean_TEPS"].startswith("!  ")
    assert "submission" not in done.err and "not validated" not in done.err


def test_a_run_leaves_one_file_where_nothing_else_is_said(sssp, tmp_path):
    done = sssp("run", "--scale", 5, "--roots", 2)
    result = only_result(tmp_path / "results" / "runs")
    assert str(next((tmp_path / "results/runs").iterdir()).name) in done.err
    assert result["argv"] == ["sssp", "run", "--scale", "5", "--roots", "2"]


def test_quiet_silences_progress_but_not_warnings(sssp, monkeypatch):
    monkeypatch.setattr("harness.results.noise.APART", math.inf)  # the tests share their machine
    assert sssp("run", "--scale", 8, "--quiet").err == ""
    warned = sssp(*SMALL, "--quiet", "--no-validate").err.splitlines()
    assert warned[0] == "not validated"
    assert warned[1].startswith("not a submission: only 3 searches ran")
    assert len(warned) == 2


def test_without_validation_the_validate_block_is_left_out(sssp):
    done = sssp(*SMALL, "--no-validate")
    assert done.status == 0
    assert list(done.figures) == [key for key in KEYS if not key.endswith("_validate")]
    result = only_result("out")
    assert result["validated"] is False
    assert all(search["m"] > 0 and search["valid"] is None for search in result["searches"])


def test_another_edge_factor_is_not_a_submission(sssp):
    assert (
        "not a submission: the edge factor is 8, not 16"
        in sssp("run", "--scale", 8, "--edgefactor", 8).err
    )


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("no_color", ["", "1"])
def test_a_terminal_gets_a_bar_without_colours(sssp, monkeypatch, no_color):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", no_color)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert sssp(*SMALL).status == 0
    shown = terminal.getvalue()
    assert "searches" in shown and "\r" in shown
    assert "\x1b[3" not in shown and "\x1b[9" not in shown


def test_without_a_terminal_progress_is_plain_lines(sssp):
    err = sssp(*SMALL).err
    assert "searches: 3 of 3" in err
    assert "\r" not in err and "\x1b" not in err


def test_an_engine_that_cannot_run_is_exit_status_3_before_any_work(sssp, monkeypatch):
    from sssp import engine_choice

    monkeypatch.setattr(engine_choice, "engines", lambda: {"cpu": None, "cuda": "no driver"})
    done = sssp(*SMALL, "--engine", "cuda")
    assert done.status == 3 and done.out == ""
    assert done.err.splitlines()[-1] == (
        "sssp run: error: engine 'cuda' cannot run here: no driver"
    )
    assert "generating" not in done.err


def test_an_internal_error_does_not_look_like_an_invalid_search(sssp, spoil):
    spoil(lambda root, answer: 1 / 0)
    done = sssp(*SMALL, "--quiet")
    assert done.status == 3 and done.out == ""
    assert "ZeroDivisionError" in done.err


def test_an_invalid_search_has_no_teps_and_names_rule_and_vertex(sssp, spoil):
    spoil(wrong_distance)
    done = sssp(*SMALL, "--quiet")
    assert done.status == 1
    assert "TEPS" not in done.out
    assert re.search(r"invalid search from root \d+: rule 4 \(distance\): .*first v=\d+", done.err)
    assert "3 of 3 searches are invalid: no TEPS" in done.err
    result = only_result("out")
    assert result["status"] == "invalid"
    assert len(result["searches"]) == 3, "the searches after it still run"
    assert all(search["valid"] is False for search in result["searches"])


def test_one_invalid_search_of_several_is_enough(sssp, spoil):
    seen = []

    def third_is_wrong(root, answer):
        seen.append(root)
        if len(set(seen[-2:])) == 2 and len(seen) > 3:
            wrong_distance(root, answer)

    spoil(third_is_wrong)
    assert sssp("run", "--scale", 6, "--roots", 4, "--output", "out").status == 1
    valid = [search["valid"] for search in only_result("out")["searches"]]
    assert True in valid and False in valid


@pytest.mark.parametrize("which", [0, 3, 5])
def test_one_invalid_search_of_a_round_judged_at_once_is_enough(sssp, spoil, which):
    asked = []

    def one_is_wrong(root, answer):
        asked.append(root)
        if root == keys[which]:
            wrong_distance(root, answer)

    flags = ("run", "--scale", 6, "--roots", 6, "--no-keep-edges", "--quiet", "--output")
    assert sssp(*flags, "right").status == 0
    keys = [search["root"] for search in only_result("right")["searches"]]
    spoil(one_is_wrong)
    assert sssp(*flags, "out").status == 1
    assert asked[-6:] == keys, "all are searched before one is judged"
    result = only_result("out")
    assert result["status"] == "invalid"
    assert [search["valid"] for search in result["searches"]] == [i != which for i in range(6)]


def test_networkx_agrees_with_the_searches(sssp):
    done = sssp("run", "--scale", 7, "--check", "networkx", "--output", "out")
    assert done.status == 0
    assert only_result("out")["check"] == "networkx"


def test_networkx_catches_a_wrong_distance(sssp, spoil):
    spoil(wrong_distance)
    done = sssp(*SMALL, "--check", "networkx", "--no-validate", "--quiet")
    assert done.status == 1 and "TEPS" not in done.out
    assert re.search(r"check \(networkx\): 1 vertices, first v=\d+", done.err)
    assert only_result("out")["status"] == "invalid"


@pytest.mark.parametrize(
    "number, status, word",
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_a_signal_keeps_the_finished_searches(sssp, spoil, number, status, word):
    seen = []

    def stop_at_the_fourth(root, answer):
        seen.append(root)
        if len(seen) == 6:  # after two of the warm-ups
            os.kill(os.getpid(), number)

    spoil(stop_at_the_fourth)
    done = sssp("run", "--scale", 6, "--output", "out", "--quiet")
    assert done.status == status and done.out == ""
    (line,) = done.err.splitlines()
    assert line.startswith(f"sssp run: {word}; ")
    result = only_result("out")
    assert result["status"] == "incomplete"
    assert 1 <= len(result["searches"]) < 6
    assert f"{len(result['searches'])} of 64 searches" in line
    assert all(search["valid"] for search in result["searches"])


def test_a_signal_after_the_last_search_keeps_a_complete_result(sssp, monkeypatch):
    import harness.benchmark.run

    def interrupted(*_):
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(harness.benchmark.run, "measure", interrupted)
    done = sssp(*SMALL, "--quiet")
    assert done.status == 143 and "--resume" not in done.err
    assert "3 of 3 searches were finished, kept in out/" in done.err
    assert only_result("out")["status"] == "complete"


def test_a_signal_before_the_first_search_leaves_no_file(sssp, spoil, tmp_path):
    spoil(lambda root, answer: os.kill(os.getpid(), signal.SIGINT))
    done = sssp(*SMALL, "--quiet")
    assert done.status == 130
    assert done.err == "sssp run: interrupted; no search was finished, nothing is kept\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_ctrl_c_ends_a_real_run_without_a_traceback(tmp_path):
    command = own_process("run", "--scale", 14, "--roots", 10000, afresh=True, cwd=tmp_path)
    for line in command.stderr:
        if line.startswith("constructed"):
            break
    command.send_signal(signal.SIGINT)
    out, err = command.communicate(timeout=60)
    assert command.returncode == 130
    assert out == ""
    assert "sssp run: interrupted; " in err and "Traceback" not in err


@pytest.mark.slow
def test_threads_are_those_asked_for(tmp_path):
    """In a process of its own: numba fixes their number when it is imported."""
    cores = harness.machine.facts.cores()
    for asked in (1, cores + 1):
        folder = tmp_path / str(asked)
        flags = ("--threads", asked, "--output", folder, "--quiet")
        command = own_process("run", "--scale", 6, "--roots", 2, *flags, afresh=True)
        out, err = command.communicate(timeout=120)
        assert command.returncode == 0, err
        assert list(dict(line.split(":", 1) for line in out.splitlines())) == KEYS
        assert only_result(folder)["solver"]["threads"] == asked


def test_one_rank_under_a_launcher_runs(sssp, monkeypatch):
    monkeypatch.setenv("PMI_SIZE", "1")
    monkeypatch.setenv("PMI_RANK", "0")
    assert sssp(*SMALL, "--quiet").status == 0
