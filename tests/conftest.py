"""What every test may rely on: markers that skip with a reason, hypothesis without a stopwatch."""

from __future__ import annotations

import contextlib
import fcntl
import gc
import os
import shutil
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

# The first example of a test may compile kernels, so a deadline would fail at random; a fixed
# choice of examples makes a red run red again. `--hypothesis-seed=random` looks further.
settings.register_profile("house", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("house")

# Several tests run at once, and several ranks and threads of each share a core. Threads that wait
# give way, where OpenMP otherwise spins, and ranks that wait sleep: beside one busy process, a test
# of two to four ranks took 48 s and 43 CPU s so, 167 s and 179 CPU s where MPICH only yields. Set
# before the libraries are loaded; every process inherits it.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("MPIR_CVAR_ENABLE_HEAVY_YIELD", "1")
# Hundreds of processes import the packages: what they compile is kept for the next. So is what
# pytest makes of the tests, four seconds of each worker.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Tests are objects that stay: until all are there, looking for garbage among them finds none.
gc.disable()


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


def _worker(config: pytest.Config) -> str | None:
    """The name of this process, if it is one of several workers."""
    return getattr(config, "workerinput", {}).get("workerid")


def _whole(config: pytest.Config) -> bool:
    """Whether all tests are asked for, or all quick ones: they need all kernels."""
    asked, all_there_is = (
        [config.rootpath / path for path in paths]
        for paths in (config.args, config.getini("testpaths"))
    )
    return asked == all_there_is and not config.option.keyword


def pytest_collection(session: pytest.Session) -> None:
    """Of several workers the first has kernels compiled while all read the tests."""
    if _worker(session.config) == "gw0" and _whole(session.config):
        import compiled_ahead

        compiled_ahead.start()


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Of several workers one rewrites a module, and the others read what it has kept."""
    with contextlib.ExitStack() as stack:
        if isinstance(collector, pytest.Module) and _worker(collector.config):
            path = collector.path
            if not any((path.parent / "__pycache__").glob(f"{path.stem}.*-pytest-*.pyc")):
                fcntl.flock(stack.enter_context(path.open()), fcntl.LOCK_EX)
        return (yield)


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
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _together(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let several workers share what one can do for all: the start of forks, compiled kernels.

    Kernels are compiled ahead of the whole suite; of a few tests each compiles what it needs.
    """
    if _worker(pytestconfig):
        import forks

        forks.share(tmp_path_factory.getbasetemp().parent)
        if _whole(pytestconfig):
            import compiled_ahead

            compiled_ahead.compile_ahead()
