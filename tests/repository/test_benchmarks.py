"""The benchmarks of benchmarks/ run: each of them once, nothing measured."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from markdown import cells
from repository import HOUSE

from benchmarks import networkx_callers


@pytest.mark.slow
def test_every_benchmark_runs():
    pytest.importorskip("pytest_benchmark")
    command = [sys.executable, "-m", "pytest", "benchmarks", "--benchmark-disable", "-q"]
    done = subprocess.run(command, cwd=HOUSE, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    written = sum(
        len(re.findall(r"^def bench_", path.read_text(), re.M))
        for path in (HOUSE / "benchmarks").glob("bench_*.py")
    )
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= written > 0


def test_libraries_under_networkx_are_compared_from_the_same_sources(monkeypatch):
    monkeypatch.delitem(networkx_callers.LIBRARIES, "igraph")  # is not installed everywhere
    found = networkx_callers.figures(vertices=40, edges=200, sources=3, few=2, repeats=2)
    searches = [(turn["name"], len(turn["seconds"])) for turn in found["turns"]]
    assert searches == 2 * [("sssp", 3), ("networkx", 2)]
    rows = cells(networkx_callers.table(found).splitlines())
    assert [row["library"] for row in rows] == ["sssp", "networkx"]
    assert rows[0]["ratio"] == "1.0"


def test_a_library_with_other_distances_is_found_out(monkeypatch):
    wrong = lambda graph: lambda source: dict.fromkeys(graph, 0)  # noqa: E731
    monkeypatch.setattr(networkx_callers, "LIBRARIES", {"networkx": networkx_callers.by_networkx,
                                                        "wrong": wrong})  # fmt: skip
    with pytest.raises(SystemExit, match="wrong has other distances from"):
        networkx_callers.figures(vertices=40, edges=200, sources=1, few=1, repeats=1)
