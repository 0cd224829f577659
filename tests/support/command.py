"""Shared: the command, run here or in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from forks import python

import harness
from harness.cli import main

HOUSE = Path(harness.__file__).absolute().parent.parent


def _reference_keys():
    """The keys of the reference's kernel-3 lines, in their order."""
    sample = HOUSE / "tests" / "golden" / "sample_output_s12_np2_SKIP_BFS_stdout.txt"
    keys = [line.partition(":")[0] for line in sample.read_text().splitlines()]
    return [key for key in keys if not key.startswith("bfs")]


KEYS = _reference_keys()
SMALL = ("run", "--scale", 5, "--roots", 3, "--output", "out")


class Done(NamedTuple):
    """How a command ended: exit status, stdout, stderr."""

    status: int
    out: str
    err: str

    @property
    def figures(self):
        """The benchmark's lines, key to value."""
        return {
            key: value.strip()
            for key, _, value in (s.partition(":") for s in self.out.splitlines())
        }

    def refused(self, *fragments):
        """Check that the command ended with one line about a user's mistake."""
        assert self.status == 2, self.err
        assert self.out == ""
        (line,) = self.err.splitlines()
        assert line.startswith("sssp") and ": error: " in line
        for fragment in fragments:
            assert fragment in line
        return True


def in_process(capsys, *argv):
    status = main([str(word) for word in argv])
    out, err = capsys.readouterr()
    return Done(status, out, err)


def own_process(*argv, afresh=False, **settings):
    """Start the command in a process of its own, in pipes unless `settings` say otherwise.

    It is a fork of one that has imported everything, unless it is to start `afresh`.
    """
    environment = {**os.environ, "PYTHONPATH": str(HOUSE), **settings.pop("environment", {})}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    command = python("-m", "harness", *argv, afresh=afresh)
    return subprocess.Popen(command, env=environment, text=True, **{**pipes, **settings})


def result_files(folder):
    return sorted(Path(folder).glob("*.json"))


def only_result(folder):
    """Load the one result file in a folder."""
    (path,) = result_files(folder)
    return json.loads(path.read_text())


def write_graph(path, edges, n, **more):
    """Write an edge .npz from (src, dst, weight) triples."""
    src, dst, weight = zip(*edges, strict=True) if edges else ((), (), ())
    np.savez(
        path,
        src=np.array(src, np.int64),
        dst=np.array(dst, np.int64),
        weight=np.array(weight, np.float32),
        n=n,
        **more,
    )
    return path


@pytest.fixture
def sssp(capsys, monkeypatch, tmp_path):
    """Run the command in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *argv: in_process(capsys, *argv)


@pytest.fixture
def stored(tmp_path):
    """Write results or other records to files 0.json, 1.json, ..., and return their names."""

    def write(*found):
        for i, content in enumerate(found):
            (tmp_path / f"{i}.json").write_text(json.dumps(content))
        return [f"{i}.json" for i in range(len(found))]

    return write


@pytest.fixture
def spoil(monkeypatch):
    """Let every search end in something done to its answer."""

    def install(do):
        from sssp.solver import Solver

        search = Solver.search

        def spoiled(self, root, out=None):
            answer = search(self, root, out=out)
            do(root, answer)
            return answer

        monkeypatch.setattr(Solver, "search", spoiled)

    return install


def wrong_distance(root, answer):
    farthest = int(np.argmax(np.where(np.isfinite(answer.dist), answer.dist, -1)))
    answer.dist[farthest] += answer.dist.dtype.type(0.5)
