"""A run over ranks: the roots, counts and distances of one process, one output, one file."""

from __future__ import annotations

import json
import os
import signal
import threading
import time

import jsonschema
import numpy as np
import pytest
from command import KEYS, result_files, write_graph
from launched import launched, sssp
from launched import started_afresh as started
from ranks import on_ranks
from repository import HOUSE

from graphs import generator
from graphs.generator import kronecker
from graphs.memory import GIB, Need
from graphs.partition import part_of
from harness.benchmark import source
from harness.benchmark.backend import HostBackend
from harness.benchmark.run import Settings, new_result, run
from harness.benchmark.source import GraphFile, OfficialGraph
from harness.benchmark.tiny_graphs import warm_up
from harness.console.errors import MemoryRefused, UsageError
from harness.console.progress import Progress
from harness.machine import memory
from harness.machine.memory import Available
from harness.results import ranks
from harness.results import record as results
from sssp import Solver

QUIET = Progress(quiet=True)
SIZES = (1, 2, 3, 7)
DTYPES = ("float32", "float64", "int64")


@pytest.fixture(scope="module")
def compiled():
    """Compile before threads wait for each other, which they do not do for ever."""
    for dtype, directed in (("float32", False), *((name, True) for name in DTYPES)):
        warm_up(dtype, directed, ranks=True)


@pytest.fixture(autouse=True)
def ranks_that_are_threads(monkeypatch):
    """No MPI in this process, and nothing to compile."""
    monkeypatch.setattr(ranks, "_library", lambda: "threads of a test")
    monkeypatch.setattr(HostBackend, "compile", lambda *_: None)


def result_of(size, graph, **flags):
    """Run on ranks that are threads; return the result, which must be the same on all of them."""
    settings = Settings(graph, **flags)

    def work(comm):
        result = new_result(settings, ["sssp", "run"])
        run(settings, result, QUIET, comm=comm)
        return result

    found = on_ranks(size, work)
    assert len({json.dumps(answers(result)) for result in found}) == 1
    return found[0]


def answers(result):
    fields = ("root", "m", "m_with_self_loops", "reached", "dist_digest", "valid")
    return [[search[field] for field in fields] for search in result["searches"]]


def schema():
    return json.loads((HOUSE / "results" / "schema.json").read_text())


@pytest.mark.slow
@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("presolve", [False, True])
@pytest.mark.parametrize("keep", [True, False])
def test_any_number_of_ranks_finds_what_one_process_finds(keep, presolve):
    one, *others = (
        result_of(size, OfficialGraph(8, keep=keep), roots=6, presolve=presolve) for size in SIZES
    )
    assert all(search["valid"] for search in one["searches"])
    for size, other in zip(SIZES[1:], others, strict=True):
        assert answers(other) == answers(one)
        assert other["graph"] == one["graph"] or presolve  # ranks take trees off first
        assert (other["num_mpi_processes"], other["edges_kept"]) == (size, keep)
        jsonschema.validate(json.loads(json.dumps(other)), schema())


@pytest.mark.usefixtures("compiled")
def test_records_of_ranks_tell_what_they_exchanged(monkeypatch):
    looked_at: dict = {}
    search = Solver.search

    def noted(self, root, out=None):
        answer = search(self, root, out=out)
        looked_at.setdefault((root, self.comm.size, self.comm.rank), answer.arcs)
        return answer

    monkeypatch.setattr(Solver, "search", noted)
    one, two = (result_of(size, OfficialGraph(8), roots=4) for size in (1, 2))
    assert "ranks" not in one and "exchange" not in one["searches"][0]
    assert two["ranks"]["nodes"] == 2  # these ranks share nothing
    assert [place["threads"] for place in two["ranks"]["places"]] == [two["solver"]["threads"]] * 2
    for search in two["searches"]:
        arcs = [looked_at[search["root"], 2, rank] for rank in range(2)]
        assert min(arcs) > 0 and search["arcs"] == sum(arcs)
        assert search["exchange"]["arcs_largest"] == max(arcs)


@pytest.mark.slow
@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("size", [2, 5])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_graph_file_is_the_same_graph_on_ranks(tmp_path, size, dtype):
    edges = kronecker(6)
    path = tmp_path / "g.npz"
    weight = (edges.weight * 200).astype(dtype)
    np.savez(path, src=edges.src, dst=edges.dst, weight=weight, directed=True)
    one, more = (result_of(count, GraphFile(str(path)), roots=5) for count in (1, size))
    assert answers(more) == answers(one)
    assert more["graph"] == one["graph"]
    assert more["graph"]["edges"] == edges.m


@pytest.mark.usefixtures("compiled")
def test_more_ranks_than_vertices_and_edges(tmp_path):
    path = write_graph(tmp_path / "g.npz", [(0, 2, 0.5)], n=3)
    result = result_of(7, GraphFile(str(path)))
    assert sorted(search["root"] for search in result["searches"]) == [0, 2]
    assert [(s["m"], s["reached"], s["valid"]) for s in result["searches"]] == [(1, 2, True)] * 2


@pytest.mark.parametrize("engine, nodes", [("cpu", 1), ("cuda", 2)])
def test_ranks_that_search_on_gpus_share_no_memory(engine, nodes, monkeypatch):
    monkeypatch.setattr("sssp.engine_choice.check_engine", lambda engine: engine)

    def work(comm):
        backend = HostBackend(1, comm, engine)
        return backend.build(part_of(kronecker(6), comm.rank, comm.size)).halo.nodes

    assert on_ranks(2, work, node=2) == [nodes, nodes]


@pytest.mark.usefixtures("compiled")
def test_a_wrong_distance_on_one_rank_makes_the_run_invalid_on_all(monkeypatch):
    search = Solver.search

    def spoiled(self, root, out=None):
        answer = search(self, root, out=out)
        if self.comm.rank == 1 and self.csr.stats.n == 512:
            reached = np.flatnonzero(np.isfinite(answer.dist))
            answer.dist[reached[-1]] += np.float32(0.5)
        return answer

    monkeypatch.setattr(Solver, "search", spoiled)
    result = result_of(3, OfficialGraph(9), roots=3)
    assert result["status"] == "invalid"
    assert [search["valid"] for search in result["searches"]] == [False] * 3


@pytest.mark.usefixtures("compiled")
def test_the_slowest_ranks_generation_counts(monkeypatch):
    clock = threading.local()

    def now():
        return getattr(clock, "now", 0.0)

    def slow(*arguments, **named):
        clock.now = now() + (3 if named.get("first") else 1)
        return kronecker(*arguments, **named)

    monkeypatch.setattr(source, "perf_counter", now)
    monkeypatch.setattr(generator, "kronecker", slow)
    assert result_of(3, OfficialGraph(8, keep=True), roots=1)["generation_seconds"] == 3


def test_another_file_on_one_rank_is_refused_on_all(tmp_path, monkeypatch):
    paths = [write_graph(tmp_path / f"{i}.npz", [(0, 1, i / 4)], n=2) for i in (1, 2)]

    def work(comm):
        graph = GraphFile(str(paths[comm.rank == 2]))
        with pytest.raises(UsageError, match="another file on rank 2"):
            graph.plan(comm)()

    on_ranks(3, work)


# Memory


@pytest.fixture
def there_is(monkeypatch):
    def install(*sizes, limit="free memory"):
        given = iter(sizes)
        monkeypatch.setattr(memory, "available", lambda: Available(int(next(given)), limit))

    return install


def test_each_rank_needs_its_share_and_no_more_than_the_promise():
    for scale in (20, 26, 33):
        whole = 400 * 2**scale
        for size in (2, 3, 16):
            need = Need(2**scale, 16 * 2**scale, edges_kept=False, ranks=size)
            assert need.construction <= 1.3 * whole / size
            assert need.search + need.answer <= 1.3 * whole / size


def test_all_ranks_decide_by_the_one_that_has_least(there_is):
    there_is(64 * GIB, 2 * GIB, 64 * GIB)

    def work(comm):
        with pytest.raises(MemoryRefused) as refusal:
            memory.choose(Need(2**24, 2**28, ranks=comm.size), comm=comm)
        return str(refusal.value)

    said = on_ranks(3, work)
    assert len(set(said)) == 1
    assert "each of 3 ranks" in said[0] and "2 GiB" in said[0]


def test_ranks_make_their_edges_again_unless_told_to_keep_them(there_is):
    there_is(*[64 * GIB] * 4)
    small = Need(2**20, 2**24, ranks=2)
    (need, _) = on_ranks(2, lambda comm: memory.choose(small, comm=comm))
    assert (need.edges_kept, need.answers) == (False, 1)
    (need, _) = on_ranks(2, lambda comm: memory.choose(small, True, comm=comm))
    assert need.edges_kept


def test_ranks_of_a_machine_share_its_memory_but_not_their_own_limits(there_is):
    def each(comm):
        comm.node_size = 4
        return memory.available_to_each(comm).bytes

    there_is(*[4 * GIB] * 4)
    assert on_ranks(4, each) == [GIB] * 4
    there_is(*[4 * GIB] * 4, limit="ulimit -v")
    assert on_ranks(4, each) == [4 * GIB] * 4


# Started by mpirun


def mpirun_run(size, *flags, **settings):
    return launched(size, sssp("run", *flags), timeout=300, **settings)


def golden():
    path = HOUSE / "tests" / "golden" / "roots_s10_ef16_seed_def.csv"
    found = np.genfromtxt(path, delimiter=",", names=True)
    names = "root", "nedge_reference", "nedge_spec_with_selfloops", "reached_vertices"
    return [[int(line[name]) for name in names] for line in found]


def only(folder):
    (path,) = result_files(folder)
    return path, results.load(path)


@pytest.mark.slow
@pytest.mark.mpi
def test_mpirun_prints_the_references_lines_once_and_keeps_one_file(tmp_path):
    """At 2, 3 and 4 ranks, with the counts of the reference code."""
    digests = set()
    for size in (2, 3, 4):
        done = mpirun_run(size, "--scale", 10, "--quiet", "--output", tmp_path / str(size))
        assert done.status == 0, done.err
        assert [s for s in done.err.splitlines() if "the machine was shared" not in s] == []
        assert [line.partition(":")[0] for line in done.out.splitlines()] == KEYS
        assert done.figures["num_mpi_processes"] == str(size)
        _, result = only(tmp_path / str(size))
        counts = [answer[:4] for answer in answers(result)]
        assert counts == golden()
        digests.add(json.dumps(answers(result)))
        assert len(result["ranks"]["places"]) == size
        assert result["ranks"]["nodes"] == 1
    assert len(digests) == 1


@pytest.mark.slow
@pytest.mark.mpi
def test_a_run_of_ranks_is_resumed_by_as_many(tmp_path):
    flags = ("--scale", 6, "--roots", 6, "--quiet", "--output", "out")
    assert mpirun_run(2, *flags, cwd=tmp_path).status == 0
    path, whole = only(tmp_path / "out")
    results.replace(whole | {"searches": whole["searches"][:2], "status": "incomplete"}, path)
    done = mpirun_run(3, "--resume", path, cwd=tmp_path)
    assert done.refused("is of 2 ranks, not 3")
    late = mpirun_run(2, "--resume", path, "--time-limit", "1s", "--quiet", cwd=tmp_path)
    assert late.status == 5 and late.out == ""
    assert "no further search was finished" in late.err
    done = mpirun_run(2, "--resume", path, "--quiet", cwd=tmp_path)
    assert done.status == 0, done.err
    _, after = only(tmp_path / "out")
    assert answers(after) == answers(whole)
    assert after["resumed"][0]["searches_before"] == 2
    assert len(after["resumed"][0]["ranks"]["places"]) == 2


@pytest.mark.slow
@pytest.mark.mpi
@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--scale", 6, "--check", "networkx"), "one process"),
        (("--graph", "gone.npz"), "gone.npz: cannot be read"),
        (("--scale", 6, "--output", "/proc/nowhere"), "cannot be written"),
        (("--scale", 40), "each of 2 ranks"),
    ],
)
def test_a_users_mistake_is_one_line_of_one_rank(tmp_path, flags, said):
    assert mpirun_run(2, *flags, cwd=tmp_path).refused(said)


def running(tmp_path):
    """Start a long run of three ranks, wait until it has kept something."""
    flags = ("--scale", 10, "--roots", 100_000, "--quiet", "--output", "out")
    job = started(3, sssp("run", *flags), cwd=tmp_path)
    end = time.monotonic() + 200
    while not result_files(tmp_path / "out"):
        assert job.poll() is None and time.monotonic() < end
        time.sleep(0.05)
    return job


def process_of_rank(job, rank):
    """The process id of a rank, among the descendants of mpirun."""
    parents = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            try:
                with open(f"/proc/{entry.name}/stat") as file:
                    parents[int(entry.name)] = int(file.read().rpartition(")")[2].split()[1])
            except OSError:
                continue
    family = {job.pid}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    for pid in sorted(family - {job.pid}):
        with open(f"/proc/{pid}/environ", "rb") as file:
            if f"PMI_RANK={rank}".encode() in file.read().split(b"\0"):
                return pid
    raise AssertionError(f"no rank {rank} is running")


@pytest.mark.mpi
@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/environ"), reason="no /proc here")
@pytest.mark.parametrize(
    ("whom", "number", "status"),
    [(0, signal.SIGKILL, None), (2, signal.SIGKILL, None), ("mpirun", signal.SIGTERM, 143)],
)
def test_a_run_that_ends_too_soon_ends_soon_and_keeps_its_searches(tmp_path, whom, number, status):
    job = running(tmp_path)
    os.kill(job.pid if whom == "mpirun" else process_of_rank(job, whom), number)
    start = time.monotonic()
    out, err = job.communicate(timeout=60)
    assert time.monotonic() - start < 10
    assert job.returncode == status if status else job.returncode != 0
    assert out.count("TEPS") == 0
    _, result = only(tmp_path / "out")
    assert result["status"] == "incomplete" and result["searches"]
    assert "--resume" in err if status else f"rank {whom} on " in err
