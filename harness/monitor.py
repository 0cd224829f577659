"""The monitor: a small process beside rank 0 that notices when a rank has ended.

MPI does not say who has died, and some launchers let the other ranks wait for ever. Here a
connection that closes without a farewell is a death, whatever caused it, and a rank that fails
says so before it goes. The monitor says once what happened, naming rank and host, and tells the
ranks how to end. It is a process, not a thread: launchers kill all ranks within milliseconds when
one has died, rank 0 among them.

Started by `harness.watch`, which holds its other half. Lines of JSON both ways; a byte below 32
from a rank is the number of a signal, written by `signal.set_wakeup_fd`.

    rank -> monitor    {token, rank, host, pid}      who it is
                       {ended: code, text, trace, logged}    its command is over
                       {bye: true}                   it leaves in good order
    monitor -> rank    {stop: signal}                keep what is done, and end the job
                       {abort: code}                 the same, for a fault
                       {together: code}              all have ended: leave with this status
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

# A fault that others share is said once: so long may they take to find it. What has a traceback is
# a fault of the program, seldom the same on all; a mistake of the user is.
_GRACE_SECONDS, _MISTAKE_SECONDS = 1.5, 4.0
# Rank 0 writes down what is finished; who takes longer is killed.
_LAST_SECONDS = 20.0
_STOPPING = (signal.SIGINT, signal.SIGTERM)


@dataclass
class Peer:
    """A connection, and the rank at its other end once it has said who it is."""

    connection: socket.socket
    rank: int = -1
    host: str = ""
    pid: int = 0
    buffer: bytearray = field(default_factory=bytearray)

    def __str__(self) -> str:
        return f"rank {self.rank} on {self.host}"


class Monitor:
    """The ranks of one job.

    Parameters
    ----------
    name : str
        The command, for messages.
    token : str
        What the ranks of this job know, and nobody else.
    size : int
        Ranks that will connect.
    failed : int
        Exit status of a job of which a rank has failed.
    """

    def __init__(self, name: str, token: str, size: int, failed: int):
        self.name, self.token, self.size, self.failed = name, token, size, failed
        self.peers: dict[int, Peer] = {}
        self.endings: dict[int, dict[str, Any]] = {}
        self.fault: str | None = None  # the first, and when it is said
        self.deadline = float("inf")
        self.over = False

    def hear(self, peer: Peer, data: bytes) -> None:
        """Take what a rank has sent."""
        for byte in data:
            if byte in _STOPPING:
                self._stop(byte)
            elif byte != ord("\n"):
                peer.buffer.append(byte)
            else:
                line, peer.buffer = bytes(peer.buffer), bytearray()
                self._take(peer, json.loads(line))

    def _take(self, peer: Peer, message: dict[str, Any]) -> None:
        if peer.rank < 0:
            if message.get("token") != self.token:
                raise ValueError("a stranger")
            peer.rank, peer.host, peer.pid = message["rank"], message["host"], message["pid"]
            self.peers[peer.rank] = peer
        elif "ended" in message:
            self._ended(peer, message)
        elif "bye" in message:
            self.peers.pop(peer.rank, None)

    def _ended(self, peer: Peer, message: dict[str, Any]) -> None:
        self.endings[peer.rank] = message
        if message["ended"] and message["text"] and self.fault is None:
            self.fault = f"{message['trace']}{self.name}: error: {peer}: {message['text']}"
            ours = message["trace"] or message["logged"]
            self.deadline = monotonic() + (_GRACE_SECONDS if ours else _MISTAKE_SECONDS)
        if len(self.endings) == self.size and not self.over:
            self._all_ended()

    def _all_ended(self) -> None:
        """Say what went wrong, plainly if for all alike, and let the ranks leave together."""
        self.over = True
        codes = [ending["ended"] for ending in self.endings.values()]
        if self.fault is not None:
            first = self.endings.get(0, {"ended": 0})
            alike = first["ended"] and all(code == first["ended"] for code in codes)
            say(f"{first['trace']}{self.name}: error: {first['text']}" if alike else self.fault)
        self._tell(together=max(codes))

    def lost(self, peer: Peer) -> None:
        """A connection has closed; without a farewell that is a death.

        Said at once: the launcher may be about to end whoever would hear of it.
        """
        if self.peers.pop(peer.rank, None) is None or self.over:
            return
        if self.fault is None:
            self.fault = f"{self.name}: error: {peer} has died (process {peer.pid} was killed?)"
            self.deadline = monotonic()
            self.due()

    def _stop(self, number: int) -> None:
        if not self.over:
            self.over = True
            self._tell(stop=number)

    def due(self) -> None:
        """End the job if a fault is old enough, or nobody is left to say more of it."""
        ripe = monotonic() >= self.deadline or not self.peers
        if self.fault is not None and not self.over and ripe:
            self.over = True
            say(f"{self.fault}; the job ends")
            self._tell(abort=self.failed, who=min(self.peers, default=0))

    def _tell(self, **message: Any) -> None:
        for peer in self.peers.values():
            with suppress(OSError):
                peer.connection.sendall(json.dumps(message).encode() + b"\n")
        self.deadline = monotonic() + _LAST_SECONDS

    @property
    def late(self) -> bool:
        """Whether the ranks have been told to end, and do not."""
        return self.over and monotonic() >= self.deadline


def say(text: str) -> None:
    """Write to stderr in one piece; a reader who has left is no reason to stop."""
    with suppress(OSError):
        os.write(2, text.encode(errors="replace") + b"\n")


def serve(monitor: Monitor, listener: socket.socket) -> None:
    """Listen to the ranks until all have left."""
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    selector.register(sys.stdin, selectors.EVENT_READ)
    starting = True
    while starting or monitor.peers:
        for key, _ in selector.select(0.1 if monitor.fault or monitor.over else None):
            if key.fileobj is listener:
                connection = _accept(listener)
                selector.register(connection, selectors.EVENT_READ, Peer(connection))
            elif key.fileobj is sys.stdin:  # rank 0 has closed it, or is gone
                selector.unregister(sys.stdin)
                starting = False
            elif not _read(monitor, key.data):
                selector.unregister(key.data.connection)
                key.data.connection.close()
                monitor.lost(key.data)
        monitor.due()
        if monitor.late:
            _end_by_force(monitor)
            return


def _accept(listener: socket.socket) -> socket.socket:
    """Take a connection, and let it close soon after the other machine has gone."""
    connection, _ = listener.accept()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 5), ("TCP_KEEPINTVL", 1), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, option):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    return connection


def _read(monitor: Monitor, peer: Peer) -> bool:
    """Take what has come from a rank; false where nothing will come any more."""
    try:
        data = peer.connection.recv(65536)
        monitor.hear(peer, data)
        return bool(data)
    except (OSError, ValueError, KeyError):  # gone, or it speaks another language
        return False


def _end_by_force(monitor: Monitor) -> None:
    """Kill rank 0, which runs on this machine, if it has not ended; its launcher ends the rest."""
    if 0 in monitor.peers:
        say(f"{monitor.name}: error: {monitor.peers[0]} does not end, and is killed")
        with suppress(OSError):
            os.kill(monitor.peers[0].pid, signal.SIGKILL)


def main() -> None:
    """Read the settings from the first line of stdin, and serve on an inherited socket."""
    listener = socket.socket(fileno=int(sys.argv[1]))
    serve(Monitor(**json.loads(sys.stdin.readline())), listener)


if __name__ == "__main__":
    for number in _STOPPING:
        signal.signal(number, signal.SIG_IGN)
    main()
