"""--resume: the remaining searches of a run that was stopped make one whole result, or none."""

from __future__ import annotations

import json
import os
import signal
import time

import command
import jsonschema
import numpy as np
import pytest
from command import HOUSE, KEYS, only_result, own_process, result_files, write_graph

from graphs.comm import SerialComm
from harness.benchmark import resume
from harness.console.errors import UsageError
from harness.results import record as results
from harness.results.digest import dist_digest

sssp = command.sssp
spoil = command.spoil

RUN = ("run", "--scale", 6, "--roots", 9, "--output", "out", "--quiet")


def schema():
    return json.loads((HOUSE / "results" / "schema.json").read_text())


def answers(result):
    fields = ("root", "m", "m_with_self_loops", "reached", "dist_digest", "valid")
    return [[search[field] for field in fields] for search in result["searches"]]


@pytest.fixture
def stopped(sssp, spoil):
    """Stop a run after its fourth search; return its file and what it said."""

    def stop(*argv):
        seen = []

        def terminate(root, answer):
            seen.append(root)
            if len(seen) == 7:  # one or two warm-ups first
                os.kill(os.getpid(), signal.SIGTERM)

        spoil(terminate)
        done = sssp(*(argv or RUN))
        assert done.status == 143
        (path,) = result_files("out")
        return path, done

    return stop


def edited(path, change):
    result = json.loads(path.read_text())
    change(result)
    path.write_text(json.dumps(result))


def test_a_stopped_run_says_how_to_go_on(stopped):
    path, done = stopped()
    assert f"sssp run --resume {path}" in done.err


def test_the_parts_make_the_result_of_one_run(sssp, stopped):
    whole = sssp("run", "--scale", 6, "--roots", 9, "--output", "whole")
    path, _ = stopped()
    before = json.loads(path.read_text())
    assert 0 < len(before["searches"]) < 9
    done = sssp("run", "--resume", path)
    assert done.status == 0
    assert list(done.figures) == KEYS
    (there,) = result_files("out")
    assert there == path, "the file is replaced, none is added"
    after = results.load(path)
    jsonschema.validate(after, schema())
    assert after["status"] == "complete"
    assert answers(after) == answers(only_result("whole"))
    assert after["searches"][: len(before["searches"])] == before["searches"]
    assert done.figures["max_nedge"] == whole.figures["max_nedge"]


def test_each_part_keeps_its_own_history(sssp, stopped):
    path, _ = stopped()
    before = json.loads(path.read_text())
    sssp("run", "--resume", path, "--quiet")
    after = results.load(path)
    (part,) = after["resumed"]
    assert part["argv"] == ["sssp", "run", "--resume", str(path), "--quiet"]
    assert part["searches_before"] == len(before["searches"])
    assert part["construction_seconds"] > 0
    assert part["memory"]["peak_bytes"] > 0
    assert after.pop("steps")["searches"] == 8  # only once all searches were timed
    assert after | {"searches": 0, "status": 0, "resumed": 0} == (
        before | {"searches": 0, "status": 0, "resumed": 0}
    )


def test_a_run_may_be_stopped_and_resumed_again_and_again(sssp, stopped):
    path, _ = stopped()
    first = json.loads(path.read_text())
    again = sssp("run", "--resume", path, "--time-limit", "0.01")
    assert again.status == 5
    assert "no further search was finished" in again.err and f"{path} is as it was" in again.err
    assert json.loads(path.read_text()) == first
    assert sssp("run", "--resume", path).status == 0
    assert len(results.load(path)["searches"]) == 9


def test_a_run_killed_between_its_last_search_and_its_end_is_made_whole(sssp):
    assert sssp(*RUN).status == 0
    (path,) = result_files("out")
    edited(path, lambda result: result.update(status="incomplete"))
    before = json.loads(path.read_text())
    assert sssp("run", "--resume", path, "--quiet").status == 0
    after = results.load(path)
    assert after["status"] == "complete"
    assert after["searches"] == before["searches"]


def test_the_longest_construction_of_the_parts_is_reported(sssp, stopped):
    path, _ = stopped()
    edited(path, lambda result: result.update(construction_seconds=1234.5))
    done = sssp("run", "--resume", path)
    assert done.figures["construction_time"] == "1234.5"
    edited(path, lambda result: result["resumed"][0].update(construction_seconds=4321))
    report = sssp("report", path)
    assert report.figures["construction_time"] == "4321"
    assert "4321 s" in sssp("report", path, "--format", "markdown").out


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--scale", 7), ("--scale 7", "--scale 6")),
        (("--edgefactor", 8), ("--edgefactor 8", "--edgefactor 16")),
        (("--seed", 2, 4), ("--seed 2 4", "--seed 2 3")),
        (("--graph", "g.npz"), ("--graph g.npz", "no --graph")),
        (("--roots", 10), ("--roots 10", "--roots 9")),
        (("--engine", "cuda"), ("--engine cuda", "auto")),
        (("--threads", 4000), ("--threads 4000", "--threads ")),
        (("--delta", 0.5), ("--delta 0.5", "no --delta")),
        (("--no-validate",), ("--no-validate", "--validate")),
        (("--check", "networkx"), ("--check networkx", "no --check")),
        (("--output", "elsewhere"), ("--output",)),
    ],
)
def test_a_flag_that_differs_is_refused_and_named(sssp, stopped, flags, said):
    path, _ = stopped()
    before = path.read_text()
    assert sssp("run", "--resume", path, *flags).refused("--resume", *said)
    assert path.read_text() == before


def test_flags_that_agree_may_be_given(sssp, stopped):
    path, _ = stopped()
    flags = ("--scale", 6, "--seed", 2, 3, "--roots", 9, "--engine", "auto", "--validate")
    assert sssp("run", "--resume", path, *flags, "--keep-edges", "--quiet").status == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: r.update(status="complete"), "is complete"),
        (lambda r: r.update(status="invalid"), "invalid"),
        (lambda r: r.pop("flags"), "asked for"),
        (lambda r: r.update(schema=2), "format 2"),
        (lambda r: r["searches"][1].update(root=0), "search 1 was from root 0"),
        (lambda r: r["graph"].update(seed=[5, 6]), "flags.seed is [2, 3], but graph.seed [5, 6]"),
        (lambda r: r["graph"].update(arcs=7), "had 7"),
        (lambda r: r["solver"].update(delta=9), "was 9"),
        (lambda r: r.update(num_mpi_processes=4), "4 ranks"),
        (lambda r: r.pop("searches"), "lacks the key 'searches'"),
    ],
)
def test_a_file_that_is_not_of_this_run_is_refused(sssp, stopped, change, said):
    path, _ = stopped()
    edited(path, change)
    before = path.read_text()
    done = sssp("run", "--resume", path, "--quiet")
    assert done.refused(said)
    assert path.read_text() == before


def test_a_search_after_the_last_key_is_refused():
    solver = {"engine": "cpu"}
    had = {"graph": {"arcs": 8}, "solver": solver, "searches": [{"root": 3}, {"root": 4}]}
    resume.check_construction(had, 8, solver, [3, 4])
    with pytest.raises(UsageError, match="search 1 was from root 4, but the key there is none"):
        resume.check_construction(had, 8, solver, [3])


def test_a_file_that_is_not_there_is_named(sssp):
    assert sssp("run", "--resume", "gone.json").refused("gone.json", "cannot be read")


GRAPH = [(i, i + 1, 0.25 + i / 64) for i in range(40)]


def test_a_graph_file_may_move_but_not_change(sssp, stopped, tmp_path):
    write_graph(tmp_path / "g.npz", GRAPH, n=41, directed=True)
    path, _ = stopped("run", "--graph", "g.npz", "--symmetrize", "--output", "out", "--quiet")
    (tmp_path / "g.npz").rename(tmp_path / "h.npz")
    assert sssp("run", "--resume", path).refused("g.npz")
    changed = write_graph(tmp_path / "other.npz", [*GRAPH[:-1], (39, 40, 0.5)], n=41, directed=True)
    assert sssp("run", "--resume", path, "--graph", changed, "--quiet").refused(
        "other.npz is not the one that was searched", "sha256"
    )
    assert sssp("run", "--resume", path, "--graph", "h.npz", "--quiet").status == 0
    assert [s["reached"] for s in results.load(path)["searches"]] == [41] * 41


def test_a_resumed_run_that_finds_an_invalid_answer_is_invalid(sssp, stopped, monkeypatch, spoil):
    path, _ = stopped()
    spoil(command.wrong_distance)
    assert sssp("run", "--resume", path, "--quiet").status == 1
    assert results.load(path)["status"] == "invalid"


@pytest.mark.slow
def test_a_killed_run_has_kept_what_it_finished(sssp, tmp_path):
    """SIGKILL leaves no time for anything: the file was written while the run went on."""
    flags = ("--scale", 12, "--roots", 100_000, "--output", "out", "--quiet")
    run = own_process("run", *flags, afresh=True)
    end = time.monotonic() + 100
    while not result_files("out"):
        assert run.poll() is None and time.monotonic() < end, run.communicate()
        time.sleep(0.05)
    run.kill()
    run.communicate()
    (path,) = result_files("out")
    result = results.load(path)
    assert result["status"] == "incomplete" and result["searches"]
    edited(path, lambda r: r.update(roots_requested=len(r["searches"]) + 3))
    edited(path, lambda r: r["flags"].update(roots=len(r["searches"]) + 3))
    assert sssp("run", "--resume", path, "--quiet").status == 0
    assert len(results.load(path)["searches"]) == len(result["searches"]) + 3


# The fingerprint of distances


def test_equal_distances_have_equal_digests_however_they_are_cut(monkeypatch):
    draw = np.random.default_rng(3)
    dist = np.where(draw.random(200_001) < 0.7, draw.random(200_001, np.float32), np.inf)
    dist = dist.astype(np.float32)
    whole = dist_digest(dist)
    assert whole == dist_digest(dist.astype(np.float64))
    blocks = [dist[:7], dist[7:7], dist[7:150_000], dist[150_000:]]
    firsts = [0, 7, 7, 150_000]
    halves = []

    class Noting(SerialComm):
        def allreduce_sum(self, values):
            halves.append(values)
            return np.array(values)

    for block, first in zip(blocks, firsts, strict=True):
        dist_digest(block, first, Noting())
    low, high = np.sum(halves, axis=0).tolist()
    assert whole == f"{(low + (high << 32)) % 2**64:016x}"


def test_one_bit_one_vertex_or_two_swapped_change_the_digest():
    dist = np.array([0, 0.5, 0.25, np.inf], np.float32)
    digests = {dist_digest(dist), dist_digest(dist[[0, 2, 1, 3]]), dist_digest(dist[[0, 1, 3, 2]])}
    dist[1] = np.nextafter(dist[1], np.float32(1))
    digests.add(dist_digest(dist))
    assert len(digests) == 4
