"""Processes that start as forks are what Python's own would be: tests/support/forks.py."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
import time

import forks
import pytest
from repository import HOUSE

pytestmark = [
    pytest.mark.slow,  # for the start of the server, which nothing quick has use for
    pytest.mark.skipif(
        sys.platform != "linux" or os.environ.get(forks.ALLOWED) == "0",
        reason="processes start afresh here",
    ),
]

# What a process can see of how it was started.
SEEN = """
import os, resource, sys
number = int(sys.argv[1])
os.write(number, b"handed over\\n")
print(sys.argv, sys.path[0], __name__, os.getcwd(), sorted(os.sched_getaffinity(0)))
print(oct(os.umask(0)), resource.getrlimit(resource.RLIMIT_NOFILE), sys.stdin.read())
print(dict(sorted(os.environ.items())), sys.flags, sys.warnoptions)
print(sys.stdout.encoding, sys.stdout.line_buffering, sys.stderr.line_buffering)
print(sorted(map(int, os.listdir("/proc/self/fd")))[:-1] == [0, 1, 2, number], os.getpgrp())
print("seen", file=sys.stderr)
"""


def environment(**more):
    return {**os.environ, "PYTHONPATH": str(HOUSE), **more}


def ran(*argv, afresh=False, **settings):
    pipes = {"capture_output": True, "text": True, "env": environment()}
    return subprocess.run(forks.python(*argv, afresh=afresh), **{**pipes, **settings})


def limited():
    os.umask(0o027)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    resource.setrlimit(resource.RLIMIT_NOFILE, (99, 999))


def test_a_fork_sees_what_a_process_that_starts_afresh_does(tmp_path):
    found = []
    for afresh in (True, False):
        with open(tmp_path / "kept", "w+") as kept:
            done = ran(
                "-c", SEEN, kept.fileno(), "a b", afresh=afresh, cwd=tmp_path, input="text",
                env=environment(OF_A_TEST="\udcff"), pass_fds=[kept.fileno()], preexec_fn=limited,
            )  # fmt: skip
            found.append((done, kept.seek(0), kept.read()))
        found[-1][0].args = None
    assert found[0][0].returncode == 0 and found[0][0].stderr == "seen\n" and found[0][2]
    assert repr(found[0]) == repr(found[1])


@pytest.mark.parametrize(
    "argv",
    [["-m", "mpi4py", "-c", "print(1)"], ["-m", "harness", "--version"], ["x.py", "-q"]],
    ids=lambda argv: argv[1],
)
def test_modules_and_files_run_as_python_runs_them(argv, tmp_path):
    (tmp_path / "x.py").write_text("import sys; print(sys.argv, sys.path[0], __name__, __file__)")
    words = [tmp_path / word if word == "x.py" else word for word in argv]
    fork, other = (ran(*words, afresh=afresh, cwd=tmp_path) for afresh in (False, True))
    assert (fork.returncode, fork.stdout, fork.stderr) == (0, other.stdout, "")


@pytest.mark.parametrize(
    "end",
    [
        "sys.exit(7)",
        "sys.exit('no')",
        "1 / 0",
        "os._exit(5)",
        "os.kill(os.getpid(), signal.SIGKILL)",
        "os.kill(os.getpid(), signal.SIGSEGV)",
        "raise KeyboardInterrupt",
        "atexit.register(print, 'at exit')",
    ],
)
def test_a_stub_ends_as_its_fork_does(end):
    code = f"import atexit, os, signal, sys\nprint('begun', flush=True)\n{end}"
    fork, other = (ran("-c", code, afresh=afresh) for afresh in (False, True))
    assert (fork.returncode, fork.stdout) == (other.returncode, other.stdout)
    assert fork.stderr.splitlines()[-1:] == other.stderr.splitlines()[-1:]


def test_both_streams_keep_their_order():
    code = """
import sys
for i in range(99):
    print(i, file=(sys.stdout, sys.stderr)[i % 2], flush=True)
"""
    done = ran("-c", code, capture_output=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.stdout.split() == [str(i) for i in range(99)]


WAITS = """
import os, signal, time
signal.signal(signal.SIGUSR1, lambda *_: print("heard", flush=True))
print(os.getpid(), flush=True)
while True:
    time.sleep(60)
"""


def waiting():
    job = subprocess.Popen(
        forks.python("-c", WAITS), stdout=subprocess.PIPE, text=True, env=environment()
    )
    return job, int(job.stdout.readline())


def test_signals_reach_the_fork():
    job, _ = waiting()
    job.send_signal(signal.SIGUSR1)
    assert job.stdout.readline() == "heard\n"
    job.send_signal(signal.SIGTERM)
    assert job.wait(20) == -signal.SIGTERM and job.stdout.read() == ""


def test_a_fork_whose_stub_is_killed_ends():
    job, pid = waiting()
    job.kill()
    ended(pid)
    assert job.communicate() == ("", None)


def test_forks_end_with_whoever_started_the_server():
    code = """
import sys
sys.path.insert(1, sys.argv[2])
import forks, subprocess
job = subprocess.Popen(forks.python("-c", sys.argv[1]), stdout=subprocess.PIPE, text=True)
print(job.stdout.readline(), flush=True)
sys.stdin.read()
"""
    owner = subprocess.Popen(
        [sys.executable, "-c", code, WAITS, forks.FOLDER],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    pid = int(owner.stdout.readline())
    owner.kill()
    owner.wait()
    ended(pid)


BARE_SERVER = """
import sys
sys.path.insert(1, sys.argv[1])
from fork_server import Server
server = Server(sys.argv[2])
print("ready", flush=True)
server.serve()
"""


def test_a_server_that_others_use_stays_until_the_last_has_ended(tmp_path):
    assert forks.join(tmp_path) is None
    server = subprocess.Popen(
        [sys.executable, "-c", BARE_SERVER, forks.FOLDER, tmp_path / forks.SOCKET],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert server.stdout.readline() == b"ready\n"
    first = forks.join(tmp_path)
    server.stdin.close()
    second = forks.join(tmp_path)
    first.close()
    with forks.join(tmp_path) as third:
        assert third
    assert server.poll() is None
    second.close()
    assert server.wait(20) == 0
    assert forks.join(tmp_path) is None


def ended(pid):
    end = time.monotonic() + 20
    while os.path.exists(f"/proc/{pid}"):
        assert time.monotonic() < end, "the fork is still there"
        time.sleep(0.01)


LOADED = "import sys; print('numba' in sys.modules, 'mpi4py.MPI' in sys.modules)"


def test_nothing_is_started_in_the_server():
    code = """
import numba, sys
from kernels import threads
from numba.np.ufunc import parallel
print(threads.threading_layer(), threads._lost, parallel._is_initialized)
print('mpi4py.MPI' in sys.modules)
print(numba.get_num_threads() == numba.config.NUMBA_NUM_THREADS, threads.threading_layer())
"""
    first, mpi, running = ran("-c", code).stdout.splitlines()
    assert (first, mpi) == ("None False False", "False")
    assert re.fullmatch(r"True (omp|tbb|workqueue)", running)


@pytest.mark.parametrize(
    "settings", [{"NUMBA_NUM_THREADS": "1"}, {"HOME": "/nowhere"}, {"PYTHONUTF8": "1"}]
)
def test_what_imports_would_read_otherwise_starts_afresh(settings):
    assert ran("-c", LOADED).stdout == "True False\n"
    assert ran("-c", LOADED, env=environment(**settings)).stdout == "False False\n"
