"""Mistakes planted on purpose, one line each: does a test notice every one of them?

    make mutants [ARGS="-k heap --jobs 2"]

tests/support/mutants.toml names, for each, the file, the text to find there (once) and to put in
its place, and the tests that are to fail. They run in copies of the checkout in a temporary folder,
once as they are, then with one mistake after another. Tests that do not end, or wait in vain, have
noticed it, too, if without the mistake they pass in half the time right afterwards, with as much to
compile.
Where a mistake changes nothing that anyone can see, `equivalent` says why, and it is not run.
Exit status 0 where at least 95 % of the others are noticed, 2 where tests could not judge one.
Takes an hour or two: a mistake in a kernel has it compiled again, and those that call it.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from threading import Lock
from time import monotonic

import kept_kernels

CHECKOUT = Path(__file__).resolve().parents[2]
TABLE = CHECKOUT / "tests" / "support" / "mutants.toml"
ENOUGH = 0.95
_LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__", "runs", "build")
# pytest's statuses for tests that failed, and for those that could not even be imported.
_FAILED = (1, 2)
# Signals by which a process ends by its own fault; any other has come from outside.
_CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)
# What a test fails with that has waited in vain: for a mistake, or for a busy machine.
_WAITED = re.compile(r"TimeoutExpired|TimeoutError|BrokenBarrierError")


class TableError(Exception):
    """The table of mistakes does not fit the checkout."""


@dataclass(frozen=True)
class Mutant:
    """One mistake.

    file         path in the checkout
    old, new     text that occurs once there, and what takes its place
    tests        arguments of pytest
    equivalent   why nothing can notice it; empty where something must
    """

    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    equivalent: str = ""

    def __str__(self) -> str:
        old, new = (" ".join(text.split()) for text in (self.old, self.new))
        return f"{self.file}: {old}  ->  {new}"

    def planted(self, text: str) -> str:
        """Return the file's text with the mistake."""
        found = text.count(self.old)
        if found != 1 or self.old == self.new:
            raise TableError(f"{self}: the text occurs {found} times, or does not change")
        return text.replace(self.old, self.new)


def mutants() -> list[Mutant]:
    """Return the mistakes of the table."""
    return [
        Mutant(**{**given, "tests": tuple(map(_located, shlex.split(given["tests"])))})
        for given in tomllib.loads(TABLE.read_text())["mutant"]
    ]


def _located(word: str) -> str:
    """Return a test file's path in the checkout, and any other word as it is."""
    if not word.endswith(".py"):
        return word
    found = [path.relative_to(CHECKOUT).as_posix() for path in (CHECKOUT / "tests").rglob(word)]
    if len(found) != 1:
        raise TableError(f"{word}: there are {len(found)} files of that name in tests/")
    return found[0]


def _compiled(folder: Path) -> Path:
    return folder.parent / f"{folder.name}-compiled"


def _environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "NUMBA_CACHE_DIR": str(_compiled(folder)),
    }


def run_tests(folder: Path, tests: Sequence[str], timeout: float) -> tuple[int | None, str]:
    """Run some tests in a copy of the checkout; return pytest's status, None if it never ends."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    process = subprocess.Popen(
        command, cwd=folder, env=_environment(folder), text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        out, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return None, ""
    return process.returncode, out


@contextmanager
def planted(mutant: Mutant, folder: Path) -> Iterator[None]:
    """Put a mistake into a copy of the checkout, and take it out again."""
    file = folder / mutant.file
    right = file.read_text()
    file.write_text(mutant.planted(right))
    try:
        yield
    finally:
        file.write_text(right)


def _start_compiled(mutant: Mutant, folder: Path, right: Path | None, planted: bool) -> None:
    """Keep nothing compiled in a copy but what `right` has, and the mistake leaves as it is."""
    shutil.rmtree(_compiled(folder), ignore_errors=True)
    if right is not None:
        file = Path(mutant.file)
        is_kernel = file.parent.name == "kernels" and file.suffix == ".py"
        changed = kept_kernels.changed_with(file.stem, folder / "kernels") if is_kernel else set()
        to = _kept(folder, mutant if planted and is_kernel else None)
        _use_again(_kept(right), to, changed)


@cache
def _kept(folder: Path, mistake: Mutant | None = None) -> Path | None:
    """Where a copy keeps compiled kernels; another place for each mistake in one."""
    return kept_kernels.where(folder, _environment(folder))


def _use_again(kept: Path | None, to: Path | None, changed: set[str]) -> None:
    """Let a copy use what another checkout has compiled, but for the changed modules."""
    if kept and to:
        kept_kernels.link(kept, to, changed)


def verdict(
    mutant: Mutant, folder: Path, timeout: float, right: Path | None = None
) -> tuple[str, str]:
    """Return whether a mistake was `caught` or has `survived`, and by which test.

    `folder` is a copy of the checkout, `right` another that has compiled kernels.
    """
    with planted(mutant, folder):
        _start_compiled(mutant, folder, right, planted=True)
        status, out = run_tests(folder, mutant.tests, timeout)
    if status == 0:
        return "survived", ""
    if status is None or _WAITED.search(out):
        _start_compiled(mutant, folder, right, planted=False)
        if run_tests(folder, mutant.tests, timeout / 2)[0] != 0:
            raise TableError(
                f"{mutant}: the tests did not end in {timeout} s, nor in half of that without the "
                "mistake; give a longer --timeout, or try when less runs on this machine"
            )
        return "caught", "it did not end"
    if status not in _FAILED and -status not in _CRASHES:
        raise TableError(f"{mutant}: pytest {' '.join(mutant.tests)}: status {status}\n{out}")
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", out, re.MULTILINE)
    return "caught", failed[1] if failed else f"status {status}"


class Judge:
    """Plants mistakes in copies of the checkout, as many at once as there are copies.

    Tests that fail without a mistake, too, judge nothing; they are asked once, before their first,
    in the copy `right`, which has no mistake ever.
    """

    def __init__(self, right: Path, copies: Sequence[Path], timeout: float):
        self.timeout, self.right = timeout, right
        self.free: SimpleQueue[Path] = SimpleQueue()
        for copy in (right, *copies):
            shutil.copytree(CHECKOUT, copy, symlinks=True, ignore=_LEFT_OUT)
        here = kept_kernels.where(CHECKOUT, {**os.environ, "PYTHONPATH": str(CHECKOUT)})
        _use_again(here, _kept(right), set())
        for copy in copies:
            self.free.put(copy)
        self._faults: dict[tuple[str, ...], str] = {}
        self._one_asks = Lock()

    def outcome(self, mutant: Mutant) -> str:
        """Return what became of a mistake, and print it."""
        if mutant.equivalent:
            outcome, by, seconds = "equivalent", mutant.equivalent, 0.0
        else:
            copy = self.free.get()
            try:
                fault = self._fault(mutant.tests)
                start = monotonic()
                outcome, by = ("unjudged", fault) if fault else self._verdict(mutant, copy)
                seconds = monotonic() - start
            finally:
                self.free.put(copy)
        print(f"{outcome:10} {seconds:4.0f} s  {mutant}  [{by}]", flush=True)
        return outcome

    def _verdict(self, mutant: Mutant, copy: Path) -> tuple[str, str]:
        try:
            return verdict(mutant, copy, self.timeout, self.right)
        except TableError as error:
            return "unjudged", str(error)

    def _fault(self, tests: tuple[str, ...]) -> str:
        """Why some tests cannot judge; empty where they pass. Compiles the kernels as well."""
        with self._one_asks:
            if tests not in self._faults:
                status, out = run_tests(self.right, tests, 4 * self.timeout)
                said = f"without a mistake, pytest {' '.join(tests)} ends with {status}: {out}"
                self._faults[tests] = said if status != 0 else ""
            return self._faults[tests]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Plant mistakes, and see whether tests notice.")
    parser.add_argument(
        "-k", metavar="TEXT", nargs="+", default=[""], help="those whose line has one of these"
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="at once (default: 1)")
    parser.add_argument(
        "--timeout", type=float, default=300, metavar="S", help="seconds for each (default: 300)"
    )
    flags = parser.parse_args(arguments)
    chosen = [mutant for mutant in mutants() if any(text in str(mutant) for text in flags.k)]
    with TemporaryDirectory(prefix="sssp-mutants-") as work, ThreadPoolExecutor(flags.jobs) as pool:
        copies = [Path(work) / f"copy{i}" for i in range(flags.jobs)]
        judge = Judge(Path(work) / "right", copies, flags.timeout)
        count = Counter(pool.map(judge.outcome, chosen))
    told = f"{count['caught']} caught, {count['survived']} survived"
    print(f"{told}, {count['equivalent']} change nothing, {count['unjudged']} unjudged")
    if count["unjudged"]:
        return 2
    return 0 if count["caught"] >= ENOUGH * (count["caught"] + count["survived"]) else 1


if __name__ == "__main__":
    sys.exit(main())
