"""What other harnesses need to run us: their files fit our lines, flags and requirements."""

from __future__ import annotations

import json
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from types import ModuleType, SimpleNamespace

import pytest
from repository import HOUSE, lines, setup_cfg

from harness.cli import build_parser

FOLDER = HOUSE / "integrations"
SAMPLE = HOUSE / "tests/golden/sample_output_s12_np2_SKIP_BFS_stdout.txt"
# Kernel 3's lines, as ours are.
OURS = "".join(line for line in SAMPLE.read_text().splitlines(True) if not line.startswith("bfs "))
FIGURES = {
    key: value.replace("!", "").strip() for key, value in re.findall(r"^(.*?): +(.*)$", OURS, re.M)
}


class Recorder(ModuleType):
    """A module that has every name: functions that note how they were called."""

    def __init__(self, name, calls, *classes):
        super().__init__(name)
        self.__all__ = [
            "executable", "workload", "workload_variable", "figure_of_merit", "success_criteria",
            "tags", "depends_on", "variant", "version", "license", *classes,
        ]  # fmt: skip
        for called in self.__all__:
            setattr(self, called, self._noting(called, calls))
        for each in classes:
            setattr(self, each, object)

    @staticmethod
    def _noting(name, calls):
        return lambda *words, **named: calls.append(
            SimpleNamespace(name=name, words=words, **named)
        )


@pytest.fixture
def declared(monkeypatch):
    """Run a file in the language of Ramble or Spack; return the calls in it by their names."""

    def run(path):
        calls: list[SimpleNamespace] = []
        for name in ("ramble", "spack", "spack_repo", "spack_repo.builtin",
                     "spack_repo.builtin.build_systems"):  # fmt: skip
            monkeypatch.setitem(sys.modules, name, ModuleType(name))
        for name, base in (
            ("ramble.appkit", "ExecutableApplication"),
            ("spack.package", "Package"),
            ("spack_repo.builtin.build_systems.python", "PythonPackage"),
        ):
            monkeypatch.setitem(sys.modules, name, Recorder(name, calls, base))
        runpy.run_path(str(FOLDER / path))
        return lambda name: [call for call in calls if call.name == name]

    return run


def accepted(command):
    """Does the command line of `sssp` accept this one, with its placeholders as numbers?"""
    command = re.sub(r"\{additional_args\}", "", command)
    words = shlex.split(re.sub(r"\{\w+\}|\$\w+", "2", command))
    words = [word for word in words if word]
    assert words[0].endswith("sssp")
    return vars(build_parser().parse_args(words[1:]))


def test_rambles_figures_are_found_in_our_lines(declared):
    calls = declared("ramble/applications/sssp-bench/application.py")
    found = {}
    for figure in calls("figure_of_merit"):
        (value,) = {
            match["fom"]
            for line in OURS.splitlines()
            if (match := re.match(figure.fom_regex, line))
        }
        found[figure.words[0]] = value
    assert found == {key: FIGURES[key] for key in found}
    assert "sssp harmonic_mean_TEPS" in found  # the one with the mark
    (criterion,) = calls("success_criteria")
    assert [line for line in OURS.splitlines() if re.match(criterion.match, line)]
    assert not re.search(criterion.match, "No results printed for invalid run.")


def test_rambles_commands_are_ours(declared):
    calls = declared("ramble/applications/sssp-bench/application.py")
    ours, drop_in = (call.words[1] for call in calls("executable"))
    assert accepted(ours)["roots"] == 2
    assert drop_in == "graph500_reference_bfs_sssp {scale} {edge_factor}"
    known = {call.words[0] for call in calls("workload_variable")} | {"experiment_run_dir"}
    assert set(re.findall(r"\{(\w+)\}", ours + drop_in)) == known


def test_jubes_patterns_are_found_in_our_lines_and_its_command_is_ours():
    yaml = pytest.importorskip("yaml")
    benchmark = yaml.safe_load((FOLDER / "jube/sssp_bench.yaml").read_text())
    # As JUBE defines them.
    number = {"$jube_pat_int": r"([+-]?\d+)", "$jube_pat_fp": r"([+-]?\d*\.?\d+(?:[eE][-+]?\d+)?)"}
    names = {"ran": "NBFS"}
    for pattern in benchmark["patternset"]["pattern"]:
        expression = pattern["_"]
        for name, meaning in number.items():
            expression = expression.replace(name, meaning)
        (found,) = re.findall(expression, OURS)
        key = names.get(pattern["name"], pattern["name"])
        assert found == FIGURES.get(key) or found == FIGURES[f"sssp {key}"]
    (command,) = benchmark["step"]["do"]
    assert accepted(command.removeprefix("$launcher "))["threads"] == 2


def test_spacks_requirements_are_those_of_the_distribution(declared):
    calls = declared("spack/sssp_bench/packages/py_sssp_bench/package.py")
    named = {}
    for call in calls("depends_on"):
        name, version = re.fullmatch(r"(?:py-)?([\w-]+)@([\d.]+):", call.words[0]).groups()
        named[name] = version
    settings = setup_cfg()
    wanted = lines(settings["options"]["install_requires"])
    for extra in ("plot", "peers"):
        wanted += lines(settings["options.extras_require"][extra])
    expected = dict(requirement.split(">=") for requirement in wanted)
    expected["python"] = settings["options"]["python_requires"].removeprefix(">=")
    expected["setuptools"] = re.search(
        r"setuptools>=([\d.]+)", (HOUSE / "pyproject.toml").read_text()
    )[1]
    assert named == expected


def test_the_commands_of_the_github_workflow_are_ours():
    text = (FOLDER / "github/compare.yml").read_text().replace("\\\n", " ")
    commands = re.findall(r'venv-\S*?/bin/(sssp"? [^>\n]*)', text)
    found = [accepted(command.replace('sssp"', "sssp")) for command in commands]
    assert [flags["command"].__name__ for flags in found[::2]] == ["run_warmup", "run_compare"]
    assert found[1]["output"] == "results/2"


def test_the_citation_is_of_this_version():
    text = (HOUSE / "CITATION.cff").read_text()
    metadata = setup_cfg()["metadata"]
    assert f"\nversion: {metadata['version']}\n" in text
    assert f"\nlicense: {metadata['license']}\n" in text


def reframe(folder, program):
    """Run the ReFrame test with `sssp` being a shell script; its exit status and its report."""
    script = folder / "bin/sssp"
    script.parent.mkdir()
    script.write_text(f"#!/bin/sh\n{program}\n")
    script.chmod(0o755)
    command = [
        *("reframe", "-c", str(FOLDER / "reframe/sssp_bench.py"), "--run", "--prefix", "out"),
        *("-S", "scale=5", "-S", "searches=3", "--report-file", "report.json"),
        "--setvar=prerun_cmds=" + f"export PATH={script.parent}:$PATH",
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    report = json.loads((folder / "report.json").read_text())
    (case,) = report["runs"][-1]["testcases"]
    return done.returncode, case


needs_reframe = pytest.mark.skipif(not shutil.which("reframe"), reason="ReFrame-HPC: not installed")


@needs_reframe
@pytest.mark.slow
def test_reframe_runs_the_benchmark(tmp_path):
    program = f'PYTHONPATH={HOUSE} exec {sys.executable} -m harness "$@"'
    status, case = reframe(tmp_path, program)
    assert (status, case["result"]) == (0, "pass"), case
    figures = {name.rpartition(":")[2]: value[0] for name, value in case["perfvalues"].items()}
    assert set(figures) == {
        "harmonic_mean_TEPS",
        "median_time",
        "construction_time",
        "graph_generation",
    }
    assert all(value > 0 for value in figures.values())


@needs_reframe
@pytest.mark.slow
@pytest.mark.parametrize(
    "kept", ["SCALE", "(?!.*_validate)"], ids=["an invalid run", "answers not validated"]
)
def test_reframe_fails_where_answers_were_not_checked(tmp_path, kept):
    shown = "".join(line for line in OURS.splitlines(True) if re.match(kept, line))
    (tmp_path / "lines").write_text(shown.replace("64\n", "3\n"))
    status, case = reframe(tmp_path, f"cat {tmp_path}/lines")
    assert status != 0
    assert case["fail_phase"] == "sanity"
