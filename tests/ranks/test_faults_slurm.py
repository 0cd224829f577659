"""Ranks that fail under srun, which leaves the others waiting: see virtual_cluster.py."""

from __future__ import annotations

import re
import sys
import time

import pytest
from launched import stand_in
from repository import HOUSE
from virtual_cluster import VirtualCluster, missing

pytestmark = [
    pytest.mark.mpi,
    pytest.mark.slow,
    pytest.mark.skipif(missing() is not None, reason=str(missing())),
]


@pytest.fixture(scope="module")
def cluster():
    with VirtualCluster() as started:
        yield started


@pytest.fixture
def job(cluster, tmp_path):
    """Hand in four ranks on two nodes, in which `do` is done; returns the job's number."""
    if "MPICH" not in _library():
        pytest.skip("mpi4py finds no MPICH (extra: mpi)")

    def submit(do):
        (tmp_path / "rank.py").write_text(stand_in(do, seconds=60)[1])
        srun = f"srun --mpi=pmi2 '{sys.executable}' rank.py"
        (tmp_path / "job").write_text(f"#!/bin/sh\n{srun}\necho status $?\n")
        size = ("--nodes=2", "--ntasks-per-node=2")
        return cluster.submit(tmp_path / "job", *size, "--output=out", PYTHONPATH=str(HOUSE))

    return submit


def _library():
    from mpi4py import rc

    rc.initialize = False
    from mpi4py import MPI

    return MPI.Get_library_version()


@pytest.mark.parametrize(
    ("do", "said"),
    [
        ("comm.rank == 2 and os.kill(os.getpid(), signal.SIGKILL)", "rank 2 on .* has died"),
        ("comm.rank == 0 and os.kill(os.getpid(), signal.SIGKILL)", "rank 0 on .* has died"),
        ("comm.rank == 3 and 1 / 0", "rank 3 on .*: division by zero"),
    ],
)
def test_one_rank_that_fails_ends_the_job(cluster, job, tmp_path, do, said):
    cluster.wait(job(do), seconds=60)
    out = (tmp_path / "out").read_text()
    assert re.search(rf"^sssp info: error: {said}", out, re.M)
    assert re.search(r"^status [1-9]", out, re.M)
    assert "the result" not in out


def test_a_cancelled_job_keeps_what_is_finished(cluster, job, tmp_path):
    number = job("pass")
    end = time.monotonic() + 60
    while not ((tmp_path / "out").exists() and "begun" in (tmp_path / "out").read_text()):
        assert time.monotonic() < end
        time.sleep(0.1)
    cluster.cancel(number)
    cluster.wait(number, seconds=60)
    assert re.search(
        r"^sssp info: terminated; kept \d+ rounds", (tmp_path / "out").read_text(), re.M
    )
