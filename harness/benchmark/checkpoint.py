"""Between two rounds of searches: keep what is finished, and stop when the time is up.

A round is one search and its validation, or as many searches as share a pass over the edges. What
happens here is outside every clock, and all ranks do it together.
"""

from __future__ import annotations

from time import monotonic
from typing import Any

from graphs.comm import Comm, SerialComm
from harness.benchmark.time_limit import TimeLimit
from harness.console.progress import Progress
from harness.console.signals import one_writer
from harness.results.record import ResultError, ResultFile


class Checkpoint:
    """What a run does between its rounds.

    Parameters
    ----------
    progress : Progress
        Reports why a run stops, or that its file cannot be written.
    file : ResultFile, optional
        Written now and then, so that a run that is killed loses little.
    limit : TimeLimit, optional
        Ends the run in time.
    comm : Comm, optional
        The ranks of the run; rank 0 has the file, and the clock that counts.
    """

    def __init__(
        self,
        progress: Progress,
        file: ResultFile | None = None,
        limit: TimeLimit | None = None,
        comm: Comm | None = None,
    ):
        self.progress = progress
        self.file = file
        self.limit = limit
        self.comm = comm or SerialComm()
        self._last: float | None = None
        self._warned = False

    def stops(self, result: dict[str, Any]) -> bool:
        """Call before each round. Does the run end here, although searches remain?"""
        if self._last is not None:
            if self.limit is not None:
                self.limit.round_took(monotonic() - self._last)
            self._keep(result)
        self._last = monotonic()
        if self.limit is None or not self.comm.bcast(self.limit.is_near()):
            return False
        self.progress.warn(f"the time limit of {self.limit.seconds:g} s is near: no more searches")
        return True

    def time_is_up(self) -> bool:
        """Is the limit, if there is one, too near for another search? Asks only this rank."""
        return self.limit is not None and self.limit.is_near()

    def _keep(self, result: dict[str, Any]) -> None:
        """Write the unfinished result; a full disk now may have room when the run ends."""
        if self.file is None:
            return
        try:
            with one_writer():
                self.file.keep_now_and_then(result)
        except ResultError as error:
            if not self._warned:
                self.progress.warn(f"the finished searches are not kept yet: {error}")
            self._warned = True
