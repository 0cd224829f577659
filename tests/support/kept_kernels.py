"""Compiled kernels that a change of one module leaves as they are, for mutants.py to use again.

What a kernel calls is compiled into it, and constants are frozen in it. So the kernels of the
modules that import the changed one, directly or through others, are compiled again; the rest are
taken from where they were compiled without the change.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

_WHERE = """
from numba.core.caching import UserProvidedCacheLocator
from kernels import cache
print(cache.FOLDERS[0] / UserProvidedCacheLocator.get_suitable_cache_subpath(cache.__file__))
"""


def changed_with(module: str, folder: Path) -> set[str]:
    """Return the modules of a folder of kernels whose kernels a change of one changes, too."""
    imports = {path.stem: _imported(path) for path in folder.glob("*.py")}
    if module not in imports or module == "__init__":
        return set(imports)
    changed = {module}
    while more := {name for name, its in imports.items() if its & changed} - changed:
        changed |= more
    return changed


def _imported(path: Path) -> set[str]:
    """Return the last parts of all names that a file imports: modules among others."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            found |= {(node.module or "").rpartition(".")[2], *(name.name for name in node.names)}
        elif isinstance(node, ast.Import):
            found |= {name.name.rpartition(".")[2] for name in node.names}
    return found


def where(folder: Path, environment: Mapping[str, str]) -> Path | None:
    """Return where a checkout keeps its compiled kernels; None if it has no kernels to ask."""
    if not (folder / "kernels" / "cache.py").is_file():
        return None
    command = [sys.executable, "-c", _WHERE]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return Path(done.stdout.strip()) if done.returncode == 0 else None


def link(kept: Path, to: Path, changed: set[str]) -> None:
    """Link to all kept kernels but those of the changed modules; copy where links end."""
    to.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file in kept.glob("*.nb[ic]"):
        if file.name.partition(".")[0] not in changed:
            try:
                os.link(file, to / file.name)
            except OSError:  # another file system
                shutil.copy2(file, to / file.name)
