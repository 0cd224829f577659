"""How the ranks of a job reach the monitor, on whatever network there is between their nodes."""

from __future__ import annotations

import json
import os
import socket
from contextlib import suppress
from typing import Any

_CONNECT_SECONDS = 3.0
# How often a waiting thread wakes up for nothing. Some limit makes the socket one that does not
# block, which `signal.set_wakeup_fd` asks for.
_LISTEN_SECONDS = 3600.0


def listening(backlog: int) -> socket.socket:
    """Return a socket on a free port of every address of this machine."""
    if socket.has_dualstack_ipv6():
        return socket.create_server(
            ("", 0), family=socket.AF_INET6, dualstack_ipv6=True, backlog=backlog
        )
    return socket.create_server(("", 0), backlog=backlog)


def own_addresses() -> list[str]:
    """Names and numbers by which other machines may know this one, the likeliest first."""
    found = [socket.gethostname()]
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing, but finds the way out of here
        found.append(probe.getsockname()[0])
    with suppress(OSError):
        found += [str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None)]
    return list(dict.fromkeys(found))


def connect(offer: dict[str, Any], rank: int) -> socket.socket | None:
    """Connect to the monitor and say who this is; None if it cannot be reached.

    Parameters
    ----------
    offer : dict
        `hosts`, by any of which it may be known, `port`, and the `token` of the job.
    rank : int
    """
    hosts = offer["hosts"]
    if hosts[0] == socket.gethostname():
        hosts = ["127.0.0.1", "::1", *hosts]
    who = {"token": offer["token"], "rank": rank, "host": socket.gethostname(), "pid": os.getpid()}
    for host in hosts:
        try:
            line = socket.create_connection((host, offer["port"]), timeout=_CONNECT_SECONDS)
            line.sendall(json.dumps(who).encode() + b"\n")
            line.settimeout(_LISTEN_SECONDS)
            return line
        except OSError:
            continue
    return None
