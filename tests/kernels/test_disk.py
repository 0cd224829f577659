"""Files: what is no file is not read, what is written is whole, nobody else's link is followed."""

from __future__ import annotations

import errno
import os
import re
import socket
import stat

import command
import pytest
from command import own_process

from kernels import disk

sssp = command.sssp
SOMEBODY = 4711
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes somebody else's files")


def pipe(path):
    os.mkfifo(path)


def listening(path):
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(os.path.relpath(path))  # such a path must be short


def device(path):
    os.symlink("/dev/zero", path)


KINDS = {"pipe": pipe, "socket": listening, "device": device, "folder": os.mkdir}
READ: dict[str, tuple[str, list]] = {
    "graph": ("g.gr.gz", ["run", "--graph", "g.gr.gz"]),
    "archive": ("g.npz", ["validate", "--graph", "g.npz", "--solution", "s.npz", "--root", 0]),
    "solution": ("s.npz", ["validate", "--scale", 5, "--solution", "s.npz", "--root", 0]),
    "configuration": ("c.toml", ["run", "--config", "c.toml"]),
    "report": ("r.json", ["report", "r.json"]),
    "resumed": ("r.json", ["run", "--resume", "r.json"]),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", READ)
def test_what_is_no_file_is_refused_at_once(sssp, kind, case):
    name, argv = READ[case]
    if case == "archive":
        import numpy as np

        np.savez("s.npz", dist=np.zeros(2), parent=np.zeros(2, int))
    KINDS[kind](name)
    assert sssp(*argv).refused(f"{name}: cannot be read: is a {kind}, not a file")


@pytest.mark.slow
def test_a_pipe_under_the_name_of_a_graph_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "g.wel")
    job = own_process("run", "--graph", "g.wel", afresh=True, cwd=tmp_path)
    _, err = job.communicate(timeout=60)
    assert job.returncode == 2 and "is a pipe" in err


@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize("fault", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_a_file_is_whole_or_not_there(tmp_path, fault, new):
    with pytest.raises(type(fault)), disk.replacing(tmp_path / "f", new=new) as file:
        file.write(b"half")
        raise fault
    assert list(tmp_path.iterdir()) == []
    with disk.replacing(tmp_path / "f", new=new) as file:
        file.write(b"whole")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("f", b"whole")]


def test_a_new_file_replaces_nothing(tmp_path):
    (tmp_path / "f").write_text("there")
    with pytest.raises(FileExistsError), disk.replacing(tmp_path / "f", new=True) as file:
        file.write(b"new")
    assert (tmp_path / "f").read_text() == "there"
    assert len(os.listdir(tmp_path)) == 1


def test_a_new_file_needs_no_hard_links(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    test_a_new_file_replaces_nothing(tmp_path)
    with disk.replacing(tmp_path / "g", new=True) as file:
        file.write(b"new")
    assert sorted(os.listdir(tmp_path)) == ["f", "g"]


def test_modes_are_those_of_the_umask_and_what_was_private_stays_so(tmp_path):
    before = os.umask(0o027)
    try:
        with disk.replacing(tmp_path / "f"):
            pass
        assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o640
        (tmp_path / "f").chmod(0o600)
        with disk.replacing(tmp_path / "f"):
            pass
        assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o600
    finally:
        os.umask(before)


def test_generating_overwrites_no_file_that_a_link_leads_to(sssp, tmp_path):
    """Links under every name that could be foretold, and under the graph's own."""
    (tmp_path / "precious").write_text("kept")
    for pid in range(os.getpid(), os.getpid() + 3):
        (tmp_path / f".g.npz.{pid}.tmp").symlink_to("precious")
    (tmp_path / "g.npz").symlink_to("precious")
    assert sssp("generate", "--scale", 5, "--output", "g.npz").status == 0
    assert (tmp_path / "precious").read_text() == "kept"
    assert not (tmp_path / "g.npz").is_symlink()
    assert sssp("generate", "--scale", 5, "--output", "h.npz").status == 0
    assert (tmp_path / "g.npz").read_bytes() == (tmp_path / "h.npz").read_bytes()


def log(folder, text):
    from harness.console import logs

    try:
        logs.open_log(folder, 0)
        logs.write(text)
    finally:
        logs.close()


def test_a_log_goes_where_a_link_of_our_own_leads(tmp_path):
    (tmp_path / "rank-0000.log").symlink_to("elsewhere.log")
    for text in ("first", "second"):
        log(tmp_path, text)
    lines = (tmp_path / "elsewhere.log").read_text().splitlines()
    assert [line.split()[-1] for line in lines] == ["first", "second"]


@AS_ROOT
@pytest.mark.parametrize("form", ["link", "chain", "file"])
def test_a_log_is_not_written_into_what_somebody_else_has_laid(tmp_path, monkeypatch, form):
    from harness.console.errors import UsageError

    monkeypatch.setattr(os, "geteuid", lambda: SOMEBODY + 1)  # even root's rights do not help
    (tmp_path / "precious").write_text("kept")
    if form == "file":
        (tmp_path / "rank-0000.log").write_text("")
        os.chown(tmp_path / "rank-0000.log", SOMEBODY, -1)
    else:
        (tmp_path / "link").symlink_to("precious")
        os.lchown(tmp_path / "link", SOMEBODY, -1)
        (tmp_path / "rank-0000.log").symlink_to("link" if form == "chain" else "precious")
        os.lchown(tmp_path / "rank-0000.log", *((0, -1) if form == "chain" else (SOMEBODY, -1)))
    fault = f"rank-0000.log: cannot be written: .* user {SOMEBODY}"
    with pytest.raises(UsageError, match=fault):
        log(tmp_path, "secret")
    assert (tmp_path / "precious").read_text() == "kept"
    assert (tmp_path / "rank-0000.log").stat().st_size in (0, 4)


def test_a_log_that_is_a_pipe_is_not_waited_for(tmp_path):
    from harness.console.errors import UsageError

    os.mkfifo(tmp_path / "rank-0000.log")
    with pytest.raises(UsageError, match="cannot be written"):
        log(tmp_path, "text")


@AS_ROOT
def test_a_link_of_somebody_else_is_not_followed_to_a_result(tmp_path):
    (tmp_path / "precious").write_text("kept")
    (tmp_path / "r.json").symlink_to("precious")
    os.lchown(tmp_path / "r.json", SOMEBODY, -1)
    from harness.results import record as results

    with pytest.raises(results.ResultError, match=re.escape(f"is a link of user {SOMEBODY}")):
        results.replace({"graph": {}}, tmp_path / "r.json")
    assert (tmp_path / "precious").read_text() == "kept"
