"""The benchmarks of benchmarks/ run: each of them once, nothing measured."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from repository import HOUSE


@pytest.mark.slow
def test_every_benchmark_runs():
    pytest.importorskip("pytest_benchmark")
    command = [sys.executable, "-m", "pytest", "benchmarks", "--benchmark-disable", "-q"]
    done = subprocess.run(command, cwd=HOUSE, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    written = sum(
        len(re.findall(r"^def bench_", path.read_text(), re.M))
        for path in (HOUSE / "benchmarks").glob("bench_*.py")
    )
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= written > 0
