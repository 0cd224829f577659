"""Shared: a Slurm cluster of two nodes on this machine, for as long as a `with` block.

munged, slurmctld and a slurmd for each node run as children in the foreground, as this user, on
free ports, with all their files in one temporary folder; nothing of the system is read or changed.
Debian's and Ubuntu's packages slurm-wlm and munge can do this (they let a slurmd have a name).

What it cannot show: the nodes share one kernel, hostname and /dev/shm, so nothing crosses a
network; processors are not bound, and a GPU is /dev/null.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from getpass import getuser
from pathlib import Path

NODES = ("node1", "node2")
CPUS, GPUS = 4, 2
_DAEMONS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "sinfo")
# Debian keeps daemons where a user's PATH does not look.
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
_ENDED = ("COMPLETED", "FAILED", "TIMEOUT", "CANCELLED", "NODE_FAIL", "PREEMPTED", "OUT_OF_MEMORY")

_CONF = """\
ClusterName=virtual
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
TmpFS={folder}/tmp.%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_interval=1
SlurmdParameters=config_overrides
ReturnToService=2
JobRequeue=0
KillWait=10
GresTypes=gpu
NodeName=node1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs={cpus} Gres=gpu:{gpus}
NodeName=node2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs={cpus} Gres=gpu:{gpus}
PartitionName=main Nodes=node1,node2 Default=YES MaxTime=INFINITE State=UP
"""
# Kills whatever was started with the cluster's settings, daemons and jobs, until nothing is left.
_UNDERTAKER = """
import contextlib, os, shutil, signal, sys, time
from pathlib import Path
folder = sys.argv[1]
sys.stdin.read()
found = True
while found:
    found = False
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended, or is another user's
            if f"SLURM_CONF={folder}/slurm.conf\\0".encode() in (process / "environ").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)
                found = True
    time.sleep(0.05)
shutil.rmtree(folder, ignore_errors=True)
"""
# A GPU must be a device file of its own; which, Slurm does not ask.
_GRES = "NodeName=node[1-2] Name=gpu File=/dev/null\nNodeName=node[1-2] Name=gpu File=/dev/zero\n"


def _program(name: str) -> str:
    found = shutil.which(name, path=_PATH)
    assert found is not None, f"{name} is not installed"
    return found


def missing() -> str | None:
    """Return why there can be no virtual cluster here, None if there can."""
    lacking = [name for name in _DAEMONS if shutil.which(name, path=_PATH) is None]
    if lacking:
        return f"{lacking[0]} is not installed (Debian: apt install slurm-wlm munge)"
    usage = subprocess.run([_program("slurmd"), "-h"], capture_output=True, text=True)
    if "-N node" not in usage.stdout + usage.stderr:
        return "this slurmd cannot be several nodes of one machine"
    return None


class VirtualCluster:
    """The cluster; what is started in the block ends with it."""

    def __enter__(self) -> VirtualCluster:
        self.folder = Path(tempfile.mkdtemp(prefix="sssp-slurm-"))  # short: sockets are in it
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("SLURM_", "SBATCH_"))},
            "PATH": f"{Path(sys.executable).parent}:{_PATH}",
            "SLURM_CONF": f"{self.folder}/slurm.conf",
            "TMPDIR": f"{self.folder}",  # for what a killed launcher leaves behind
        }
        self._children: list[subprocess.Popen] = []
        # Ends the cluster when we end, however that comes about: its stdin closes then.
        self._undertaker = subprocess.Popen(
            [sys.executable, "-c", _UNDERTAKER, self.folder],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error) -> None:
        assert self._undertaker.stdin is not None
        self._undertaker.stdin.close()
        self._undertaker.wait()
        for child in self._children:
            child.wait()

    def submit(self, script: Path, *flags: str, **environment: str) -> str:
        """Hand in a script from its own folder, and return the number of the job."""
        done = subprocess.run(
            ["sbatch", "--parsable", *flags, script.name],
            cwd=script.parent,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def cancel(self, *flags: str) -> None:
        self._tool("scancel", *flags)

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess:
        """Run a command that asks the cluster something, srun for example."""
        return subprocess.run(
            command,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def state(self, job: str) -> str:
        """Return the state of a job as Slurm calls it: PENDING, RUNNING, COMPLETED, ..."""
        return self._tool("squeue", "--states=all", "--noheader", "--jobs", job, "--format=%T")

    def wait(self, job: str, seconds: float = 120) -> str:
        """Wait until a job has ended, and return its last state."""
        end = time.monotonic() + seconds
        while (state := self.state(job)) not in _ENDED:
            assert time.monotonic() < end, f"job {job} is {state} after {seconds} s; {self.logs()}"
            time.sleep(0.2)
        return state

    def logs(self) -> str:
        """Return the last lines of what the daemons wrote."""
        found = sorted(self.folder.glob("*.log"))
        return "\n".join(f"{path.name}: {path.read_text()[-1500:]}" for path in found)

    def _start(self) -> None:
        for name in ("state", *(f"{kind}.{node}" for kind in ("spool", "tmp") for node in NODES)):
            (self.folder / name).mkdir()
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(1024))
        ports = _free_ports(1 + len(NODES))
        host = socket.gethostname().partition(".")[0]
        (self.folder / "slurm.conf").write_text(
            _CONF.format(
                host=host, ports=ports, user=getuser(), folder=self.folder, cpus=CPUS, gpus=GPUS
            )
        )
        (self.folder / "gres.conf").write_text(_GRES)
        (self.folder / "cgroup.conf").write_text("CgroupPlugin=autodetect\n")
        at = self.folder
        self._daemon("munged", "--foreground", "--force", f"--key-file={key}", "--num-threads=2",
                     f"--socket={at}/munge.socket", f"--pid-file={at}/munged.pid",
                     f"--log-file={at}/munged.log", f"--seed-file={at}/munged.seed")  # fmt: skip
        self._until(lambda: (at / "munge.socket").exists(), "munged")
        self._daemon("slurmctld", "-D", "-c", log="slurmctld")
        for node in NODES:
            self._daemon("slurmd", "-D", "-c", "-N", node, log=f"slurmd.{node}")
        self._until(lambda: self._idle() == len(NODES), "slurmd")

    def _daemon(self, name: str, *flags: str, log: str | None = None) -> None:
        command = [_program(name), *flags]
        with open(self.folder / f"{log or name + '.err'}.log", "w") as file:
            self._children.append(
                subprocess.Popen(
                    command,
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=file,
                    start_new_session=True,  # Ctrl-C ends the tests; they end the cluster
                )
            )

    def _until(self, ready, name: str) -> None:
        end = time.monotonic() + 20
        while not ready():
            fallen = any(child.poll() is not None for child in self._children)
            assert not fallen and time.monotonic() < end, f"{name} does not start: {self.logs()}"
            time.sleep(0.1)

    def _idle(self) -> int:
        try:
            states = self._tool("sinfo", "--noheader", "--Node", "--format=%T")
        except subprocess.SubprocessError:  # nobody answers yet
            return 0
        return states.split().count("idle")

    def _tool(self, *command: str) -> str:
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=20, check=True
        )
        return done.stdout.strip()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
