"""`sssp compare`: pairs by root, refuses what is not comparable, and checks that answers agree."""

from __future__ import annotations

import json
import random

import command
import pytest
from example_peers import record, row
from example_result import example, from_file, search

from harness.reports.compare import compare
from harness.reports.compare_formats import render
from harness.reports.measured import measured

sssp, stored = command.sssp, command.stored


def times(factor=1.0, count=64, **changes):
    """A result whose searches take `factor` times as long as those of `example()`."""
    return example([search(r, factor * (0.25 + r / 1024)) for r in range(count)], **changes)


def with_(part, **changes):
    """A result with changes within one of its parts."""
    result = example()
    return result | {part: result[part] | changes}


def answers(*, root=5, **changes):
    return example(
        [s | changes if s["root"] == root else s for s in example()["searches"]],
    )


@pytest.fixture
def compared(sssp, stored):
    """Compare two results as files; flags follow."""
    return lambda a, b, *flags: sssp("compare", *stored(a, b), *flags)


@pytest.fixture
def folders(sssp, tmp_path):
    """Compare two folders of results; flags follow."""

    def run(a, b, *flags):
        for name, results in (("a", a), ("b", b)):
            (tmp_path / name).mkdir()
            for i, result in enumerate(results):
                (tmp_path / name / f"{i}.json").write_text(json.dumps(result))
        return sssp("compare", "a", "b", *flags)

    return run


@pytest.mark.parametrize(
    ("factor", "verdict", "status"),
    [(1.0, "same", 0), (1.04, "same", 0), (1.5, "slower", 1), (0.5, "faster", 0)],
)
def test_a_verdict_and_a_status_for_ci(compared, factor, verdict, status):
    done = compared(example(), times(factor), "--fail-if-slower", "5%")
    assert done.out.startswith(f"{verdict}: B takes {factor:#.4g} times as long as A; 95% interval")
    assert done.status == status
    assert ("slower than --fail-if-slower 5% allows" in done.err) == bool(status)


def test_without_the_flag_slower_is_no_failure(compared):
    done = compared(example(), times(1.5))
    assert (done.status, done.err) == (0, "")
    assert "answers: equal, shown by dist_digest for all 64 search keys" in done.out


def test_the_margin_is_the_users(compared):
    assert compared(example(), times(1.04), "--margin", "2%").out.startswith("slower")


def test_searches_are_paired_by_root_whatever_their_order(compared):
    searches = times(1.01)["searches"]
    random.Random(3).shuffle(searches)
    found = json.loads(compared(example(), example(searches), "--format", "json").out)
    (only,) = found["comparisons"]
    assert only["ratios"] == pytest.approx([1.01] * 64)
    assert only["verdict"] == "same"
    assert only["ratio"]["low"] == pytest.approx(1.01)
    assert only["answers"] == {
        "search_keys": 64,
        "left_out": 0,
        "shown_equal": 64,
        "unequal": [],
    }


def test_figures_beside_the_ratio(compared):
    half = example(construction_seconds=0.03125)
    out = compared(example(), half).out
    lines = {line.split("  ")[0]: line.split() for line in out.splitlines()}
    assert lines["construction"][-5:] == ["0.0625", "s", "0.03125", "s", "0.5000"]
    assert lines["search, median"][-1] == lines["harmonic mean"][-1] == "1.000"
    assert lines["memory, peak"][-1] == "1.000"
    assert "energy" not in out  # of neither


def test_energy_stands_beside_the_times(compared):
    used = {"machine": "n", "name": "package-0", "idle_joules": 1.0, "joules": 30.0}
    energy = {"label": "component energy", "idle_seconds": 1.0, "seconds": 10.0, "loops": 2}
    done = compared(example(energy=energy | {"components": [used]}), example())
    (line,) = (line for line in done.out.splitlines() if line.startswith("component energy"))
    assert line.split()[-4:] == ["15", "J", "-", "-"]


def test_memory_stands_beside_the_times_where_a_run_has_measured_it():
    a, b = (measured("f", example(memory={"peak_bytes": n * 2**30})) for n in (1, 2))
    out = render([compare(tuple(a), tuple(b), 0.05)], 0.05, "text")
    (line,) = (line for line in out.splitlines() if line.startswith("memory, peak"))
    assert line.split()[-5:] == ["1", "GiB", "2", "GiB", "2.000"]


@pytest.mark.parametrize(
    "changes",
    [{"dist_digest": "f" * 16}, {"reached": 896}, {"m": 16240}],
    ids=["dist_digest", "reached", "m"],
)
def test_different_answers_are_said_loudly_and_no_time_is_compared(compared, changes):
    done = compared(example(), answers(**changes))
    assert done.status == 1
    assert done.out.startswith("DIFFERENT ANSWERS to 1 of 64 search keys")
    assert "times as long" not in done.out and "harmonic" not in done.out
    assert f"different: root 5: {next(iter(changes))} is " in done.out
    assert "DIFFERENT ANSWERS in 1 of 1 comparisons" in done.err


def test_answers_without_a_fingerprint_are_not_called_equal(compared):
    done = compared(example(), answers(dist_digest=None))
    assert done.status == 0
    assert "1 of 64 search keys have no dist_digest in all files" in done.out


@pytest.mark.parametrize(
    ("b", "named"),
    [
        (with_("graph", scale=11), "graph: scale 10, edge factor 16 in A, scale 11, edge factor"),
        (with_("graph", seed=[5, 6]), "seeds: 2 3 in A, 5 6 in B"),
        (with_("machine", cpu="Another"), "machine: Model | 3000, 2 cores in A, Another, 2 cores"),
        (
            with_("machine", cores=4),
            "machine: Model | 3000, 2 cores in A, Model | 3000, 4 cores in B",
        ),
        (with_("solver", engine="cuda"), "solver: sssp-bench cpu in A, sssp-bench cuda in B"),
        (with_("solver", presolve={}), "presolve: no in A, yes in B"),
        (from_file(), "graph: scale 10, edge factor 16 in A, a file of 1000 vertices, 2500"),
    ],
    ids=["graph", "seeds", "machine", "cores", "engine", "presolve", "file"],
)
def test_what_is_not_comparable_is_named_and_refused(compared, b, named):
    if b["solver"].get("presolve") is not None:
        facts = {"hub": 1, "light_below": None, "rounds": 2, "slack": 0.5, "kept_edges": 9}
        b["solver"]["presolve"] = facts | {"seconds": {}}
    assert compared(example(), b).refused("not comparable", named, "--anyway")
    done = compared(example(), b, "--anyway")
    assert done.status == 0
    assert f"not comparable: {named}" in done.out
    asked_alike = "graph:" not in named and "seeds:" not in named
    assert ("answers: not compared" in done.out) != asked_alike


def test_threads_may_differ_and_are_named(compared):
    done = compared(example(), with_("solver", threads=1))
    assert done.status == 0
    assert "differs: threads: 2 in A, 1 in B" in done.out


def test_where_ranks_kept_the_bounds_of_presolve_may_differ_and_is_named(compared):
    """They change what construction takes; edges kept and searches are the same."""
    facts = {"hub": 1, "light_below": None, "rounds": 2, "slack": 0.5, "kept_edges": 9}
    a, b = (
        with_("solver", presolve=facts | {"seconds": {}, "bounds": way})
        for way in ("copies", "owners")
    )
    done = compared(a, b)
    assert done.status == 0
    assert "differs: bounds of presolve: copies in A, owners in B" in done.out


def test_an_invalid_run_is_not_compared(compared):
    bad = example([search(valid=False, violations=["rule 2 (tree)"])], status="invalid")
    done = compared(example(), bad)
    assert (done.status, done.out) == (1, "")
    assert "1.json: invalid, nothing is compared: search 0 (root 5): rule 2 (tree)" in done.err


def test_an_incomplete_run_is_compared_over_what_it_has(compared):
    done = compared(example(), times(count=12, status="incomplete"))
    assert done.status == 0
    assert "12 search keys paired; 52 left out, which not all files have" in done.out
    assert "incomplete: 12 of 64 searches" in done.out


def test_a_gate_that_could_not_fail_is_refused(compared):
    few = times(9.0, count=5)
    assert compared(few, few, "--fail-if-slower", "5%").refused("cannot decide from 5 search keys")
    assert "no interval, as that takes 6 search keys" in compared(few, few).out


def test_folders_are_paired_by_configuration(folders):
    other = with_("graph", scale=11)
    one_thread = with_("solver", threads=1)
    done = folders([example(), other], [other, times(1.5), one_thread])
    assert done.status == 0
    assert done.out.startswith("2 configurations: 1 slower, 1 same\n")
    assert done.err == (
        "b/2.json: nothing to compare it with, left out: scale 10, edge factor 16, seeds 2 3; "
        "sssp-bench cpu; threads 1, ranks 1\n"
    )


def test_several_runs_of_a_configuration_are_one_side(folders):
    """The interval then holds what differs from run to run."""
    a, b = [times(f) for f in (1.0, 1.2, 1.05)], [times(f) for f in (1.15, 1.0, 1.1)]
    done = folders(a, b)
    assert done.out.startswith("undecided: ")
    assert "One run a side" not in done.out
    assert done.out.count("\nA: ") == done.out.count("\nB: ") == 3


def test_a_wrong_answer_in_one_run_of_many_is_found(folders):
    done = folders([example(), answers(dist_digest="0" * 16)], [example(), example()])
    assert done.status == 1
    assert (
        "root 5: dist_digest is 0000000000000005 in a/0.json, 0000000000000000 in a/1" in done.out
    )


def test_folders_with_one_configuration_each_are_a_pair(folders):
    one_thread = times(2.0) | {"solver": with_("solver", threads=1)["solver"]}
    done = folders([example()], [one_thread], "--fail-if-slower", "5%")
    assert done.status == 1
    assert done.out.startswith("slower")


def test_nothing_in_common_is_refused(folders):
    two = [with_("graph", scale=11), with_("graph", scale=12)]
    assert folders([example()], two).refused("no configuration in common")


def test_no_root_in_common_is_refused(compared):
    other = example([search(root) for root in range(100, 164)])
    assert compared(example(), other).refused("no search key in common")


def test_a_folder_without_results_is_refused(sssp, stored, tmp_path):
    (tmp_path / "empty").mkdir()
    assert sssp("compare", *stored(example()), "empty").refused("empty: no .json file")


def test_a_folder_holds_only_results(folders):
    assert folders([example()], [{"some": "thing"}]).refused("b/0.json", "not a result file")


def test_a_time_of_zero_gives_no_ratio(compared):
    assert compared(example(), times(0.0)).refused("1.json: root 0: 0 s give no ratio")


@pytest.mark.parametrize("value", ["0%", "-5%", "nan", "inf", "1e999", "5%%", "", "five"])
def test_a_limit_is_a_percentage_above_0(sssp, value):
    done = sssp("compare", "a", "b", f"--fail-if-slower={value}")
    assert done.refused("--fail-if-slower", "must be a percentage above 0, as 5%")


def test_files_of_peers_are_compared_solver_by_solver(compared):
    roots = list(range(8))
    rows = [row("sssp-bench", 2, [0.25] * 8), row("scipy", 1, [10.0] * 8)]
    same = {"roots": roots, "m": [1000] * 8, "reached": [10] * 8}
    slow = [row("sssp-bench", 2, [0.5] * 8), row("scipy", 1, [10.0] * 8)]
    done = compared(record(solvers=rows, **same), record(solvers=slow, **same))
    assert done.status == 0
    assert done.out.startswith("2 configurations: 1 slower, 1 same\n")
    assert "8 of 8 search keys have no dist_digest in all files" in done.out
    differing = record(solvers=slow, **same | {"reached": [9] * 8})
    assert compared(record(solvers=rows, **same), differing).status == 1


def test_a_run_and_a_file_of_peers_are_not_comparable(compared):
    ours = record(solvers=[row("sssp-bench", 2, [0.25, 0.25])])
    assert compared(example(), ours).refused("measured by: sssp run in A, sssp peers in B")


HOSTILE = "evil\x1b[2J\n**same**: <script> | `x`"


def test_hostile_names_stay_on_their_line(compared):
    bad = with_("machine", cpu=HOSTILE, hostname=HOSTILE)
    bad |= {"versions": {"threads": "9", "graph": HOSTILE}}
    done = compared(example(), bad, "--anyway")
    assert "\x1b" not in done.out
    assert not [line for line in done.out.splitlines() if line.startswith("**")]
    assert "threads 2, ranks 1" in done.out
    shown = compared(example(), bad, "--anyway", "--format", "markdown").out
    assert "<script>" not in shown and "\\*\\*same\\*\\*" in shown
    assert shown.startswith("**same: ")


def test_markdown_is_a_table_with_the_verdict_above(compared):
    lines = compared(example(), times(1.5), "--format", "markdown").out.splitlines()
    assert lines[0].startswith("**slower: B takes 1.500 times as long as A")
    assert lines[2] == "|  | A | B | B / A |"
    assert all(line.count("|") == 5 for line in lines[2:7])


def test_two_real_runs_have_equal_answers(sssp, tmp_path):
    for name in ("a", "b"):
        done = sssp("run", "--scale", 5, "--roots", 8, "--quiet", "--output", name)
        assert done.status == 0
    found = json.loads(sssp("compare", "a", "b", "--format", "json").out)
    (only,) = found["comparisons"]
    assert only["answers"]["shown_equal"] == 8
    a, b = (
        {s["root"]: s["seconds"] for s in command.only_result(n)["searches"]} for n in ("a", "b")
    )
    assert only["ratios"] == pytest.approx([b[root] / a[root] for root in only["roots"]])
