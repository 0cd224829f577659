"""`sssp info` on several ranks, and compiling once for all of them."""

from __future__ import annotations

import os
import re
import socket
from functools import partial

import numpy as np
import pytest
from launched import launched, sssp

from graphs.comm import SerialComm
from graphs.thread_comm import ThreadComm, on_threads
from harness.benchmark import warmup
from harness.commands.info import binding, sharing


@pytest.mark.slow
@pytest.mark.mpi
def test_info_shows_each_ranks_host_threads_and_cores():
    done = launched(3, sssp("info", "--scale", 10), timeout=300)
    assert done.status == 0 and done.err == ""
    ranks = re.findall(r"^rank (\d): +(\S+), (\d+) threads?, cores (\S+)$", done.out, re.M)
    assert [rank for rank, *_ in ranks] == ["0", "1", "2"]
    assert {host for _, host, *_ in ranks} == {socket.gethostname()}
    assert re.search(r"^ranks: +3 on 1 host", done.out, re.M)
    assert re.search(r"^shared memory: +all ranks read each other's$", done.out, re.M)
    assert re.search(r"^MPI of the ranks: +\S", done.out, re.M)
    assert re.search(r"^edge list kept: .* for each rank", done.out, re.M)
    assert done.out.count("hostname:") == 1


def place(host, cores):
    return {"host": host, "threads": 1, "cores": cores}


@pytest.mark.parametrize(
    "places, expected",
    [
        ([place("a", "0-1"), place("a", "2,4-5")], "each rank has cores of its own"),
        ([place("a", "0-1"), place("b", "0-1")], "each rank has cores of its own"),
        ([place("a", "0-3"), place("a", "2")], "ranks share cores"),
        ([place("a", None), place("a", None)], "unknown"),
    ],
)
def test_info_says_whether_ranks_are_kept_apart(places, expected):
    assert binding(places) == expected


@pytest.mark.parametrize(
    "ranks, nodes, expected",
    [
        (4, 1, "all ranks read each other's"),
        (4, 2, "ranks of 2 nodes, each among themselves"),
        (4, 4, "none, ranks send messages"),
    ],
)
def test_info_says_who_shares_memory(ranks, nodes, expected):
    assert sharing(ranks, nodes) == expected


@pytest.fixture
def apart(monkeypatch, tmp_path):
    """Note what would be compiled in another process, with an empty cache folder."""
    monkeypatch.setattr(warmup, "cache_folders", lambda: [tmp_path])
    plans = []
    monkeypatch.setattr(warmup, "compile_apart", lambda plan: plans.append(plan) or plan.mark())
    monkeypatch.setattr(warmup.Plan, "compile", lambda *_: None)
    return plans


def test_what_has_been_compiled_is_not_compiled_again(apart):
    plan = warmup.Plan("float32", False)
    for _ in range(2):
        warmup.prepare(plan)
    warmup.prepare(warmup.Plan("float64", False))
    assert [plan.dtype for plan in apart] == ["float32", "float64"]


def test_one_rank_compiles_where_the_cache_folder_is_shared(apart):
    on_threads(2, lambda comm: warmup.prepare(warmup.Plan("float32", False), comm))
    assert apart == [warmup.Plan("float32", False, ranks=True)]


def test_each_node_compiles_where_it_has_a_cache_folder_of_its_own(apart, monkeypatch, tmp_path):
    led = {}

    def lead(comm):  # each is the first of its node
        monkeypatch.setattr(warmup, "cache_folders", lambda: [tmp_path / str(comm.rank)])
        led[comm.rank] = warmup.leads(comm)

    for rank in range(2):
        (tmp_path / str(rank)).mkdir()
    on_threads(2, lead)
    assert led == {0: True, 1: True}
    assert os.listdir(tmp_path / "0") == os.listdir(tmp_path / "1") == []


@pytest.mark.slow
def test_a_child_that_fails_leaves_the_work_to_who_needs_it(monkeypatch):
    monkeypatch.setattr(warmup.Plan, "mark", lambda plan: pytest.fail("nothing was compiled"))
    assert warmup.compile_apart(warmup.Plan("no such type", False)) is False


def test_the_child_sees_no_launcher(monkeypatch):
    seen = {}
    monkeypatch.setenv("PMI_RANK", "1")
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "4")

    def run(command, env, **settings):
        seen.update(env)
        raise OSError

    monkeypatch.setattr(warmup.subprocess, "run", run)
    warmup.compile_apart(warmup.Plan("float32", False))
    assert seen and not {"PMI_RANK", "SLURM_STEP_NUM_TASKS"} & set(seen)


def test_ranks_as_threads_exchange_as_ranks_do():
    got = {}

    def swap(comm):
        counts = np.array([1, 2]) + comm.rank
        sent = 10 * comm.rank + np.arange(counts.sum())
        got[comm.rank] = [array.tolist() for array in comm.alltoallv(counts, sent, sent * 2)]

    on_threads(2, swap)
    assert got[0] == [[1, 2], [0, 10, 11], [0, 20, 22]]
    assert got[1] == [[2, 3], [1, 2, 12, 13, 14], [2, 4, 24, 26, 28]]


def test_ranks_as_threads_take_the_device_of_their_process():
    places = []
    on_threads(
        2,
        lambda comm: places.append((comm.rank, comm.node_rank)),
        partial(ThreadComm, node_rank=3),
    )
    assert sorted(places) == [(0, 3), (1, 3)]


def test_an_error_on_a_rank_is_raised_and_nobody_waits():
    with pytest.raises(ZeroDivisionError):
        on_threads(2, lambda comm: 1 / 0 if comm.rank else comm.barrier())


def test_one_process_always_leads():
    assert warmup.leads(SerialComm())
