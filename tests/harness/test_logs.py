"""A log file for each rank."""

from __future__ import annotations

import os
import re

import pytest
from launched import launched_afresh as launched
from launched import stand_in

from harness.console import logs
from harness.console.errors import UsageError


@pytest.fixture
def log(tmp_path):
    path = logs.open_log(tmp_path / "made" / "here", 3)
    yield path
    logs.close()


def test_a_line_has_time_host_and_rank(log):
    logs.write("constructed in 1.2 s")
    assert log.name == "rank-0003.log"
    line = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00 \S+ rank 3  constructed in 1.2 s\n"
    assert re.fullmatch(line, log.read_text())


def test_each_line_of_a_traceback_is_a_line_of_the_log(log):
    logs.write("Traceback\n  File x\nZeroDivisionError")
    assert len(log.read_text().splitlines()) == 3


def test_what_cannot_be_encoded_is_written_all_the_same(log):
    logs.write("\udcff graph")
    assert "\\udcff graph" in log.read_text()


def test_without_a_log_nothing_is_written_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    logs.write("nothing")
    assert logs.path() is None and os.listdir() == []


@pytest.mark.parametrize("folder", ["/dev/null", "/dev/null/logs"])
def test_a_folder_that_cannot_be_made_is_refused(folder):
    with pytest.raises(UsageError, match="--log-dir: /dev/null.*cannot be written"):
        logs.open_log(folder, 0)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_disk_is_said_once(tmp_path):
    (tmp_path / "rank-0000.log").symlink_to("/dev/full")
    logs.open_log(tmp_path, 0)
    with pytest.raises(UsageError, match="No space left"):
        logs.write("begun")
    logs.write("the log is closed by now")


@pytest.mark.mpi
def test_a_traceback_goes_to_the_log_of_its_rank(tmp_path):
    do = f"logs.open_log({str(tmp_path)!r}, comm.rank); comm.rank == 1 and 1 / 0"
    done = launched(2, stand_in(do, seconds=60))
    assert done.status == 4
    assert "Traceback" not in done.err
    assert "rank 1 on" in done.err and str(tmp_path / "rank-0001.log") in done.err
    assert "ZeroDivisionError" in (tmp_path / "rank-0001.log").read_text()
    assert "ZeroDivisionError" not in (tmp_path / "rank-0000.log").read_text()


@pytest.mark.slow
@pytest.mark.mpi
def test_a_warning_of_python_is_shown_by_one_rank_and_logged_by_the_others(tmp_path):
    do = f"logs.open_log({str(tmp_path)!r}, comm.rank); import warnings; warnings.warn('old')"
    done = launched(3, stand_in(do, seconds=0))
    assert done.status == 0
    assert done.err.count("UserWarning: old") == 1
    assert "UserWarning: old" in (tmp_path / "rank-0002.log").read_text()
