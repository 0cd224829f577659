"""The papers are true: what README.md and CONTRIBUTING.md name exists."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from house import HOUSE, PACKAGES, label, setup_cfg, sources

from graphs.memory import Need, gib


def sssp(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "harness", *arguments], cwd=HOUSE, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_tells_the_version_of_setup_cfg():
    assert setup_cfg()["metadata"]["version"] in sssp("--version").split()


def commands():
    """The commands that `sssp --help` lists."""
    listed = sssp("--help").partition("\ncommands:\n")[2].partition("\n\n")[0]
    return re.findall(r"^ {4}(\w+) {2,}", listed, re.M)


FLAG = re.compile(r"(?<![\w-])--[a-z][\w-]*")


def test_every_flag_in_the_readme_is_in_the_help():
    readme = (HOUSE / "README.md").read_text()
    pages = {command: set(FLAG.findall(sssp(command, "--help"))) for command in commands()}
    of_others = {"--junitxml", "--version", "--help"}  # pytest, and every command
    of_others |= {"--mpi", "--export", "--force-reinstall", "--no-binary"}  # srun, sbatch, pip
    of_others |= {"--build-arg", "--bind", "--env"}  # apptainer
    assert set(FLAG.findall(readme)) - of_others <= set().union(*pages.values())
    for command, rest in re.findall(r"\bsssp (\w+)((?:[^\n`|#]|\\\n)*)", readme):
        if command in pages:
            assert set(FLAG.findall(rest)) <= pages[command] | {"--help"}, f"sssp {command}{rest}"


def test_every_command_is_in_the_readme():
    readme = (HOUSE / "README.md").read_text()
    assert [command for command in commands() if f"sssp {command}" not in readme] == []


def test_every_make_command_in_the_papers_is_in_the_makefile():
    makefile = (HOUSE / "Makefile").read_text()
    targets = set(re.search(r"^\.PHONY: (.*)", makefile, re.M)[1].split())
    for paper in ("README.md", "CONTRIBUTING.md"):
        text = (HOUSE / paper).read_text()
        found = re.findall(r"(?:`|^)make ([a-z]+)([^`\n#|]*)", text, re.M)
        assert found, paper
        assert {target for target, _ in found} <= targets, paper
        for target, rest in found:
            for variable in re.findall(r"\b([A-Z_]+)=", rest):
                assert f"$({variable})" in makefile, f"{paper}: make {target}{rest}"


@pytest.mark.slow
def test_the_python_of_the_readme_runs_and_prints_what_it_says():
    blocks = re.findall(r"```python\n(.*?)```", (HOUSE / "README.md").read_text(), re.S)
    assert blocks
    for block in blocks:
        command = [sys.executable, "-c", block]
        done = subprocess.run(command, cwd=HOUSE, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == re.findall(r"print\(.*\)  # (.*)", block)


def test_the_sample_output_of_the_readme_has_the_references_keys():
    sample = re.search(r"```text\n(SCALE:.*?)```", (HOUSE / "README.md").read_text(), re.S)[1]
    shown = {line[:32] for line in sample.splitlines() if line != "..."}
    reference = (HOUSE / "tests/golden/sample_output_s12_np2_SKIP_BFS_stdout.txt").read_text()
    assert shown <= {line[:32] for line in reference.splitlines()}


def test_the_memory_table_of_the_readme_is_what_sssp_info_says():
    rows = re.findall(
        r"^\| (\d\d) \| ([^|]+) \| ([^|]+) \|$", (HOUSE / "README.md").read_text(), re.M
    )
    assert rows
    for scale, kept, again in rows:
        needs = [Need(2 ** int(scale), 16 * 2 ** int(scale), edges_kept=k) for k in (True, False)]
        assert [kept, again] == [gib(need.total) for need in needs], f"scale {scale}"


def test_every_extra_in_the_readme_exists():
    extras = set(setup_cfg()["options.extras_require"])
    readme = (HOUSE / "README.md").read_text()
    for named in re.findall(r"'\.\[([\w,]+)\]'", readme):
        assert set(named.split(",")) <= extras


def test_the_map_of_the_house_is_complete():
    """CONTRIBUTING.md names every source and test file once, and no file that is gone."""
    text = (HOUSE / "CONTRIBUTING.md").read_text()
    drawn = re.search(r"```text\n(.*?)```", text, re.S)[1]
    folder, named = "", []
    for line in drawn.splitlines():
        indent, entry = re.match(r"( *)(\S+)", line).groups()
        if entry.endswith("/"):
            folder = folder if indent else entry
        else:
            named.append(folder + entry if indent else entry)
    folders = (*PACKAGES, "tests", "benchmarks")
    files = [label(path) for folder in folders for path in sources(folder)]
    mapped = [name for name in named if name.endswith(".py")]
    assert sorted(mapped) == sorted(files)
    assert [name for name in named if not (HOUSE / name).exists()] == []
