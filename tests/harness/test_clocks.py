"""The clocks behind published figures: when they start and stop, on ranks of which one is slow."""

from __future__ import annotations

import gc
import threading
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from command import write_graph
from ranks import Meeting, on_ranks
from strategies import edge_list

from graphs import build_csr
from graphs.comm import SerialComm, Traffic
from harness.benchmark import energy, searches, source
from harness.benchmark import run as run_module
from harness.benchmark.run import Settings
from harness.benchmark.searches import timed_search
from harness.benchmark.source import GraphFile, LoadedEdges, OfficialGraph
from harness.console.progress import Progress
from harness.machine.memory import Need
from harness.peers import turns as peer_turns
from harness.peers.turns import Row, take_turns
from sssp import Solver
from sssp.engine import Answer

QUIET = Progress(quiet=True)
# Seconds by which each of three ranks comes late, and that its work takes.
LATE = (0.0, 10.0, 5.0)
WORK = (3.0, 1.0, 2.0)


class Clocks:
    """A clock for each rank; what all call together ends when the last of them has come to it."""

    def __init__(self, monkeypatch):
        self._of_rank = threading.local()
        meet = Meeting.meet

        def late(meeting, rank, call, value, together):
            def together_late(brought):
                values, nows = zip(*brought, strict=True)
                return [(received, max(nows)) for received in together(values)]

            both = meet(meeting, rank, call, (value, self.now()), together_late)
            received, self._of_rank.now = both
            return received

        monkeypatch.setattr(Meeting, "meet", late)
        for module in (run_module, searches, source, energy):
            monkeypatch.setattr(module, "perf_counter", self.now)

    def now(self):
        return getattr(self._of_rank, "now", 0.0)

    def takes(self, seconds):
        self._of_rank.now = self.now() + seconds


@pytest.fixture
def clocks(monkeypatch):
    return Clocks(monkeypatch)


def answer(arcs=1, phases=1, traffic=None):
    found = Answer(np.zeros(2, np.float32), np.zeros(2, np.int64))
    found.arcs, found.phases, found.traffic = arcs, phases, traffic or Traffic()
    return found


class Searcher:
    """A solver whose searches only take time, and note what they are asked."""

    name = "cpu"

    def __init__(self, comm=None, work=lambda: None, found=None):
        self.comm = comm or SerialComm()
        self.work, self.found = work, found or answer()
        self.roots, self.collecting = [], []

    def new_answer(self):
        return answer()

    def search(self, root, out=None):
        self.roots.append(root)
        self.collecting.append(gc.isenabled())
        self.work()
        return self.found


def test_a_search_is_timed_from_all_ranks_start_to_the_last_ones_end(clocks):
    def work(comm):
        clocks.takes(LATE[comm.rank])
        solver = Searcher(comm, lambda: clocks.takes(WORK[comm.rank]))
        record, _ = timed_search(solver, 7, None)
        return record["seconds"]

    assert on_ranks(3, work) == [3.0] * 3


def test_construction_is_timed_from_all_ranks_start_to_the_last_ones_end(clocks):
    def work(comm):
        edges = SimpleNamespace(n=2, generation_seconds=0.0, m=1)

        def build(edges):
            clocks.takes(WORK[comm.rank])
            return SimpleNamespace(presolved=None)

        def solver(*_):
            clocks.takes(0.25)

        place = SimpleNamespace(comm=comm, build=build, solver=solver)
        opened = LoadedEdges(edges, Need(2, 1), 0.0)
        part: dict = {}
        clocks.takes(LATE[comm.rank])
        run_module._construct(Settings(OfficialGraph(1)), opened, part, QUIET, place)
        return part["construction_seconds"]

    assert on_ranks(3, work) == [3.25] * 3


def test_validation_is_timed_from_all_ranks_start(clocks):
    """Answers that are judged together share the time."""

    def work(comm):
        def validate(answers):
            clocks.takes(WORK[comm.rank])
            comm.barrier()
            right = SimpleNamespace(m=1, m_with_self_loops=1, reached=2, valid=True, violations=[])
            return [right] * len(answers)

        place = SimpleNamespace(
            validator=lambda edges: SimpleNamespace(validate=validate),
            edges_of=lambda edges: edges,
            digest=lambda dist, first: "0" * 16,
        )
        opened = LoadedEdges(SimpleNamespace(n=2), Need(2, 1), 0.0)
        judge = searches.Judge(opened, True, None, QUIET, comm, place)
        records: list[dict[str, Any]] = [{"root": root, "violations": []} for root in (0, 1)]
        clocks.takes(LATE[comm.rank])
        judge.judge(records, [answer(), answer()])
        return [record["validate_seconds"] for record in records]

    assert on_ranks(3, work) == [[1.5, 1.5]] * 3


@pytest.mark.parametrize("keep", [True, False])
def test_generation_is_timed_from_all_ranks_start_to_the_last_ones_end(clocks, monkeypatch, keep):
    monkeypatch.setattr(
        OfficialGraph, "_edges", lambda self, kept, comm: clocks.takes(WORK[comm.rank])
    )

    def work(comm):
        clocks.takes(LATE[comm.rank])
        return OfficialGraph(4)._open(Need(16, 256, edges_kept=keep), comm).seconds

    assert on_ranks(3, work) == [3.0 if keep else 0.0] * 3


def test_reading_is_timed_from_all_ranks_start_to_the_last_ones_end(clocks, monkeypatch, tmp_path):
    path = write_graph(tmp_path / "g.npz", [(0, 1, 0.5), (1, 2, 0.25)], 3)
    read = GraphFile._read

    seconds = ByThread()

    def slow(self, most_bytes):
        clocks.takes(seconds["to read"])
        return read(self, most_bytes)

    def work(comm):
        seconds["to read"] = WORK[comm.rank]
        clocks.takes(LATE[comm.rank])
        return GraphFile(str(path))._open(comm).seconds

    monkeypatch.setattr(GraphFile, "_read", slow)
    assert on_ranks(3, work) == [3.0] * 3


def test_energy_is_counted_from_all_ranks_start_to_the_last_ones_end(clocks, monkeypatch):
    monkeypatch.setattr(energy, "sleep", clocks.takes)
    monkeypatch.setattr(energy, "IDLE_SECONDS", 4.0)
    monkeypatch.setattr(energy, "LOOP_SECONDS", 7.0)

    def work(comm):
        reads = []

        class Counter:
            name = "package-0"

            def joules(self):
                reads.append(clocks.now())
                return 10 * clocks.now()

        class Slow(Searcher):
            def new_answer(self):
                clocks.takes(LATE[comm.rank])

        def stage(text):
            clocks.takes(LATE[comm.rank])

        def search():
            clocks.takes(WORK[comm.rank])

        by_thread["machine"], by_thread["counters"] = str(comm.rank), [Counter()]
        progress = SimpleNamespace(stage=stage)
        found = energy.measure(Slow(comm, search), np.array([3, 1]), progress)
        first = next(i for i, at in enumerate(reads) if at > reads[0])
        assert reads[0] == 10.0, "when the last rank is there"
        assert reads[first] == 14.0, "the idle seconds"
        return found["seconds"], found["idle_seconds"], found["loops"]

    by_thread = ByThread()
    monkeypatch.setattr(energy, "machine_id", lambda: by_thread["machine"])
    monkeypatch.setattr(energy, "rapl_counters", lambda: by_thread["counters"])
    # Two searches of 3 s a loop, until 7 s are over.
    assert on_ranks(3, work) == [(12.0, 4.0, 2)] * 3


def test_all_ranks_stop_measuring_energy_after_the_same_loop(clocks, monkeypatch):
    """Also where their clocks do not agree on whether the time is over."""
    rate = ByThread()
    monkeypatch.setattr(energy, "sleep", clocks.takes)
    monkeypatch.setattr(energy, "perf_counter", lambda: clocks.now() * rate["of clock"])
    monkeypatch.setattr(energy, "LOOP_SECONDS", 3.015)
    monkeypatch.setattr(energy, "machine_id", lambda: "here")
    monkeypatch.setattr(energy, "rapl_counters", lambda: [SimpleNamespace(name="x", joules=int)])

    def work(comm):
        rate["of clock"] = 1 + comm.rank / 100
        found = energy.measure(Searcher(comm, lambda: clocks.takes(3.0)), np.array([3]), QUIET)
        return found["loops"], found["seconds"]

    assert on_ranks(3, work) == [(1, pytest.approx(3.06))] * 3


class ByThread:
    """Values that each rank has for itself."""

    def __init__(self):
        self._values = threading.local()

    def __setitem__(self, key, value):
        setattr(self._values, key, value)

    def __getitem__(self, key):
        return getattr(self._values, key)


def test_traffic_is_that_of_one_search():
    comm = SerialComm()
    solver = Solver(build_csr(edge_list([(0, 1)], [1], 2)), comm=comm)
    comm.traffic.bytes = 7
    first = solver.search(0).traffic
    comm.traffic.bytes += 9
    assert (first.bytes, solver.search(0).traffic.bytes) == (9, 0)


def test_a_record_of_ranks_has_sums_and_the_seconds_of_one_rank():
    sent = [Traffic(5, 100, 3, 0.5, {"offers": 60, "news": 40}), Traffic(1, 20, 4, 0.25)]
    sent[1].parts = {"offers": 20, "news": 0}

    def work(comm):
        found = answer(arcs=(700, 40)[comm.rank], phases=(2, 9)[comm.rank], traffic=sent[comm.rank])
        return timed_search(Searcher(comm, found=found), 7, None)[0]

    one, other = on_ranks(2, work)
    assert (one["arcs"], one["phases"]) == (740, 9)
    assert one["exchange"] == {
        "messages": 6,
        "bytes": 120,
        "collectives": 4,
        "seconds": 0.375,
        "arcs_largest": 700,
        "parts": {"offers": 80, "news": 40},
    }
    assert other["exchange"] == one["exchange"]


@pytest.mark.parametrize("collecting", [True, False])
def test_python_collects_no_garbage_while_a_clock_runs(collecting):
    seen = []

    def noted(*_, **__):
        seen.append(gc.isenabled())
        return SimpleNamespace(presolved=None)

    was_on = gc.isenabled()
    (gc.enable if collecting else gc.disable)()
    try:
        solver = Searcher()
        timed_search(solver, 7, None)
        seen += solver.collecting
        peer_turns.timed(noted)
        edges = SimpleNamespace(n=2, generation_seconds=0.0)
        place = SimpleNamespace(comm=SerialComm(), build=noted, solver=noted)
        opened = LoadedEdges(edges, Need(2, 1), 0.0)
        run_module._construct(Settings(OfficialGraph(1)), opened, {}, QUIET, place)
        assert gc.isenabled() is collecting
    finally:
        (gc.enable if was_on else gc.disable)()
    assert seen == [False] * 4


# Other libraries


def row(name, dist, asked):
    """A solver that always finds these distances."""
    found = Answer(np.array(dist, np.float32), np.array([0, 0, 1]))

    def search(root):
        asked.append((name, root))
        return found

    return Row(name, None, 1, True, search, lambda answer: answer.dist)


def turns(*others):
    """Let some solvers take turns on a path of three vertices; returns rows and what was asked."""
    asked: list = []
    right = [0.0, 0.1, 0.3]
    rows = [row(peer_turns.OURS, right, asked), *(row(name, d, asked) for name, d in others)]
    edges = edge_list([(0, 1), (1, 2)], [0.1, 0.2], 3)
    take_turns(rows, np.array([0]), 2, edges, QUIET)
    return rows, asked


def test_every_solver_searches_once_outside_its_clock_before_any_is_timed():
    rows, asked = turns((peer_turns.OURS, [0, 0.1, 0.3]), ("scipy", [0, 0.1, 0.3]))
    names = [peer_turns.OURS, peer_turns.OURS, "scipy"]
    assert asked == [(name, 2) for name in names] + [(name, 0) for name in names]
    assert [len(row.seconds) for row in rows] == [1, 1, 1]


def test_only_other_libraries_may_differ_by_rounding():
    near = np.nextafter(np.float32(0.3), np.float32(1))
    ours, again, scipy = turns((peer_turns.OURS, [0, 0.1, near]), ("scipy", [0, 0.1, near]))[0]
    assert ours.disagreements == [] and scipy.disagreements == []
    assert len(again.disagreements) == 1
