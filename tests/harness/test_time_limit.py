"""--time-limit: what it reads, when it stops, and what it leaves behind."""

from __future__ import annotations

from argparse import ArgumentTypeError

import command
import pytest
from command import in_process, only_result

from harness.benchmark import checkpoint, time_limit
from harness.benchmark.time_limit import Duration, TimeLimit

sssp = command.sssp
spoil = command.spoil


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("1800", 1800),
        ("0.5", 0.5),
        ("90s", 90),
        ("30m", 1800),
        ("2h", 7200),
        ("1.5h", 5400),
        ("1d", 86400),
        ("30:00", 1800),
        ("90:05", 5405),
        ("1:30:00", 5400),
        ("00:00:07", 7),
        ("2-03:04:05", 2 * 86400 + 3 * 3600 + 4 * 60 + 5),
        ("1-12", 36 * 3600),
        ("1-12:30", 36 * 3600 + 1800),
    ],
)
def test_times_are_read_as_users_and_slurm_write_them(text, seconds):
    assert Duration()(text) == seconds


@pytest.mark.parametrize(
    "text", ["0", "0:00", "", "-5", "1:5", "1:2:3:4", "30 m", "1w", "inf", "1-", "UNLIMITED", "m"]
)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ArgumentTypeError, match="seconds"):
        Duration()(text)


def test_a_wrong_time_is_one_line_and_status_2(sssp):
    assert sssp("run", "--time-limit", "soon").refused("--time-limit", "'soon'", "30m")


@pytest.mark.parametrize("value", ["9000000", '"99-01:30:00"', "9000000.5"])
def test_a_configuration_file_takes_numbers_and_texts(capsys, monkeypatch, tmp_path, value):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.toml").write_text(f"time-limit = {value}\nscale = 5\nroots = 1\n")
    assert in_process(capsys, "run", "--config", "c.toml", "--quiet").status == 0


@pytest.fixture
def clock(monkeypatch):
    """Time that only moves when a test moves it, of a process that started at 0."""

    class Clock:
        now = 0.0

    monkeypatch.setattr(time_limit, "_STARTED", 0.0)
    for module in (time_limit, checkpoint):
        monkeypatch.setattr(module, "monotonic", lambda: Clock.now)
    return Clock


def test_a_round_begins_only_if_one_as_long_as_the_longest_fits(clock):
    limit = TimeLimit(100)
    assert not limit.is_near()
    limit.round_took(30)
    limit.round_took(10)
    clock.now = 60
    assert not limit.is_near()
    clock.now = 71
    assert limit.is_near()


@pytest.fixture
def slow(clock, spoil):
    """Let each search take ten seconds."""

    def takes_ten(root, answer):
        clock.now += 10

    spoil(takes_ten)


def test_a_run_stops_before_its_limit_and_says_how_to_go_on(sssp, clock, slow):
    done = sssp("run", "--scale", 6, "--output", "out", "--quiet", "--time-limit", "2:00")
    assert done.status == 5 and done.out == ""
    assert 60 < clock.now <= 120
    result = only_result("out")
    assert result["status"] == "incomplete"
    count = len(result["searches"])
    assert 4 <= count <= 12
    assert "the time limit of 120 s is near" in done.err
    assert f"{count} of 64 searches were finished" in done.err
    (path,) = command.result_files("out")
    assert f"sssp run --resume {path}" in done.err


def test_a_limit_that_leaves_time_for_nothing_keeps_nothing(sssp, slow, tmp_path):
    done = sssp("run", "--scale", 6, "--quiet", "--time-limit", "1")
    assert done.status == 5 and done.out == ""
    assert "no search was finished, nothing is kept" in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_limit_that_is_never_near_changes_nothing(sssp):
    done = sssp(*command.SMALL, "--time-limit", "99d")
    assert done.status == 0
    assert list(done.figures) == command.KEYS
    assert "limit" not in done.err
