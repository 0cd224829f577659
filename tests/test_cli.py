"""The command `sssp`: what it prints where, how it ends, and what it says of mistakes."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import sys

import numpy as np
import pytest
from command import KEYS, in_process, only_result, own_process, result_files, write_graph

import harness.machine
from harness import streams
from harness.cli import main
from harness.errors import UsageError

COMMANDS = ("run", "generate", "validate", "report", "warmup", "info")
SMALL = ("run", "--scale", 5, "--roots", 3, "--output", "out")


@pytest.fixture
def sssp(capsys, monkeypatch, tmp_path):
    """Run the command in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *argv: in_process(capsys, *argv)


@pytest.fixture
def spoil(monkeypatch):
    """Let every search end in something done to its answer."""

    def install(do):
        from sssp import Solver

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


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_page_with_an_example_and_the_exit_codes(sssp, command):
    page = sssp(command, "--help")
    assert page.status == 0 and page.err == ""
    assert re.search(rf"examples?:\n( .*\n)*? .*sssp {command}", page.out)
    for code in (0, 1, 2, 3, 4, 130, 143):
        assert re.search(rf"^  {code} ", page.out, re.MULTILINE)


def test_the_first_page_names_every_command(sssp):
    page = sssp("--help")
    assert page.status == 0
    assert all(re.search(rf"^    {command} +\S", page.out, re.MULTILINE) for command in COMMANDS)


def test_version_is_that_of_the_distribution(sssp):
    done = sssp("--version")
    assert done.status == 0
    assert re.fullmatch(r"sssp-bench \d+\.\d+\S*\n", done.out)


def test_a_run_prints_the_references_lines_and_nothing_else(sssp):
    done = sssp("run", "--scale", 8)
    assert done.status == 0
    assert list(done.figures) == KEYS
    assert [done.figures[key] for key in KEYS[:3]] == ["8", "16", "64"]
    assert done.figures["sssp harmonic_mean_TEPS"].startswith("!  ")
    assert "submission" not in done.err and "not validated" not in done.err


def test_a_run_leaves_one_file_where_nothing_else_is_said(sssp, tmp_path):
    done = sssp("run", "--scale", 5, "--roots", 2)
    result = only_result(tmp_path / "results" / "runs")
    assert str(next((tmp_path / "results/runs").iterdir()).name) in done.err
    assert result["argv"] == ["sssp", "run", "--scale", "5", "--roots", "2"]


def test_quiet_silences_progress_but_not_warnings(sssp):
    assert sssp("run", "--scale", 8, "--quiet").err == ""
    warned = sssp(*SMALL, "--quiet", "--no-validate").err.splitlines()
    assert warned[0] == "not validated"
    assert warned[1].startswith("not a submission: only 3 searches ran")
    assert len(warned) == 2


def test_without_validation_the_validate_block_is_left_out(sssp):
    done = sssp(*SMALL, "--no-validate")
    assert done.status == 0
    assert list(done.figures) == [key for key in KEYS if not key.endswith("_validate")]
    result = only_result("out")
    assert result["validated"] is False
    assert all(search["m"] > 0 and search["valid"] is None for search in result["searches"])


def test_another_edge_factor_is_not_a_submission(sssp):
    assert (
        "not a submission: the edge factor is 8, not 16"
        in sssp("run", "--scale", 8, "--edgefactor", 8).err
    )


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("no_color", ["", "1"])
def test_a_terminal_gets_a_bar_without_colours(sssp, monkeypatch, no_color):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", no_color)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert sssp(*SMALL).status == 0
    shown = terminal.getvalue()
    assert "searches" in shown and "\r" in shown
    assert "\x1b[3" not in shown and "\x1b[9" not in shown


def test_without_a_terminal_progress_is_plain_lines(sssp):
    err = sssp(*SMALL).err
    assert "searches: 3 of 3" in err
    assert "\r" not in err and "\x1b" not in err


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


def test_numba_num_threads_must_be_a_number(sssp, monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", "many")
    assert sssp(*SMALL).refused("NUMBA_NUM_THREADS", "'many'")


def test_an_engine_that_cannot_run_is_exit_status_3(sssp, monkeypatch):
    import sssp as library
    from sssp.errors import EngineError

    class Missing:
        def __init__(self, *arguments, **named):
            raise EngineError("engine cuda cannot run: no driver")

    monkeypatch.setattr(library, "Solver", Missing)
    done = sssp(*SMALL, "--engine", "cuda", "--quiet")
    assert done.status == 3 and done.out == ""
    assert done.err == "sssp run: error: engine cuda cannot run: no driver\n"


def test_an_internal_error_does_not_look_like_an_invalid_search(sssp, spoil):
    spoil(lambda root, answer: 1 / 0)
    done = sssp(*SMALL, "--quiet")
    assert done.status == 3 and done.out == ""
    assert "ZeroDivisionError" in done.err


def test_an_invalid_search_has_no_teps_and_names_rule_and_vertex(sssp, spoil):
    spoil(wrong_distance)
    done = sssp(*SMALL, "--quiet")
    assert done.status == 1
    assert "TEPS" not in done.out
    assert re.search(r"invalid search from root \d+: rule 4 \(distance\): .*first v=\d+", done.err)
    result = only_result("out")
    assert result["status"] == "invalid"
    assert len(result["searches"]) == 3, "the searches after it still run"
    assert all(search["valid"] is False for search in result["searches"])


def test_one_invalid_search_of_several_is_enough(sssp, spoil):
    seen = []

    def third_is_wrong(root, answer):
        seen.append(root)
        if len(set(seen[-2:])) == 2 and len(seen) > 3:
            wrong_distance(root, answer)

    spoil(third_is_wrong)
    assert sssp("run", "--scale", 6, "--roots", 4, "--output", "out").status == 1
    valid = [search["valid"] for search in only_result("out")["searches"]]
    assert True in valid and False in valid


def test_networkx_agrees_with_the_searches(sssp):
    done = sssp("run", "--scale", 7, "--check", "networkx", "--output", "out")
    assert done.status == 0
    assert only_result("out")["check"] == "networkx"


def test_networkx_catches_a_wrong_distance(sssp, spoil):
    spoil(wrong_distance)
    done = sssp(*SMALL, "--check", "networkx", "--no-validate", "--quiet")
    assert done.status == 1 and "TEPS" not in done.out
    assert re.search(r"check \(networkx\): 1 vertices, first v=\d+", done.err)
    assert only_result("out")["status"] == "invalid"


@pytest.mark.parametrize(
    "number, status, word",
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_a_signal_keeps_the_finished_searches(sssp, spoil, number, status, word):
    seen = []

    def stop_at_the_fourth(root, answer):
        seen.append(root)
        if len(seen) == 6:  # after two of the warm-ups
            os.kill(os.getpid(), number)

    spoil(stop_at_the_fourth)
    done = sssp("run", "--scale", 6, "--output", "out", "--quiet")
    assert done.status == status and done.out == ""
    (line,) = done.err.splitlines()
    assert line.startswith(f"sssp run: {word}; ")
    result = only_result("out")
    assert result["status"] == "incomplete"
    assert 1 <= len(result["searches"]) < 6
    assert f"{len(result['searches'])} of 64 searches" in line
    assert all(search["valid"] for search in result["searches"])


def test_a_signal_before_the_first_search_leaves_no_file(sssp, spoil, tmp_path):
    spoil(lambda root, answer: os.kill(os.getpid(), signal.SIGINT))
    done = sssp(*SMALL, "--quiet")
    assert done.status == 130
    assert done.err == "sssp run: interrupted; no search was finished, nothing is kept\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_ctrl_c_ends_a_real_run_without_a_traceback(tmp_path):
    command = own_process("run", "--scale", 14, "--roots", 10000, cwd=tmp_path)
    for line in command.stderr:
        if line.startswith("constructed"):
            break
    command.send_signal(signal.SIGINT)
    out, err = command.communicate(timeout=60)
    assert command.returncode == 130
    assert out == ""
    assert "sssp run: interrupted; " in err and "Traceback" not in err


@pytest.mark.slow
def test_threads_are_those_asked_for(tmp_path):
    """In a process of its own: numba fixes their number when it is imported."""
    cores = harness.machine.cores()
    for asked in (1, cores + 1):
        folder = tmp_path / str(asked)
        flags = ("--threads", asked, "--output", folder, "--quiet")
        command = own_process("run", "--scale", 6, "--roots", 2, *flags)
        out, err = command.communicate(timeout=120)
        assert command.returncode == 0, err
        assert list(dict(line.split(":", 1) for line in out.splitlines())) == KEYS
        assert only_result(folder)["solver"]["threads"] == asked


LAUNCHERS = [
    ("PMI_SIZE", "PMI_RANK"),
    ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
    ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID"),
]


@pytest.mark.parametrize("size, rank", LAUNCHERS)
def test_several_ranks_are_refused_by_one_voice(sssp, monkeypatch, size, rank):
    monkeypatch.setenv(size, "4")
    monkeypatch.setenv(rank, "0")
    assert sssp(*SMALL).refused("4 ranks", "mpirun -n 1")
    monkeypatch.setenv(rank, "3")
    assert sssp(*SMALL) == (2, "", "")


def test_one_rank_under_a_launcher_runs(sssp, monkeypatch):
    monkeypatch.setenv("PMI_SIZE", "1")
    monkeypatch.setenv("PMI_RANK", "0")
    assert sssp(*SMALL, "--quiet").status == 0


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
        command = own_process("--version", stdout=full)
        _, err = command.communicate(timeout=60)
    assert command.returncode == 2
    assert "No space left" in err and "Traceback" not in err


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
        ({"parent": None}, "no array parent"),
        ({"dist": None, "parent": None}, "no array dist and parent"),
        ({"dist": PATH_DIST[:3]}, "dist"),
        ({"parent": PATH_PARENT[None]}, "parent"),
        ({"parent": PATH_PARENT * 0.5}, "integers"),
        ({"dist": np.array([None] * 4)}, "not an .npz of plain arrays"),
        ({"root": 4}, "--root 4"),
    ],
)
def test_validate_refuses_what_is_no_answer(validated, change, fragment):
    given = {"dist": PATH_DIST, "parent": PATH_PARENT, **change}
    done = validated(**{name: value for name, value in given.items() if value is not None})
    assert done.refused(fragment)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"dist,parent\n0,0\n"])
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
    assert re.search(r"^a run here: +would be refused", large.out, re.MULTILINE)
    assert re.search(r"^generation: +about \S+ s a pass", large.out, re.MULTILINE)


@pytest.mark.slow
def test_warmup_says_where_it_keeps_what_it_compiled(sssp):
    done = sssp("warmup")
    assert done.status == 0
    folder = re.fullmatch(r"compiled in \S+ s, kept in (.*)\n", done.out)[1]
    assert os.listdir(folder)
