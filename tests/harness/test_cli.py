"""The command `sssp`: its pages, what it says of mistakes, and output that cannot be written."""

from __future__ import annotations

import gc
import io
import os
import re
import sys

import command
import pytest
from command import SMALL, own_process, write_graph

from harness.cli import main
from harness.console import streams
from harness.console.errors import Exit, UsageError

sssp = command.sssp
COMMANDS = ("run", "peers", "generate", "validate", "report", "template", "warmup", "info")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_page_with_an_example_and_the_exit_codes(sssp, command):
    page = sssp(command, "--help")
    assert page.status == 0 and page.err == ""
    assert re.search(rf"examples?:\n( .*\n)*? .*sssp {command}", page.out)
    for code in Exit:
        assert re.search(rf"^  {code.value} ", page.out, re.MULTILINE)


def test_the_first_page_names_every_command(sssp):
    page = sssp("--help")
    assert page.status == 0
    assert all(re.search(rf"^    {command} +\S", page.out, re.MULTILINE) for command in COMMANDS)


def test_version_is_that_of_the_distribution(sssp):
    done = sssp("--version")
    assert done.status == 0
    assert re.fullmatch(r"sssp-bench \d+\.\d+\S*\n", done.out)


MISTAKES = [
    (["run", "--scale", "0"], "--scale", "got 0"),
    (["run", "--scale", "ten"], "--scale", "'ten'"),
    (["run", "--scale", "63"], "--scale", "62"),
    (["run", "--scale", "40"], "scale 40", "GiB", "fits"),
    (["run", "--edgefactor", "0"], "--edgefactor", "got 0"),
    (["run", "--roots", "0"], "--roots", "got 0"),
    (["run", "--threads", "0"], "--threads", "got 0"),
    (["run", "--threads", "-1"], "--threads", "-1"),
    (["run", "--delta", "0"], "--delta", "got 0"),
    (["run", "--delta", "nan"], "--delta", "got nan"),
    (["run", "--delta", "inf"], "--delta", "got inf"),
    (["run", "--seed", "1"], "--seed", "2 arguments"),
    (["run", "--seed", "-1", "3"], "--seed", "got -1"),
    (["run", "--seed", "2", str(2**64)], "--seed", str(2**64)),
    (["run", "--engine", "tpu"], "--engine", "tpu"),
    (["run", "--check", "scipy"], "--check", "scipy"),
    (["run", "--roots", "3", "extra"], "extra"),
    (["run", "--sca", "3"], "--sca"),
    (["run", "--graph", "nowhere.gr"], "nowhere.gr", "No such file"),
    (["run", "--graph", "."], ".", "folder"),
    (["run", "--graph", "a.gr", "--scale", "5"], "--scale", "--graph"),
    (["run", "--graph", "a.gr", "--edgefactor", "5"], "--edgefactor", "--graph"),
    (["run", "--symmetrize"], "--symmetrize", "--graph"),
    (["run", "--config", "nowhere.toml"], "nowhere.toml", "No such file"),
    (["run", "--scale", "18", "--check", "networkx"], "networkx", "1048576"),
    (["run", "--output", "/dev/null/runs"], "/dev/null/runs", "cannot be written"),
    (["run", "--output", "/dev/null"], "/dev/null", "is not a folder"),
    (["run", "--output", ""], "--output"),
    (["generate", "--scale", "4", "--output", "edges.csv"], "edges.csv", ".npz"),
    (["generate", "--scale", "4", "--output", "no/such/e.npz"], "no/such", "No such file"),
    (["generate", "--scale", "50", "--output", "e.npz"], "scale 50", "bytes free"),
    (["generate", "--output", "e.npz"], "--scale"),
    (["validate", "--scale", "4", "--solution", "a.npz"], "--root"),
    (["validate", "--solution", "a.npz", "--root", "1"], "--graph", "--scale"),
    (["validate", "--scale", "4", "--solution", "no.npz", "--root", "1"], "no.npz"),
    (["report", "nowhere.json"], "nowhere.json"),
    (["report"], "FILE"),
    (["report", "x.json", "--format", "xml"], "xml"),
    (["info", "--scale", "x"], "--scale"),
    (["bench"], "bench"),
    ([], "run", "generate"),
]


@pytest.mark.parametrize("argv, fragments", [(argv, words) for argv, *words in MISTAKES])
def test_a_mistake_is_one_line_and_leaves_nothing(sssp, tmp_path, argv, fragments):
    assert sssp(*argv).refused(*fragments)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_graph_is_one_line(sssp, tmp_path):
    (tmp_path / "bad.gr").write_text("p sp 2 1\na 1 5 3\n")
    done = sssp("run", "--graph", "bad.gr", "--quiet")
    assert done.refused("bad.gr", "5")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.gr"]


def test_a_graph_without_edges_cannot_be_run(sssp, tmp_path):
    write_graph(tmp_path / "loop.npz", [(1, 1, 0.5)], n=3)
    done = sssp("run", "--graph", "loop.npz", "--quiet")
    assert done.refused("loop.npz", "nothing to search")


def test_a_process_ends_without_a_search_for_circles(sssp, monkeypatch):
    """It takes a fifth of a short run; numba makes hundreds of thousands of objects."""
    last: list[object] = []
    monkeypatch.setattr("atexit.register", last.append)
    sssp("--version")
    assert last == [gc.freeze]


def test_numba_num_threads_must_be_a_number(sssp, monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", "many")
    assert sssp(*SMALL).refused("NUMBA_NUM_THREADS", "'many'")


class Broken(io.StringIO):
    """A stdout that fails as the system says it."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def write(self, text):
        raise self.error


def test_a_reader_who_has_left_is_no_error(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Broken(BrokenPipeError()))
    streams.emit("NBFS: 64")


def test_a_full_disk_under_stdout_is_said(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Broken(OSError(28, "No space left on device")))
    with pytest.raises(UsageError, match="No space left"):
        streams.emit("NBFS: 64")


def test_a_closed_stderr_does_not_turn_progress_to_stdout(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys, "stderr", None)
    assert main([*map(str, SMALL[:-1]), str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[0].startswith("SCALE:")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_version_on_a_full_device_is_exit_status_2():
    with open("/dev/full", "w") as full:
        command = own_process("--version", afresh=True, stdout=full)
        _, err = command.communicate(timeout=60)
    assert command.returncode == 2
    assert "No space left" in err and "Traceback" not in err
