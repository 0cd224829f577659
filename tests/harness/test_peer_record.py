"""The file of `sssp peers`: written, read, refused, and what a report makes of it."""

from __future__ import annotations

import json
import re

import pytest
from command import sssp, stored  # noqa: F401
from example_peers import record
from example_result import example

from harness.peers import record as peer_record
from harness.peers import table as peer_table
from harness.results.record import ResultError


def test_a_ratio_is_to_our_row_of_the_most_threads():
    table = peer_table.render(record())
    (scipy,) = (line for line in table.splitlines() if line.startswith("| scipy"))
    assert [cell.strip() for cell in scipy.split("|")][5:10] == [
        "10500", "10000", "11000", "9.52e-05", "42.0",
    ]  # fmt: skip
    assert peer_table.ratio_lines(record()) == [
        "ratio scipy/sssp-bench, 1 thread: 21.0",
        "ratio scipy/sssp-bench, 2 threads: 42.0",
    ]


def test_a_written_record_is_read_again(tmp_path):
    path = peer_record.write(record(), tmp_path)
    assert re.fullmatch(r"\d{8}T\d{6}Z-s10-peers-\w{6}\.json", path.name)
    assert peer_record.load(path) == record()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"peers_schema": 2}, "format 1"),
        ({"status": "fine"}, "status must be one of"),
        ({"m": [1]}, "m must have 2 items"),
        ({"solvers": record()["solvers"][2:]}, "sssp-bench"),
        ({"solvers": [{"name": "scipy"}]}, r"solvers\[0\] lacks the key"),
        ({"one_shot": {"roots": []}}, "one_shot lacks the key 'calls'"),
        ({"roots": "3 4"}, "roots must be of type array"),
    ],
)
def test_a_file_that_is_no_such_record_is_named_with_its_fault(tmp_path, change, message):
    path = tmp_path / "some file.json"
    path.write_text(json.dumps(record(**change)))
    with pytest.raises(ResultError, match=message) as refused:
        peer_record.load(path)
    assert str(path) in str(refused.value)


def test_a_search_that_takes_no_time_has_no_rate():
    quick = record()
    for row in quick["solvers"]:
        row["seconds"] = [0.0, 0.0]
    assert "inf" not in peer_table.render(quick) and "nan" not in peer_table.render(quick)


def test_markdown_shows_the_table_of_a_comparison(sssp, stored):  # noqa: F811
    done = sssp("report", *stored(example(), record()), "--format", "markdown")
    assert done.status == 0
    assert "harmonic mean TEPS" in done.out
    assert "ratio scipy/sssp-bench, 2 threads: 42.0" in done.out


@pytest.mark.parametrize("form", ["graph500", "spec", "csv"])
def test_other_formats_leave_comparisons_out_and_say_so(sssp, stored, form):  # noqa: F811
    names = stored(example(), record())
    done = sssp("report", *names, "--format", form)
    assert done.out == sssp("report", names[0], "--format", form).out
    assert "1.json: of sssp peers, left out" in done.err
    alone = sssp("report", names[1], "--format", form)
    assert alone.status == 2 and alone.out == "" and "no result of sssp run" in alone.err


def test_an_invalid_comparison_shows_no_figure(sssp, stored):  # noqa: F811
    differing = record(status="invalid")
    differing["solvers"][2]["disagreements"] = ["root 3: 1 distances differ"]
    done = sssp("report", *stored(differing), "--format", "markdown")
    assert done.status == 1
    assert done.out == "invalid: scipy: root 3: 1 distances differ\n"
