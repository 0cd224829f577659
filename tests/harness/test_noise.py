"""What disturbs a run: read outside the clock, recorded for each search, said where it shows."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from command import sssp, stored  # noqa: F401
from example_result import example, search
from runs import follows_schema, result_of

from harness.benchmark import searches
from harness.benchmark.searches import timed_search
from harness.benchmark.source import OfficialGraph
from harness.machine import noise
from harness.machine.noise import Reading
from harness.results.noise import highest_load, shared, steal, switches
from sssp import Solver
from sssp.steps import NAMES

QUICK, SLOW = 0.25, 5.0  # 20 times


# Read


@pytest.fixture(scope="module")
def run():
    return result_of(OfficialGraph(8), roots=10, energy=False)


def test_a_run_records_noise_memory_and_steps(run):
    follows_schema(run)
    for one in run["searches"]:
        assert one["noise"]["involuntary_switches"] >= 0 and one["noise"]["load"] >= 0
    memory = run["memory"]
    assert 2**20 < memory["peak_bytes"] < 2**40 and memory["promised_bytes"] > 2**20
    assert memory["promised_device_bytes"] is None
    assert run["steps"]["searches"] == 8
    assert set(run["steps"]["seconds"]) == {*NAMES, "exchange", "other"}
    assert run["steps"]["seconds"]["answer"] > 0


def test_nothing_is_read_while_the_clock_runs(monkeypatch):
    calls = []
    for module, name in ((noise, "reading"), (searches, "perf_counter")):
        known = getattr(module, name)
        monkeypatch.setattr(module, name, lambda n=name, k=known: (calls.append(n), k())[1])

    class Searcher:
        comm = searches.SerialComm()

        def search(self, root, out):
            calls.append("search")
            return SimpleNamespace(phases=1, arcs=1)

    timed_search(Searcher(), 1, None)
    assert calls == ["reading", "perf_counter", "search", "perf_counter", "reading"]


def test_steps_are_measured_after_the_searches_and_change_no_answer(monkeypatch):
    order = []
    steps, search_once = Solver.steps, Solver.search

    def noted(self, root, out=None):
        order.append("search")
        return search_once(self, root, out=out)

    monkeypatch.setattr(Solver, "search", noted)
    monkeypatch.setattr(Solver, "steps", lambda *a: (order.append("steps"), steps(*a))[1])
    again = result_of(OfficialGraph(8), roots=10, energy=False)
    assert order[-26:] == ["search"] * 10 + ["steps", "search"] * 8
    assert order.count("steps") == 8
    assert all(one["valid"] for one in again["searches"])


def test_a_system_that_does_not_say_is_no_error(monkeypatch, tmp_path):
    monkeypatch.setattr(noise, "_STAT", tmp_path / "none")
    monkeypatch.setattr(noise, "resource", None)
    monkeypatch.delattr(noise.os, "getloadavg")
    assert noise.reading() == Reading(None, None, None)
    none = noise.between(noise.reading(), noise.reading())
    assert set(none.values()) == {None}
    assert noise.of_all([none, none]) == none


def test_stolen_ticks_are_seconds(monkeypatch, tmp_path):
    stat = tmp_path / "stat"
    stat.write_text("cpu  1 2 3 4 5 6 7 250 0 0\ncpu0 1 2 3\n")
    monkeypatch.setattr(noise, "_STAT", stat)
    monkeypatch.setattr(noise.os, "sysconf", lambda name: 100)
    assert noise.reading().steal == 2.5
    stat.write_text("cpu  1 2\n")
    assert noise.reading().steal is None


def test_of_several_ranks_switches_are_summed_and_the_worst_machine_counts():
    one = {"involuntary_switches": 3, "steal_seconds": 0.5, "load": None}
    two = {"involuntary_switches": 4, "steal_seconds": 0.25, "load": 7.0}
    expected = {"involuntary_switches": 7, "steal_seconds": 0.5, "load": 7.0}
    assert noise.of_all([one, two]) == expected


# Said


@pytest.mark.parametrize(
    ("slow", "quick", "m", "found"),
    [
        (SLOW, QUICK, 16239, True),
        (SLOW - 0.01, QUICK, 16239, False),
        (SLOW, QUICK, 16238, False),  # another component
        (0.0049, 0.0001, 16239, False),  # an interrupt
        (SLOW, 0, 16239, False),
    ],
)
def test_the_same_edges_twenty_times_as_long_mean_a_shared_machine(slow, quick, m, found):
    result = example([search(7, quick), search(8, slow, m), search(9, slow)][: 3 if found else 2])
    said = shared(result)
    assert (said is not None) is found
    if found:
        assert said.startswith("the machine was shared: root 8 took 20 times as long as root 7")
        assert "(6 involuntary context switches, 0.75 s stolen in all searches)" in said


def test_older_files_say_nothing_of_noise_and_are_judged_all_the_same():
    old = [search(7, QUICK), search(8, SLOW)]
    for one in old:
        del one["noise"]
    result = example(old)
    assert switches(result) is steal(result) is highest_load(result) is None
    assert shared(result).endswith("with the same edges")


def test_a_run_and_its_report_say_that_the_machine_was_shared(sssp, stored, monkeypatch):  # noqa: F811
    names = stored(example([search(7, QUICK), search(8, SLOW)]))
    assert "0.json: the machine was shared: root 8" in sssp("report", *names).err
    monkeypatch.setattr("harness.results.noise.LOST_SECONDS", -1.0)
    monkeypatch.setattr("harness.results.noise.APART", 1)
    done = sssp("run", "--scale", 5, "--roots", 4, "--no-energy", "--quiet")
    assert done.status == 0 and "the machine was shared: root" in done.err
