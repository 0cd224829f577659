"""Searches on a GPU under compute-sanitizer: no access out of bounds, no hazard in shared memory.

The tool comes with the CUDA toolkit. CuPy's memory pool is off, or an access beyond an array would
fall into the pool's memory and pass; docs/GPU.md has the commands.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
from repository import HOUSE

pytestmark = [pytest.mark.gpu, pytest.mark.slow]

WITHOUT_POOL = """
import sys
import cupy
cupy.cuda.set_allocator(None)
from harness.cli import main
sys.exit(main(sys.argv[1:]))
"""


def sanitizer():
    """The tool's path; skips the test where there is none."""
    places = [os.environ.get("PATH", ""), "/usr/local/cuda/bin"]
    places += [os.path.join(os.environ.get(name, ""), "bin") for name in ("CUDA_PATH", "CUDA_HOME")]
    found = shutil.which("compute-sanitizer", path=os.pathsep.join(places))
    if found is None:
        pytest.skip("compute-sanitizer is not installed (part of the CUDA toolkit)")
    return found


@pytest.mark.parametrize("tool", ["memcheck", "racecheck", "synccheck"])
def test_searches_on_scale_10_are_clean(tmp_path, tool):
    command = [sanitizer(), "--tool", tool, "--error-exitcode", "99", sys.executable, "-c"]
    run = ["run", "--engine", "cuda", "--scale", "10", "--roots", "8", "--no-energy"]
    run += ["--output", str(tmp_path)]
    done = subprocess.run(
        [*command, WITHOUT_POOL, *run], cwd=HOUSE, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "sssp harmonic_mean_TEPS" in done.stdout
