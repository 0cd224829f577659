"""The batch scripts on a real Slurm of two nodes, started here: see virtual_cluster.py."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from repository import HOUSE
from virtual_cluster import GPUS, NODES, VirtualCluster, missing

import kernels.cache

pytestmark = [
    pytest.mark.mpi,
    pytest.mark.slow,
    pytest.mark.skipif(missing() is not None, reason=str(missing())),
]
PER_NODE = 2
RANKS = PER_NODE * len(NODES)
SIZE = (f"--nodes={len(NODES)}", f"--ntasks-per-node={PER_NODE}", "--cpus-per-task=2")
# Debian's Open MPI, which knows PMIx. Two nodes of one host must not share memory.
OPEN_MPI = sorted(Path("/usr/lib").glob("*/libmpi.so.40"))
AS_TWO_HOSTS = {"OMPI_MCA_pml": "ob1", "OMPI_MCA_btl": "self,tcp"}

# What .venv/bin holds in an installation; each rank writes down where it is and what it was given.
_SSSP = """\
#!/bin/sh
echo "$1 $SLURMD_NODENAME ${{CUDA_VISIBLE_DEVICES-all}}" >> "{folder}/ranks"
exec "{python}" -m harness "$@"
"""


@pytest.fixture(scope="module")
def cluster():
    with VirtualCluster() as started:
        yield started


@pytest.fixture(scope="module")
def library():
    """The name of the MPI library that mpi4py finds by itself."""
    command = [sys.executable, "-c", "from mpi4py import MPI; print(MPI.Get_library_version())"]
    return subprocess.run(command, capture_output=True, text=True).stdout


def settings(cluster, library, launcher):
    """The environment for a launcher; skips where it or an MPI that it fits is not there."""
    if launcher == "pmix":
        listed = cluster.run("srun", "--mpi=list")
        if "pmix" not in listed.stdout + listed.stderr:
            pytest.skip("this Slurm knows no PMIx (Debian: apt install libpmix-dev)")
        if not OPEN_MPI:
            pytest.skip("no MPI library that knows PMIx (Debian: apt install libopenmpi3)")
        return {"LAUNCHER": launcher, "MPI4PY_LIBMPI": str(OPEN_MPI[0]), **AS_TWO_HOSTS}
    if "MPICH" not in library:
        pytest.skip("mpi4py finds no MPICH (extra: mpi)")
    return {"LAUNCHER": launcher}


# One write a rank into a file of its own: lines of ranks interleave.
_RANK = """
import os
from pathlib import Path
from mpi4py import MPI
comm = MPI.COMM_WORLD
Path(f"rank{comm.rank}").write_text(f"{comm.allreduce(1)} {os.environ['SLURMD_NODENAME']}")
"""


@pytest.mark.parametrize("launcher", ["pmix", "pmi2", "mpirun"])
def test_ranks_on_two_nodes_are_one_job(cluster, library, tmp_path, launcher):
    environment = settings(cluster, library, launcher)
    (tmp_path / "rank.py").write_text(_RANK)
    start = f"mpirun -n {RANKS}" if launcher == "mpirun" else f"srun --mpi={launcher}"
    (tmp_path / "job").write_text(f"#!/bin/sh\n{start} '{sys.executable}' rank.py\n")
    job = cluster.submit(tmp_path / "job", *SIZE, "--output=out", **environment)
    assert cluster.wait(job) == "COMPLETED", (tmp_path / "out").read_text()
    told = [path.read_text() for path in tmp_path.glob("rank[0-9]")]
    assert sorted(told) == [f"{RANKS} {node}" for node in NODES for _ in range(PER_NODE)]


def test_the_virtual_cluster_leaves_nothing_behind(tmp_path):
    (tmp_path / "job").write_text("#!/bin/sh\ntouch here\nsrun sleep 600\n")
    with VirtualCluster() as started:
        started.submit(tmp_path / "job", *SIZE, "--output=/dev/null")
        while not (tmp_path / "here").exists():
            time.sleep(0.1)
    assert not started.folder.exists()
    assert [process for process in Path("/proc").glob("[0-9]*") if knows(process, started)] == []


def test_a_test_run_that_is_killed_takes_its_cluster_along(tmp_path):
    code = """if True:
        import time
        from virtual_cluster import VirtualCluster
        with VirtualCluster() as started:
            print(started.folder, flush=True)
            time.sleep(600)
    """
    command = [sys.executable, "-c", code]
    run = subprocess.Popen(
        command, cwd=HOUSE / "tests" / "support", stdout=subprocess.PIPE, text=True
    )
    folder = Path(run.stdout.readline().strip())
    assert folder.exists()
    run.kill()
    run.wait()
    end = time.monotonic() + 30
    while folder.exists():
        assert time.monotonic() < end
        time.sleep(0.1)


def knows(process, cluster):
    """Was a process started with that cluster's settings?"""
    try:
        return str(cluster.folder).encode() in (process / "environ").read_bytes()
    except OSError:  # it has ended, or is another user's
        return False


class Job:
    """A template in a folder of its own, adapted as its comments say."""

    def __init__(self, cluster, folder, name, edits):
        self.cluster, self.folder = cluster, folder
        text = (HOUSE / "harness" / "templates" / f"{name}.sbatch").read_text()
        # What the tests have not compiled yet, the ranks do.
        for before, after in {**edits, '"${ranks[@]}" sssp warmup >&2\n': ""}.items():
            assert before in text
            text = text.replace(before, after)
        self.script = folder / f"{name}.sbatch"
        self.script.write_text(text)
        programs = folder / ".venv" / "bin"
        programs.mkdir(parents=True)
        (programs / "activate").write_text(f"PATH={programs}:$PATH\n")
        (programs / "sssp").write_text(_SSSP.format(folder=folder, python=sys.executable))
        (programs / "sssp").chmod(0o755)

    def submit(self, *flags, **environment):
        house = {"PYTHONPATH": str(HOUSE), "NUMBA_CACHE_DIR": kernels.cache.CACHE_FOLDER}
        self.number = self.cluster.submit(self.script, *SIZE, *flags, **house, **environment)

    def wait(self):
        return self.cluster.wait(self.number, seconds=600)

    def text(self, kind):
        return (self.folder / f"sssp-{self.number}.{kind}").read_text()

    @property
    def results(self):
        return self.folder / "results" / self.number

    @property
    def result(self):
        (path,) = self.results.glob("*.json")
        return json.loads(path.read_text())

    def ranks(self, command="run"):
        """Node and visible GPUs of each rank that ran a command."""
        lines = (self.folder / "ranks").read_text().splitlines()
        return sorted(line.split()[1:] for line in lines if line.split()[0] == command)

    def until_searching(self):
        """Wait until the running job has kept a search."""
        end = time.monotonic() + 120
        while not any(self.results.glob("*.json")) or not self.result["searches"]:
            assert self.cluster.state(self.number) in ("PENDING", "RUNNING"), self.text("err")
            assert time.monotonic() < end, self.text("err")
            time.sleep(0.1)


def whole(job):
    """Check that a job has done what it was asked."""
    assert job.wait() == "COMPLETED", job.text("err")
    result = job.result
    assert result["status"] == "complete"
    assert result["num_mpi_processes"] == RANKS
    assert all(search["valid"] for search in result["searches"])
    assert re.search(rf"^num_mpi_processes: +{RANKS}$", job.text("out"), re.M)
    return result


@pytest.mark.parametrize(
    ("name", "launcher"),
    [("cpu", "pmix"), ("cpu", "pmi2"), ("cpu", "mpirun"), ("gpu", "pmi2"), ("gpu", "mpirun")],
)
def test_a_template_runs_on_two_nodes(cluster, library, tmp_path, name, launcher):
    environment = settings(cluster, library, launcher)
    edits = {"--scale 28": "--scale 10 --roots 4"}
    if name == "gpu":
        edits["--engine cuda"] = "--engine cpu"
    job = Job(cluster, tmp_path, name, edits)
    gpus = [f"--gpus-per-node={GPUS}"] if name == "gpu" else []
    job.submit("--time=15", *gpus, **environment)
    assert len(whole(job)["searches"]) == 4
    assert len(list((job.results / "logs").iterdir())) == RANKS
    where = job.ranks()
    assert [node for node, _ in where] == [node for node in NODES for _ in range(PER_NODE)]
    if name == "gpu":
        every = ",".join(str(device) for device in range(GPUS))
        own = [str(device) for device in range(GPUS)]
        shown = [every] * PER_NODE if launcher == "mpirun" else own
        assert [devices for _, devices in where] == shown * len(NODES)


@pytest.mark.parametrize("launcher", ["pmi2", "mpirun"])
def test_slurms_sigterm_leaves_the_finished_searches_and_another_job_does_the_rest(
    cluster, library, tmp_path, launcher
):
    environment = settings(cluster, library, launcher)
    job = Job(cluster, tmp_path, "cpu", {"--scale 28": "--scale 10 --roots 160"})
    job.submit("--time=15", **environment)
    job.until_searching()
    cluster.cancel("--signal=TERM", job.number)
    assert job.wait() == "FAILED", job.text("err")
    (kept,) = job.results.glob("*.json")
    before = job.result
    assert before["status"] == "incomplete"
    assert 0 < len(before["searches"]) < 160

    job.submit("--time=15", RESUME=str(kept), **environment)
    assert job.wait() == "COMPLETED", job.text("err")
    after = json.loads(kept.read_text())
    assert after["status"] == "complete"
    assert len(after["searches"]) == 160
    assert after["searches"][: len(before["searches"])] == before["searches"]
