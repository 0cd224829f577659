"""Where compiled kernels are kept, and what happens where that fails.

The folders, in the order in which they are tried: the user's NUMBA_CACHE_DIR, the user's cache
folder, a temporary one; never the package's own, where left-over cache files would shadow an
editable install and a read-only install would fail. numba does not notice that a callee in another
file has changed, so the folders' names carry a digest of these sources.

What is kept is run as it is read. A folder that is not this user's own (kernels.private_folder) is
refused, and `REFUSED` says why. A kernel that cannot be written (a full disk, a quota) goes to the
next folder; one that cannot be read (a file cut short by a crash) is dropped and compiled again.
Each is said once, in one line. Of processes that miss the same kernel at the same time one compiles
it, and the others wait (kernels.compiling).
"""

from __future__ import annotations

import errno
import hashlib
import os
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    UserProvidedCacheLocator,
)
from numba.core.registry import cpu_target
from numba.core.runtime import rtsys

from kernels.compiling import begin, end
from kernels.disk import replacing
from kernels.linking import libraries_of_kernels
from kernels.private_folder import make, refusal, usable

_WITHOUT_KERNELS = (
    "cache.py", "compiling.py", "device.py", "disk.py", "nvrtc.py", "private_folder.py",
)  # fmt: skip


class CacheWarning(RuntimeWarning):
    """Compiled kernels are kept elsewhere than asked for, or were compiled again."""


def _warn(text: str) -> None:
    """Warn in one line: no line of ours is to blame, so none is shown."""
    warnings.warn_explicit(f"{text}; NUMBA_CACHE_DIR names another folder", CacheWarning, NAME, 0)


NAME = "sssp-bench"


def _sources() -> list[Path]:
    found = Path(__file__).parent.glob("*.py")
    return sorted(path for path in found if path.name not in _WITHOUT_KERNELS)


def _sources_digest() -> str:
    digest = hashlib.sha256()
    for path in _sources():
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _candidates(leaf: str) -> list[Path]:
    """Folders to try, best first."""
    found = []
    asked = os.environ.get("NUMBA_CACHE_DIR")
    if asked:
        # A parent process of ours has already added the leaf.
        found.append(Path(asked) if Path(asked).name == leaf else Path(asked) / leaf)
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    found.append(Path(home) / NAME / leaf)
    found.append(Path(tempfile.gettempdir()) / f"{NAME}-{os.getuid()}" / leaf)
    return list(dict.fromkeys(Path(os.path.abspath(folder)) for folder in found))


def _choose(folders: list[Path]) -> tuple[list[Path], list[str]]:
    """Return the folders from the first that can be used on, and why those before it cannot."""
    refused: list[str] = []
    while folders:
        why = usable(folders[0])
        if why is None:
            return folders, refused
        refused.append(why)
        folders = folders[1:]
    return [Path(tempfile.mkdtemp(prefix=f"{NAME}-")) / LEAF], refused


LEAF = f"numba-{_sources_digest()}"
# The folder in use, and those that are left if it fails.
FOLDERS, REFUSED = _choose(_candidates(LEAF))
CACHE_FOLDER = str(FOLDERS[0])
make(FOLDERS[0])
for _why in REFUSED:
    _warn(f"compiled kernels are kept in {CACHE_FOLDER}: {_why}")


class _Trouble:
    """What has been said, and how many of FOLDERS take no more."""

    said: set[str] = set()
    failed = 0

    @classmethod
    def say(cls, text: str, error: Exception) -> None:
        if text not in cls.said:
            cls.said.add(text)
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            _warn(f"{text}: {why}")


_numba_setting = threading.RLock()


@contextmanager
def _numba_keeps_in(folder: Path) -> Iterator[None]:
    """Let numba take a folder for the functions that it meets in the block.

    Its own setting, the environment, is as the user has left it: where that changes, numba reads
    all of it again, and refuses another number of threads than it has started.
    """
    with _numba_setting:
        numba.config.CACHE_DIR, before = str(folder), numba.config.CACHE_DIR
        try:
            yield
        finally:
            numba.config.CACHE_DIR = before


class _Loading:
    """What numba loads kernels into, without half a second of imports that only compiling needs.

    Before numba looks into a cache it reads all its implementations of Python and NumPy, and
    scipy.linalg. It also does so before it compiles.
    """

    def __init__(self, context: Any):
        self._context = context

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def refresh(self) -> None:
        rtsys.initialize(self._context)  # kernels that are loaded allocate, too


class _Locator(UserProvidedCacheLocator):
    """The place of a function's kernels in numba's folder, whether it can be written or not.

    Where it cannot, numba would take a folder that this module does not know.
    """

    @classmethod
    def from_function(cls, function: Any, file: str) -> _Locator:
        return cls(function, file)


class _Implementation(CompileResultCacheImpl):
    _locator_classes = [_Locator]


class _FolderCache(FunctionCache):
    """numba's cache of one function, in one folder."""

    _impl_class = _Implementation


class KernelCache(_FolderCache):
    """numba's cache of one function, in several folders."""

    def __init__(self, function: Any):
        with _numba_keeps_in(FOLDERS[0]):
            super().__init__(function)
        self._function = function
        self._caches: dict[Path, FunctionCache] = {FOLDERS[0]: self}
        self._locks: list[int | None] = []

    def _in(self, folder: Path) -> FunctionCache:
        """Return the cache in one of the folders."""
        if folder not in self._caches:
            with _numba_keeps_in(folder):
                self._caches[folder] = _FolderCache(self._function)
        return self._caches[folder]

    @contextmanager
    def compiling(self) -> Iterator[None]:
        """After the block other processes may compile what `load_overload` has not found in it."""
        before = len(self._locks)
        try:
            yield
        finally:
            while len(self._locks) > before:
                end(self._locks.pop())

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return what is kept in any of the folders; None where there is nothing, or damage.

        It may come from another process that compiles it now.
        """
        found = self._load(sig, target_context)
        if found is None:
            self._locks.append(begin(FOLDERS[0], f"{self._cache_file._index_path} {sig}"))
            found = self._load(sig, target_context)
        return found

    def _load(self, sig: Any, target_context: Any) -> Any:
        for folder in FOLDERS:
            if folder != FOLDERS[0] and (not folder.is_dir() or refusal(folder)):
                continue
            cache = self._in(folder)
            try:
                with libraries_of_kernels(target_context.codegen()):
                    found = FunctionCache.load_overload(cache, sig, _Loading(target_context))
            except Exception as error:  # pickle raises whatever the bytes make it raise
                _Trouble.say(f"damaged kernels in {folder} are compiled again", error)
                with suppress(OSError):
                    os.unlink(cache._cache_file._index_path)
                continue
            if found is not None:
                return found._replace(target_context=target_context)
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a kernel in the first folder that takes it; if none does, it is not kept."""
        data = data._replace(type_annotation="")  # a listing of its source and types
        while _Trouble.failed < len(FOLDERS):
            folder = FOLDERS[_Trouble.failed]
            try:
                if _Trouble.failed > 0 and (why := usable(folder)):
                    raise OSError(errno.EACCES, why)
                FunctionCache.save_overload(self._in(folder), sig, data)
                return
            except Exception as error:
                _Trouble.failed += 1
                left = FOLDERS[_Trouble.failed :]
                then = f"are kept in {left[0]}" if left else "are not kept"
                _Trouble.say(f"{folder} takes no more compiled kernels, further ones {then}", error)


def keep(path: Path, data: bytes) -> Path:
    """Write any other file of kernels, or one of its name in a further folder; return its path."""
    try:
        with replacing(path) as file:
            file.write(data)
        return path
    except OSError as error:
        left = FOLDERS[FOLDERS.index(path.parent) + 1 :] if path.parent in FOLDERS else []
        for folder in left:
            if not usable(folder):
                _Trouble.say(f"{path.parent} takes no more compiled kernels, {folder} does", error)
                return keep(folder / path.name, data)
        why = f"{error.strerror}; NUMBA_CACHE_DIR names another folder"
        raise OSError(error.errno, why, os.fspath(path.parent)) from error


def keys() -> list[Any]:
    """Return what numba finds kept kernels by, beside names and types: all else means anew."""
    sources = [(str(path), path.stat()) for path in _sources()]
    return [
        numba.__version__,
        sys.version_info[:2],
        cpu_target.target_context.codegen().magic_tuple(),
        [(path, found.st_mtime, found.st_size) for path, found in sources],
    ]


def kept() -> dict[str, int]:
    """Return the files that hold kernels of these sources, and how long they are."""
    subfolder = UserProvidedCacheLocator.get_suitable_cache_subpath(__file__)
    found = (path for folder in FOLDERS for path in (folder / subfolder).glob("*.nb[ic]"))
    return {str(path): path.stat().st_size for path in found}
