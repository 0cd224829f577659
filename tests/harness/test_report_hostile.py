"""Reports of made-up files: nothing in them does anything."""

from __future__ import annotations

import csv
import io
import json
import re

import command
import pytest
from example_peers import record
from example_result import example, from_file, search

from harness.console.escapes import markdown, visible
from harness.reports.report import FORMATS, render

sssp = command.sssp
stored = command.stored

ESCAPES = "\x1b]0;title\x07\x1b[2J\x9b31m\r\x00\x7f"
TURNED = "\u202etxt.exe\u2066\u200b\u2028"
HALF = "\udcff\ud800"
MARKED = "<script>alert(1)</script> | `x` [a](javascript:b) ![i](j) http://h www.h *b* ~~s~~ &lt;"
FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1")


def made_up(text):
    """A result with the text wherever a text may be."""
    wrong = search(valid=False, violations=[text])
    result = from_file(file=text)
    result["searches"][1] = wrong
    result["machine"] |= {"cpu": text, "gpu": text, "hostname": text}
    result["solver"] |= {"engine": text, "threading_layer": text}
    result["graph"]["weight_dtype"] = text
    return result | {"argv": [text], "commit": text, "versions": {text: text}}


def right(text):
    """The same, and valid."""
    result = made_up(text)
    return result | {"searches": [search()] * 3}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("make", [made_up, right])
def test_nothing_in_a_report_steers_a_terminal(sssp, stored, form, make):
    (name,) = stored(make(f"{ESCAPES}{TURNED}{HALF}"))
    done = sssp("report", name, "--format", form)
    assert done.status == (1 if make is made_up else 0)
    for text in (done.out, done.err):
        assert all(c.isprintable() or c == "\n" for c in text)
    if form in ("markdown", "csv"):
        assert r"\u202e" in done.out and r"\x1b" in done.out and r"\udcff" in done.out


def test_a_file_name_in_an_error_steers_no_terminal(sssp):
    done = sssp("report", f"{ESCAPES[:-2]}{TURNED}.json")
    assert done.status == 2 and r"\x1b[2J" in done.err
    assert all(c.isprintable() or c == "\n" for c in done.err)


def test_an_output_of_ascii_gets_ascii(tmp_path):
    (tmp_path / "0.json").write_text(json.dumps(from_file(file="stra\u00dfe.gr")))
    job = command.own_process(
        *("report", "0.json", "--format", "markdown"),
        afresh=True,
        cwd=tmp_path,
        environment={"PYTHONIOENCODING": "ascii"},
    )
    out, err = job.communicate(timeout=60)
    assert job.returncode == 0 and r"stra\xdfe.gr" in out and "Traceback" not in err


@pytest.mark.parametrize("make", [made_up, right])
def test_markdown_shows_markup_as_text(make):
    text = render([make(MARKED)], "markdown")
    assert "<script" not in text and "&lt;script&gt;" in text
    assert not re.search(r"(?<!\\)\]\(", text)
    for marked in ("`x`", "[a]", "*b*", "~~s", "http://", "www.", "!["):
        assert marked not in text
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.replace(r"\|", "").count("|") for line in lines} in ({20}, {15})


def test_peers_in_markdown_are_text_too(sssp, stored):
    found = record()
    found["solvers"][1] |= {"name": MARKED, "version": MARKED}
    found["machine"] = {"cpu": f"{MARKED}{ESCAPES}"}
    done = sssp("report", *stored(found), "--format", "markdown")
    assert done.status == 0
    assert "<script" not in done.out and "\x1b" not in done.out
    assert not re.search(r"(?<!\\)\]\(", done.out)


def test_ordinary_text_is_shown_as_it_is():
    for text in ("Intel(R) Xeon(R) CPU @ 2.20GHz", "road_north-2.gr.gz", "Größe, 道路.mtx", "a: b"):
        assert markdown(text) == visible(text) == text


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("make", [made_up, right])
def test_no_cell_of_a_sheet_begins_a_formula(make, text):
    rows = list(csv.reader(io.StringIO(render([make(text)], "csv"), newline="")))
    cells = [cell for row in rows for cell in row]
    assert f"'{text}" in cells
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))] == []


def test_numbers_are_no_text():
    """A figure that is negative, were there one, is no formula."""
    rows = list(csv.DictReader(io.StringIO(render([example([search(seconds=1e-7)])], "csv"))))
    assert rows[0]["seconds"] == "1e-07"


NAMES = [
    r"$\frac{",
    "$x$ $y",
    "a$b",
    "\udcff.gr",
    f"{ESCAPES}.gr",
    f"{TURNED}.gr",
    "x" * 100_000,
    " ",
]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_any_name_can_be_drawn_and_tabled(sssp, stored, tmp_path, name):
    pytest.importorskip("matplotlib")
    result = right(name)
    result["machine"]["gpu"] = None
    names = stored(result, from_file(file=name), example())
    assert sssp("report", *names, "--format", "png", "--output", "x.png").status == 0
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    assert sssp("report", *names, "--format", "csv").status == 0


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0, 5e-324, 1e-300, 1e308, 10**19])
def test_any_time_can_be_reported(sssp, stored, seconds):
    names = stored(example([search(seconds=seconds), search()]), example())
    for form in FORMATS:
        assert sssp("report", *names, "--format", form).status == 0
    assert sssp("report", *names, "--format", "png", "--output", "x.png").status == 0


@pytest.mark.parametrize("key", ["loops", "seconds", "idle_seconds"])
def test_energy_of_no_time_is_none(sssp, stored, key):
    part = {"machine": "m", "name": "package-0", "idle_joules": 1, "joules": 2}
    energy = {"label": "component energy", "idle_seconds": 1, "seconds": 1, "loops": 1}
    result = example(energy=energy | {"components": [part], key: 0})
    assert sssp("report", *stored(result), "--format", "markdown").status == 0


PEERS = [
    (("machine", "cpu"), {"a": 1}),
    (("machine", "cores"), "many"),
    (("solvers", 0, "seconds"), []),
    (("solvers", 0, "name"), 7),
    (("one_shot",), {"roots": [1], "calls": [{"name": "a", "call": "b", "seconds": []}]}),
    (("versions",), {"a": 1}),
    (("peers_schema",), "x" * 1000),
]


@pytest.mark.parametrize(("path", "value"), PEERS)
def test_a_comparison_with_a_wrong_field_is_refused(sssp, stored, path, value):
    found = record()
    inner = found
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    done = sssp("report", *stored(found), "--format", "markdown")
    assert done.refused("0.json: not a") and len(done.err) < 300
