"""What every test may rely on: markers that skip with a reason, hypothesis without a stopwatch."""

from __future__ import annotations

import gc
import os
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# The first example of a test may compile kernels, so a deadline would fail at random; a fixed
# choice of examples makes a red run red again. `--hypothesis-seed=random` looks further.
settings.register_profile("house", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("house")

# `make test` runs two tests at once, and several ranks and threads share a core: threads that wait
# give way, where OpenMP otherwise spins. Set before it is loaded; every process inherits it. MPICH
# yields by itself; its MPIR_CVAR_ENABLE_HEAVY_YIELD sleeps, which takes longer than what a search
# waits for, and half as much again of the cores.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# Hundreds of processes import the packages: what they compile is kept for the next. So is what
# pytest makes of the tests, four seconds of each worker.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# More tests than any one folder has: the whole suite, which needs all kernels.
_WHOLE = 1000


def _gpu_missing() -> str | None:
    import sssp

    return sssp.engines().get("cuda", "this version has no CUDA engine")


def _mpi_missing() -> str | None:
    beside_python = Path(sys.executable).parent
    if shutil.which("mpirun", path=str(beside_python)) or shutil.which("mpirun"):
        return None
    return "mpirun is not installed (extra: mpi)"


@pytest.fixture(autouse=True)
def _no_energy(monkeypatch: pytest.MonkeyPatch) -> None:
    """No run of a test waits for the machine's energy counters; tests of them bring their own."""
    monkeypatch.setattr("harness.benchmark.energy.POWERCAP", Path("there-is-no-such-folder"))
    monkeypatch.setattr("harness.machine.nvml.LIBRARY", "there-is-no-such-library.so")


@pytest.fixture(autouse=True)
def _engine_searches_small_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's tests are on small graphs, which one thread on arcs would search."""
    monkeypatch.setattr("sssp.solver.SMALL", -1)
    monkeypatch.setattr("sssp.solver.SMALL_LONG", -1)
    monkeypatch.setattr("sssp.paths.SMALL_EDGES", -1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests that this machine cannot run; ask only about what is marked."""
    for marker, missing in (("gpu", _gpu_missing), ("mpi", _mpi_missing)):
        marked = [item for item in items if item.get_closest_marker(marker)]
        reason = missing() if marked else None
        if reason is not None:
            for item in marked:
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_collection_finish() -> None:
    """Leave the tests, which live to the end, out of the cycle collector: it reads them no more."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _together(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let several workers share what one can do for all: the start of forks, compiled kernels.

    Kernels are compiled ahead of the whole suite; of a few tests each compiles what it needs.
    """
    if hasattr(request.config, "workerinput"):
        import forks

        folder = tmp_path_factory.getbasetemp().parent
        forks.share(folder)
        if len(request.session.items) > _WHOLE:
            from compiled_ahead import compile_ahead

            compile_ahead(folder / "kernels.lock")
