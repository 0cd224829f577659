"""Too few threads: one line that names rank and limit, before any work."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from launched import launched_afresh as launched
from launched import sssp
from ranks import on_ranks
from repository import HOUSE

from harness.console.errors import UsageError
from harness.machine import cgroup, thread_limit
from harness.machine.cgroup import threads_headroom
from harness.machine.thread_limit import refuse_few_threads


@pytest.fixture
def can_start(monkeypatch):
    """Let only a number of threads be started from now on."""

    def allow(count):
        left = [count]
        start = threading.Thread.start

        def one_less(self):
            if self._target is not None and "wait" in getattr(self._target, "__name__", ""):
                left[0] -= 1
                if left[0] < 0:
                    raise RuntimeError("can't start new thread")
            start(self)

        monkeypatch.setattr(threading.Thread, "start", one_less)

    return allow


def test_threads_that_can_be_started_are_ended_again(can_start):
    before = threading.active_count()
    can_start(9)
    refuse_few_threads(8)
    assert threading.active_count() == before


def test_one_too_few_is_one_line_with_the_limit(can_start, monkeypatch):
    folder = Path("/sys/fs/cgroup/job")
    monkeypatch.setattr(thread_limit, "threads_headroom", lambda: cgroup.Headroom(0, folder))
    before = threading.active_count()
    can_start(8)
    with pytest.raises(UsageError) as refusal:
        refuse_few_threads(8)
    assert str(refusal.value) == (
        "this process can start only 8 of 9 threads: /sys/fs/cgroup/job/pids.max leaves 0; take "
        "fewer threads or ranks, or raise the limit"
    )
    assert threading.active_count() == before


def test_the_users_own_limit_is_named(can_start, monkeypatch):
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(thread_limit, "threads_headroom", lambda: None)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (77, 77))
    can_start(0)
    with pytest.raises(UsageError, match=r"77 processes and threads \(ulimit -u\)"):
        refuse_few_threads(1)


def test_what_one_rank_lacks_is_refused_on_all(can_start, monkeypatch):
    """Together, since they share the limit: each tries while the others hold theirs."""
    monkeypatch.setattr(thread_limit, "threads_headroom", lambda: None)
    can_start(14)  # one too few for three ranks of 5

    def work(comm):
        with pytest.raises(UsageError) as refusal:
            refuse_few_threads(4, comm)
        return str(refusal.value)

    assert len(set(on_ranks(3, work))) == 1


def test_the_tightest_group_counts(tmp_path):
    proc, mount = tmp_path / "proc", tmp_path / "mount"
    inner = mount / "job" / "step"
    inner.mkdir(parents=True)
    (proc / "self").mkdir(parents=True)
    (proc / "self" / "cgroup").write_text("0::/job/step\n")
    (proc / "self" / "mountinfo").write_text(f"1 1 0:1 / {mount} rw - cgroup2 cgroup2 rw\n")
    assert threads_headroom(proc) is None
    for folder, limit, usage in ((inner, "max", 3), (mount / "job", 20, 12), (mount, 100, 90)):
        (folder / "pids.max").write_text(f"{limit}\n")
        (folder / "pids.current").write_text(f"{usage}\n")
    assert threads_headroom(proc) == (8, mount / "job")


@pytest.fixture
def group():
    """A control group for processes and threads, which root may make."""
    folder = Path("/sys/fs/cgroup/pids") / f"sssp-test-{os.getpid()}"
    try:
        folder.mkdir()
        (folder / "pids.max").write_text("12\n")
    except OSError:
        pytest.skip("no control group can be made here")
    yield folder
    folder.rmdir()


def test_a_run_in_a_narrow_group_is_refused(group):
    enter = f"open('{group}/cgroup.procs', 'w').write('0'); from harness.cli import main; "
    command = [sys.executable, "-c", f"import sys; {enter}sys.exit(main())"]
    flags = ["run", "--scale", "4", "--threads", "32"]
    done = subprocess.run([*command, *flags], cwd=HOUSE, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert "of 33 threads" in line and f"{group}/pids.max leaves 0" in line


@pytest.mark.slow
@pytest.mark.mpi
def test_ranks_in_a_narrow_group_say_it_once(group):
    (group / "pids.max").write_text("40\n")

    def enter():
        (group / "cgroup.procs").write_text("0")

    done = launched(2, sssp("run", "--scale", "4", "--threads", "32"), preexec_fn=enter)
    assert (done.status, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert line.startswith("sssp run: error: rank ") and f"{group}/pids.max leaves" in line
