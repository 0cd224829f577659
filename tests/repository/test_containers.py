"""The container recipes copy what an installation needs, and agree with one another."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile

import pytest
from repository import HOUSE, PACKAGES, label, setup_cfg, sources

DOCKERFILE = (HOUSE / "Dockerfile").read_text()
DEFINITION = (HOUSE / "sssp-bench.def").read_text()


def docker_steps(name):
    """What follows each `name` of the Dockerfile, continued lines joined."""
    whole = DOCKERFILE.replace("\\\n", " ")
    return re.findall(rf"^{name} (.*)", whole, re.M)


def definition_part(name):
    """The lines of a section of the Apptainer definition."""
    section = re.search(rf"^%{name}\n((?:[ \t]+.*\n|\n)*)", DEFINITION, re.M)[1]
    return [line.strip() for line in section.splitlines() if line.strip()]


def copied_by_docker():
    pairs = []
    for step in docker_steps("COPY"):
        *names, target = step.split()
        pairs += [(name, f"{target}{name}" if target == "./" else target) for name in names]
    pairs = [(name, t + name.rpartition("/")[2] if t.endswith("/") else t) for name, t in pairs]
    return {name: target.removeprefix("./") for name, target in pairs}


def copied_by_apptainer():
    pairs = (line.split() for line in definition_part("files"))
    return {name: target.removeprefix("/opt/sssp-bench/") for name, target in pairs}


def test_both_recipes_copy_the_same_files_to_where_they_were():
    assert copied_by_docker() == copied_by_apptainer()
    assert all(name == target for name, target in copied_by_docker().items())


def test_the_docker_context_holds_what_is_copied_and_nothing_else():
    ignored, *kept = (
        line for line in (HOUSE / ".dockerignore").read_text().splitlines() if line[0] != "#"
    )
    assert ignored == "*"
    assert {line[1:] for line in kept if line[0] == "!"} == set(copied_by_docker())


def test_both_recipes_start_from_the_same_image_and_run_the_same_commands():
    (image,) = docker_steps("FROM")
    assert f"From: {image}\n" in DEFINITION
    in_docker = " ".join(docker_steps("RUN")).replace("EXTRAS", "extras")
    in_definition = "\n".join(definition_part("post")).replace("\\\n", " ")
    install = re.search(r"apt-get update.*?lists/\*", in_docker)[0]
    assert install.split() == re.search(r"apt-get update.*?lists/\*", in_definition)[0].split()
    pip = re.search(r"pip install.*", in_docker)[0]
    assert pip in in_definition


def test_the_extras_of_the_recipes_exist():
    known = set(setup_cfg()["options.extras_require"])
    for text in (DOCKERFILE, DEFINITION):
        named = re.findall(r"EXTRAS=([\w,]+)", text)
        assert named
        assert set(",".join(named).split(",")) <= known


@pytest.mark.slow
def test_what_the_recipes_copy_builds_the_whole_wheel(tmp_path):
    pytest.importorskip("setuptools", "70.1")
    for name in copied_by_docker():
        target = tmp_path / "context" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (HOUSE / name).is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(HOUSE / name, target, ignore=ignore)
        else:
            shutil.copy(HOUSE / name, target)
    command = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "--quiet"]
    subprocess.run([*command, "--wheel-dir", tmp_path, tmp_path / "context"], check=True)
    (wheel,) = tmp_path.glob("sssp_bench-*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    assert held >= {label(path) for package in PACKAGES for path in sources(package)}
    assert "results/schema.json" in held
