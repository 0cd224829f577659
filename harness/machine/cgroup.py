"""What the control groups of Linux leave to this process: memory, processor time, threads.

A limit may stand at any level of the hierarchy, so each is read from the process's own group up
to the root of the mount, for version 1 and version 2. Elsewhere than on Linux nothing is found,
which reads as "no limit". Source: the kernel's documentation, cgroup-v1/memory.rst, cgroup-v2.rst.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

# Version 1 writes "no limit" as the largest multiple of the page size in 63 bits.
_NO_LIMIT = 2**60


class Headroom(NamedTuple):
    """Bytes or threads that a group's limit leaves, and the group's folder."""

    available: int
    folder: Path


def memory_headroom(proc: Path = Path("/proc")) -> Headroom | None:
    """Return the tightest memory limit on this process, None where there is none.

    Pages of files which the kernel can drop at once (inactive_file) count as free.
    """
    found = []
    for folder in _levels("memory", proc):
        for limit_name, usage_name, cached_name in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            limit, usage = _number(folder / limit_name), _number(folder / usage_name)
            if limit is not None and limit < _NO_LIMIT and usage is not None:
                droppable = _statistic(folder / "memory.stat", cached_name)
                found.append(Headroom(max(0, limit - max(0, usage - droppable)), folder))
    return min(found, default=None)


def cpu_quota(proc: Path = Path("/proc")) -> float | None:
    """Return how many processors' time this process may use, None where that is not limited."""
    quotas = []
    for folder in _levels("cpu", proc):
        quota, period = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
        words = _text(folder / "cpu.max").split()
        if len(words) == 2 and words[0].isdigit() and words[1].isdigit():
            quota, period = int(words[0]), int(words[1])
        if quota and period and quota > 0:
            quotas.append(quota / period)
    return min(quotas, default=None)


def threads_headroom(proc: Path = Path("/proc")) -> Headroom | None:
    """Return the tightest limit on processes and threads, None where there is none."""
    found = []
    for folder in _levels("pids", proc):
        limit, usage = _number(folder / "pids.max"), _number(folder / "pids.current")
        if limit is not None and usage is not None:
            found.append(Headroom(max(0, limit - usage), folder))
    return min(found, default=None)


def _levels(controller: str, proc: Path) -> Iterator[Path]:
    """Yield the folders of this process's groups under `controller`, innermost first."""
    member_of: dict[str, str] = {}
    for line in _text(proc / "self" / "cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        member_of |= dict.fromkeys(controllers.split(","), path)
    for line in _text(proc / "self" / "mountinfo").splitlines():
        mount, _, filesystem = line.partition(" - ")
        fields, kind = mount.split(), filesystem.split()
        if len(fields) < 5 or len(kind) < 3:
            continue
        if kind[0] == "cgroup2":
            name = ""
        elif kind[0] == "cgroup" and controller in kind[2].split(","):
            name = controller
        else:
            continue
        if name in member_of:
            yield from _upward(Path(fields[4]), root=fields[3], path=member_of[name])


def _upward(top: Path, root: str, path: str) -> Iterator[Path]:
    """Yield the group's folder under the mount `top`, and every folder above it.

    `root` is the group that the mount shows as its top: inside a container often the process's
    own, while `path` still counts from the machine's.
    """
    inside = path.removeprefix(root) if root != "/" else path
    parts = [part for part in inside.split("/") if part]
    if ".." in parts:
        parts = []
    for depth in range(len(parts), -1, -1):
        folder = top.joinpath(*parts[:depth])
        if folder.is_dir():
            yield folder


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    try:
        return int(_text(path))
    except ValueError:  # "max", or no such file
        return None


def _statistic(path: Path, name: str) -> int:
    for line in _text(path).splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    return 0
