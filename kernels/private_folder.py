"""Folders of this user: nobody else can write into one, or exchange it for another.

What lies in such a folder is run as it is read (kernels.cache). Owner, permissions and links of the
folder and of all those it is in are looked at; nothing in it is.
"""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def refusal(folder: Path, depth: int = 0) -> str | None:
    """Return why what lies in a folder could be another user's; None if it could not.

    The folder and the one it is in belong to this user or root, and nobody else may write there;
    nobody else can rename a folder on the way, or lay a link. What is not there yet is nobody's.
    `depth` counts the folders below.
    """
    for at, path in enumerate((folder, *folder.parents), depth):
        try:
            found = os.lstat(path)
            os.stat(path)  # refuses links that go in circles
        except FileNotFoundError:
            continue
        except OSError as error:
            return f"{path}: {error.strerror}"
        is_link = stat.S_ISLNK(found.st_mode)
        if found.st_uid not in (os.geteuid(), 0) and not (at > 1 and _is_a_system_user(found)):
            return f"{path} {'is a link of' if is_link else 'belongs to'} user {found.st_uid}"
        if is_link:
            if why := refusal(path.parent / os.readlink(path), at):
                return why
        elif not stat.S_ISDIR(found.st_mode):
            return f"{path} is no folder"
        # In a folder that is sticky, as /tmp is, nobody can rename what is another's.
        elif found.st_mode & _OTHERS and not (at > 0 and found.st_mode & stat.S_ISVTX):
            who = "everybody" if found.st_mode & stat.S_IWOTH else f"group {found.st_gid}"
            return f"{path} can be written by {who}"
    return None


def _is_a_system_user(found: os.stat_result) -> bool:
    """Return whether what is root's looks so: some containers do not know root, nor its files."""
    with suppress(OSError, ValueError):
        lines = Path("/proc/self/uid_map").read_text().splitlines()
        known = [int(line.split()[0]) for line in lines]
        overflow = int(Path("/proc/sys/kernel/overflowuid").read_text())
        return 0 not in known and found.st_uid == overflow
    return False


def make(folder: Path) -> None:
    """Make a folder and those it is in, for this user only, whatever the umask."""
    if not folder.is_dir():
        with suppress(FileExistsError):
            make(folder.parent)
            folder.mkdir(mode=0o700)


def usable(folder: Path) -> str | None:
    """Make a folder; return why nothing can be kept there, None if something can."""
    if why := refusal(folder):
        return why
    try:
        make(folder)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return f"{folder} cannot be written: {error.strerror}"
    return refusal(folder)
