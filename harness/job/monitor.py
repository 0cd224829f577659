"""What becomes of a job when a rank fails, dies, is asked to stop, or falls silent.

MPI does not say which rank has died, and some launchers let the other ranks wait for ever. Here a
connection that closes without a farewell is a death, whatever caused it, and a rank that fails
says so before it goes. A rank that is stopped, or whose node is gone without a word, no longer
sends its heartbeat. The monitor says once what happened, naming rank and host, and sends the ranks
how to end.

This module decides. `harness.job.monitor_process` has the connections, `harness.job.client` is the
other half, in the ranks, and `harness.job.protocol` is what the two send each other.
"""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from harness.job.protocol import LINE_BYTES, Lines, ProtocolError, encode

# A fault that others share is said once: so long may they take to find it. What has a traceback is
# a fault of the program, seldom the same on all; a mistake of the user is.
_GRACE_SECONDS, _MISTAKE_SECONDS = 1.5, 4.0
# Rank 0 writes down what is finished; a rank that takes longer is killed.
_LAST_SECONDS = 20.0
# A rank that has missed this many heartbeats is silent.
SILENT_BEATS = 3
# A shorter break in this process's own work is a busy machine.
_STARVED_SECONDS = 2.0
_STOPPING = (signal.SIGINT, signal.SIGTERM)


@dataclass
class Peer:
    """A rank that has proved to be one.

    heard    when something came from it
    doing    what it was doing then
    silent   whether that was said to be long ago
    """

    connection: socket.socket
    rank: int
    host: str
    pid: int
    heard: float
    doing: str = "its start"
    silent: bool = False
    lines: Lines = field(default_factory=lambda: Lines(LINE_BYTES))

    def __str__(self) -> str:
        return f"rank {self.rank} on {self.host}"


class Monitor:
    """The ranks of one job.

    Parameters
    ----------
    name : str
        The command, for messages.
    size : int
        Ranks that will connect.
    failed : int
        Exit status of a job of which a rank has failed.
    beat : float
        Seconds between two heartbeats of a rank.
    """

    def __init__(self, name: str, size: int, failed: int, beat: float):
        self.name, self.size, self.failed, self.beat = name, size, failed, beat
        self.peers: dict[int, Peer] = {}
        self.endings: dict[int, dict[str, Any]] = {}
        self.fault: str | None = None  # the first, and when it is said
        self.deadline = float("inf")
        self.over = False
        self._last_word = b""
        self.hang_limit = float("inf")
        self._looked = self._asked = monotonic()

    def join(self, peer: Peer) -> None:
        """Take a rank in; ProtocolError if it cannot be one, or is there already."""
        if not 0 <= peer.rank < self.size or peer.rank in self.peers:
            raise ProtocolError(f"another rank {peer.rank} of {self.size}")
        self.peers[peer.rank] = peer
        if self.over:
            self._tell_some([peer], self._last_word)

    def hear(self, peer: Peer, data: bytes) -> None:
        """Take what a rank has sent; ProtocolError where that means nothing."""
        peer.heard = monotonic()
        signals, messages = peer.lines.feed(data)
        for number in signals:
            if number in _STOPPING:  # others are heartbeats
                self._stop(number)
        for message in messages:
            self._take(peer, message)

    def _take(self, peer: Peer, message: dict[str, Any]) -> None:
        match message["kind"]:
            case "doing":
                peer.doing = message["what"]
            case "hang_limit":
                self.hang_limit = message["seconds"]
            case "ended":
                self._ended(peer, message)
            case "bye":
                self.peers.pop(peer.rank, None)
            case kind:
                raise ProtocolError(f"{kind} from a rank")

    def _ended(self, peer: Peer, message: dict[str, Any]) -> None:
        self.endings[peer.rank] = message
        peer.doing = "the end of its command"
        if message["code"] and message["text"] and self.fault is None:
            self.fault = f"{message['trace']}{self.name}: error: {peer}: {message['text']}"
            ours = message["trace"] or message["logged"]
            self.deadline = monotonic() + (_GRACE_SECONDS if ours else _MISTAKE_SECONDS)
        if len(self.endings) == self.size and not self.over:
            self._all_ended()

    def _all_ended(self) -> None:
        """Say what went wrong, plainly if for all alike, and let the ranks leave together."""
        self.over = True
        codes = [ending["code"] for ending in self.endings.values()]
        if self.fault is not None:
            first = self.endings[0]
            alike = first["code"] and all(code == first["code"] for code in codes)
            say(f"{first['trace']}{self.name}: error: {first['text']}" if alike else self.fault)
        self._tell("together", code=max(codes))

    def lost(self, peer: Peer) -> None:
        """A connection has closed; without a farewell that is a death.

        Said at once: the launcher may be about to end the process that would report it.
        """
        if self.peers.pop(peer.rank, None) is not None and not self.over:
            self._blame(f"{peer} has died (process {peer.pid} was killed?)")

    def _blame(self, text: str) -> None:
        if self.fault is None:
            self.fault = f"{self.name}: error: {text}"
            self.deadline = monotonic()
            self.due()

    def _stop(self, number: int) -> None:
        if not self.over:
            self.over = True
            self._tell("stop", signal=number)

    def due(self) -> None:
        """Do what time asks for; to be called every second or so, and after what was heard."""
        now = monotonic()
        if now - self._looked > max(self.beat, _STARVED_SECONDS):
            # It is this process that was stopped, perhaps with all of its job.
            for peer in self.peers.values():
                peer.heard = now
        self._looked = now
        if not self.over:
            self._look_for_silence(now)
        # End the job if a fault is old enough, or nobody is left to say more of it.
        ripe = now >= self.deadline or not self.peers
        if self.fault is not None and not self.over and ripe:
            self.over = True
            say(f"{self.fault}; the job ends")
            living = [rank for rank, peer in self.peers.items() if not peer.silent]
            self._tell("abort", code=self.failed, who=min(living, default=0))

    def _look_for_silence(self, now: float) -> None:
        """Name the ranks that send no heartbeat, and those that send it again."""
        limit = SILENT_BEATS * self.beat
        for peer in self.peers.values():
            silence = now - peer.heard
            if peer.silent and silence < limit:
                peer.silent = False
                say(f"{self.name}: {peer} is heard again")
            elif not peer.silent and silence >= limit:
                peer.silent = True
                say(f"{self.name}: {_silence(peer, silence)}; the others may wait for it")
        hanging = [p for p in self.peers.values() if now - p.heard >= self.hang_limit]
        if hanging:
            hanging[0].silent = True
            silence = now - hanging[0].heard
            self._blame(f"{_silence(hanging[0], silence)} (--hang-limit)")
        if now - self._asked >= self.beat:
            # Those that have ended wait for the others, and must know that the monitor is here.
            self._asked = now
            waiting = [peer for rank, peer in self.peers.items() if rank in self.endings]
            self._tell_some(waiting, encode("wait"))

    def _tell(self, kind: str, **fields: object) -> None:
        """Send all ranks how to end, and those that have yet to come."""
        self._last_word = encode(kind, **fields)
        self._tell_some(list(self.peers.values()), self._last_word)
        self.deadline = monotonic() + _LAST_SECONDS

    def _tell_some(self, peers: list[Peer], line: bytes) -> None:
        for peer in peers:
            with suppress(OSError):  # a rank that takes nothing must not hold the others
                peer.connection.send(line)

    @property
    def late(self) -> bool:
        """Whether the ranks have been asked to end, and do not."""
        return self.over and monotonic() >= self.deadline

    def end_by_force(self) -> None:
        """Kill rank 0, which runs on this machine, if it has not ended."""
        if 0 in self.peers:
            say(f"{self.name}: error: {self.peers[0]} does not end, and is killed")
            with suppress(OSError):
                os.kill(self.peers[0].pid, signal.SIGKILL)


def _silence(peer: Peer, seconds: float) -> str:
    return (
        f"{peer} has not been heard of for {seconds:.0f} s (process {peer.pid} is stopped or "
        f"waits for a disk, or its node is gone); it was last at: {peer.doing}"
    )


def say(text: str) -> None:
    """Write to stderr in one piece; a reader that has left is no reason to stop."""
    with suppress(OSError):
        os.write(2, text.encode(errors="replace") + b"\n")
