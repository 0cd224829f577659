"""The map of files in CONTRIBUTING.md is the one that `make map` writes."""

from __future__ import annotations

import pytest
from file_map import BEGIN, END, FOLDERS, PAPER, described, first_line, render, rewritten
from repository import HOUSE, PACKAGES, label, sources


def test_the_map_is_made_from_the_files():
    paper = (HOUSE / PAPER).read_text()
    assert rewritten(paper, render()) == paper, "the map is not that of the files: run `make map`"


def test_every_source_is_in_the_map_once():
    drawn = render()
    for folder in (*PACKAGES, "tests", "benchmarks"):
        for path in sources(folder):
            if path.name != "__init__.py":
                assert drawn.count(f"]({label(path)})") == 1, label(path)


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_first_line_of_a_file_says_what_it_is(folder):
    files = described(HOUSE, folder)
    assert files
    for path in files:
        assert 10 < len(first_line(path)) <= 100


@pytest.fixture
def tree(tmp_path):
    """A package with a sub-package, a CUDA source and a batch script."""
    for name, text in {
        "pack/__init__.py": '"""A package.\n\nMore of it."""\n',
        "pack/walk.py": '"""Walks: one | two."""\n',
        "pack/inner/__init__.py": '"""What is inside."""\n',
        "pack/inner/push.cu": "// Pushes.\n//\n// In rounds.\n",
        "pack/inner/job.sbatch": "#!/bin/bash\n# A job.\n#\n",
        "pack/inner/data.json": "{}",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_sub_package_is_a_table_of_its_own(tree):
    assert (
        render(tree, ("pack",))
        == """\
#### pack/

A package.

| file | what |
|---|---|
| [walk.py](pack/walk.py) | Walks: one \\| two. |

#### pack/inner/

What is inside.

| file | what |
|---|---|
| [job.sbatch](pack/inner/job.sbatch) | A job. |
| [push.cu](pack/inner/push.cu) | Pushes. |
"""
    )


def test_a_file_that_moves_moves_in_the_map(tree):
    (tree / "pack/walk.py").rename(tree / "pack/inner/walk.py")
    drawn = render(tree, ("pack",))
    assert "(pack/inner/walk.py)" in drawn
    assert "(pack/walk.py)" not in drawn


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("import os\n", "no first line"),
        ('"""A line that goes on\nin the next."""\n', "more than its first line"),
    ],
)
def test_a_file_without_a_first_line_is_refused(tree, text, fault):
    (tree / "pack/walk.py").write_text(text)
    with pytest.raises(ValueError, match=f"walk.py: .*{fault}"):
        render(tree, ("pack",))


def test_only_what_is_between_the_marks_is_rewritten():
    assert rewritten(f"a\n{BEGIN}old\n{END}b\n", "new") == f"a\n{BEGIN}\nnew\n{END}b\n"
    with pytest.raises(ValueError, match="lacks one of the marks"):
        rewritten(f"a\n{BEGIN}old\n", "new")
