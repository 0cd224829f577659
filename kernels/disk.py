"""Files: read only where they are files, written whole or not at all, appended to with care.

A folder may be open to others, who put there what they like: a pipe under the name of a graph, a
link under the name that a file will get. What is read is opened without waiting, and refused where
it is no file. What is written goes into a new file of a random name in the same folder, which then
takes the other's place. A link is followed only where it is our own or root's.

Whatever goes wrong is an OSError whose `strerror` is one clause for the user.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_LINKS = 40  # as many as Linux follows
# What a file system without hard links answers.
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


def reading(path: str | os.PathLike[str]) -> Any:
    """Open a file to read its bytes.

    Raises
    ------
    OSError
        If it cannot be opened, or is no regular file: a pipe would be waited for.
    """
    _refuse_other_kinds(path, os.stat(path).st_mode)  # opening a device may do something already
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    descriptor = os.open(path, flags)
    try:
        _refuse_other_kinds(path, os.fstat(descriptor).st_mode)
        return open(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _refuse_other_kinds(path: str | os.PathLike[str], mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "something else")
        raise OSError(errno.EINVAL, f"is {kind}, not a file", os.fspath(path))


@contextlib.contextmanager
def replacing(
    path: str | os.PathLike[str], sync: bool = False, new: bool = False
) -> Iterator[BinaryIO]:
    """Open a new file that is `path` when the block has ended, whole; if it fails, nothing is left.

    Parameters
    ----------
    path : path
        What stands there is replaced, a link too: it is not followed.
    sync : bool
        Wait until the bytes are on the disk.
    new : bool
        Raise FileExistsError if `path` is there already.
    """
    path = Path(path)
    temporary = path.with_name(f".sssp-{secrets.token_hex(8)}.tmp")
    try:
        descriptor = os.open(
            temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666
        )
        with open(descriptor, "wb") as file:
            _keep_mode(path, descriptor)
            yield file
            file.flush()
            if sync:
                os.fsync(file.fileno())
        if not (new and _linked(temporary, path)):
            os.replace(temporary, path)
    except BaseException as error:  # an interrupt must not leave it either
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):  # a full disk names no file, the others the temporary one
            error.filename, error.filename2 = os.fspath(path), None
        raise


def _keep_mode(path: Path, descriptor: int) -> None:
    """Let a new file be as private as the one that it replaces."""
    with contextlib.suppress(OSError):  # nothing is replaced, or the file system has no modes
        found = os.lstat(path)
        if stat.S_ISREG(found.st_mode):
            os.fchmod(descriptor, stat.S_IMODE(found.st_mode) & 0o777)


def _linked(temporary: Path, path: Path) -> bool:
    """Give a file the name `path`, which nothing has; False where the file system has no links."""
    try:
        os.link(temporary, path, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path) from error
        return False
    temporary.unlink()
    return True


def appending(path: str | os.PathLike[str]) -> Any:
    """Open a text file to be appended to, made where missing.

    Raises
    ------
    OSError
        If it cannot be opened, or is another user's file, or a pipe.
    """
    target = own_target(path)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(target, flags | os.O_NOCTTY, 0o666)
    try:
        found = os.fstat(descriptor)
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISCHR(found.st_mode)):
            _refuse_other_kinds(path, found.st_mode)
        if not is_ours(found.st_uid):
            raise OSError(errno.EPERM, f"belongs to user {found.st_uid}", os.fspath(path))
        return open(descriptor, "a", encoding="utf-8", errors="backslashreplace")
    except BaseException:
        os.close(descriptor)
        raise


def own_target(path: str | os.PathLike[str]) -> Path:
    """Return what a link leads to, `path` itself where it is not a link.

    Raises
    ------
    OSError
        If a link on the way belongs to another user.
    """
    target = Path(path)
    for _ in range(_LINKS):
        if not target.is_symlink():
            return target
        owner = os.lstat(target).st_uid
        if not is_ours(owner):
            raise OSError(errno.EPERM, f"is a link of user {owner}", os.fspath(path))
        target = target.parent / os.readlink(target)
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), os.fspath(path))


def is_ours(owner: int) -> bool:
    """Return whether a user is this process's, or root."""
    return owner in (os.geteuid(), 0)
