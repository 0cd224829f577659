"""`sssp generate`, `validate`, `report`, `info` and `warmup`."""

from __future__ import annotations

import io
import json
import os
import re

import command
import numpy as np
import pytest
from command import SMALL, result_files, write_graph, wrong_distance

sssp = command.sssp
spoil = command.spoil


def test_generate_writes_the_generators_edges(sssp):
    from graphs import read_graph
    from graphs.generator import kronecker

    flags = ("--scale", 6, "--edgefactor", 4, "--seed", 7, 8)
    assert sssp("generate", *flags, "--output", "e.npz").status == 0
    with np.load("e.npz") as stored:
        assert stored["src"].dtype == stored["dst"].dtype == np.int64
        assert stored["weight"].dtype == np.float32
    written, made = read_graph("e.npz"), kronecker(6, 4, (7, 8))
    assert (written.n, written.directed) == (64, False)
    for name in ("src", "dst", "weight"):
        assert np.array_equal(getattr(written, name), getattr(made, name))


PATH_GRAPH = [(0, 1, 0.25), (1, 2, 0.5), (3, 3, 0.5)]
PATH_DIST = np.array([0, 0.25, 0.75, np.inf], np.float32)
PATH_PARENT = np.array([0, 0, 1, -1])


@pytest.fixture
def validated(sssp, tmp_path):
    """Validate an answer on a path of three vertices and a lonely one."""
    write_graph(tmp_path / "g.npz", PATH_GRAPH, n=4)

    def validate(root=0, **arrays):
        np.savez("a.npz", **arrays)
        return sssp("validate", "--graph", "g.npz", "--solution", "a.npz", "--root", root)

    return validate


def test_validate_accepts_a_right_answer(validated):
    done = validated(dist=PATH_DIST, parent=PATH_PARENT)
    assert done.status == 0 and done.err == ""
    assert done.out == "valid: root 0, 3 vertices reached, m = 2\n"


def test_validate_prints_a_line_for_each_broken_rule(validated):
    done = validated(dist=PATH_DIST, parent=np.array([0, 0, 0, -1]))
    assert done.status == 1
    assert [line[:30] for line in done.out.splitlines()] == ["invalid: rule 3 (parent edge):"]
    assert "first v=2" in done.out
    assert "Traceback" not in done.err


def test_validate_takes_an_official_graph(sssp):
    from graphs.generator import kronecker

    n = kronecker(5).n
    np.savez("a.npz", dist=np.full(n, np.inf), parent=np.full(n, -1))
    done = sssp("validate", "--scale", 5, "--solution", "a.npz", "--root", 3)
    assert done.status == 1 and "rule 1 (root)" in done.out


@pytest.mark.parametrize(
    "change, fragment",
    [
        ({"dist": None}, "no array dist"),
        ({"dist": PATH_DIST[:3]}, "dist"),
        ({"parent": PATH_PARENT[None]}, "parent"),
        ({"parent": PATH_PARENT * 0.5}, "integers"),
        ({"dist": np.array([None] * 4)}, "array 'dist' cannot be read: Object arrays"),
        ({"root": 4}, "--root 4"),
    ],
)
def test_validate_refuses_what_is_no_answer(validated, change, fragment):
    given = {"dist": PATH_DIST, "parent": PATH_PARENT, **change}
    done = validated(**{name: value for name, value in given.items() if value is not None})
    assert done.refused(fragment)


SINGLE_ARRAY = io.BytesIO()
np.save(SINGLE_ARRAY, PATH_DIST)


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04 cut short", b"dist,parent\n0,0\n", SINGLE_ARRAY.getvalue()],
)
def test_validate_refuses_a_file_that_is_no_npz(sssp, tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    done = sssp("validate", "--scale", 4, "--solution", "a.npz", "--root", 1)
    assert done.refused("a.npz")


def test_report_derives_from_a_run_what_the_run_printed(sssp):
    run = sssp(*SMALL, "--quiet")
    (path,) = result_files("out")
    report = sssp("report", path)
    assert report.status == 0
    assert report.out == run.out
    assert "not a submission" in report.err


@pytest.mark.parametrize(
    "form, expected", [("spec", "SCALE: 5"), ("csv", "run,"), ("markdown", "|")]
)
def test_report_has_other_formats(sssp, form, expected):
    sssp(*SMALL, "--quiet")
    report = sssp("report", *result_files("out"), "--format", form)
    assert report.status == 0
    assert report.out.startswith(expected)


def test_report_of_an_invalid_run_is_exit_status_1(sssp, spoil):
    spoil(wrong_distance)
    sssp(*SMALL, "--quiet")
    report = sssp("report", *result_files("out"))
    assert report.status == 1
    assert "TEPS" not in report.out and "rule 4" in report.out


def test_report_refuses_what_is_no_result(sssp, tmp_path):
    (tmp_path / "other.json").write_text(json.dumps({"name": "package"}))
    assert sssp("report", "other.json").refused("other.json")


def test_info_names_engines_library_and_cache(sssp):
    done = sssp("info")
    assert done.status == 0 and done.err == ""
    for name in ("cpu", "cores", "memory", "engine cpu", "engine cuda", "MPI", "cache folder"):
        assert re.search(rf"^{name}: +\S", done.out, re.MULTILINE)


def test_info_says_why_mpi_is_missing(sssp, monkeypatch):
    monkeypatch.setenv("MPI4PY_LIBMPI", "/nonexistent")
    assert re.search(r"^MPI: +missing: .*cannot load", sssp("info").out, re.MULTILINE)


def test_info_says_what_a_scale_needs(sssp):
    small, large = sssp("info", "--scale", 8), sssp("info", "--scale", 40)
    assert re.search(r"^edge list kept: .* fits$", small.out, re.MULTILINE)
    assert re.search(r"^a run here: +would keep", small.out, re.MULTILINE)
    assert re.search(r"^edge list made again: .* does not fit$", large.out, re.MULTILINE)
    assert re.search(r"^on a GPU, presolved: .* GiB of its memory$", large.out, re.MULTILINE)
    assert re.search(r"^a run here: +would be refused", large.out, re.MULTILINE)
    assert re.search(r"^generation: +about \S+ s a pass", large.out, re.MULTILINE)
    passes = "2 passes to construct, 11 to validate$"
    assert re.search(rf"^regeneration: +about \d+ s in 64 searches .*{passes}", large.out, re.M)


def test_info_counts_the_passes_that_kernel_1_makes(monkeypatch):
    from graphs import KroneckerStream, build_csr
    from harness.benchmark.estimate import PASSES_TO_CONSTRUCT

    passes, slices = [], KroneckerStream.slices
    monkeypatch.setattr(KroneckerStream, "slices", lambda self: passes.append(1) or slices(self))
    build_csr(KroneckerStream(8))
    assert len(passes) == PASSES_TO_CONSTRUCT


def test_warmup_says_where_it_keeps_what_it_compiled(sssp):
    done = sssp("warmup")
    assert done.status == 0
    folder = re.fullmatch(r"compiled in \S+ s, kept in (.*)\n", done.out)[1]
    assert os.listdir(folder)
