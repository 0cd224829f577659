"""What a run needs of memory, what there is, and what is refused."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
from command import in_process

from graphs import build_csr, kronecker
from graphs.files import write_edges
from graphs.memory import BASE, GIB, MOST_ANSWERS, Need
from graphs.rows import ARC_DTYPES
from harness.benchmark.source import GraphFile, OfficialGraph
from harness.console.errors import MemoryRefused
from harness.machine import memory
from harness.machine.cgroup import cpu_quota, memory_headroom
from harness.machine.memory import Available, choose
from sssp import Solver

SCALE_20 = (2**20, 2**24)


@pytest.fixture
def there_is(monkeypatch):
    """Let the machine have a number of bytes."""

    def install(size):
        monkeypatch.setattr(memory, "available", lambda: Available(int(size), "this test"))

    return install


@pytest.fixture
def system(tmp_path):
    """Build /proc and the control groups of a system: files by path, relative to its root."""

    def build(member_of, mounts, files):
        proc = tmp_path / "proc"
        (proc / "self").mkdir(parents=True)
        (proc / "self" / "cgroup").write_text(member_of)
        lines = [
            f"35 32 0:31 {root} {tmp_path / top} rw - {kind} x {options}\n"
            for root, top, kind, options in mounts
        ]
        (proc / "self" / "mountinfo").write_text("".join(lines))
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(f"{text}\n")
        return proc

    return build


V2 = [("/", "cg", "cgroup2", "rw")]
V1 = [("/", "cg/memory", "cgroup", "rw,memory"), ("/", "cg/cpu", "cgroup", "rw,cpu,cpuacct")]


def test_without_control_groups_nothing_is_limited(tmp_path):
    assert memory_headroom(tmp_path) is None
    assert cpu_quota(tmp_path) is None


def test_the_tightest_level_of_version_2_counts(system, tmp_path):
    proc = system(
        "0::/job/step\n",
        V2,
        {
            "cg/job/memory.max": 1000,
            "cg/job/memory.current": 900,
            "cg/job/memory.stat": "anon 1\ninactive_file 50",
            "cg/job/step/memory.max": 800,
            "cg/job/step/memory.current": 100,
        },
    )
    assert memory_headroom(proc) == (150, tmp_path / "cg/job")


def test_max_is_no_limit(system):
    proc = system("0::/job\n", V2, {"cg/job/memory.max": "max", "cg/job/memory.current": 9})
    assert memory_headroom(proc) is None


def test_version_1_is_read_too(system):
    proc = system(
        "5:cpu,cpuacct:/b\n4:memory:/a\n0::/\n",
        V1,
        {
            "cg/memory/a/memory.limit_in_bytes": 5000,
            "cg/memory/a/memory.usage_in_bytes": 3000,
            "cg/memory/a/memory.stat": "total_inactive_file 500",
            "cg/memory/memory.limit_in_bytes": 9223372036854771712,
            "cg/memory/memory.usage_in_bytes": 3000,
            "cg/cpu/b/cpu.cfs_quota_us": 250000,
            "cg/cpu/b/cpu.cfs_period_us": 100000,
            "cg/cpu/cpu.cfs_quota_us": -1,
            "cg/cpu/cpu.cfs_period_us": 100000,
        },
    )
    assert memory_headroom(proc).available == 2500
    assert cpu_quota(proc) == 2.5


def test_inside_a_container_the_mount_shows_the_own_group(system):
    """/proc/self/cgroup may count from the machine's root, the mount from the container's."""
    mounts = [("/docker/0f", "cg", "cgroup2", "rw")]
    files = {"cg/memory.max": 700, "cg/memory.current": 100, "cg/cpu.max": "150000 100000"}
    proc = system("0::/docker/0f\n", mounts, files)
    assert memory_headroom(proc).available == 600
    assert cpu_quota(proc) == 1.5


@pytest.mark.parametrize("path", ["/../other", "/gone/away"])
def test_a_group_that_is_not_shown_falls_back_to_those_above(system, path):
    proc = system(f"0::{path}\n", V2, {"cg/memory.max": 700, "cg/memory.current": 800})
    assert memory_headroom(proc).available == 0


def test_the_tightest_of_all_limits_counts(system, tmp_path):
    files = {"proc/meminfo": "MemTotal: 9 kB\nMemAvailable:   4 kB"}
    proc = system("0::/job\n", V2, files)
    found = memory.available(proc)
    assert (found.bytes, found.limit) == (4096, "free memory")
    (tmp_path / "cg/job").mkdir(parents=True)
    (tmp_path / "cg/job/memory.max").write_text("3000")
    (tmp_path / "cg/job/memory.current").write_text("1000")
    found = memory.available(proc)
    assert found.bytes == 2000 and "cg/job" in found.limit


def test_a_limit_on_the_address_space_counts(monkeypatch, tmp_path):
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda which: (10 * GIB, 20 * GIB))
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "status").write_text("VmSize:\t 1048576 kB\n")
    found = memory.available(tmp_path)
    assert found.limit == "ulimit -v"
    assert 0 < found.bytes < 9 * GIB, "threads reserve some"


def test_here_there_is_something():
    assert 0 < memory.available().bytes < sys.maxsize


def test_a_graph_without_its_edge_list_needs_at_most_400_bytes_a_vertex():
    for scale in (22, 25, 30):
        need = Need(2**scale, 16 * 2**scale, edges_kept=False)
        assert need.construction <= 400 * 2**scale
        assert need.search + need.answer <= 400 * 2**scale


def test_the_edge_list_is_kept_where_it_fits_comfortably(there_is):
    kept = Need(*SCALE_20).total
    there_is(kept * 1.2)
    assert choose(Need(*SCALE_20)).edges_kept
    there_is(kept * 0.99)
    assert not choose(Need(*SCALE_20)).edges_kept


def test_keeping_or_not_can_be_asked_for(there_is):
    there_is(Need(*SCALE_20).total)
    assert choose(Need(*SCALE_20), keep=True).edges_kept
    assert not choose(Need(*SCALE_20), keep=False).edges_kept
    there_is(Need(*SCALE_20).total - 1)
    with pytest.raises(MemoryRefused, match="edge list kept"):
        choose(Need(*SCALE_20), keep=True)


def test_as_many_answers_wait_as_there_is_room_for(there_is):
    one = Need(*SCALE_20, edges_kept=False)
    there_is(one.total)
    assert choose(Need(*SCALE_20), keep=False).answers >= 1
    there_is((BASE + one.search + 4.5 * one.answer) / 0.9)
    assert choose(Need(*SCALE_20), keep=False).answers == 4
    there_is(100 * one.total)
    assert choose(Need(*SCALE_20), keep=False).answers == MOST_ANSWERS


def test_a_promise_is_never_more_than_there_is(there_is):
    for tenths in range(1, 60):
        there_is(tenths * GIB / 10)
        try:
            need = choose(Need(*SCALE_20))
        except MemoryRefused:
            continue
        assert need.total <= tenths * GIB / 10


def test_an_edge_list_in_memory_already_is_not_asked_for_again(there_is):
    need = Need(*SCALE_20)
    there_is(need.total - need.edge_list)
    assert choose(Need(*SCALE_20), keep=True, resident=need.edge_list).total == need.total


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_a_graph_from_a_file_needs_what_its_weights_take(tmp_path, dtype):
    """Edges, rows and answers are those of these weights; int64 distances are float64 at most."""
    edges = kronecker(8)
    edges = replace(edges, weight=(edges.weight * 1e6).astype(dtype))
    write_edges(tmp_path / "g.npz", edges)
    opened = GraphFile(str(tmp_path / "g.npz")).plan()()
    need, m, n = opened.need, edges.m, edges.n
    answer = Solver(build_csr(edges)).new_answer()
    assert need.edge_list == edges.src.nbytes + edges.dst.nbytes + edges.weight.nbytes
    assert need.answer == answer.dist.nbytes + answer.parent.nbytes + 4 * n
    row = ARC_DTYPES["float32" if dtype == "float32" else "float64"].itemsize
    assert need.search == 2 * m * row + 64 * n
    # Where weights have 8 bytes, the keys that were sorted are still there when rows are unfolded,
    # and of each edge, two arcs, its weight (8) and the place of that (4).
    assert need.construction == 2 * m * (row + (0 if dtype == "float32" else 8 + 6)) + 48 * n


def test_a_refusal_has_the_figures_and_what_would_fit(there_is):
    there_is(2 * GIB)
    with pytest.raises(MemoryRefused) as refusal:
        OfficialGraph(26).plan()
    text = str(refusal.value)
    for part in ("scale 26", "67108864 vertices", "2 GiB", "this test", "scale 22 fits"):
        assert part in text


def test_a_refusal_says_whether_a_presolved_run_would_fit(there_is):
    there_is(12 * GIB)
    with pytest.raises(MemoryRefused, match="; scale 25 fits; with --presolve scale 27 fits$"):
        OfficialGraph(27).plan()
    with pytest.raises(MemoryRefused, match="; scale 25 fits$"):
        OfficialGraph(28).plan()
    with pytest.raises(MemoryRefused, match="; scale 27 fits$"):
        OfficialGraph(28).plan(presolve=True)


def test_what_cannot_fit_is_exit_status_2_before_anything_is_made(
    there_is, capsys, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    there_is(GIB)
    assert in_process(capsys, "run", "--scale", 24).refused("scale 24", "GiB", "this test")
    assert list(tmp_path.iterdir()) == []


def test_sixty_four_ranks_of_a_small_graph_fit_into_a_laptop():
    alone, rank = (Need(2**12, 2**16, edges_kept=False, ranks=ranks) for ranks in (1, 64))
    assert 64 * rank.total < 16 * GIB
    assert rank.total > rank.search + rank.answer
    assert rank.base < alone.base
