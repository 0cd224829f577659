"""Reports: the reference's lines column by column, no rate of an invalid run in any format."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import numpy as np
import pytest
from example_result import example, from_file, ranked, resumed, search
from scipy.optimize import least_squares

from harness.reports.report import (
    CSV_COLUMNS,
    FORMATS,
    failures,
    graph500_lines,
    incompleteness,
    render,
    submission_problems,
)
from harness.results.statistics import summarize_teps

GOLDEN = Path(__file__).parent.parent / "golden"
SAMPLES = ("sample_output_s10_np2_stdout.txt", "sample_output_s12_np2_SKIP_BFS_stdout.txt")
QUANTILES = ("min", "firstquartile", "median", "thirdquartile", "max")

UNVALIDATED = example(
    [search(valid=None, validate_seconds=None)] * 64,
    validated=False,
)
BROKEN = "rule 3 (parent edge): 5 vertices, first v=17: parent edge (17, 4) is not in the graph"
INVALID = example(
    [search(), search(root=99, valid=False, violations=[BROKEN, "rule 2 (tree): 1 vertex"])],
    status="invalid",
)
INCOMPLETE = example([search()] * 12, status="incomplete")


def kernel_3(sample: str) -> list[str]:
    """Return the lines of the reference's output that are ours to print."""
    lines = (GOLDEN / sample).read_text().splitlines()
    return [line for line in lines if not line.startswith("bfs ")]


def figures(lines: list[str]) -> dict[str, float]:
    pairs = (line.split(":") for line in lines)
    return {key: float(value.replace("!", "")) for key, value in pairs}


def keys(text: str) -> list[str]:
    return [line.partition(":")[0] for line in text.splitlines()]


def sample_with(statistics: dict[str, float], unit: str) -> list[float]:
    """Return 64 values which have the statistics that the reference printed for `unit`.

    The order statistics pin ten of the 64; those between two pins share a value, and the four
    values are solved for such that mean and standard deviation come out.
    """
    pins = np.array([statistics[f"sssp {name}_{unit}"] for name in QUANTILES])
    wanted = np.array([statistics[f"sssp {name}_{unit}"] for name in ("mean", "stddev")])

    def values(shares):
        between = pins[:-1] + np.diff(pins) * shares
        return np.concatenate([np.repeat(pins, [1, 2, 2, 2, 1]), np.repeat(between, 14)])

    def error(shares):
        x = values(shares)
        return np.array([x.mean(), x.std(ddof=1)]) / wanted - 1

    solved = least_squares(error, [0.5] * 4, bounds=(0, 1), xtol=1e-15, ftol=1e-15, gtol=1e-15)
    return values(solved.x).tolist()


# The reference's lines


@pytest.mark.parametrize("sample", SAMPLES)
def test_keys_spaces_and_order_are_the_references(sample):
    ours = graph500_lines(example()).splitlines()
    theirs = kernel_3(sample)
    assert [line[:32] for line in ours] == [line[:32] for line in theirs]
    assert all(line[32:] == line[32:].strip() != "" for line in ours)


@pytest.mark.parametrize("sample", SAMPLES)
def test_figures_of_the_references_sample_follow_from_its_times(sample):
    theirs = figures(kernel_3(sample))
    m = int(theirs["max_nedge"])
    times = sample_with(theirs, "time")
    checks = sample_with(theirs, "validate")
    searches = [
        search(root, seconds, m, validate_seconds=check)
        for root, (seconds, check) in enumerate(zip(times, checks, strict=True))
    ]
    np.random.default_rng(1).shuffle(searches)
    result = example(
        searches,
        generation_seconds=theirs["graph_generation"],
        construction_seconds=theirs["construction_time"],
        num_mpi_processes=2,
    )
    result["graph"] = result["graph"] | {"scale": int(theirs["SCALE"])}
    ours = figures(graph500_lines(result).splitlines())
    # The printed times have six digits, of which the rates follow to within a few units.
    assert ours == pytest.approx(theirs, rel=2e-5)
    assert [line for line in kernel_3(sample) if "nedge" in line] == [
        line for line in graph500_lines(result).splitlines() if "nedge" in line
    ]


def test_the_harmonic_mean_bears_its_mark_where_scripts_look_for_it():
    teps = summarize_teps([s["seconds"] for s in example()["searches"]], [16239] * 64)
    (line,) = (line for line in graph500_lines(example()).splitlines() if "harmonic_mean" in line)
    assert line == f"sssp harmonic_mean_TEPS:     !  {teps.harmonic_mean:g}"
    assert re.search(r"sssp harmonic_mean_TEPS:     !  (\S+)", line)


@pytest.mark.parametrize(
    ("seconds", "m", "teps", "nedge"),
    [
        (0.5, 2**46, "1.40737e+14", "7.0368744178e+13"),
        (1.0, 123456, "123456", "123456"),
        (0.25, 250000, "1e+06", "250000"),
        (1.0, 0, "0", "0"),
        (0.0, 1, "inf", "1"),
    ],
)
def test_numbers_are_printed_as_c_prints_them(seconds, m, teps, nedge):
    lines = graph500_lines(example([search(0, seconds, m)])).splitlines()
    assert f"sssp max_TEPS:                  {teps}" in lines
    assert f"mean_nedge:                     {nedge}" in lines
    assert "stddev_nedge:                   0" in lines
    assert "sssp harmonic_stddev_TEPS:      0" in lines


def test_nbfs_is_the_number_that_ran():
    for count in (1, 16, 64):
        lines = graph500_lines(example([search()] * count)).splitlines()
        assert lines[2] == f"NBFS:                           {count}"


@pytest.mark.parametrize("form", ["graph500", "spec"])
def test_edges_are_counted_without_self_loops(form):
    text = render([example([search(m=100, m_with_self_loops=900, seconds=1)])], form)
    shown = figures(text.splitlines())
    assert {shown[key] for key in shown if key.endswith(("max_nedge", "max_TEPS"))} == {100}


def test_without_validation_the_validate_block_alone_is_missing():
    whole = keys(graph500_lines(example()))
    assert keys(graph500_lines(UNVALIDATED)) == [k for k in whole if "validate" not in k]


def test_without_a_single_search_only_the_head_is_printed():
    head = keys(graph500_lines(example()))[:6]
    for result in (example([]), example([], status="incomplete")):
        assert keys(graph500_lines(result)) == head
        assert all(render([result], form) for form in FORMATS)


@pytest.mark.parametrize(
    ("n", "edges"),
    [(1, 0), (1024, 16384), (1025, 3000)],
)
def test_a_graph_from_a_file_has_no_scale_made_up(n, edges):
    lines = graph500_lines(from_file(n, edges)).splitlines()
    assert lines[0] == f"vertices:                       {n}"
    assert lines[1] == f"edges:                          {edges}"
    named = render([from_file(n, edges)], "spec").splitlines()
    assert named[:2] == [f"vertices: {n}", f"edges: {edges}"]


def test_a_generated_graphs_edge_factor_is_printed_whole():
    result = example()
    result["graph"] |= {"edgefactor": 16.0}
    assert "edgefactor:                     16\n" in graph500_lines(result)


# The specification's lines


def test_the_specifications_names_stand_in_its_order():
    expected = ["SCALE", "edgefactor", "NBFS", "construction_time"]
    for unit in ("time", "nedge"):
        expected += [f"sssp_{name}_{unit}" for name in (*QUANTILES, "mean", "stddev")]
    expected += [f"sssp_{name}_TEPS" for name in (*QUANTILES, "harmonic_mean", "harmonic_stddev")]
    text = render([example()], "spec")
    assert keys(text) == expected
    assert "SCALE: 10\nedgefactor: 16\nNBFS: 64\n" in text


def test_both_line_formats_give_the_same_figures():
    theirs = figures(render([example()], "spec").splitlines())
    ours = figures(graph500_lines(example()).splitlines())
    shared = {key.replace("sssp ", "sssp_") for key in ours} & set(theirs)
    assert len(shared) == 4 + 7 + 7
    for key, value in ours.items():
        key = key.replace("sssp ", "sssp_")
        key = f"sssp_{key}" if key.endswith("nedge") else key
        if key in theirs:
            assert theirs[key] == pytest.approx(value, rel=1e-5)


# Tables


def table_rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [re.split(r" (?<!\\)\| ", line[2:-2]) for line in lines]


def test_markdown_has_a_row_for_each_run_with_its_figures():
    one = example([search(seconds=0.001, m=34_040_000)] * 64)
    header, rule, *rows = table_rows(render([one, from_file(), INVALID], "markdown"))
    assert len({len(row) for row in (header, rule, *rows)}) == 1
    first, second, third = (dict(zip(header, row, strict=True)) for row in rows)
    assert first["harmonic mean TEPS"] == first["max TEPS"] == "34.04 G"
    assert first["median time"] == "0.001 s"
    assert first["machine"] == r"Model \| 3000, 2 cores"
    assert first["engine"] == "cpu, 2 threads"
    assert (first["validated"], first["remarks"]) == ("yes", "-")
    assert second["graph"].startswith("road, north.gr.gz: 1000 vertices, 2500 edges")
    assert second["remarks"].startswith("not a submission: the graph comes from a file")
    assert third["harmonic mean TEPS"] == third["median time"] == "-"
    assert third["validated"] == "failed"
    assert third["remarks"].startswith("not a submission: invalid; ")


def test_csv_has_a_row_for_each_search_with_every_raw_figure():
    odd = example([search(7, 1 / 3, violations=['a "quoted", rule', "second"], valid=None)])
    odd["graph"] |= {"file": 'road, "north"\nsouth.gr'}
    rows = list(csv.DictReader(io.StringIO(render([example(), odd], "csv"))))
    assert len(rows) == 65
    assert set(rows[0]) > {*CSV_COLUMNS, "machine_cpu", "versions_python", "noise_load", "TEPS"}
    assert [name for name in rows[0] if name in CSV_COLUMNS] == list(CSV_COLUMNS)
    assert [row["search"] for row in rows[:64]] == [str(i) for i in range(64)]
    last = rows[-1]
    assert (last["run"], last["root"], float(last["seconds"])) == ("2", "7", 1 / 3)
    assert last["file"] == 'road, "north"\nsouth.gr'
    assert last["violations"] == 'a "quoted", rule\nsecond'
    assert (last["valid"], last["check"], last["edges_kept"]) == ("", "", "true")
    assert (last["seed"], last["arcs"], last["arcs_touched"]) == ("2 3", "20914", "1234")
    assert (last["machine_cpu"], last["machine_cores"]) == ("Model | 3000", "2")
    assert (last["versions_mpi4py"], last["flags_seed"]) == ("", "2; 3")
    assert (last["noise_load"], last["memory_peak_bytes"]) == ("1.5", str(2**29))
    assert float(last["TEPS"]) == 16239 * 3
    assert last["argv"] == "sssp run --scale 10"


def leaves(value, name=""):
    """Yield the name of every figure in a result, as a column bears it."""
    items = value.items() if isinstance(value, dict) else ()
    for key, part in items:
        yield from leaves(part, f"{name}_{key}".lstrip("_"))
    for part in value if isinstance(value, list) and value else ():
        yield from leaves(part, name) if isinstance(part, dict) else ()
    if not isinstance(value, dict) and not (value and isinstance(value, list)):
        yield name
    if isinstance(value, list) and value and not isinstance(value[0], dict):
        yield name


@pytest.mark.parametrize("result", [example(), resumed(), ranked()])
def test_csv_has_a_column_for_every_figure_of_the_result_file(result):
    header = next(csv.reader(io.StringIO(render([result], "csv"))))
    assert len(header) == len(set(header))
    expected = set(leaves({k: v for k, v in result.items() if k != "searches"}))
    short = {name.removeprefix("graph_").removeprefix("solver_") for name in expected}
    short |= set(leaves(result["searches"][0])) - {"arcs"}
    assert short - set(header) == {"schema"}


def test_csv_joins_what_several_ranks_or_parts_have():
    (row, *_) = csv.DictReader(io.StringIO(render([ranked(3)], "csv")))
    assert row["ranks_places_host"] == "node1; node1; node1"
    assert row["ranks_places_threads"] == "4; 4; 4"
    two = resumed()
    two["resumed"] *= 2
    (row, *_) = csv.DictReader(io.StringIO(render([two], "csv")))
    assert row["resumed_searches_before"] == "20; 20"
    assert row["resumed_machine_cpu"] == "Model | 3000; Model | 3000"


def test_csv_shows_no_rate_of_an_invalid_run_beside_a_valid_one():
    rows = list(csv.DictReader(io.StringIO(render([example(), INVALID], "csv"))))
    assert {row["TEPS"] for row in rows[64:]} == {""} and "" not in {r["TEPS"] for r in rows[:64]}


def test_markdown_has_date_commit_memory_and_the_times_beside_the_searches():
    header, _, row = table_rows(render([example(dirty=True)], "markdown"))
    cells = dict(zip(header, row, strict=True))
    assert (cells["date"], cells["commit"]) == ("2025-06-01", "0123456789, dirty")
    assert cells["memory"] == "16 GiB, peak 512 MiB"
    assert (cells["generation time"], cells["validation time"]) == ("0.5 s", "0.125 s")
    teps = summarize_teps([s["seconds"] for s in example()["searches"]], [16239] * 64)
    assert cells["harmonic stddev TEPS"] == f"{teps.harmonic_stddev:.4g}"


@pytest.mark.parametrize("form", ["graph500", "spec"])
def test_runs_are_printed_one_after_another(form):
    one, two = render([example()], form), render([UNVALIDATED], form)
    assert render([example(), UNVALIDATED], form) == f"{one}\n{two}"


def test_an_unknown_format_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match="'json'.*graph500, spec, markdown, csv"):
        render([example()], "json")


# What may be claimed


@pytest.mark.parametrize("form", FORMATS)
def test_an_invalid_run_shows_no_rate_but_what_failed(form):
    text = render([INVALID], form)
    assert "TEPS" not in text
    assert BROKEN in text
    assert "99" in text


@pytest.mark.parametrize("form", ["graph500", "spec"])
def test_an_invalid_run_prints_the_references_line_and_each_failure(form):
    assert render([INVALID], form) == (
        "No results printed for invalid run.\n"
        f"search 1 (root 99): {BROKEN}\n"
        "search 1 (root 99): rule 2 (tree): 1 vertex\n"
    )


def test_failures_name_search_root_rule_and_vertex():
    assert failures(example()) == failures(UNVALIDATED) == failures(INCOMPLETE) == []
    assert failures(INVALID)[0] == f"search 1 (root 99): {BROKEN}"
    # Neither a status that was not updated nor a lost reason turns an invalid answer valid.
    unexplained = example([search(root=3, valid=False)])
    assert failures(unexplained) == ["search 0 (root 3): invalid; the result does not say why"]
    assert failures(example(status="invalid")) == ["the run is marked invalid; no search says why"]


def test_an_official_run_may_be_submitted():
    assert submission_problems(example()) == []
    assert submission_problems(example([search()] * 65, roots_requested=65)) == []


def with_edgefactor(edgefactor: float) -> dict:
    result = example()
    return result | {"graph": result["graph"] | {"edgefactor": edgefactor}}


@pytest.mark.parametrize(
    ("result", "problems"),
    [
        (example([search()] * 8), ["only 8 searches ran, 64 are asked for"]),
        (example([search()]), ["only 1 search ran, 64 are asked for"]),
        (UNVALIDATED, ["not validated"]),
        (
            example([search()] * 60 + [search(valid=None)] * 4),
            ["4 of 64 searches were not validated"],
        ),
        (with_edgefactor(8), ["the edge factor is 8, not 16"]),
        (with_edgefactor(16.5), ["the edge factor is 16.5, not 16"]),
        (from_file(), ["the graph comes from a file, not from the official generator"]),
        (INCOMPLETE, ["incomplete: 12 of 64 searches", "only 12 searches ran, 64 are asked for"]),
        (INVALID, ["invalid", "only 2 searches ran, 64 are asked for"]),
        (
            example([search()] * 70, status="incomplete", roots_requested=100),
            ["incomplete: 70 of 100 searches"],
        ),
    ],
    ids=[
        "few",
        "one",
        "unvalidated",
        "partly",
        "edgefactor 8",
        "edgefactor 16.5",
        "file",
        "incomplete",
        "invalid",
        "100",
    ],
)
def test_what_keeps_a_run_from_being_a_submission_is_said(result, problems):
    assert submission_problems(result) == problems
    assert render([result], "markdown").count("not a submission: " + "; ".join(problems)) == 1
    assert "submission" not in graph500_lines(result)


def test_a_resumed_run_shows_its_longest_construction():
    slower = resumed(construction_seconds=9, generation_seconds=0.25)
    lines = graph500_lines(slower)
    assert "construction_time:              9\n" in lines
    assert "graph_generation:               0.5\n" in lines
    assert "construction_time: 9.0" in render([slower], "spec")
    assert "| 9 s |" in render([slower], "markdown")
    assert submission_problems(slower) == []
    rows = list(csv.DictReader(io.StringIO(render([slower], "csv"))))
    assert rows[63]["resumed_construction_seconds"] == "9"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"machine": {"cpu": "another", "cores": 2}}, "resumed on another machine"),
        ({"commit": "f" * 40}, "resumed with other sources"),
        ({"versions": {"sssp-bench": "0.2.0"}}, "resumed with other sources"),
    ],
)
def test_parts_that_differ_are_no_submission(change, problem):
    assert submission_problems(resumed(**change)) == [problem]


def test_another_machine_of_the_same_kind_is_the_same_benchmark():
    machine = example()["machine"] | {"hostname": "node17"}
    assert submission_problems(resumed(machine=machine)) == []


def test_a_run_of_ranks_shows_their_number_and_what_they_exchanged():
    two = ranked(2)
    assert "num_mpi_processes:              2\n" in graph500_lines(two)
    (header, _, *rows) = table_rows(render([two, example()], "markdown"))
    first, second = (dict(zip(header, row, strict=True)) for row in rows)
    assert first["engine"] == "cpu, 2 threads, 2 ranks"
    assert first["exchange"] == "4 KiB in 90 messages a search, 22% of its time, load 1.25"
    assert second["exchange"] == "-"
    assert "exchange" not in render([example()], "markdown")
    two["ranks"]["places"] = [{"host": f"node{i}"} for i in range(2)]
    assert "| cpu, 2 threads, 2 ranks on 2 machines |" in render([two], "markdown")


@pytest.mark.parametrize(
    ("size", "shown"), [(0, "0 B"), (1000, "1000 B"), (2**20 * 3, "3 MiB"), (2**31, "2 GiB")]
)
def test_bytes_are_shown_in_their_size(size, shown):
    assert f"{shown} in 90 messages" in render([ranked(bytes=size)], "markdown")


def test_an_invalid_run_of_ranks_shows_no_exchange():
    broken = ranked()
    broken["searches"][0] |= {"valid": False, "violations": [BROKEN]}
    assert "messages" not in render([broken], "markdown")


def test_csv_has_the_exchange_of_each_search_where_there_are_ranks():
    rows = list(csv.DictReader(io.StringIO(render([example(), ranked()], "csv"))))
    assert (rows[0]["exchange_bytes"], rows[0]["ranks_library"]) == ("", "")
    last = rows[-1]
    exchange = ranked()["searches"][0]["exchange"]
    assert {key: float(last[f"exchange_{key}"]) for key in exchange} == exchange


def test_an_incomplete_run_says_how_far_it_came_and_reports_what_ran():
    assert incompleteness(INCOMPLETE) == "incomplete: 12 of 64 searches"
    assert incompleteness(example()) is None
    lines = graph500_lines(INCOMPLETE)
    assert "NBFS:                           12\n" in lines
    assert "sssp harmonic_mean_TEPS:     !  64956\n" in lines
