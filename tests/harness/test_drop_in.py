"""`graph500_reference_bfs_sssp`: the reference's arguments, variables and lines, only kernel 3."""

from __future__ import annotations

import importlib

import pytest
from command import KEYS, Done, only_result
from launched import MPIRUN, launched
from repository import lines, setup_cfg

from harness import drop_in


@pytest.fixture
def reference(capsys, monkeypatch, tmp_path):
    """Run it in this process, in an empty folder and with these variables."""
    monkeypatch.chdir(tmp_path)
    for name in ("SKIP_VALIDATION", "SKIP_BFS", "TMPFILE", "REUSEFILE", "SEED"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments, **environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        status = drop_in.main([str(word) for word in arguments])
        return Done(status, *capsys.readouterr())

    return run


def test_it_prints_the_references_lines_of_kernel_3_and_no_others(reference, tmp_path):
    done = reference(5, SEED="7")
    assert done.status == 0
    assert list(done.figures) == KEYS
    assert (done.figures["SCALE"], done.figures["edgefactor"]) == ("5", "16")
    assert "graph500_reference_bfs_sssp: kernel 2 (BFS) is not run" in done.err
    graph = only_result(tmp_path / "results/runs")["graph"]
    assert (graph["seed"], graph["edgefactor"]) == ([2, 3], 16)  # the reference reads no SEED


def test_its_variables_count_when_they_are_set_whatever_they_say(reference, tmp_path):
    done = reference(5, 8, SKIP_VALIDATION="", SKIP_BFS="0", TMPFILE="edges")
    assert done.status == 0
    assert list(done.figures) == [key for key in KEYS if not key.endswith("_validate")]
    assert done.figures["edgefactor"] == "8"
    assert "not validated" in done.err.splitlines()
    assert "kernel 2" not in done.err
    assert "TMPFILE has no effect" in done.err
    assert not (tmp_path / "edges").exists()
    assert only_result(tmp_path / "results/runs")["validated"] is False


@pytest.mark.parametrize(
    "arguments", [[], ["0"], ["63"], ["16x"], ["16", "0"], ["16", "16", "1"], ["--roots", "4"]]
)
def test_other_arguments_are_refused_in_one_line(reference, arguments):
    assert reference(*arguments).status == 2
    done = reference(*arguments)
    (line,) = done.err.splitlines()
    assert line.startswith("graph500_reference_bfs_sssp: error: ")
    assert done.out == ""


def test_it_is_installed_under_the_references_name():
    scripts = dict(
        line.split(" = ") for line in lines(setup_cfg()["options.entry_points"]["console_scripts"])
    )
    module, _, function = scripts[drop_in.NAME].partition(":")
    assert getattr(importlib.import_module(module), function) is drop_in.main


@pytest.mark.mpi
@pytest.mark.slow
@pytest.mark.skipif(MPIRUN is None, reason="mpirun is not installed")
def test_it_runs_on_ranks_as_the_reference_does(tmp_path):
    code = "import sys; from harness import drop_in; sys.exit(drop_in.main())"
    done = launched(2, ["-c", code, "6"], {"SKIP_VALIDATION": "1"}, timeout=300, cwd=tmp_path)
    assert done.status == 0, done.err
    assert done.figures["num_mpi_processes"] == "2"
    assert done.err.count("kernel 2 (BFS) is not run") == 1
