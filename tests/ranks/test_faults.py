"""Ranks that fail, die or are stopped: the job ends in seconds, and one message says why."""

from __future__ import annotations

import os
import re
import signal
import socket
import time

import pytest
from launched import launched_afresh as launched
from launched import stand_in
from launched import started_afresh as started

pytestmark = pytest.mark.mpi
HOST = socket.gethostname()


def on(rank, what):
    return f"comm.rank == {rank} and {what}"


def own_lines(done):
    """What we have said, without what the launcher adds."""
    return [line for line in done.err.splitlines() if line.startswith("sssp ")]


def said_by_traceback(err):
    return err.count("Traceback (most recent call last)")


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 2])
def test_an_exception_on_one_rank_ends_the_job_with_one_message(rank):
    start = time.monotonic()
    done = launched(3, stand_in(on(rank, "1 / 0"), seconds=60))
    assert time.monotonic() - start < 20
    assert done.status == 4 and done.out == ""
    first, *more = own_lines(done)
    assert first == f"sssp info: error: rank {rank} on {HOST}: division by zero; the job ends"
    assert said_by_traceback(done.err) == 1
    assert re.fullmatch(r"sssp info: kept \d+ rounds", more[0])


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("death", ["os.kill(os.getpid(), signal.SIGKILL)", "os._exit(1)"])
def test_a_rank_that_dies_ends_the_job_with_one_message(rank, death):
    start = time.monotonic()
    done = launched(3, stand_in(on(rank, death), seconds=60))
    assert time.monotonic() - start < 20
    assert done.status != 0 and "the result" not in done.out
    assert f"sssp info: error: rank {rank} on {HOST} has died" in done.err
    assert len([line for line in own_lines(done) if "error" in line]) == 1


def raises(what):
    return f"(_ for _ in ()).throw({what})"


@pytest.mark.slow
def test_a_fault_that_all_ranks_find_is_said_once_as_by_one_process():
    done = launched(3, stand_in(raises("UsageError('no such graph')"), seconds=60))
    assert done == (2, "", "begun\nsssp info: error: no such graph\n")


@pytest.mark.slow
def test_an_internal_error_of_all_ranks_has_one_traceback():
    done = launched(3, stand_in("1 / 0", seconds=60))
    assert done.status == 3
    assert said_by_traceback(done.err) == 1
    assert own_lines(done) == ["sssp info: error: division by zero"]


@pytest.mark.slow
def test_a_result_that_cannot_be_written_ends_all_ranks():
    """Only rank 0 writes; the others have finished, and wait for it."""
    after = "if comm.rank == 0:\n    raise UsageError('no space left')"
    done = launched(3, stand_in(after=after, seconds=0))
    assert done.status == 2 and done.out == ""
    assert own_lines(done) == [f"sssp info: error: rank 0 on {HOST}: no space left"]


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
@pytest.mark.parametrize("rank", [0, 1])
def test_a_full_disk_under_one_log_ends_the_job(rank, tmp_path):
    (tmp_path / f"rank-{rank:04d}.log").symlink_to("/dev/full")
    do = f"logs.open_log({str(tmp_path)!r}, comm.rank); logs.write('round 20')"
    done = launched(3, stand_in(do, seconds=60))
    assert done.status == 4
    assert re.search(rf"error: rank {rank} on .*rank-000{rank}.log: No space left", done.err)


def pids(job):
    """The ranks' processes, which the stand-in prints on stderr, by rank."""
    found: dict = {}
    while len(found) < 3:
        if match := re.match(r"rank (\d+) is (\d+)", job.stderr.readline()):
            found[int(match[1])] = int(match[2])
    return found


TELL = "say(f'rank {comm.rank} is {os.getpid()}', from_any_rank=True)"
SIGNALS = [(signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted")]


@pytest.mark.parametrize("number, status, word", SIGNALS)
@pytest.mark.parametrize("whom", ["mpirun", 0, 1])
def test_a_signal_keeps_what_is_finished_whomever_it_reaches(whom, number, status, word):
    job = started(3, stand_in(TELL, seconds=60))
    ranks = pids(job)
    os.kill(job.pid if whom == "mpirun" else ranks[whom], number)
    out, err = job.communicate(timeout=20)
    assert job.returncode == status and "the result" not in out
    (line,) = [line for line in err.splitlines() if line.startswith("sssp ")]
    assert re.fullmatch(rf"sssp info: {word}; kept \d+ rounds", line)


def test_a_signal_reaches_a_rank_that_waits_for_the_others():
    """Inside MPI no Python runs: rank 0 waits there, for a rank that sleeps."""
    job = started(3, stand_in(f"{TELL}; comm.rank == 2 and time.sleep(60)", seconds=60))
    os.kill(pids(job)[0], signal.SIGTERM)
    _, err = job.communicate(timeout=20)
    assert job.returncode == 143
    assert re.search(r"sssp info: terminated; kept \d+ rounds", err)


KILL = "import subprocess; subprocess.run(['pkill', '-KILL', '-P', str(os.getpid())])"
GONE = f"(comm.rank == 0 and exec({KILL!r}), time.sleep(1), {TELL})"
ALONE = "only the launcher watches the ranks"


@pytest.mark.slow
def test_a_job_whose_monitor_is_gone_still_ends():
    done = launched(3, stand_in(f"comm.rank == 0 and exec({KILL!r})", seconds=0.5))
    assert done.status == 0 and done.out == "the result\n"
    assert own_lines(done) == [f"sssp info: the monitor is gone: {ALONE}"]


@pytest.mark.slow
@pytest.mark.parametrize("whom", ["mpirun", 0])
def test_a_signal_ends_a_job_whose_monitor_is_gone(whom):
    """Even where mpirun has no time just then: what it has not read as the job ends, it drops."""
    job = started(3, stand_in(GONE, seconds=60))
    ranks = pids(job)
    if whom == 0:
        os.kill(job.pid, signal.SIGSTOP)
    os.kill(job.pid if whom == "mpirun" else ranks[whom], signal.SIGTERM)
    if whom == 0:
        time.sleep(0.2)
        os.kill(job.pid, signal.SIGCONT)
    _, err = job.communicate(timeout=30)
    assert job.returncode == 143
    assert "sssp info: terminated" in err


@pytest.mark.slow
def test_a_second_signal_does_not_take_the_message_of_the_first():
    job = started(3, stand_in(GONE, seconds=60))
    rank = pids(job)[0]
    for _ in range(20):
        os.kill(rank, signal.SIGTERM)
        time.sleep(0.002)
    _, err = job.communicate(timeout=30)
    assert job.returncode == 143
    assert re.search(r"^sssp info: terminated; kept \d+ rounds|^sssp info: terminated$", err, re.M)
    assert "Traceback" not in err


# How a rank gets to the monitor is changed, before the command begins.
NO_WAY = """
import harness.job.client as w
def connect(offer, rank):
    raise OSError("no route to host")
w.connect = connect
"""


@pytest.mark.slow
def test_ranks_that_cannot_connect_end_as_well():
    program = stand_in(on(1, "1 / 0"), seconds=60)
    done = launched(3, ["-c", NO_WAY + program[1]])
    assert done.status == 4
    assert f"sssp info: error: rank 1 on {HOST}: division by zero" in done.err
    why = f"sssp info: no monitor, {ALONE}: rank 0 on {HOST}: no route to host"
    done = launched(3, ["-c", NO_WAY + stand_in(seconds=0)[1]])
    assert done == (0, "the result\n", f"{why}\nbegun\n")


OFFERS = """
import harness.job.client as w
from harness.console.streams import say
true = w.connect
def connect(offer, rank):
    say(f"offered {'the loopback' if offer['hosts'] == ['127.0.0.1'] else 'all addresses'}")
    if offer["hosts"] == ["127.0.0.1"] and APART:
        raise ConnectionRefusedError("another network")
    return true(offer, rank)
w.connect = connect
"""


@pytest.mark.slow
@pytest.mark.parametrize("apart, others", [(False, []), (True, ["offered all addresses"])])
def test_ranks_of_one_machine_meet_on_its_loopback_if_they_can(apart, others):
    program = f"APART = {apart}\n" + OFFERS + stand_in(seconds=0)[1]
    done = launched(2, ["-c", program])
    assert (done.status, done.out) == (0, "the result\n")
    assert done.err.splitlines() == ["offered the loopback", *others, "begun"]


@pytest.mark.slow
def test_more_ranks_than_the_monitor_may_open_files_do_without():
    few = "import harness.job.monitor_start as m; m._OWN_FILES = 10**12\n"
    done = launched(2, ["-c", few + stand_in(seconds=0)[1]])
    assert (done.status, done.out) == (0, "the result\n")
    assert re.search(rf"no monitor, {ALONE}: it needs \d+ open files for 2 ranks", done.err)


@pytest.mark.slow
def test_a_rank_without_threads_for_the_monitor_is_named():
    few = """
import os, threading
start = threading.Thread.start
def refuse(self):
    if os.environ["PMI_RANK"] == "1" and "_listen" in self.name:
        raise RuntimeError("can't start new thread")
    start(self)
threading.Thread.start = refuse
"""
    done = launched(3, ["-c", few + stand_in(seconds=0)[1]])
    why = f"sssp info: no monitor, {ALONE}: rank 1 on {HOST}: can't start new thread"
    assert done == (0, "the result\n", f"{why}\nbegun\n")
