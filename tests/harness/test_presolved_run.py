"""sssp run --presolve: the distances of a plain run, and every record of it says what was done."""

from __future__ import annotations

import json
import os
import re
import signal

import command
import numpy as np
import pytest
from command import only_result, result_files, write_graph
from runs import follows_schema, result_of

from graphs.memory import Need, PresolvedNeed
from harness.benchmark.source import GraphFile, OfficialGraph
from harness.reports import report
from harness.results import record as results

sssp = command.sssp
spoil = command.spoil

RUN = ("run", "--scale", 6, "--roots", 9, "--output", "out", "--quiet")


def answers(result):
    fields = ("root", "m", "m_with_self_loops", "reached", "dist_digest", "valid")
    return [[search[field] for field in fields] for search in result["searches"]]


@pytest.mark.parametrize("keep", [True, False])
def test_it_finds_what_a_plain_run_finds(keep):
    plain, presolved = (
        result_of(OfficialGraph(10, seed=(5, 9), keep=keep), roots=8, presolve=presolve)
        for presolve in (False, True)
    )
    assert answers(presolved) == answers(plain)
    assert all(search["valid"] for search in presolved["searches"])
    assert "presolve" not in plain["solver"]
    assert presolved["graph"]["edges"] == plain["graph"]["edges"]
    facts = presolved["solver"]["presolve"]
    assert facts["kept_edges"] < plain["graph"]["edges"] / 8
    assert facts["bounds"] == "copies"
    assert sum(facts["seconds"].values()) <= presolved["construction_seconds"] or not keep
    assert presolved["flags"]["presolve"] is True
    follows_schema(presolved)


def test_a_graph_file_of_integers(tmp_path):
    random = np.random.default_rng(4)
    path = tmp_path / "g.npz"
    np.savez(
        path,
        src=np.concatenate([random.integers(0, 300, 4000), np.zeros(299, np.int64)]),
        dst=np.concatenate([random.integers(0, 300, 4000), np.arange(1, 300)]),
        weight=random.integers(0, 1000, 4299),
        n=300,
        directed=False,
    )
    plain, presolved = (
        result_of(GraphFile(str(path)), roots=5, presolve=presolve) for presolve in (False, True)
    )
    assert answers(presolved) == answers(plain)
    assert presolved["solver"]["presolve"]["slack"] == 0
    assert presolved["solver"]["presolve"]["kept_edges"] < 4299 / 2


def test_reports_say_so(sssp):
    assert sssp(*RUN, "--presolve").status == 0
    (path,) = result_files("out")
    result = results.load(path)
    assert "presolved" in report.render([result], "markdown")
    assert "presolved" in sssp("report", path, "--format", "csv").out.splitlines()[0].split(",")


def test_a_run_says_how_many_edges_are_kept_and_where_it_does_not_pay(sssp):
    loud = [*RUN[:-1], "--roots", 1, "--presolve"]
    assert re.search(
        r"^constructed in .* s, \d+ of 1024 edges kept$", sssp(*loud).err, re.MULTILINE
    )
    write_graph("path.npz", [(v, v + 1, 1.0) for v in range(40)], 41)
    run = sssp("run", "--graph", "path.npz", "--presolve", "--output", "out")
    assert run.status == 0
    assert " s, no edge dropped: presolve does not pay on this graph\n" in run.err


def test_a_stopped_run_goes_on_presolved_and_not_otherwise(sssp, spoil):
    seen = []

    def stop(root, answer):
        seen.append(root)
        if len(seen) == 7:  # warm-ups first
            os.kill(os.getpid(), signal.SIGTERM)

    spoil(stop)
    assert sssp(*RUN, "--presolve").status == 143
    (path,) = result_files("out")
    refused = sssp("run", "--resume", path, "--no-presolve", "--quiet")
    assert refused.status == 2
    assert "--no-presolve does not go with --resume" in refused.err
    changed = json.loads(path.read_text())
    changed["flags"]["presolve"] = False
    other = path.with_name("other.json")
    other.write_text(json.dumps(changed))
    refused = sssp("run", "--resume", other, "--quiet")
    assert (refused.status, "flags.presolve is False" in refused.err) == (2, True)
    other.unlink()
    assert sssp("run", "--resume", path, "--quiet").status == 0
    whole = only_result("out")
    assert whole["status"] == "complete" and len(whole["searches"]) == 9


def test_what_does_not_go_together_is_refused(sssp):
    """As soon as the file was read: nothing is compiled first."""
    write_graph("g.npz", [(0, 1, 1.0)], 2, directed=True)
    directed = sssp("run", "--graph", "g.npz", "--presolve", "--output", "out")
    assert directed.status == 2
    assert "presolve needs an undirected graph" in directed.err
    assert "compiling" not in directed.err and "constructing" not in directed.err
    assert not result_files("out")


def test_a_run_needs_at_most_100_bytes_a_vertex():
    """Above a compiled process, where the edge list is not kept, with all answers that wait."""
    for scale in (22, 27, 30):
        need = PresolvedNeed(2**scale, 16 << scale, edges_kept=False)
        need = need.with_answers(2**60)
        assert need.answers > 1
        assert need.total - need.base <= 100 << scale
        plain = Need(2**scale, 16 << scale, edges_kept=False)
        assert need.total - need.base < (plain.total - plain.base) / 3


def test_a_rank_needs_at_most_130_bytes_for_each_of_its_vertices():
    """From 8 ranks on no rank has all bounds; on fewer each needs 12 bytes a vertex for them."""
    for scale, ranks in ((22, 8), (27, 64), (30, 2000)):
        need = PresolvedNeed(2**scale, 16 << scale, edges_kept=False, ranks=ranks)
        assert need.total - need.base <= (130 << scale) / ranks
    # Two took so much at scale 21, by VmHWM.
    two = PresolvedNeed(2**21, 16 << 21, edges_kept=False, ranks=2)
    assert two.total - two.base >= (110 << 21) / 2
    four, eight = (PresolvedNeed(2**24, 16 << 24, ranks=ranks).construction for ranks in (4, 8))
    assert four > 12 << 24
    assert eight < four
