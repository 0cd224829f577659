"""The growth laws of presolved ranks, and the file that they are counted in."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from ranks import on_ranks

import graphs.rank_core
from benchmarks import scaling_core
from benchmarks import scaling_core_model as model
from graphs import build_csr, kronecker
from graphs.partition import part_of
from graphs.thread_comm import on_threads
from harness.results import record as results

POINTS = {7: [2, 4], 8: [2]}


@pytest.fixture(scope="module")
def record():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scaling_core, "ROOTS", 2)
        return scaling_core.counted(POINTS, [9])


def facts_of(record, scale):
    (found,) = (facts for facts in record["graphs"] if facts["scale"] == scale)
    return found


@pytest.mark.parametrize("edges", [512, 4096])
def test_the_ends_of_a_slice_are_as_far_apart_as_expected(edges):
    whole = kronecker(12)
    ends = np.concatenate([whole.src[:edges], whole.dst[:edges]])
    assert model.ends_apart(12, 2 * edges) == pytest.approx(len(np.unique(ends)), rel=0.05)
    assert model.ends_apart(12, 1) == pytest.approx(1)


def test_the_core_is_that_of_ranks_that_share_it(monkeypatch):
    monkeypatch.setattr(graphs.rank_core, "COPIED_ARCS", -1)
    edges = kronecker(8, seed=scaling_core.SEED)
    found = on_ranks(
        3, lambda comm: build_csr(part_of(edges, comm.rank, 3), 1, comm, presolve=True).presolved
    )[0]
    facts = model.graph_facts(8, scaling_core.SEED, False)
    assert [facts[name] for name in ("kept_edges", "core", "core_arcs")] == [
        found[name] for name in ("kept_edges", "core", "core_arcs")
    ]
    connected = sum(vertices for _, vertices in facts["kept_degrees"])
    assert facts["trees"] == connected - facts["core"] > 0
    assert "degrees" not in facts


def test_calls_messages_and_bytes_are_counted_as_those_of_mpi():
    """A call each, and of what a rank sends only what goes to another."""
    three = np.arange(3)

    def work(comm):
        comm.next_bucket(1.0, [2])
        comm.alltoallv(np.array([1, 2]), three.astype(np.int32), three)
        comm.alltoallv_next_bucket(1.0, [2], np.array([3, 0]), three)
        comm.allreduce_or(False)
        return comm.traffic

    one, two = on_threads(2, work, scaling_core.CountingComm)
    assert (one.calls, one.messages, one.bytes) == (4, 2, 2 * 12)
    assert (two.calls, two.messages, two.bytes) == (4, 3, 12 + 3 * 8)


def test_the_laws_give_back_the_row_of_their_units(record):
    for scale, ranks in POINTS.items():
        last = next(
            row for row in record["rows"] if (row["scale"], row["ranks"]) == (scale, ranks[-1])
        )
        facts = facts_of(record, scale)
        told = model.by_growth(facts, last, facts, ranks[-1])
        shared = last["shared"]
        assert told["core"] == pytest.approx(shared["search"] - shared["leaves"])
        assert told["rows"] == pytest.approx(shared["kernel_1"])
        assert told["plain rows"] == pytest.approx(last["plain"]["kernel_1"])
        assert (told["light"], told["kept"]) == pytest.approx(
            (last["bounds"]["light"], last["bounds"]["kept"])
        )
        assert told["trees"] == pytest.approx(shared["leaves"], rel=0.2)
        assert told["passes"] == pytest.approx(last["bounds"]["passes"], rel=0.2)


def test_what_a_larger_machine_and_graph_would_send(record):
    one, larger = (model.grown_to(record, 64, scale) for scale in (20, 21))
    for name in ("plain_kernel", "rows", "copies"):
        assert getattr(larger, name) == pytest.approx(2 * getattr(one, name))
    assert larger.search.bytes == pytest.approx(2 * one.search.bytes)
    assert (larger.search.messages, larger.core_pairs) == (one.search.messages, one.core_pairs)
    # Ends are further apart on the larger graph, but not so much as to be asked for twice.
    assert 2 * one.lookups < larger.lookups < 3 * one.lookups
    more = model.grown_to(record, 128, 20)
    assert more.copies == pytest.approx(2 * one.copies)
    assert more.lookups < 2 * one.lookups
    assert more.search.arcs_largest == pytest.approx(one.search.arcs_largest / 2)


def test_a_file_holds_what_the_tables_are_made_of(record, tmp_path):
    results.store(record, tmp_path, "core")
    assert scaling_core.read(tmp_path) == results.read(next(tmp_path.glob("2*-s8-core-*.json")))
    search, kernel = model.tables_of(scaling_core.read(tmp_path))
    assert [(row["scale"], row["ranks"]) for row in search] == [("7", "2"), ("7", "4"), ("8", "2")]
    assert all(float(row["bounds: copies"]) > 0 < float(row["bounds: owners"]) for row in kernel)
    assert float(search[1]["of it core"]) == float(search[1]["core by growth"])


def test_a_folder_without_a_file_is_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["scaling_core", "--read", str(tmp_path)])
    with pytest.raises(SystemExit, match="no file of benchmarks.scaling_core; run it with"):
        scaling_core.main()
