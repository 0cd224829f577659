"""The monitor of a job, a small process beside rank 0 with a connection to every rank.

It is a process, not a thread: launchers kill all ranks within milliseconds when one has died,
rank 0 among them. Whatever reaches its port is a stranger until it has proved to be a rank: a
stranger has ten seconds and one short line, few may wait at once, and nothing of it is obeyed.

Started by `harness.job.client`, which writes the settings to its stdin, a line of JSON, and closes
it when the job is over.
"""

from __future__ import annotations

import errno
import json
import selectors
import signal
import socket
import sys
from contextlib import suppress
from time import monotonic

from harness.job.connect import keep_alive
from harness.job.monitor import Monitor, Peer
from harness.job.protocol import Lines, ProtocolError, check_proof, encode, nonce, proof

# How long a stranger may take to prove that it is a rank.
_HELLO_SECONDS = 10.0
# Strangers beside the ranks that have not come yet.
_STRANGERS = 64
_NO_FILES_SECONDS = 1.0
_NO_FILES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Stranger:
    """A connection of which nobody knows yet whose it is.

    Parameters
    ----------
    connection : socket.socket
    token : str
        The job's secret.
    """

    def __init__(self, connection: socket.socket, token: str):
        self.connection, self.token = connection, token
        self.deadline = monotonic() + _HELLO_SECONDS
        self.challenge = nonce()
        self.lines = Lines()
        connection.setblocking(False)
        connection.send(encode("challenge", nonce=self.challenge))

    def hear(self, data: bytes) -> Peer | None:
        """Take what has come; return the rank as soon as it has proved to be one.

        Raises
        ------
        ProtocolError
            If it is not one.
        """
        signals, messages = self.lines.feed(data)
        if not signals and not messages:
            return None
        if signals or len(messages) != 1 or messages[0]["kind"] != "hello":
            raise ProtocolError("no hello")
        hello = messages[0]
        given = hello["nonce"], hello["rank"]
        check_proof(hello["proof"], proof(self.token, "rank", self.challenge, *given))
        answer = proof(self.token, "monitor", self.challenge, *given)
        self.connection.send(encode("welcome", proof=answer))
        return Peer(self.connection, hello["rank"], hello["host"], hello["pid"], monotonic())


class Server:
    """The monitor's connections.

    Parameters
    ----------
    monitor : Monitor
    listener : socket.socket
    token : str
    """

    def __init__(self, monitor: Monitor, listener: socket.socket, token: str):
        self.monitor, self.listener, self.token = monitor, listener, token
        self.strangers: dict[socket.socket, Stranger] = {}  # the oldest first
        self.selector = selectors.DefaultSelector()
        self.listening = False
        self.closed_until = 0.0  # no descriptors were left for another connection
        listener.setblocking(False)

    def serve(self) -> None:
        """Listen to the ranks until all have left."""
        self.selector.register(sys.stdin, selectors.EVENT_READ)
        starting = True
        while starting or self.monitor.peers:
            self._listen(monotonic() >= self.closed_until)
            for key, _ in self.selector.select(self._pause()):
                if key.fileobj is self.listener:
                    self._accept()
                elif key.fileobj is sys.stdin:  # rank 0 has closed it, or is gone
                    self.selector.unregister(sys.stdin)
                    starting = False
                elif key.fileobj in self.strangers or isinstance(key.data, Peer):
                    assert isinstance(key.fileobj, socket.socket)
                    self._read(key.fileobj, key.data)
            for stranger in list(self.strangers.values()):
                if monotonic() >= stranger.deadline:
                    self._drop(stranger.connection)
            self.monitor.due()
            if self.monitor.late:
                self.monitor.end_by_force()
                return

    def _pause(self) -> float:
        """Seconds until something has to be looked at, though nothing comes."""
        if self.monitor.fault or self.monitor.over:
            return 0.1
        busy = self.strangers or not self.listening
        return min(_NO_FILES_SECONDS if busy else self.monitor.beat, self.monitor.beat / 2)

    def _listen(self, on: bool) -> None:
        if on != self.listening:
            self.listening = on
            if on:
                self.selector.register(self.listener, selectors.EVENT_READ)
            else:
                self.selector.unregister(self.listener)

    def _accept(self) -> None:
        """Let a stranger in; where there is no room, the one that has waited longest goes."""
        missing = self.monitor.size - len(self.monitor.peers)
        if len(self.strangers) >= missing + _STRANGERS:
            self._drop(next(iter(self.strangers)))
        try:
            connection, _ = self.listener.accept()
        except OSError as error:
            if error.errno in _NO_FILES:
                if self.strangers:
                    self._drop(next(iter(self.strangers)))
                else:
                    self.closed_until = monotonic() + _NO_FILES_SECONDS
                    self._listen(False)
            return
        try:
            keep_alive(connection)
            self.strangers[connection] = Stranger(connection, self.token)
            self.selector.register(connection, selectors.EVENT_READ)
        except OSError:
            self._drop(connection)

    def _read(self, connection: socket.socket, peer: Peer | None) -> None:
        """Take what a connection brings; it is closed where that is nothing, or no sense."""
        try:
            data = connection.recv(65536)
            if not data:
                raise ProtocolError("closed")
            if peer is not None:
                self.monitor.hear(peer, data)
                return
            rank = self.strangers[connection].hear(data)
            if rank is not None:
                self.monitor.join(rank)
                del self.strangers[connection]
                self.selector.modify(connection, selectors.EVENT_READ, rank)
        except BlockingIOError:
            return
        except (OSError, ValueError):
            self._drop(connection)
            if peer is not None:
                self.monitor.lost(peer)

    def _drop(self, connection: socket.socket) -> None:
        self.strangers.pop(connection, None)
        with suppress(KeyError, ValueError):
            self.selector.unregister(connection)
        connection.close()


def raise_file_limit() -> None:
    """Let this process open as many files as it may."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> None:
    """Read the settings from the first line of stdin, and serve on an inherited socket."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise_file_limit()
    listener = socket.socket(fileno=int(sys.argv[1]))
    settings = json.loads(sys.stdin.readline())
    token = settings.pop("token")
    Server(Monitor(**settings), listener, token).serve()
