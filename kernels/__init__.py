"""Kernels on plain arrays: generate, build, search, validate.

Importing this package sets up numba without importing it; the modules do that.

Threads that wait for each other should give their core away soon: the GNU OpenMP library, which
numba uses, lets them spin for milliseconds, and where other programs share the cores a search
then takes three to thirty times as long. The user's own OMP_WAIT_POLICY or GOMP_SPINCOUNT counts.

Compiled kernels are cached in the user's NUMBA_CACHE_DIR, else in the user's cache folder, else
in a temporary one; never in the package's own folder, where left-over cache files would shadow an
editable install and a read-only install would fail. numba does not notice that a callee in
another file has changed, so the folder's name carries a digest of these sources.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from pathlib import Path


def _sources_digest() -> str:
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _cache_candidates(leaf: str) -> list[Path]:
    """Folders to try, best first."""
    candidates = []
    asked = os.environ.get("NUMBA_CACHE_DIR")
    if asked:
        # A parent process of ours has already added the leaf.
        candidates.append(Path(asked) if Path(asked).name == leaf else Path(asked) / leaf)
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    candidates.append(Path(home) / "sssp-bench" / leaf)
    user = str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    candidates.append(Path(tempfile.gettempdir()) / f"sssp-bench-{user}" / leaf)
    return candidates


def _usable(folder: Path) -> bool:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for owned in (folder, folder.parent):
            # What is cached is run: nobody else may have put it there.
            if hasattr(os, "getuid") and owned.stat().st_uid not in (os.getuid(), 0):
                return False
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _choose_cache_folder() -> str:
    for folder in _cache_candidates(f"numba-{_sources_digest()}"):
        if _usable(folder):
            return str(folder)
    return tempfile.mkdtemp(prefix="sssp-bench-")


if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")

CACHE_FOLDER = _choose_cache_folder()
os.environ["NUMBA_CACHE_DIR"] = CACHE_FOLDER
if "numba" in sys.modules:
    # Read at decoration time, so this still counts for every kernel of ours.
    sys.modules["numba"].config.CACHE_DIR = CACHE_FOLDER
