"""A run: what is timed and what is not, which keys, what the result file says."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from command import HOUSE, write_graph
from oracle import dijkstra
from runs import QUIET, follows_schema, result_of

from graphs import csr as csr_module
from graphs import generator
from graphs.edges import EdgeList
from graphs.generator import KroneckerStream, kronecker
from graphs.memory import MOST_ANSWERS
from harness.benchmark import run as run_module
from harness.benchmark import searches, source
from harness.benchmark.networkx_check import NetworkxCheck
from harness.benchmark.run import Settings, new_result, run
from harness.benchmark.source import GraphFile, OfficialGraph
from harness.benchmark.tiny_graphs import TINY
from harness.machine import facts as machine
from harness.validation.host import Validator
from sssp import Solver


def answers_of(result):
    return [(s["root"], s["m"], s["m_with_self_loops"], s["reached"]) for s in result["searches"]]


@pytest.fixture
def searched(monkeypatch):
    """The roots of all searches on graphs other than those of the warm-up, in order."""
    roots, search = [], Solver.search

    def noted(self, root, out=None):
        if self.csr.n != TINY:
            roots.append(root)
        return search(self, root, out=out)

    monkeypatch.setattr(Solver, "search", noted)
    return roots


@pytest.mark.parametrize("keep", [True, False])
def test_a_result_is_what_the_schema_says(keep):
    result = result_of(OfficialGraph(7, keep=keep), roots=5)
    follows_schema(result)
    assert result["status"] == "complete"
    assert result["edges_kept"] is keep
    assert result["graph"] | {"arcs": 0} == {
        "scale": 7,
        "edgefactor": 16,
        "seed": [2, 3],
        "n": 128,
        "edges": 2048,
        "arcs": 0,
        "file": None,
        "sha256": None,
        "directed": False,
        "weight_dtype": "float32",
    }


def test_the_golden_run_counts_what_the_reference_counts():
    """roots_s10: the first keys, their edges and vertices."""
    found = result_of(OfficialGraph(10), roots=4)["searches"]
    golden = np.genfromtxt(
        HOUSE / "tests" / "golden" / "roots_s10_ef16_seed_def.csv", delimiter=",", names=True
    )[:4]
    for search, line in zip(found, golden, strict=True):
        assert search["root"] == line["root"]
        assert search["m"] == line["nedge_reference"]
        assert search["m_with_self_loops"] == line["nedge_spec_with_selfloops"]
        assert search["reached"] == line["reached_vertices"]


def test_edges_made_again_give_the_same_run_as_edges_kept():
    kept = result_of(OfficialGraph(9, seed=(5, 6), keep=True), roots=20)
    again = result_of(OfficialGraph(9, seed=(5, 6), keep=False), roots=20)
    assert answers_of(kept) == answers_of(again)
    assert all(search["valid"] for search in again["searches"])
    assert kept["regeneration_seconds"] == 0


def test_several_answers_share_a_pass_over_edges_made_again(monkeypatch):
    passes = []
    slices = KroneckerStream.slices
    monkeypatch.setattr(
        KroneckerStream, "slices", lambda self: (passes.append(self.n), slices(self))[1]
    )
    result_of(OfficialGraph(9, keep=False), roots=3 * MOST_ANSWERS)
    assert passes.count(512) == 2 + 3, "two of construction, three of validation"


class Clock:
    """A clock on which only chosen calls take time."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        self._patch = monkeypatch.setattr
        for module in (run_module, searches, source):
            self._patch(module, "perf_counter", lambda: self.now)

    def takes(self, owner, name, seconds):
        """Let every call of `owner.name` take `seconds`."""
        function = getattr(owner, name)

        def slow(*arguments, **named):
            self.now += seconds
            return function(*arguments, **named)

        self._patch(owner, name, slow)


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def test_generation_never_hides_in_construction(clock, monkeypatch):
    slices = KroneckerStream.slices

    def slow(self):
        for part in slices(self):
            clock.now += 3
            self.generation_seconds = self.generation_seconds // 1 + 3
            yield part

    monkeypatch.setattr(KroneckerStream, "slices", slow)
    clock.takes(Solver, "__init__", 0.5)
    result = result_of(OfficialGraph(9, keep=False), roots=1)
    assert result["regeneration_seconds"] == 6, "two passes"
    assert result["generation_seconds"] == 6
    assert result["construction_seconds"] == 0.5, "what a solver prepares counts"


def test_generating_kept_edges_is_timed_by_itself(clock):
    clock.takes(generator, "kronecker", 3)
    clock.takes(csr_module, "build_csr", 0.5)
    result = result_of(OfficialGraph(9, keep=True), roots=1)
    assert result["generation_seconds"] == 3
    assert result["construction_seconds"] == 0.5
    assert result["regeneration_seconds"] == 0


@pytest.mark.parametrize("keep, answers_in_a_pass", [(True, 1), (False, 4)])
def test_only_the_search_is_inside_its_clock(clock, keep, answers_in_a_pass):
    clock.takes(Solver, "new_answer", 100)
    clock.takes(Validator, "validate", 8)
    clock.takes(Solver, "search", 0.25)
    for search in result_of(OfficialGraph(9, keep=keep), roots=4)["searches"]:
        assert search["seconds"] == 0.25
        assert search["validate_seconds"] == 8 / answers_in_a_pass


def test_an_untimed_search_from_no_key_comes_first(searched):
    result = result_of(OfficialGraph(7), roots=8)
    keys = [search["root"] for search in result["searches"]]
    assert searched[1:9] == keys
    assert searched[0] not in keys
    assert searched[9:] == keys  # by steps, once all were timed


def test_few_vertices_with_edges_are_all_searched_once(tmp_path):
    path = write_graph(tmp_path / "g.npz", [(4, 2, 0.5), (2, 70, 0.25), (9, 9, 0.1)], n=99)
    result = result_of(GraphFile(str(path)), roots=64)
    assert sorted(search["root"] for search in result["searches"]) == [2, 4, 70]
    assert result["status"] == "complete" and result["roots_requested"] == 64
    assert all(search["valid"] for search in result["searches"])


def test_a_graph_from_a_file_is_named_by_path_and_digest(tmp_path):
    path = write_graph(tmp_path / "g.npz", [(0, 1, 0.5), (1, 2, 0.25)], n=4, directed=True)
    result = result_of(GraphFile(str(path)))
    graph = result["graph"]
    assert graph["file"] == str(path)
    assert graph["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (graph["scale"], graph["seed"], graph["edgefactor"]) == (None, None, 0.5)
    assert graph["directed"] is True
    assert {(s["root"], s["m"], s["reached"]) for s in result["searches"]} == {(0, 2, 3), (1, 1, 2)}
    follows_schema(result)


def test_symmetrize_walks_a_directed_file_both_ways(tmp_path):
    path = write_graph(tmp_path / "g.npz", [(0, 1, 0.5), (1, 2, 0.25)], n=3, directed=True)
    result = result_of(GraphFile(str(path), symmetrize=True))
    assert result["graph"]["directed"] is False
    assert [search["reached"] for search in result["searches"]] == [3, 3, 3]


@pytest.mark.parametrize(
    "dtype, read_as", [("float64", "float64"), ("int64", "int64"), ("uint8", "int64")]
)
def test_other_weights_run_and_validate(tmp_path, dtype, read_as):
    edges = kronecker(7)
    path = tmp_path / "g.npz"
    np.savez(path, src=edges.src, dst=edges.dst, weight=(edges.weight * 200).astype(dtype))
    result = result_of(GraphFile(str(path)), roots=4, check="networkx")
    assert result["graph"]["weight_dtype"] == read_as
    assert [search["valid"] for search in result["searches"]] == [True] * 4


def test_a_stopped_run_leaves_its_finished_searches(monkeypatch):
    search, seen = Solver.search, []

    def stops(self, root, out=None):
        seen.append(root)
        if len(seen) == 7:
            raise MemoryError
        return search(self, root, out=out)

    monkeypatch.setattr(Solver, "search", stops)
    settings = Settings(OfficialGraph(9), roots=64)
    result = new_result(settings, [])
    with pytest.raises(MemoryError):
        run(settings, result, QUIET)
    assert result["status"] == "incomplete"
    assert 0 < len(result["searches"]) < 7
    follows_schema(result)


def random_graph(directed, dtype, seed):
    """Parallel edges, self loops, zero weights, a part that is not reached."""
    draw = np.random.default_rng(seed)
    weight = draw.random(240, dtype=np.float32) * (draw.random(240) > 0.2)
    weight = (weight * 1000 if dtype == "int64" else weight).astype(dtype)
    src, dst = draw.integers(0, 50, (2, 240))
    return EdgeList(src, dst, weight, 55, directed)


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_networkx_adds_in_the_arithmetic_of_the_graph(directed, dtype):
    for seed in range(5):
        edges = random_graph(directed, dtype, seed)
        dist, _ = dijkstra(edges, 7)
        check = NetworkxCheck(edges)
        assert np.array_equal(check.distances(7, dist.dtype), dist)
        assert check.disagreements(7, dist) == []


def test_networkx_sees_one_bit():
    edges = random_graph(False, "float32", 1)
    dist, _ = dijkstra(edges, 7)
    far = int(np.argmax(np.where(np.isfinite(dist), dist, 0)))
    dist[far] = np.nextafter(dist[far], np.float32(np.inf))
    (line,) = NetworkxCheck(edges).disagreements(7, dist)
    assert f"1 vertices, first v={far}:" in line


def test_the_commit_is_that_of_these_sources_alone(monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    commit, dirty = machine.git_state()
    if (HOUSE / ".git").exists():
        assert len(commit) == 40 and dirty in (True, False)
    monkeypatch.setattr(machine, "HOME", HOUSE / "harness")  # a package inside a checkout
    assert machine.git_state() == (None, None)
    monkeypatch.setenv("PATH", "")
    assert machine.git_state() == (None, None)
