"""What an installation holds, and what it does where it may not write."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from repository import HOUSE, PACKAGES, label, lines, run_python, setup_cfg, sources


@pytest.fixture
def copied_house(tmp_path):
    """The packages in a folder of their own, as an installation leaves them."""
    for name in (*PACKAGES, "results"):
        ignore = shutil.ignore_patterns("__pycache__", "runs")
        shutil.copytree(HOUSE / name, tmp_path / name, ignore=ignore)
    return tmp_path


# Keys take the least to compile.
COMPILE = """
import json, kernels.cache
import numpy as np
from graphs import search_keys
keys = search_keys(16, np.ones(16, bool), count=16)
print(json.dumps([kernels.cache.CACHE_FOLDER, sorted(keys.tolist())]))
"""


def files_in(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.slow
@pytest.mark.parametrize("form", ["no home", "home that is a file", "cache folder that is a file"])
def test_kernels_compile_without_a_place_in_the_home(copied_house, tmp_path_factory, form):
    """And write nothing into the package folders, which may be read-only."""
    elsewhere = tmp_path_factory.mktemp("tmp")
    environment = {"HOME": "/dev/null", "XDG_CACHE_HOME": None, "NUMBA_CACHE_DIR": None}
    if form == "no home":
        environment["HOME"] = None
        environment["XDG_CACHE_HOME"] = "/dev/null/cache"
    if form == "cache folder that is a file":
        environment["NUMBA_CACHE_DIR"] = "/dev/null"
    before = files_in(copied_house)
    folder, keys = run_python(COMPILE, cwd=copied_house, TMPDIR=str(elsewhere), **environment)
    assert keys == list(range(16))
    assert Path(folder).is_relative_to(elsewhere)
    assert files_in(Path(folder)), "nothing was cached"
    assert files_in(copied_house) == before


def test_the_users_cache_folder_is_used(copied_house, tmp_path_factory):
    asked = tmp_path_factory.mktemp("asked")
    code = "import json, kernels.cache; print(json.dumps(kernels.cache.CACHE_FOLDER))"
    folder = run_python(code, cwd=copied_house, NUMBA_CACHE_DIR=str(asked))
    assert Path(folder).parent == asked


def test_every_package_folder_is_installed():
    folders = {
        path.parent.relative_to(HOUSE).as_posix().replace("/", ".")
        for package in PACKAGES
        for path in sources(package)
    }
    assert set(lines(setup_cfg()["options"]["packages"])) == folders | {"results"}


def test_results_is_data_without_code():
    assert sources("results") == []


def test_every_requirement_has_a_lower_bound():
    settings = setup_cfg()
    wanted = lines(settings["options"]["install_requires"])
    for extra in settings["options.extras_require"].values():
        wanted += lines(extra)
    assert [requirement for requirement in wanted if ">=" not in requirement] == []


def installed_by_make(target, extras):
    """The requirements of the extras that `make TARGET EXTRAS=...` would install, by extra."""
    command = ["make", "-n", target, f"EXTRAS={extras}", "VENV=there-is-no-such-folder"]
    done = subprocess.run(command, cwd=HOUSE, capture_output=True, text=True, check=True)
    (named,) = re.findall(r"-e '\.(?:\[(.*)\])?'", done.stdout)
    known = setup_cfg()["options.extras_require"]
    return {name: lines(known[name]) for name in named.split(",") if name}


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_make_test_installs_what_compiles_kernels_and_make_run_none_of_it():
    needed = {"cupy-cuda12x", "nvidia-cuda-nvrtc-cu12", "nvidia-cuda-runtime-cu12"}

    def names(requirements):
        return {re.match(r"[\w-]+", requirement)[0] for requirement in requirements}

    for extras in ("mpi", "", "mpi,cuda12"):
        assert names(sum(installed_by_make("test", extras).values(), [])) >= needed
    # Two wheels of CuPy would overwrite each other.
    assert "cuda12" not in installed_by_make("test", "mpi,cuda13")
    always = names(lines(setup_cfg()["options"]["install_requires"]))
    for requirements in (always, *installed_by_make("run", "mpi").values()):
        assert [name for name in requirements if name.startswith(("cupy", "nvidia"))] == []


@pytest.mark.slow
def test_the_wheel_holds_the_packages_and_their_data(tmp_path):
    pytest.importorskip("setuptools", "70.1")
    checkout = tmp_path / "checkout"
    ignore = shutil.ignore_patterns(".*", "build", "runs", "*.egg-info", "__pycache__")
    shutil.copytree(HOUSE, checkout, ignore=ignore)
    command = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "--quiet"]
    subprocess.run([*command, "--wheel-dir", tmp_path, checkout], check=True)
    (wheel,) = tmp_path.glob("sssp_bench-*.whl")
    files = zipfile.ZipFile(wheel)
    (points,) = (name for name in files.namelist() if name.endswith("entry_points.txt"))
    assert "sssp = sssp.networkx_backend" in files.read(points).decode()
    held = {name for name in files.namelist() if ".dist-info/" not in name}
    folders = [path for package in PACKAGES for path in (HOUSE / package).rglob("*")]
    wanted = {label(p) for p in folders if p.is_file() and "__pycache__" not in p.parts}
    assert {".py", ".cu", ".cuh"} <= {Path(name).suffix for name in wanted}
    assert held == wanted | {"results/schema.json"}
