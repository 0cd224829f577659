"""The papers are true: what README.md, CONTRIBUTING.md and docs/ name exists, and runs."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import re
import runpy
import subprocess
import sys
from pathlib import PurePosixPath
from unittest import mock

import pytest
from file_map import BEGIN
from forks import python
from markdown import PAGES, anchors, blocks, table, tables
from repository import HOUSE, PACKAGES, setup_cfg, sources

from harness.cli import main
from harness.console.errors import EXIT_CODES, Exit

FLAG = re.compile(r"(?<![\w-])--[a-z][\w-]*")
FLAGS_OF_OTHERS = {
    "every command": {"--help", "--version"},
    "srun, sbatch": {"--mpi", "--export"},
    "pip": {"--force-reinstall", "--no-binary"},
    "docker, apptainer": {"--build-arg", "--bind", "--env"},
    "ruff": {"--check"},
    "reframe, jube, spack": {"--run", "--result", "--tag", "--path"},
    "compute-sanitizer": {"--tool", "--error-exitcode"},
    "ncu": {"--metrics", "--launch-skip", "--launch-count"},
}


def printed_by(call):
    """What a command prints before it exits with status 0, in this process."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), pytest.raises(SystemExit) as ending:
        sys.exit(call())
    assert not ending.value.code
    return out.getvalue()


@functools.cache
def sssp(*arguments):
    return printed_by(lambda: main(list(arguments)))


def commands():
    """The commands that `sssp --help` lists."""
    listed = sssp("--help").partition("\ncommands:\n")[2].partition("\n\n")[0]
    return re.findall(r"^ {4}(\w+) {2,}", listed, re.M)


@functools.cache
def flags_of(command):
    """The flags that a command of `sssp` has."""
    return set(FLAG.findall(sssp(command, "--help")))


@functools.cache
def flags_of_script(name):
    """The flags that a script of benchmarks/ has."""
    path = HOUSE / "benchmarks" / f"{name}.py"
    with mock.patch.object(sys, "argv", [name, "--help"]):
        call = functools.partial(runpy.run_path, str(path), run_name="__main__")
        return set(FLAG.findall(printed_by(call)))


REST = r"((?:[^\n`|#]|\\\n)*)"  # of a command line, with its continuations


def test_the_command_tells_the_version_of_setup_cfg():
    assert setup_cfg()["metadata"]["version"] in sssp("--version").split()


@pytest.mark.parametrize("page", PAGES)
def test_every_flag_in_the_papers_is_in_a_help(page):
    text = PAGES[page]
    found = set(FLAG.findall(text)).difference(*FLAGS_OF_OTHERS.values())
    scripts = re.findall(rf"python -m benchmarks\.(\w+){REST}", text)
    of_scripts = set()
    for name, rest in scripts:
        if FLAG.search(rest):
            of_scripts |= flags_of_script(name)
            assert set(FLAG.findall(rest)) <= flags_of_script(name), f"{name}{rest}"
    assert found - of_scripts <= set().union(*map(flags_of, commands()))
    for command, rest in re.findall(rf"\bsssp (\w+){REST}", text):
        if command in commands():
            assert set(FLAG.findall(rest)) <= flags_of(command) | {"--help"}, (
                f"sssp {command}{rest}"
            )


@pytest.mark.parametrize("page", PAGES)
def test_every_command_in_the_papers_exists(page):
    named = re.findall(r"`(?:[^`\n]* )?sssp ([a-z]+)", PAGES[page])
    shell = "".join(blocks(PAGES[page], "sh"))
    named += re.findall(r"(?:^|[^\w-])sssp ([a-z]\w*)", re.sub(r"#.*", "", shell), re.M)
    assert set(named) <= set(commands())


def test_every_command_is_in_the_readme():
    assert [command for command in commands() if f"sssp {command}" not in PAGES["README.md"]] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_make_command_in_the_papers_is_in_the_makefile(page):
    makefile = (HOUSE / "Makefile").read_text()
    targets = set(re.search(r"^\.PHONY: (.*)", makefile, re.M)[1].split())
    found = re.findall(r"(?:`|^)make ([a-z]+)([^`\n#|]*)", PAGES[page], re.M)
    assert found or page not in ("README.md", "CONTRIBUTING.md")
    assert {target for target, _ in found} <= targets
    for target, rest in found:
        for variable in re.findall(r"\b([A-Z_]+)=", rest):
            assert f"$({variable})" in makefile, f"make {target}{rest}"


EXAMPLES = [(page, block) for page in PAGES for block in blocks(PAGES[page], "python")]


@pytest.mark.slow
@pytest.mark.parametrize(("page", "block"), EXAMPLES, ids=[page for page, _ in EXAMPLES])
def test_the_python_of_the_papers_runs_and_prints_what_it_says(page, block, tmp_path):
    done = subprocess.run(
        python("-c", block),
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(HOUSE)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    printed = done.stdout.splitlines()
    said = re.findall(r"print\(.*\)  # (.*)", block)
    assert printed[: len(said)] == said
    assert len(said) == len(printed) or "for " in block


def test_every_page_for_callers_has_an_example():
    assert {page for page, _ in EXAMPLES} >= {"README.md", "docs/library.md", "docs/graphs.md"}


def test_the_sample_output_of_the_readme_has_the_references_keys():
    (sample,) = blocks(PAGES["README.md"], "text")
    shown = {line[:32] for line in sample.splitlines() if line != "..."}
    reference = (HOUSE / "tests/golden/sample_output_s12_np2_SKIP_BFS_stdout.txt").read_text()
    assert shown <= {line[:32] for line in reference.splitlines()}


@pytest.mark.parametrize("page", PAGES)
def test_every_extra_in_the_papers_exists(page):
    extras = set(setup_cfg()["options.extras_require"])
    for named in re.findall(r"'\.\[([\w,]+)\]'|EXTRAS=([\w,]+)", PAGES[page]):
        assert set("".join(named).split(",")) <= extras


def test_the_exit_statuses_are_those_of_the_command():
    rows = table(PAGES["docs/benchmark.md"], "exit status")
    assert [(row["exit status"], row[""]) for row in rows] == re.findall(
        r"^  (\d+) +(.*)$", EXIT_CODES, re.M
    )
    assert {int(row["exit status"]) for row in rows} == set(Exit)


def test_the_formats_of_reports_are_those_of_the_command():
    rows = tables(PAGES["docs/reports.md"])[0]
    named = [name for row in rows for name in re.findall(r"`(\w+)`", next(iter(row.values())))]
    assert "{" + ",".join(named) + "}" in sssp("report", "--help")


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGES[page]):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        path = (HOUSE / page).parent / name if name else HOUSE / page
        where = os.path.relpath(path, HOUSE)
        assert not anchor or anchor in anchors(PAGES[where]), target


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_paper_names_exists(page):
    for name in re.findall(r"`((?:[\w.-]+/)+[\w-][\w.-]*)`", PAGES[page]):
        if PurePosixPath(name).suffix and not re.search(r"[A-Z]{3,}\.json", name):
            assert (HOUSE / name).exists(), name


@pytest.mark.parametrize("page", PAGES)
def test_every_variable_that_a_paper_names_is_read(page):
    code = "".join(path.read_text() for package in PACKAGES for path in sources(package))
    for name in set(re.findall(r"\bSSSP_[A-Z_]+\b", PAGES[page])):
        assert f'"{name}"' in code, name


def test_the_readme_leads_to_every_page():
    pages = [page for page in PAGES if page.startswith("docs/")]
    assert [page for page in pages if f"]({page})" not in PAGES["README.md"]] == []


HABITS = (
    r"\balone\b|\bwhoever\b|\b(?:he|him|his)\b|\btells?\b|\btold\b|\bso many\b"
    r"|(?<!there )\bis none\b|\bheld against\b|\bsomebody\b|\bours\b"
)


@pytest.mark.parametrize("page", PAGES)
def test_the_papers_are_in_plain_english(page):
    """The habits over which readers stumbled do not come back."""
    text = PAGES[page].partition(BEGIN)[0]
    assert re.findall(rf"^.*(?:{HABITS}).*$", text, re.M | re.I) == []


def test_the_helps_are_in_plain_english():
    helps = "".join(sssp(command, "--help") for command in commands())
    assert re.findall(rf"^.*(?:{HABITS}).*$", helps, re.M | re.I) == []
