"""`sssp solve`, and `sssp run --root`: searches from named vertices of a file."""

from __future__ import annotations

import json

import command
import numpy as np
import pytest
from graph_files import DATA, put

sssp = command.sssp
GRAPH = f"{10**12} 7 2\n7 90 3\n{10**12} 90 6\n11 7 1\n"  # vertices 7, 11, 90, 10^12
BIG = str(10**12)


@pytest.fixture
def graph(tmp_path):
    return put(tmp_path, "g.el", GRAPH)


def test_solve_writes_the_files_own_ids(sssp, graph):
    done = sssp("solve", "--graph", graph, "--root", BIG, "--output", "a.csv")
    assert (done.status, done.out) == (0, "")
    assert done.err == "wrote a.csv: 1 root, 4 vertices\n"
    with open("a.csv") as file:
        rows = file.read().splitlines()
    assert rows == [
        "root,vertex,dist,parent",
        f"{BIG},7,2,{BIG}",
        f"{BIG},11,inf,-1",
        f"{BIG},90,5,7",
        f"{BIG},{BIG},0,{BIG}",
    ]


def test_solve_writes_several_roots_and_validate_reads_them(sssp, graph, tmp_path):
    put(tmp_path, "roots.txt", "# c\n11\n")
    flags = ("--root", BIG, "--root", 7, "--roots-file", "roots.txt")
    assert sssp("solve", "--graph", graph, *flags, "--output", "a.npz").status == 0
    with np.load("a.npz") as stored:
        assert stored["root"].tolist() == [10**12, 7, 11]
        assert stored["vertex"].tolist() == [7, 11, 90, 10**12]
        assert stored["dist"].tolist()[1:] == [[0, np.inf, 3, np.inf], [1, 0, 4, np.inf]]
        assert stored["parent"].tolist()[2] == [11, 11, 7, -1]
    for root, reached in ((BIG, 3), (7, 2), (11, 3)):
        done = sssp("validate", "--graph", graph, "--solution", "a.npz", "--root", root)
        assert done.out.startswith(f"valid: root {root}, {reached} vertices reached")
    assert (
        sssp("solve", "--graph", graph, "--root", 7, "--root", 7, "--output", "a.tsv").status == 0
    )
    with open("a.tsv") as file:
        assert file.read().splitlines()[1:3] == ["7\t7\t0\t7", "7\t11\tinf\t-1"]


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
@pytest.mark.parametrize("weights", ["unit", "random:3", None])
def test_validate_reads_the_lines_that_solve_writes(sssp, tmp_path, name, weights):
    # Random weights are float32: the text has the digits that give them back, and no more.
    text = "".join(f"{line.rsplit(' ', 1)[0]}\n" for line in GRAPH.splitlines())
    path = put(tmp_path, "g.el", text if weights else GRAPH.replace(" 2\n", " 0.1\n"))
    graph = ("--graph", path, *(("--weights", weights) if weights else ()))
    assert sssp("solve", *graph, "--root", BIG, "--root", 7, "--output", name).status == 0
    for root, reached in ((BIG, 3), (7, 2)):
        done = sssp("validate", *graph, "--solution", name, "--root", root)
        assert done.out.startswith(f"valid: root {root}, {reached} vertices reached"), done
    with open(name) as file:
        lines = file.read().replace("\r", "")
    put(tmp_path, name, b"\xef\xbb\xbf" + lines.replace("\n", "\r\n").encode())
    assert sssp("validate", *graph, "--solution", name, "--root", 7).status == 0


@pytest.mark.parametrize("name", ["test-sssp-directed", "example-undirected"])
def test_graphalytics_expects_these_distances(sssp, name):
    expected = [line.split() for line in (DATA / "graphalytics" / f"{name}-SSSP").open()]
    root = 2 if name.startswith("example") else 1
    flags = ("--graph", DATA / "graphalytics" / f"{name}.e", "--root", root)
    assert sssp("solve", *flags, "--output", "a.tsv").status == 0
    with open("a.tsv") as file:
        found = [line.split()[1:3] for line in file.readlines()[1:]]
    assert [v for v, _ in found] == [v for v, _ in expected]
    ours, theirs = ([float(dist) for _, dist in rows] for rows in (found, expected))
    assert ours == pytest.approx(theirs, rel=1e-14)  # some of theirs are rounded


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ((), "name a root: --root R"),
        (("--root", 8), "root 8 is no vertex of the graph; its ids are 4 numbers in 7..1000"),
        (("--root", -1), "must be a whole number from 0"),
        (("--roots-file", "missing"), "missing: cannot be read: No such file"),
        (("--roots-file", "bad"), "bad, line 1: vertex id 'x' is not an integer"),
        (("--roots-file", "empty"), "holds no root"),
        (("--root", 7, "--weights", "unit"), "has weights of its own; leave out --weights unit"),
        (("--root", 7, "--weights", "random:x"), "must be unit, or random:SEED"),
        (("--root", 7, "--format", "mtx"), ", line 1: '1000000000000 7 2' stands where the header"),
        (("--root", 7, "--output", "a.txt"), "the name must end in .npz, .csv or .tsv"),
        (("--root", 7, "--output", "no/a.csv"), "--output no: cannot be written"),
    ],
)
def test_solve_says_what_is_wrong_and_writes_nothing(sssp, graph, tmp_path, flags, words):
    put(tmp_path, "bad", "x\n")
    put(tmp_path, "empty", "# none\n")
    given = flags if "--output" in flags else (*flags, "--output", "a.csv")
    assert sssp("solve", "--graph", graph, *given).refused(words)
    assert not list(tmp_path.glob("a.*")) and not list(tmp_path.glob(".sssp*"))


def test_an_answer_too_large_is_refused(sssp, graph, monkeypatch):
    from harness.commands import solve

    monkeypatch.setattr(solve, "_ANSWER_BYTES", 2**50)
    flags = ("--root", 7, "--root", 11, "--output", "a.npz")
    assert sssp("solve", "--graph", graph, *flags).refused("write a .csv, or ask for fewer roots")


def test_run_searches_from_named_roots_and_keeps_the_rule_for_weights(sssp, tmp_path):
    put(tmp_path, "g.txt", "# Undirected graph\n1 2\n2 3\n5 5\n")
    put(tmp_path, "c.toml", 'root = [3, 1]\nweights = "unit"\n')
    run = ("run", "--graph", "g.txt", "--output", "out", "--no-energy", "--quiet")
    done = sssp(*run, "--config", "c.toml")
    assert done.status == 0
    assert done.out.splitlines()[:2] == [f"{'vertices:':<32}6", f"{'edges:':<32}3"]
    assert "the roots were given" in done.err
    (path,) = command.result_files("out")
    result = json.loads(path.read_text())
    assert [search["root"] for search in result["searches"]] == [3, 1]
    assert (result["flags"]["root"], result["flags"]["weights"]) == ([3, 1], "unit")
    assert sssp(*run, "--weights", "unit", "--root", 5).refused("--root 5: has no edge")
    assert sssp(*run, "--weights", "unit", "--root", 9).refused("root 9 is no vertex")
    assert sssp(*run, "--root", 1).refused("has no weights; give --weights unit")
    assert sssp(*run, "--root", 1, "--roots", 2).refused("--roots does not go with --root")
    assert sssp("run", "--scale", 4, "--weights", "unit").refused("--weights goes with --graph")


def test_the_formats_that_a_flag_names_are_those_that_are_read():
    from graphs.files import FORMATS
    from harness.commands import options

    assert tuple(FORMATS) == options.FORMATS


@pytest.mark.parametrize(
    ("quiet", "size", "said"),
    [(False, 40 << 20, "MiB read: 40 of 40\n"), (True, 40 << 20, ""), (False, 1 << 20, "")],
)
def test_a_long_file_shows_how_much_is_read(capsys, quiet, size, said):
    from harness.console.progress import Progress

    with Progress(quiet).reading(size) as read:
        for at in range(0, size + 1, 1 << 18):
            read(at)
    assert capsys.readouterr().err == said
