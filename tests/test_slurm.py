"""The batch scripts on a real Slurm of two nodes, started here: see virtual_cluster.py."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from virtual_cluster import NODES, VirtualCluster, missing

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


@pytest.fixture(scope="module")
def cluster():
    with VirtualCluster() as started:
        yield started


@pytest.fixture(scope="module")
def library():
    """The name of the MPI library that mpi4py finds without being told."""
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


def knows(process, cluster):
    """Was a process started with that cluster's settings?"""
    try:
        return str(cluster.folder).encode() in (process / "environ").read_bytes()
    except OSError:  # it has ended, or is somebody else's
        return False
