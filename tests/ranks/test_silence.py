"""Ranks, and a monitor, that are stopped: named, waited for, ended if so asked."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess

import pytest
from launched import launched_afresh as launched
from launched import stand_in
from launched import started_afresh as started

from harness.console.errors import UsageError
from harness.job import heartbeat
from harness.job.monitor import Monitor, Peer
from harness.job.protocol import encode

HOST = socket.gethostname()
# Heartbeats every 0.3 s, so that a rank is silent after 0.9 s.
FAST = "import harness.job.heartbeat as h; h.BEAT_SECONDS = 0.3\n"
STOP = "os.kill(os.getpid(), signal.SIGSTOP)"


def fast(do, **settings):
    return ["-c", FAST + stand_in(do, **settings)[1]]


def read_until(job, pattern):
    """Read lines of stderr until one matches; return the match."""
    for line in job.stderr:
        if match := re.search(pattern, line):
            return match
    raise AssertionError(f"no line {pattern!r}")


def state(pid):
    """The state of a process, as ps shows it; "" of none."""
    return subprocess.run(["ps", "-o", "state=", "-p", pid], stdout=-1, text=True).stdout.strip()


@pytest.mark.slow
@pytest.mark.mpi
def test_a_rank_that_is_stopped_is_named_and_may_go_on():
    job = started(3, fast(f"h.begin('the 20th round'); comm.rank == 1 and {STOP}"))
    named = (
        rf"^sssp info: rank 1 on {HOST} has not been heard of for 1 s \(process (\d+) is stopped"
    )
    match = read_until(job, named)
    assert match.string.rstrip().endswith(
        "it was last at: the 20th round; the others may wait for it"
    )
    os.kill(int(match[1]), signal.SIGCONT)
    read_until(job, rf"^sssp info: rank 1 on {HOST} is heard again")
    out, err = job.communicate(timeout=30)
    assert (job.returncode, out, err) == (0, "the result\n", "")


@pytest.mark.slow
@pytest.mark.mpi
@pytest.mark.parametrize("rank", [0, 1])
def test_a_job_ends_when_a_rank_has_been_silent_for_the_limit(rank):
    do = f"h.limit_silence(1.5, 3); h.begin('round 20'); comm.rank == {rank} and {STOP}"
    done = launched(3, fast(do, seconds=60))
    assert done.status != 0 and done.out == ""
    (line,) = [line for line in done.err.splitlines() if " error: " in line]
    assert line.startswith(f"sssp info: error: rank {rank} on {HOST} has not been heard of for ")
    assert line.endswith("it was last at: round 20 (--hang-limit); the job ends")


@pytest.mark.mpi
@pytest.mark.slow
def test_a_rank_whose_interpreter_is_busy_for_long_is_not_silent():
    """One call into C that keeps every thread of Python from running, as a kernel does."""
    busy = "comm.rank == 1 and sum(range(6 * 10**7))"
    assert launched(2, fast(busy)) == (0, "the result\n", "begun\n")


STOP_MONITOR = "__import__('subprocess').run(['pkill', '-STOP', '-P', str(os.getpid())])"


@pytest.mark.mpi
@pytest.mark.slow
def test_a_monitor_that_is_stopped_does_not_hold_a_job_that_is_done():
    done = launched(3, fast(f"comm.rank == 0 and {STOP_MONITOR}", seconds=0))
    alone = "the monitor does not answer: only the launcher watches the ranks"
    assert done == (0, "the result\n", f"begun\nsssp info: {alone}\n")


@pytest.mark.slow
@pytest.mark.mpi
def test_heartbeats_go_nowhere_once_the_monitor_is_gone():
    kill = STOP_MONITOR.replace("-STOP", "-KILL")
    done = launched(2, fast(f"comm.rank == 0 and {kill}", seconds=1))
    alone = "the monitor is gone: only the launcher watches the ranks"
    assert done == (0, "the result\n", f"begun\nsssp info: {alone}\n")


@pytest.mark.mpi
@pytest.mark.slow
def test_a_signal_ends_a_job_whose_monitor_is_stopped():
    monitor = "__import__('subprocess').getoutput(f'pgrep -r T -P {os.getpid()}')"
    tell = f"say(f'rank 0 is {{os.getpid()}}, its monitor ' + {monitor})"
    job = started(3, fast(f"comm.rank == 0 and ({STOP_MONITOR}, {tell})", seconds=60))
    rank, monitor = read_until(job, r"rank 0 is (\d+), its monitor (\d+)").groups()
    os.kill(int(rank), signal.SIGTERM)
    _, err = job.communicate(timeout=30)
    assert job.returncode == 143
    assert not state(monitor) or state(monitor) == "Z"
    assert re.search(r"^sssp info: terminated; kept \d+ rounds", err, re.M)


def test_a_limit_that_is_shorter_than_the_heartbeat_is_refused():
    with pytest.raises(UsageError, match="at least 30 s, got 29 s"):
        heartbeat.limit_silence(29, 1)
    with pytest.raises(UsageError, match="no monitor"):
        heartbeat.limit_silence(600, 2)


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def monitor(monkeypatch, capfd):
    """A monitor of two ranks, its clock, and what it says."""
    clock = Clock()
    monkeypatch.setattr("harness.job.monitor.monotonic", clock)
    monitor = Monitor("sssp run", size=2, failed=4, beat=10.0)
    ends = [socket.socketpair() for _ in range(2)]
    for rank, (end, _) in enumerate(ends):
        monitor.join(Peer(end, rank, f"node{rank}", 1000 + rank, clock.now))

    def wait(seconds, *heard):
        for _ in range(int(seconds)):
            clock.now += 1
            for rank in heard:
                monitor.hear(monitor.peers[rank], b"\x0e")
            monitor.due()
        return capfd.readouterr().err.splitlines()

    yield monitor, clock, wait
    for pair in ends:
        for end in pair:
            end.close()


def test_a_rank_is_named_after_thirty_seconds_and_once(monitor):
    monitor, _, wait = monitor
    monitor.hear(monitor.peers[1], encode("doing", what="search 12 of 64"))
    assert wait(29, 0) == []
    (line,) = wait(100, 0)
    assert "rank 1 on node1 has not been heard of for 30 s" in line
    assert "last at: search 12 of 64" in line
    assert wait(1, 0, 1) == ["sssp run: rank 1 on node1 is heard again"]
    assert wait(29, 0, 1) == []


def test_the_limit_ends_the_job_by_a_rank_that_lives(monitor):
    monitor, _, wait = monitor
    monitor.hear(monitor.peers[0], encode("hang_limit", seconds=120))
    assert len(wait(119, 1)) == 1
    (line,) = wait(1, 1)
    assert "error: rank 0 on node0" in line and "--hang-limit" in line
    assert monitor._last_word == encode("abort", code=4, who=1)


def test_a_monitor_that_was_stopped_itself_blames_nobody(monitor):
    """As a batch system stops all of a job, and lets it go on."""
    _, clock, wait = monitor
    clock.now += 3600
    assert wait(5) == []
    assert wait(20, 0, 1) == []


def test_what_a_rank_does_is_sent_as_one_short_printable_line(monkeypatch):
    sent = []

    class Line:
        def send(self, kind, **fields):
            sent.append(fields["what"])
            return True

    monkeypatch.setattr(heartbeat._heart, "line", Line())
    heartbeat.begin("reading \033[2J\n" + "x" * 1000)
    assert sent == ["reading ?[2J?" + "x" * 187]
    heartbeat.note("search 2")
    assert len(sent) == 1  # with the next heartbeat
    heartbeat._beat(signal.SIGALRM, None)
    heartbeat._beat(signal.SIGALRM, None)
    assert sent[1:] == ["search 2"]
