"""The import check: another package of the same name is named in the error."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from sssp import import_check

HOUSE = Path(__file__).resolve().parents[2]
PACKAGES = ("kernels", "graphs", "sssp", "harness")


@pytest.fixture
def house(tmp_path):
    """A copy of the four packages, as in a site-packages folder."""
    folder = tmp_path / "house"
    for name in PACKAGES:
        shutil.copytree(HOUSE / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def import_sssp(*search_path, cwd):
    """Run `import sssp` in a fresh Python; its exit status, the last line of its stderr, its file.

    Without site-packages, where the house may be installed once more.
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, search_path))}
    done = subprocess.run(
        [sys.executable, "-S", "-B", "-c", "import sssp; print(sssp.__file__)"],
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
    )
    return done.returncode, (done.stderr.strip().splitlines() or [""])[-1], done.stdout.strip()


def write_distribution(folder, name, version, files):
    """Write what pip leaves of a distribution: its files and the list of them."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    for file, text in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text)
    record = "".join(f"{file},{import_check._digest(folder / file)},1\n" for file in files)
    (info / "RECORD").write_text(record)


def test_the_house_as_it_stands_passes():
    import_check.check_neighbours()


def test_a_copy_elsewhere_on_the_search_path_passes(house, tmp_path):
    status, error, imported = import_sssp(house, cwd=tmp_path)
    assert (status, error) == (0, "")
    assert Path(imported) == house / "sssp" / "__init__.py"


@pytest.mark.parametrize("form", ["package", "module"])
@pytest.mark.parametrize("name", import_check.NEIGHBOURS)
def test_a_package_earlier_on_the_search_path_is_named(house, tmp_path, name, form):
    other = tmp_path / "other" / (f"{name}/__init__.py" if form == "package" else f"{name}.py")
    other.parent.mkdir(parents=True)
    other.write_text("raise SystemExit('the guard must look, not import')\n")
    status, error, _ = import_sssp(tmp_path / "other", house, cwd=tmp_path)
    assert status == 1
    assert error.startswith("ImportError: ")
    assert f"package {name!r} of sssp-bench is shadowed by {other}" in error
    assert f"expected {house / name}" in error
    assert "rename it" in error


def test_the_distribution_that_shadows_is_named(house, tmp_path):
    write_distribution(tmp_path / "other", "kernels", "4.2", {"kernels/__init__.py": ""})
    status, error, _ = import_sssp(tmp_path / "other", house, cwd=tmp_path)
    assert status == 1
    assert "of distribution kernels 4.2" in error
    assert "uninstall kernels" in error


def test_a_distribution_without_a_list_of_files_is_named(house, tmp_path):
    write_distribution(tmp_path / "other", "popcorn", "1", {"kernels/__init__.py": ""})
    info = tmp_path / "other" / "popcorn-1.dist-info"
    (info / "RECORD").unlink()
    (info / "top_level.txt").write_text("kernels\n")
    status, error, _ = import_sssp(tmp_path / "other", house, cwd=tmp_path)
    assert status == 1
    assert "of distribution popcorn 1" in error


def install(house):
    files = {f"{name}/__init__.py" for name in PACKAGES}
    texts = {file: (house / file).read_text() for file in files}
    write_distribution(house, "sssp-bench", "0.1.0", texts)


def test_a_distribution_installed_over_ours_is_named(house, tmp_path):
    install(house)
    write_distribution(house, "graphs", "0.3", {"graphs/__init__.py": "x = 1\n"})
    status, error, _ = import_sssp(house, cwd=tmp_path)
    assert status == 1
    assert f"'graphs' of sssp-bench was overwritten in {house / 'graphs'}" in error
    assert "distribution graphs 0.3" in error
    assert "environment of its own" in error


def test_an_installed_file_edited_by_hand_is_no_error(house, tmp_path):
    install(house)
    with (house / "graphs" / "__init__.py").open("a") as file:
        file.write("# edited\n")
    assert import_sssp(house, cwd=tmp_path)[0] == 0


def test_another_package_imported_before_is_named(monkeypatch, tmp_path):
    stranger = ModuleType("graphs")  # its __spec__ is None
    stranger.__file__ = str(tmp_path / "graphs.py")
    monkeypatch.setitem(sys.modules, "graphs", stranger)
    with pytest.raises(ImportError, match="'graphs' of sssp-bench is shadowed") as caught:
        import_check.check_neighbours()
    assert caught.value.name == "graphs"
    assert str(tmp_path / "graphs.py") in str(caught.value)


def test_a_folder_without_its_package_file_is_named(house, tmp_path):
    (house / "harness" / "__init__.py").unlink()
    status, error, _ = import_sssp(house, cwd=tmp_path)
    assert status == 1
    assert "package 'harness' is missing" in error


def test_a_missing_neighbour_is_named(monkeypatch):
    monkeypatch.setattr(import_check, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="'kernels' is missing.*install sssp-bench again"):
        import_check.check_neighbours()


@pytest.mark.parametrize("name", ["kernels", "graphs"])
def test_the_command_says_in_one_line_what_shadows(house, tmp_path, name):
    other = tmp_path / "other" / name / "__init__.py"
    other.parent.mkdir(parents=True)
    other.write_text("")
    done = subprocess.run(
        [sys.executable, "-B", "-m", "harness", "info"],
        env=os.environ | {"PYTHONPATH": f"{other.parent.parent}{os.pathsep}{house}"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"sssp: error: package {name!r} of sssp-bench is shadowed by")
    assert len(done.stderr.splitlines()) == 1
