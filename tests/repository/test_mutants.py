"""The mistakes of mutants.toml can be planted, and the script that does so judges rightly."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import kept_kernels
import mutants
import pytest
from repository import HOUSE

MUTANTS = mutants.mutants()


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_each_mistake_can_be_planted_on_one_line(mutant):
    right = (HOUSE / mutant.file).read_text()
    wrong = mutant.planted(right)
    if mutant.file.endswith(".py"):
        ast.parse(wrong)
    pairs = zip(right.splitlines(), wrong.splitlines(), strict=True)
    assert sum(before != after for before, after in pairs) == 1
    files = [word for word in mutant.tests if word.startswith("tests/")]
    assert files and all((HOUSE / file).is_file() for file in files)


def test_the_mistakes_are_many_and_everywhere():
    assert len(MUTANTS) == len(set(MUTANTS))
    places = Counter(
        Path(mutant.file).suffix.replace(".cuh", ".cu")
        if mutant.file.startswith("kernels")
        else mutant.file.partition("/")[0]
        for mutant in MUTANTS
        if not mutant.equivalent
    )
    assert places.total() >= 60
    assert min(places[place] for place in (".py", ".cu", "graphs", "sssp", "harness")) >= 4


TABLE = """
[[mutant]]
file = "product.py"
old = "a + b"
new = "a - b"
tests = "test_product.py"
[[mutant]]
file = "product.py"
old = "n > 0"
new = "n != 0"
tests = "test_product.py"
[[mutant]]
file = "product.py"
old = "total = 0"
new = "total = -0"
tests = "test_product.py"
equivalent = "zero is zero"
"""
PRODUCT = """
def add(a, b):
    return a + b

def times(a, n):
    total = 0
    while n > 0:
        total = add(total, a)
        n -= 1
    return total
"""
TESTS = """
from product import times

def test_times():
    assert times(3, 2) == 6
"""


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A small checkout with a table of three mistakes."""
    (tmp_path / "tests" / "of_it").mkdir(parents=True)
    files = {"product.py": PRODUCT, "tests/of_it/test_product.py": TESTS, "t.toml": TABLE}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(mutants, "CHECKOUT", tmp_path)
    monkeypatch.setattr(mutants, "TABLE", tmp_path / "t.toml")
    return tmp_path


@pytest.mark.slow
def test_a_mistake_is_caught_survives_or_changes_nothing(checkout, capsys):
    assert mutants.main(["--jobs", "2"]) == 1
    *lines, last = capsys.readouterr().out.splitlines()
    outcome = {line.split("product.py: ")[1][:5]: line for line in lines}
    assert outcome["a + b"].startswith("caught ")
    assert "tests/of_it/test_product.py::test_times" in outcome["a + b"]
    assert outcome["n > 0"].startswith("survived ")
    assert outcome["total"].startswith("equivalent ")
    assert last == "1 caught, 1 survived, 1 change nothing, 0 unjudged"
    assert (checkout / "product.py").read_text() == PRODUCT


def test_tests_that_do_not_end_are_ended(checkout):
    (checkout / "product.py").write_text(PRODUCT.replace("n -= 1", "n -= 0"))
    files = ("tests/of_it/test_product.py",)
    assert mutants.run_tests(checkout, files, timeout=0.1) == (None, "")


@pytest.mark.parametrize("number, judged", [(11, True), (6, True), (9, False), (15, False)])
def test_a_crash_is_noticed_and_an_end_from_outside_is_not(checkout, number, judged):
    """As by somebody who ends the tests, or a system that is out of memory."""
    killed = f"n -= __import__('os').kill(__import__('os').getpid(), {number})"
    mutant = mutants.Mutant("product.py", "n -= 1", killed, ("tests/of_it/test_product.py",))
    if judged:
        assert mutants.verdict(mutant, checkout, 60.0) == ("caught", f"status {-number}")
    else:
        with pytest.raises(mutants.TableError, match=f"status {-number}"):
            mutants.verdict(mutant, checkout, 60.0)


@pytest.mark.parametrize("with_it", [(None, ""), (1, "subprocess.TimeoutExpired: Command")])
@pytest.mark.parametrize("without, judged", [(0, True), (None, False), (1, False)])
def test_tests_that_do_not_end_have_noticed_if_they_end_without(
    checkout, monkeypatch, with_it, without, judged
):
    """A busy machine is no mistake: the same tests pass in half the time, right afterwards."""
    seen = []

    def run_tests(folder, tests, timeout):
        seen.append(("n -= 0" in (folder / "product.py").read_text(), timeout))
        return with_it if seen[-1][0] else (without, "")

    monkeypatch.setattr(mutants, "run_tests", run_tests)
    endless = mutants.Mutant("product.py", "n -= 1", "n -= 0", ("tests/of_it/test_product.py",))
    if judged:
        assert mutants.verdict(endless, checkout, 8.0) == ("caught", "it did not end")
    else:
        with pytest.raises(mutants.TableError, match="did not end in 8.0 s, nor in half"):
            mutants.verdict(endless, checkout, 8.0)
    assert seen == [(True, 8.0), (False, 4.0)]


@pytest.mark.parametrize(
    "module, changed",
    [("b", {"b", "c", "d"}), ("d", {"d"}), ("a", {"a", "b", "c", "d"}), ("__init__", None)],
)
def test_kernels_are_used_again_unless_they_import_what_changed(tmp_path, module, changed):
    texts = {
        "__init__": "",
        "a": "import numpy",
        "b": "from kernels.a import one",
        "c": "from kernels import b",
        "d": "import kernels.c",
        "e": "from json import a_list",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(text)
    found = kept_kernels.changed_with(module, tmp_path)
    assert found == (set(texts) if changed is None else changed)
    kept = tmp_path / "kept"
    kept.mkdir()
    for name in texts:
        (kept / f"{name}.work-7.py311.nbi").write_bytes(b"")
    kept_kernels.link(kept, tmp_path / "new", found)
    linked = {file.name.partition(".")[0] for file in (tmp_path / "new").iterdir()}
    assert linked == set(texts) - found


@pytest.mark.slow
def test_where_kernels_are_kept_is_where_the_package_keeps_them(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(HOUSE), "NUMBA_CACHE_DIR": str(tmp_path)}
    folder = kept_kernels.where(HOUSE, environment)
    code = "import kernels.cache, kernels.bits; print(kernels.bits.ones._cache.cache_path)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert str(folder) == done.stdout.strip()
    assert kept_kernels.where(tmp_path, environment) is None


@pytest.mark.slow
def test_enough_is_ninety_five_in_a_hundred(checkout, capsys):
    assert mutants.main(["-k", "a + b"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("1 caught, 0 survived, ")


@pytest.mark.slow
def test_tests_that_fail_anyway_judge_nothing(checkout, capsys):
    (checkout / "tests/of_it/test_product.py").write_text(TESTS.replace("6", "7"))
    assert mutants.main(["-k", "a + b"]) == 2
    assert (
        "without a mistake, pytest tests/of_it/test_product.py ends with 1"
        in capsys.readouterr().out
    )


def test_a_mistake_that_fits_no_longer_is_named(checkout, capsys):
    (checkout / "product.py").write_text(PRODUCT.replace("a + b", "b + a"))
    assert mutants.main(["-k", "a + b"]) == 2
    assert "product.py: a + b  ->  a - b: the text occurs 0 times" in capsys.readouterr().out
