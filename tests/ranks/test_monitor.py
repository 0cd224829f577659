"""The monitor among strangers: what reaches its port, and what is sent in its name."""

from __future__ import annotations

import json
import os
import resource
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.job import connect as connecting
from harness.job import monitor_process, monitor_start, protocol
from harness.job.connect import connect, listening
from harness.job.monitor import Monitor
from harness.job.monitor_start import MonitorProcess
from harness.job.protocol import Lines, ProtocolError, decode, encode

SIZE = 3


@pytest.fixture
def said(tmp_path):
    """A file: the stderr of a monitor that is started with it."""
    return tmp_path / "said"


@pytest.fixture
def started(said):
    own = os.dup(2)
    with said.open("w") as file:
        os.dup2(file.fileno(), 2)
        process = MonitorProcess("sssp test", SIZE, everywhere=False)
        os.dup2(own, 2)
    os.close(own)
    yield process
    process.kill()


def reach(offer):
    line = socket.create_connection((offer["hosts"][0], offer["port"]), timeout=30)
    assert decode(line.recv(4096).rstrip())["kind"] == "challenge"
    return line


def is_hung_up_on(line):
    try:
        return line.recv(1) == b""
    except ConnectionResetError:  # what was sent was not read to its end
        return True


def a_whole_job(offer, size=SIZE):
    """Do what ranks do when all is well; return the exit status that the monitor sends each."""

    def rank(number):
        line = connect(offer, number)
        line.send("ended", code=0, text="", trace="", logged=False)
        (code,) = [message["code"] for message in _until_together(line)]
        line.send("bye")
        line.close()
        return code

    with ThreadPoolExecutor(size) as threads:
        return list(threads.map(rank, range(size)))


def _until_together(line):
    for message in line.messages():
        if message["kind"] == "together":
            return [message]
    return []


def hello(**changed):
    fields = {"rank": 0, "host": "h", "pid": 99, "nonce": "n", "proof": "p"}
    return encode("hello", **{**fields, **changed})


HOSTILE = {
    "SIGINT": b"\x02",
    "SIGTERM": b"\x0f",
    "a heartbeat": b"\x0e",
    "a signal in a line": hello().replace(b"hello", b"he\x0fllo"),
    "another type": b"[]\n",
    "deep": b"[" * 900 + b"\n",
    "a long line": b"[" * 200_000,
    "no message": b"{}\n",
    "no text": b"\xff\xfe\n",
    "a number of many digits": b"1" * 1000 + b"\n",
    "a web browser": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a wrong proof": hello(),
    "a proof that is no ASCII": hello(proof="\u00e9"),
    "half a letter": b'{"kind": "hello", "rank": 0, "host": "\\ud800", "pid": 99, "nonce": "n", '
    b'"proof": "\\ud800"}\n',
    "no hello": encode("bye"),
    "an end": encode("ended", code=4, text="x", trace="", logged=False),
    "what the monitor sends": encode("abort", code=4, who=0),
}


@pytest.mark.parametrize("sent", HOSTILE.values(), ids=HOSTILE)
def test_nothing_of_a_stranger_is_obeyed(sent, started, said):
    line = reach(started.offer)
    line.sendall(sent)
    assert is_hung_up_on(line)
    assert a_whole_job(started.offer) == [0] * SIZE
    assert said.read_text() == ""


def test_who_has_another_token_is_no_rank(started):
    with pytest.raises(ProtocolError):
        connect({**started.offer, "token": "0" * 64}, 0)
    assert a_whole_job(started.offer) == [0] * SIZE


@pytest.mark.parametrize("rank", [0, SIZE, 10**6])
def test_a_rank_that_is_there_or_cannot_be_is_refused(rank, started):
    first = connect(started.offer, 0)
    second = connect(started.offer, rank)  # knows the token, but gets no word any more
    assert list(second.messages()) == []
    first.send("bye")
    first.close()
    assert a_whole_job(started.offer) == [0] * SIZE


@pytest.mark.parametrize(
    "sent",
    [
        b"[]\n",
        b"[" * 200_000 + b"\n",
        b"x" * 2**20,
        encode("hello", rank=1, host="h", pid=9, nonce="n", proof="p"),
        encode("ended", code=-1, text="", trace="", logged=False),
        encode("ended", code=True, text="", trace="", logged=False),
        encode("ended", code=0, text=None, trace="", logged=False),
        encode("doing", what="\033[2J"),
        encode("hang_limit", seconds=float("nan")),
        encode("stop", signal=15),
    ],
)
def test_a_rank_that_sends_nonsense_is_taken_for_dead(sent, started, said):
    """None does; the monitor stays, and ends the job."""
    lines = [connect(started.offer, rank) for rank in range(SIZE)]
    lines[1]._socket.sendall(sent)
    assert next(lines[0].messages()) == {"kind": "abort", "code": 4, "who": 0}
    assert f"error: rank 1 on {socket.gethostname()} has died" in said.read_text()


@pytest.fixture
def served(monkeypatch):
    """Start a monitor in a thread of this process; returns its offer."""
    ends = []

    def serve(size=SIZE):
        read, write = os.pipe()
        monkeypatch.setattr(sys, "stdin", os.fdopen(read))
        listener = listening(size, everywhere=False)
        monitor = Monitor("sssp test", size, failed=4, beat=10.0)
        server = monitor_process.Server(monitor, listener, "token")
        thread = threading.Thread(target=server.serve)
        thread.start()
        ends.append((write, thread, listener))
        return {"hosts": ["127.0.0.1"], "port": listener.getsockname()[1], "token": "token"}

    yield serve
    for write, thread, listener in ends:
        os.close(write)
        thread.join(30)
        assert not thread.is_alive()
        listener.close()


def test_a_stranger_that_says_nothing_is_dropped(served, monkeypatch):
    monkeypatch.setattr(monitor_process, "_HELLO_SECONDS", 0.2)
    line = reach(served())
    line.sendall(b"{")  # begins, at least
    assert is_hung_up_on(line)


def test_of_too_many_strangers_the_oldest_goes(served, monkeypatch):
    monkeypatch.setattr(monitor_process, "_STRANGERS", 5)
    offer = served()
    strangers = [reach(offer) for _ in range(5 + SIZE + 1)]
    assert is_hung_up_on(strangers[0])
    assert a_whole_job(offer) == [0] * SIZE
    for line in strangers:
        line.close()


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        user, system = file.read().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="no limits of another process here")
def test_a_monitor_out_of_descriptors_drops_strangers_and_does_not_spin(started):
    lines = [connect(started.offer, rank) for rank in range(SIZE - 1)]
    pid = started._process.pid
    used = len(os.listdir(f"/proc/{pid}/fd"))
    strangers = [reach(started.offer) for _ in range(4)]
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 2, used + 2))
    lines.append(connect(started.offer, SIZE - 1))  # takes the place of a stranger
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used, used))
    for stranger in strangers:
        stranger.close()
    waiting = socket.create_connection(("127.0.0.1", started.offer["port"]))
    before = cpu_seconds(pid)
    time.sleep(1)
    assert cpu_seconds(pid) - before < 0.5
    for line in lines:
        line.send("ended", code=0, text="", trace="", logged=False)
    assert [_until_together(line)[0]["code"] for line in lines] == [0] * SIZE
    waiting.close()


def test_more_ranks_than_files_are_refused_before_the_start(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (32, 32))
    with pytest.raises(OSError, match=r"needs 56 open files for 40 ranks.* limit is 32"):
        monitor_start.refuse_few_files(40)
    monitor_start.refuse_few_files(16)


def a_false_monitor(words):
    """Return the offer of something that listens where a monitor should."""
    listener = listening(1, everywhere=False)

    def answer():
        line, _ = listener.accept()
        with line:
            line.sendall(encode("challenge", nonce="n"))
            line.recv(4096)
            line.sendall(words)
            line.recv(1)  # until the rank hangs up

    threading.Thread(target=answer, daemon=True).start()
    return {"hosts": ["127.0.0.1"], "port": listener.getsockname()[1], "token": "t"}


@pytest.mark.parametrize(
    "words",
    [
        encode("welcome", proof="0" * 64),
        encode("stop", signal=15),
        encode("together", code=0),
        b"[" * 2000,
        b"\n",
    ],
)
def test_a_rank_obeys_nobody_but_its_monitor(words):
    with pytest.raises(ProtocolError):
        connect(a_false_monitor(words), 0)


def test_a_rank_does_not_wait_for_ever_for_a_welcome(monkeypatch):
    monkeypatch.setattr(connecting, "_WELCOME_SECONDS", 0.2)
    with pytest.raises(TimeoutError):
        connect(a_false_monitor(b""), 0)


def test_the_token_is_never_sent(monkeypatch):
    sent = []
    offer = a_false_monitor(b"\n")
    monkeypatch.setattr(connecting, "encode", lambda *a, **k: sent.append(encode(*a, **k)) or b"\n")
    with pytest.raises(ProtocolError):
        connect({**offer, "token": "secret-of-the-job"}, 0)
    assert sent and b"secret-of-the-job" not in b"".join(sent)


def test_proofs_of_one_side_are_worthless_on_the_other():
    given = {side: protocol.proof("t", side, "a", "b", 1) for side in ("rank", "monitor")}
    assert given["rank"] != given["monitor"]
    assert len({protocol.proof("t", "rank", *w) for w in (("a", "b", 1), ("b", "a", 1))}) == 2


def test_a_monitor_of_one_machine_listens_on_its_loopback():
    with listening(1, everywhere=False) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"


def test_lines_come_in_any_pieces_with_signals_between():
    words = encode("doing", what="search 1") + b"\x0e" + encode("bye")
    for step in (1, 2, 7, len(words)):
        lines, signals = Lines(), b""
        messages: list = []
        for i in range(0, len(words), step):
            more, found = lines.feed(words[i : i + step])
            signals, messages = signals + more, messages + found
        assert signals == b"\x0e"
        assert messages == [{"kind": "doing", "what": "search 1"}, {"kind": "bye"}]


@pytest.mark.parametrize("length, fits", [(100, True), (101, False)])
def test_a_line_has_a_limit(length, fits):
    lines = Lines(100)
    if fits:
        assert lines.feed(b"x" * length) == (b"", [])
    else:
        with pytest.raises(ProtocolError, match="more than 100 bytes"):
            lines.feed(b"x" * length)


def test_the_longest_message_fits_into_a_line():
    text, trace = "\U0001f600" * protocol.TEXT_LENGTH, "\U0001f600" * protocol.TRACE_LENGTH
    line = encode("ended", code=3, text=text, trace=trace, logged=False)
    (message,) = Lines(protocol.LINE_BYTES).feed(line)[1]
    assert message["trace"] == trace
    assert json.loads(line) == message
