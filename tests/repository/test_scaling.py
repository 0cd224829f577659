"""The model of docs/SCALING.md, and the script that compares runs with it."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from example_result import example, ranked
from forks import executable
from launched import MPIRUN
from markdown import tables
from repository import HOUSE

from benchmarks import scaling, scaling_wires
from benchmarks import scaling_model as model
from benchmarks.scaling_wires import wires


def counts(**changes):
    found = {"ranks": 8, "vertices": 2**20, "arcs": 8e6, "arcs_largest": 1.5e6}
    found |= {"collectives": 60, "messages": 800, "bytes": 4e6}
    return model.Counts(**found | changes)


def test_the_seconds_of_a_search_are_work_latency_overhead_and_transfer():
    between = model.Wires(latency=2e-6, overhead=5e-7, bandwidth=1e9)
    parts = model.predict(counts(), between, seconds_per_arc=1e-8, ranks_sharing_cores=2)
    assert parts.work == pytest.approx(1.5e6 * 1e-8 * 2)
    assert parts.latency == pytest.approx(60 * 3 * 2e-6)  # 8 ranks: 3 steps
    assert parts.overhead == pytest.approx(800 / 8 * 5e-7)
    assert parts.transfer == pytest.approx(4e6 / 8 / 1e9)
    assert parts.total == sum((parts.work, parts.latency, parts.overhead, parts.transfer))


def test_one_rank_has_nothing_but_work():
    alone = counts(ranks=1, arcs_largest=8e6, messages=0, bytes=0)
    parts = model.predict(alone, model.Wires(1.0, 1.0, 1.0), seconds_per_arc=1e-8)
    assert parts.total == parts.work == pytest.approx(0.08)


@pytest.mark.parametrize("ranks", [2, 3, 7])
def test_viewers_are_the_other_ranks_that_neighbours_fall_on(ranks):
    degrees = np.array([0, 1, 2, 5, 40])
    rng = np.random.default_rng(5)
    trials = 4000
    seen = 0
    for degree in degrees:
        owners = rng.integers(ranks, size=(trials, degree))
        seen += sum((owners == other).any(axis=1).sum() for other in range(1, ranks)) / trials
    assert model.viewers(degrees, ranks) == pytest.approx(seen, rel=0.05)


def test_one_rank_has_no_viewers_and_many_have_one_for_each_arc():
    degrees = np.array([3, 0, 9])
    assert model.viewers(degrees, 1) == 0
    assert model.viewers(degrees, 10**9) == pytest.approx(12, rel=1e-6)


def test_a_search_that_does_not_grow_counts_what_was_counted():
    last, degrees = counts(), np.array([1, 4, 30])
    assert model.grown(last, degrees, last.ranks, last.vertices) == last


def test_twice_the_vertices_have_twice_the_arcs_and_bytes_and_as_many_messages():
    last, degrees = counts(), np.array([1, 4, 30])
    more = model.grown(last, degrees, last.ranks, 2 * last.vertices)
    assert (more.arcs, more.arcs_largest) == (2 * last.arcs, 2 * last.arcs_largest)
    assert (more.bytes, more.messages) == (2 * last.bytes, last.messages)


def test_more_ranks_send_to_more_and_each_has_less_to_do():
    last, degrees = counts(), np.full(10, 10**6)
    more = model.grown(last, degrees, 16, last.vertices)
    assert more.messages == pytest.approx(last.messages * 16 * 15 / (8 * 7))
    assert more.arcs_largest == pytest.approx(last.arcs_largest / 2)
    assert more.bytes == pytest.approx(last.bytes * 15 / 7)  # everybody sees these vertices


def test_one_rank_is_refused_instead_of_sending_to_itself(monkeypatch, capsys):
    """It would wait for ever: what it sends to itself has no receiver yet."""
    alone = SimpleNamespace(MPI=SimpleNamespace(COMM_WORLD=SimpleNamespace(size=1, rank=0)))
    monkeypatch.setitem(sys.modules, "mpi4py", alone)
    monkeypatch.setattr(sys, "argv", ["scaling_wires"])
    assert scaling_wires.main() == 2
    assert "mpirun -n P" in capsys.readouterr().err


def test_wires_are_read_from_what_was_measured():
    swap = [[8, 3e-5], [1024, 1e-4], [10**6, 1e-2]]
    found = wires({"ranks": 4, "reduce": 4e-6, "ping": [], "swap": swap})
    assert found.latency == pytest.approx(2e-6)
    assert found.overhead == pytest.approx(1e-5)
    assert found.bandwidth == pytest.approx(3e8)
    with pytest.raises(ValueError, match="one rank"):
        wires({"ranks": 1, "reduce": 0, "ping": [], "swap": swap})


def script(name, *arguments):
    command = [sys.executable, "-m", f"benchmarks.{name}", *map(str, arguments)]
    return subprocess.run(command, cwd=HOUSE, capture_output=True, text=True)


@pytest.fixture
def kept(tmp_path):
    """Files of runs on one rank, one thread, and on two ranks, as scaling.py leaves them."""
    machine = {"cores": 2, "cores_online": 2}
    one = example(machine=machine)
    thread = example(machine=machine) | {"solver": one["solver"] | {"threads": 1}}
    thread["graph"] = thread["graph"] | {"scale": 9, "n": 512}
    two = ranked() | {"machine": machine, "solver": thread["solver"]}
    for name, run in (("a", one), ("b", thread), ("c", two)):
        (tmp_path / f"{name}.json").write_text(json.dumps(run))
    measured = {"ranks": 2, "reduce": 1e-3, "ping": [], "swap": [[8, 1e-3], [4096, 2e-3]]}
    (tmp_path / "wires-2.json").write_text(json.dumps(measured))
    return tmp_path


def test_the_tables_are_those_of_the_files(kept):
    done = script("scaling", "--read", kept)
    assert done.returncode == 0, done.stderr
    times, sent = tables(done.stdout)
    assert [(row["scale"], row["ranks"], row["threads a rank"]) for row in times] == [
        ("10", "1", "2"),
        ("10", "2", "1"),
    ]
    # The same seconds in the example, so no speed-up; a quarter of a search is exchange or less.
    assert [row["strong"] for row in times] == ["1.00", "1.00"]
    assert times[0]["model ms"] == "-"
    arc = 0.25 + 31.5 / 1024
    predicted = 771 / 1234 * arc + 58 * 1e-3 + 45 * 1e-3 + 2048 / 2.048e6
    assert float(times[1]["model ms"]) == pytest.approx(1e3 * predicted, rel=5e-3)
    (row,) = sent
    assert (row["messages"], row["collectives"]) == ("90", "58.0")
    assert float(row["bytes a vertex"]) == 4.0
    assert float(row["bytes an input edge"]) == 0.25
    assert float(row["largest / mean arcs"]) == pytest.approx(771 * 2 / 1234, abs=0.005)


@pytest.mark.slow
def test_a_machine_that_is_not_here_is_told_by_the_counts(kept):
    network = ("--latency", 1e-6, "--overhead", 0, "--bandwidth", 1e9, "--arc-seconds", 1e-9)
    done = script("scaling_project", kept, "--ranks", 4, "--scale", 12, *network)
    assert done.returncode == 0, done.stderr
    seconds, growth = tables(done.stdout)
    parts = {row[""]: float(row["seconds"]) for row in seconds}
    assert parts["latency"] == pytest.approx(58 * 2e-6)
    assert parts["overhead"] == 0
    assert parts["all"] == pytest.approx(
        parts["work"] + parts["latency"] + parts["transfer"], rel=0.01
    )
    (row,) = growth
    assert row["MB counted"] == row["MB by growth"]


def test_files_without_ranks_are_refused_in_one_line(tmp_path):
    network = ("--latency", 1, "--overhead", 0, "--bandwidth", 1, "--arc-seconds", 1)
    done = script("scaling_project", tmp_path, "--ranks", 4, "--scale", 12, *network)
    assert done.returncode != 0
    assert len(done.stderr.splitlines()) == 1
    assert "no result of several ranks" in done.stderr


@pytest.mark.mpi
@pytest.mark.slow
def test_the_script_runs_and_measures(tmp_path, monkeypatch, capfd):
    """Here; what it starts are processes of their own."""
    small = ("--scales", 6, "--ranks", 1, 2, "--counted", 3, "--counted-scale", 6, "--roots", 2)
    there = ("--counted-roots", 2, "--mpirun", MPIRUN, "--output", tmp_path)
    monkeypatch.setattr(sys, "argv", ["scaling", *map(str, small + there)])
    monkeypatch.setattr(sys, "executable", executable())
    monkeypatch.setenv("PYTHONPATH", str(HOUSE))
    assert scaling.main() == 0
    out, err = capfd.readouterr()
    times, sent = tables(out)
    assert [row["ranks"] for row in times if row["model ms"] != "-"] == ["2"]
    assert {row["ranks"] for row in sent} == {"2", "3"}
    assert all(int(row["messages"]) > 0 for row in sent)
    measured = json.loads((tmp_path / "wires-2.json").read_text())
    assert all(0 < seconds < math.inf for _, seconds in measured["ping"] + measured["swap"])
    assert re.search(r"mpirun -n 3 .*--scale 6", err)
