"""Progress on stderr: a bar in a terminal, plain lines elsewhere.

Nothing is coloured, so NO_COLOR has nothing to switch off. Quiet silences the progress, never a
warning. Standard output belongs to the benchmark's own lines. Of several ranks one writes; the
log of each (`--log-dir`) gets all.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from harness.console import logs
from harness.console.streams import error_stream, say

if TYPE_CHECKING:
    from tqdm import tqdm

# Between two plain lines of one count.
_LINE_SECONDS = 10.0
_LONG_FILE = 16  # MiB
# Called with every stage: a rank's heartbeat reports it (harness.job.heartbeat).
observers: list[Callable[[str], None]] = []


class Progress:
    """The voice of a run.

    Parameters
    ----------
    quiet : bool
        Say only what the user must know.
    """

    def __init__(self, quiet: bool = False):
        self.quiet = quiet
        self._bar: tqdm | None = None

    def stage(self, text: str) -> None:
        """Say that something begins or is done, unless quiet."""
        logs.write(text)
        for observe in observers:
            observe(text)
        if not self.quiet:
            self._line(text)

    def warn(self, text: str) -> None:
        """Say what the user must know, quiet or not."""
        logs.write(text)
        self._line(text)

    @contextmanager
    def reading(self, size: int) -> Iterator[Callable[[int], object]]:
        """Show how much of a file of `size` bytes has been read.

        The block calls what it is given with the bytes so far; a file shorter than 16 MiB is read
        before anybody could look.
        """
        total, seen = size >> 20, 0
        if total < _LONG_FILE:
            yield lambda _: None
            return
        with self.count(total, "MiB read") as step:

            def read(so_far: int) -> None:
                nonlocal seen
                now = min(so_far >> 20, total)
                if now > seen:
                    step(now - seen)
                    seen = now

            yield read

    @contextmanager
    def count(self, total: int, what: str, done: int = 0) -> Iterator[Callable[..., object]]:
        """Count steps of `what` from `done` to `total`.

        The block calls what it is given after each step, or with a number after several.
        """
        if self.quiet:
            yield lambda by=1: None
        elif _is_terminal(error_stream()):
            with self._terminal_bar(total, what, done) as step:
                yield step
        else:
            yield self._plain_lines(total, what, done)

    @contextmanager
    def _terminal_bar(self, total: int, what: str, done: int) -> Iterator[Callable[..., object]]:
        from tqdm import tqdm

        tqdm.monitor_interval = 0  # its thread would wake up inside the timed searches
        shown = {"desc": what, "file": error_stream(), "leave": False}
        with tqdm(total=total, initial=done, **shown) as self._bar:
            try:
                yield self._bar.update
            finally:
                self._bar.close()
                self._bar = None

    def _plain_lines(self, total: int, what: str, done: int) -> Callable[..., object]:
        last = time.monotonic()

        def step(by: int = 1) -> None:
            nonlocal done, last
            done += by
            if done == total or time.monotonic() - last >= _LINE_SECONDS:
                last = time.monotonic()
                self._line(f"{what}: {done} of {total}")

        return step

    def _line(self, text: str) -> None:
        if self._bar is not None:
            self._bar.write(text, file=error_stream())
        else:
            say(text)


def _is_terminal(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
