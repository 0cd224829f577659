"""What the ranks of a job and their monitor send each other: lines of JSON, checked on both sides.

Whatever can reach a port can send anything to it, so a line has a limit, a message has exactly the
fields of its kind, and each field its type. Both sides first prove that they know the job's token,
which itself is never sent:

    monitor -> rank    challenge   a random number
    rank -> monitor    hello       rank, host, process id, a random number, and the proof
    monitor -> rank    welcome     the proof of the other side

Afterwards, and not before:

    rank -> monitor    doing       what the rank begins to do
                       hang_limit  end the job when a rank is silent for so long
                       ended       its command is over: status, error, traceback
                       bye         it leaves in good order
    monitor -> rank    stop        keep what is done, and end the job: a signal has come
                       abort       the same, for a fault; rank `who` aborts
                       wait        other ranks have not ended yet
                       together    all have ended: leave with this status

A byte below 32 from a rank, between or inside lines, is the number of a signal: the interpreter
writes it by itself (`signal.set_wakeup_fd`), whatever the rank is doing. JSON has no such bytes.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Callable
from typing import Any

# Bytes of a line before and after the sender is known. A traceback is cut to fit.
HELLO_BYTES, LINE_BYTES = 2**10, 2**18
TEXT_LENGTH, TRACE_LENGTH = 4_000, 16_000
MOST_RANKS = 2**31 - 1

_NEWLINE = ord("\n")
_CONTROL = bytes(set(range(32)) - {_NEWLINE})


class ProtocolError(ValueError):
    """The other side does not speak this protocol, or is not what it should be."""


def _text(longest: int) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and len(value) <= longest


def _words(longest: int) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and len(value) <= longest and value.isprintable()


def _whole(low: int, high: int) -> Callable[[object], bool]:
    return lambda value: type(value) is int and low <= value <= high


def _seconds(value: object) -> bool:
    return isinstance(value, int | float) and value is not True and 0 < value < float("inf")


_CODE = _whole(0, 255)
_FIELDS: dict[str, dict[str, Callable[[object], bool]]] = {
    "challenge": {"nonce": _words(64)},
    "hello": {
        "rank": _whole(0, MOST_RANKS),
        "host": _words(255),
        "pid": _whole(2, 2**31 - 1),  # kill() takes others for groups, or for all
        "nonce": _words(64),
        "proof": _words(64),
    },
    "welcome": {"proof": _words(64)},
    "doing": {"what": _words(200)},
    "hang_limit": {"seconds": _seconds},
    "ended": {
        "code": _CODE,
        "text": _text(TEXT_LENGTH),
        "trace": _text(TRACE_LENGTH),
        "logged": lambda value: type(value) is bool,
    },
    "bye": {},
    "stop": {"signal": _whole(1, 64)},
    "abort": {"code": _CODE, "who": _whole(0, MOST_RANKS)},
    "wait": {},
    "together": {"code": _CODE},
}


def encode(kind: str, **fields: object) -> bytes:
    """Return the line of a message."""
    return json.dumps({"kind": kind, **fields}).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """Return the message of a line: its `kind`, and the fields of that kind.

    Raises
    ------
    ProtocolError
        If it is anything else.
    """
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("no JSON") from error
    kind = message.get("kind") if isinstance(message, dict) else None
    fields = _FIELDS.get(kind) if isinstance(kind, str) else None
    if fields is None or message.keys() != {"kind", *fields}:
        raise ProtocolError("no message of this protocol")
    for name, holds in fields.items():
        if not holds(message[name]):
            raise ProtocolError(f"{kind}: a wrong value of {name}")
    return dict(message)


class Lines:
    """The messages and the signals in what one connection brings.

    Parameters
    ----------
    limit : int
        Bytes of a line, at most.
    """

    def __init__(self, limit: int = HELLO_BYTES):
        self.limit = limit
        self._begun = bytearray()  # of a line

    def feed(self, data: bytes) -> tuple[bytes, list[dict[str, Any]]]:
        """Take some bytes; return the signals in them, and the messages that are whole now.

        Raises
        ------
        ProtocolError
            If a line is too long, or not a message.
        """
        signals = bytes(byte for byte in data if byte < 32 and byte != _NEWLINE)
        *lines, rest = data.translate(None, _CONTROL).split(b"\n")
        messages = []
        for line in lines:
            self._extend(line)
            messages.append(decode(bytes(self._begun)))
            self._begun.clear()
        self._extend(rest)
        return signals, messages

    def _extend(self, part: bytes) -> None:
        if len(self._begun) + len(part) > self.limit:
            raise ProtocolError(f"a line of more than {self.limit} bytes")
        self._begun += part


def nonce() -> str:
    """Return a random number that nobody has seen before."""
    return secrets.token_hex(16)


def proof(token: str, side: str, challenge: str, answer: str, rank: int) -> str:
    """Return what only those who know the token can compute.

    Parameters
    ----------
    token : str
        The job's secret.
    side : {"rank", "monitor"}
        Who proves; a proof of one side is worthless on the other.
    challenge, answer : str
        The random numbers of monitor and rank.
    rank : int
    """
    words = f"{side} {challenge} {answer} {rank}"
    return hmac.new(token.encode(), words.encode(), "sha256").hexdigest()


def check_proof(given: str, expected: str) -> None:
    """Raise ProtocolError unless two proofs are equal, in a time that says nothing of where."""
    if not hmac.compare_digest(given.encode(), expected.encode()):
        raise ProtocolError("a wrong proof")
