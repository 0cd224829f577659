"""Starting several ranks: which launcher, which MPI, the same arguments, cores for each."""

from __future__ import annotations

import os

import pytest
from launched import launched_afresh as launched
from launched import sssp, stand_in

from harness.job import launch, placement
from harness.job.placement import Place, share_of
from harness.machine import facts as machine
from sssp.mpi_comm import launched_size

SEVERAL = [
    {"PMI_SIZE": "4", "PMI_RANK": "2"},
    {"OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "2"},
    {"SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "2"},
    # mpirun under Slurm: one task a node, and four ranks
    {"SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0", "PMI_SIZE": "4", "PMI_RANK": "2"},
]
ONE = [
    {},
    {"PMI_SIZE": "1", "PMI_RANK": "0"},
    {"SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"},
    # mpirun -n 1 under Slurm, two nodes
    {"SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "1", "PMI_SIZE": "1", "PMI_RANK": "0"},
    # a batch script's own process: no step, whatever the job has
    {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "4", "SLURM_NPROCS": "4", "SLURM_PROCID": "0"},
]


@pytest.fixture
def environment(monkeypatch):
    def give(settings):
        for name in {name for one in SEVERAL + ONE for name in one}:
            monkeypatch.delenv(name, raising=False)
        for name, value in settings.items():
            monkeypatch.setenv(name, value)

    return give


@pytest.mark.parametrize("settings", SEVERAL)
def test_a_launcher_is_known_by_what_it_sets(environment, settings):
    environment(settings)
    assert machine.launched_ranks() == (2, 4)
    assert launched_size() == 4, "the library knows the same launchers"
    assert launch.wanted(["run", "--scale", "5"])
    assert not launch.wanted(["run", "--help"])
    assert not launch.wanted(["report", "a.json"])
    assert not launch.wanted([])


@pytest.mark.parametrize("settings", ONE)
def test_one_rank_is_no_launch(environment, settings):
    environment(settings)
    assert machine.launched_ranks() == (0, 1)
    assert launched_size() == 1
    assert not launch.wanted(["run", "--scale", "5"])


MPICH = "MPICH Version: 5.0.2\nMPICH configure:\t--with-device=ch4:ucx,ofi\n"
PMIX = {"PMIX_NAMESPACE": "1", "PMIX_RANK": "0"}


@pytest.mark.parametrize(
    "library, settings, fits",
    [
        (MPICH, PMIX, False),
        (MPICH, {**PMIX, "PMI_RANK": "0"}, True),
        (MPICH, {"PMI_RANK": "0"}, True),
        (MPICH.replace("ucx", "ucx --with-pmix=/usr"), PMIX, True),
        ("Open MPI v5.0.1, package: Debian", PMIX, True),
        ("Intel(R) MPI Library 2021.9", PMIX, True),
    ],
)
def test_an_mpi_that_would_stop_the_process_is_known_before(library, settings, fits):
    assert (launch.misfit(library, settings) is None) == fits


@pytest.mark.mpi
def test_ranks_of_one_job_work_together_and_one_speaks():
    done = launched(3, stand_in(seconds=0.2))
    assert done == (0, "the result\n", "begun\n")


@pytest.mark.slow
@pytest.mark.mpi
@pytest.mark.parametrize("command", ["run", "info"])
def test_ranks_that_see_themselves_alone_are_refused_by_one_voice(command):
    """As many runs of one rank: what the launcher says is not what MPI sees."""
    alone = ["-c", _WITHOUT_LAUNCHER.format(arguments=[command])]
    done = launched(3, alone)
    assert done.status == 2 and done.out == ""
    (line,) = done.err.splitlines()
    assert line.startswith(f"sssp {command}: error: the launcher has started 3 ranks")
    assert "MPI sees 1 in each process" in line and "--mpi=pmi" in line


# What mpirun has said is said in Open MPI's words, and what MPICH would listen to is taken away.
_WITHOUT_LAUNCHER = """
import os, sys
rank = os.environ["PMI_RANK"]
for name in ("PMI_RANK", "PMI_SIZE", "PMI_FD"):
    del os.environ[name]
os.environ.update(OMPI_COMM_WORLD_SIZE="3", OMPI_COMM_WORLD_RANK=rank)
from harness.cli import main
sys.exit(main({arguments}))
"""


@pytest.mark.slow
@pytest.mark.mpi
def test_without_an_mpi_library_ranks_are_told_what_to_install():
    done = launched(2, sssp("run"), {"MPI4PY_LIBMPI": "/nonexistent"})
    assert done.status == 3 and done.out == ""
    (line,) = done.err.splitlines()
    assert line.startswith("sssp run: error: 2 ranks were started, but mpi4py finds no MPI library")
    assert "[mpi]" in line and "module" in line


@pytest.mark.mpi
def test_one_rank_needs_no_mpi_library():
    done = launched(1, stand_in(seconds=0), {"MPI4PY_LIBMPI": "/nonexistent"})
    assert done == (0, "the result\n", "begun\n")


def test_every_source_file_tells_ranks_apart(monkeypatch, tmp_path):
    """Those of CUDA, too, and those in folders below."""
    monkeypatch.setattr(launch, "HOME", tmp_path)
    paths = ["kernels/push.py", "kernels/push.cu", "kernels/grid.cuh", "harness/below/plot.py"]
    for path in paths:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("first")
    told = [launch.agreed_facts(())["the sources of sssp-bench"]]
    for path in [*paths, "kernels/notes.txt"]:
        (tmp_path / path).write_text("second")
        told.append(launch.agreed_facts(())["the sources of sssp-bench"])
    assert len(set(told)) == 1 + len(paths)
    assert told[-1] == told[-2], "other files are no sources"


@pytest.mark.slow
@pytest.mark.mpi
def test_ranks_with_different_arguments_are_told():
    scales = [sssp("run", "--scale", scale) for scale in (5, 5, 6)]
    done = launched(3, scales)
    assert done.status == 2 and done.out == ""
    (line,) = done.err.splitlines()
    assert "the ranks disagree: rank 2 on" in line and "in the arguments" in line
    assert "'run --scale 6', not 'run --scale 5'" in line


@pytest.mark.slow
@pytest.mark.mpi
def test_a_configuration_file_that_differs_is_told(tmp_path):
    for rank, scale in enumerate((5, 6)):
        (tmp_path / str(rank)).mkdir()
        (tmp_path / str(rank) / "run.toml").write_text(f"scale = {scale}\n")
    inside = "import os, sys; os.chdir(os.environ['PMI_RANK']); from harness.cli import main; "
    done = launched(
        2, ["-c", inside + "sys.exit(main())", "run", "--config", "run.toml"], cwd=tmp_path
    )
    assert done.status == 2
    assert "rank 1 on" in done.err and "in the content of run.toml" in done.err


@pytest.mark.slow
@pytest.mark.mpi
@pytest.mark.parametrize(
    "arguments", [["run", "--scale", "0"], ["report", "x.json"], ["--nonsense"]]
)
def test_a_mistake_of_all_ranks_is_said_once(arguments):
    done = launched(3, sssp(*arguments))
    assert done.status == 2 and done.out == ""
    assert len(done.err.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.mpi
def test_a_command_for_one_process_is_refused_on_several():
    done = launched(2, sssp("generate", "--scale", 4, "--output", "e.npz"))
    assert done.refused("2 ranks", "mpirun -n 1")


@pytest.mark.slow
@pytest.mark.mpi
def test_help_is_printed_once():
    done = launched(2, sssp("run", "--help"))
    assert done.status == 0 and done.out.count("usage:") == 1


FOUR = (0, 1, 2, 3)


def places(*masks, bound=False):
    return [Place("a", "a", mask, bound) for mask in masks]


@pytest.mark.parametrize(
    "ranks, expected",
    [
        (places(FOUR), [(4, ())]),
        (places(FOUR, FOUR), [(2, (0, 1)), (2, (2, 3))]),
        (places(FOUR, FOUR, FOUR), [(1, (0,)), (1, (1,)), (1, (2,))]),
        (places((0, 1), (2, 3)), [(2, ()), (2, ())]),
        (places((0,), (0,)), [(1, ()), (1, ())]),
        (places(FOUR, FOUR, bound=True), [(2, ()), (2, ())]),
        (places((0, 1), (1, 2)), [(1, ()), (1, ())]),
        ([Place("a", "a", FOUR, False), Place("b", "b", FOUR, False)], [(4, ()), (4, ())]),
        # the same machine under two names
        ([Place("a", "x", FOUR, False), Place("b", "x", FOUR, False)], [(2, (0, 1)), (2, (2, 3))]),
    ],
)
def test_ranks_share_the_cores_that_they_have_in_common(ranks, expected, monkeypatch):
    monkeypatch.delenv("SLURM_CPUS_PER_TASK", raising=False)
    assert [share_of(rank, ranks) for rank in range(len(ranks))] == expected


def test_a_batch_script_itself_may_use_all_its_cores(monkeypatch):
    before = machine.cores()
    monkeypatch.delenv("SLURM_STEP_NUM_TASKS", raising=False)
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "1")
    assert machine.cores() == before


def test_slurm_may_give_a_task_fewer_cores(monkeypatch):
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "1")
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "2")
    assert machine.cores() == 1
    assert share_of(0, places(FOUR, FOUR)) == (1, (0,))
    assert share_of(1, places(FOUR, FOUR)) == (1, (2,))


@pytest.mark.parametrize("name, value", [("SSSP_BIND", "no"), ("OMP_PROC_BIND", "false")])
def test_who_asks_not_to_be_bound_is_not(name, value, monkeypatch):
    monkeypatch.setenv(name, value)
    assert placement.here().bound


@pytest.mark.slow
@pytest.mark.mpi
@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no affinity masks here")
def test_each_of_two_ranks_gets_cores_of_its_own():
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one core")
    after = "masks = comm.allgather(sorted(os.sched_getaffinity(0)))\nemit(repr(masks))"
    done = launched(2, stand_in(after=after, seconds=0), {"OMP_PROC_BIND": ""})
    masks = [set(mask) for mask in eval(done.out.splitlines()[0])]
    assert masks[0] and masks[1] and not masks[0] & masks[1]
