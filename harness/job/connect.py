"""How the ranks of a job reach the monitor, on whatever network there is between their nodes."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from time import monotonic
from typing import Any

from harness.job.protocol import (
    LINE_BYTES,
    Lines,
    ProtocolError,
    check_proof,
    encode,
    nonce,
    proof,
)

_CONNECT_SECONDS = 3.0
# The monitor may have to start first, on a busy machine.
_WELCOME_SECONDS = 20.0
# How often a waiting thread wakes up for nothing. Some limit makes the socket one that does not
# block, which `signal.set_wakeup_fd` asks for.
_LISTEN_SECONDS = 3600.0
_LOOPBACK = "127.0.0.1"


def listening(backlog: int, everywhere: bool) -> socket.socket:
    """Return a socket on a free port: of every address of this machine, or of its loopback."""
    if not everywhere:
        return socket.create_server((_LOOPBACK, 0), backlog=backlog)
    if socket.has_dualstack_ipv6():
        return socket.create_server(
            ("", 0), family=socket.AF_INET6, dualstack_ipv6=True, backlog=backlog
        )
    return socket.create_server(("", 0), backlog=backlog)


def own_addresses(everywhere: bool) -> list[str]:
    """Names and numbers by which the other ranks may know this machine, the likeliest first."""
    if not everywhere:
        return [_LOOPBACK]
    found = [socket.gethostname()]
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing, but finds the way out of here
        found.append(probe.getsockname()[0])
    with suppress(OSError):
        found += [str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None)]
    return list(dict.fromkeys(found))


def keep_alive(connection: socket.socket) -> None:
    """Let a connection close soon after the other machine has gone."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        ("TCP_KEEPIDLE", 5),
        ("TCP_KEEPINTVL", 1),
        ("TCP_KEEPCNT", 4),
        ("TCP_USER_TIMEOUT", 30_000),  # milliseconds, where something was sent and not received
    ):
        if hasattr(socket, option):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


class Connection:
    """A rank's connection to the monitor.

    Parameters
    ----------
    connection : socket.socket
    """

    def __init__(self, connection: socket.socket):
        self._socket = connection
        self._lines = Lines()
        self._come: list[dict[str, Any]] = []  # and not taken yet
        self._sending = threading.Lock()
        self.heard = monotonic()  # when something last came

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, kind: str, *, wait: bool = True, **fields: object) -> bool:
        """Send a message, if the monitor is still there; return whether it was sent.

        With `wait` false nothing is sent while this process is sending something else, as where a
        signal's handler has come in between.
        """
        if not self._sending.acquire(blocking=wait):
            return False
        try:
            self._socket.sendall(encode(kind, **fields))
            return True
        except OSError:
            return False
        finally:
            self._sending.release()

    def expect(self, kind: str, end: float) -> dict[str, Any]:
        """Return the next message, which must be of this kind and come before `end`."""
        while not self._come:
            self._socket.settimeout(max(end - monotonic(), 0.001))
            self._receive()
        message = self._come.pop(0)
        if message["kind"] != kind:
            raise ProtocolError(f"{message['kind']} instead of {kind}")
        return message

    def listen(self) -> None:
        """From now on, wait for messages for ever, and let them be longer."""
        self._lines.limit = LINE_BYTES
        self._socket.settimeout(_LISTEN_SECONDS)

    def messages(self) -> Iterator[dict[str, Any]]:
        """Yield what the monitor sends, until it is gone."""
        while True:
            yield from self._come
            self._come.clear()
            try:
                self._receive()
            except TimeoutError:
                continue
            except (OSError, ProtocolError):
                return

    def _receive(self) -> None:
        data = self._socket.recv(4096)
        if not data:
            raise ProtocolError("the other side has hung up")
        self.heard = monotonic()
        self._come += self._lines.feed(data)[1]

    def sink(self) -> None:
        """Let what is still written go nowhere: the interpreter complains of a lost connection."""
        with suppress(OSError), open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), self._socket.fileno())

    def close(self) -> None:
        """End the connection; `messages` ends, too."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def connect(offer: dict[str, Any], rank: int) -> Connection:
    """Connect to the monitor; both sides prove that they know the token of the job.

    Parameters
    ----------
    offer : dict
        `hosts`, by any of which it may be known, `port`, and the `token`.
    rank : int

    Raises
    ------
    OSError, ProtocolError
        If it cannot be reached; of the last host tried.
    """
    hosts = offer["hosts"]
    if hosts[0] == socket.gethostname():
        hosts = [_LOOPBACK, "::1", *hosts]
    fault: Exception = OSError("no address")
    for host in hosts:
        try:
            line = socket.create_connection((host, offer["port"]), timeout=_CONNECT_SECONDS)
        except OSError as error:
            fault = error
            continue
        try:
            keep_alive(line)
            return _introduce(line, offer["token"], rank)
        except (OSError, ProtocolError) as error:
            fault = error
            line.close()
    raise fault


def _introduce(line: socket.socket, token: str, rank: int) -> Connection:
    """Prove to be a rank, and have it proved that this is the monitor."""
    connection = Connection(line)
    end = monotonic() + _WELCOME_SECONDS
    challenge, own = connection.expect("challenge", end)["nonce"], nonce()
    given = proof(token, "rank", challenge, own, rank)
    who: dict[str, Any] = {"rank": rank, "host": socket.gethostname(), "pid": os.getpid()}
    connection.send("hello", **who, nonce=own, proof=given)
    answer = connection.expect("welcome", end)["proof"]
    check_proof(answer, proof(token, "monitor", challenge, own, rank))
    connection.listen()
    return connection
