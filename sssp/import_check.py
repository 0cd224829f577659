"""The import check: `kernels`, `graphs` and `harness` must be the folders beside `sssp`.

`kernels`, `graphs` and `harness` are generic names. Two things happen to them: another package
stands earlier on the search path, or another distribution's files were installed over ours, in
the same folder. Both would fail later, somewhere inside, with an error about something else.
Neighbours are looked up, not imported, so this costs about a millisecond.
"""

from __future__ import annotations

import sys
from base64 import urlsafe_b64encode
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import Distribution

NEIGHBOURS = ("kernels", "graphs", "harness")
HOUSE = Path(__file__).resolve().parent.parent


def check_neighbours() -> None:
    """Check that `kernels`, `graphs` and `harness` are the packages that came with this `sssp`.

    Raises
    ------
    ImportError
        Another package of that name is found first, none is found at all, or another
        distribution has overwritten ours. The message names it, its path and what to do.
    """
    installed = _installed_digests()
    for name in NEIGHBOURS:
        found = _find(name)
        ours = HOUSE / name / "__init__.py"
        if found in (None, ours.parent):
            raise ImportError(
                f"package {name!r} is missing: it belongs to sssp-bench and should be {ours}; "
                "install sssp-bench again",
                name=name,
            )
        if found != ours:
            raise ImportError(_shadowed(name, found), name=name, path=str(found))
        # A file may be edited by hand; only another distribution's claim to it is an error.
        if name in installed and installed[name] != _digest(ours):
            other = _owner(ours)
            if other:
                raise ImportError(_overwritten(name, other), name=name, path=str(ours))


def _find(name: str) -> Path | None:
    """The file that `import name` runs, or has run; a folder without one counts as itself."""
    try:
        spec = find_spec(name)
    except ValueError:  # already imported, by something that left no spec
        spec = None
        if origin := getattr(sys.modules.get(name), "__file__", None):
            return Path(origin).resolve()
    if spec is None:
        return None
    if spec.origin is not None:
        return Path(spec.origin).resolve()
    folders = list(spec.submodule_search_locations or ())
    return Path(folders[0]).resolve() if folders else None


def _installed_digests() -> dict[str, str]:
    """Digests of the neighbours' `__init__.py` as installed; none for a checkout."""
    digests = {}
    for record in HOUSE.glob("sssp_bench-*.dist-info/RECORD"):
        for line in record.read_text(encoding="utf-8").splitlines():
            file, _, rest = line.partition(",")
            package, _, module = file.partition("/")
            if package in NEIGHBOURS and module == "__init__.py":
                digests[package] = rest.partition(",")[0]
    return digests


def _digest(file: Path) -> str:
    """The digest of a file, spelled as a RECORD spells it."""
    return "sha256=" + urlsafe_b64encode(sha256(file.read_bytes()).digest()).decode().rstrip("=")


def _owner(file: Path) -> str:
    """The distribution other than ours that installed `file`; empty when there is none."""
    from importlib.metadata import distributions  # slow, and needed for a bad end only

    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name != "sssp-bench" and _claims(distribution, file):
            return f"{name} {distribution.version}"
    return ""


def _claims(distribution: Distribution, file: Path) -> bool:
    for entry in distribution.files or ():
        if entry.name == file.name and Path(str(distribution.locate_file(entry))).resolve() == file:
            return True
    # Installed without a list of its files.
    packages = (distribution.read_text("top_level.txt") or "").split()
    folder = Path(str(distribution.locate_file(""))).resolve()
    return any(file.is_relative_to(folder / package) for package in packages)


def _shadowed(name: str, found: Path) -> str:
    owner = _owner(found)
    source = f" of distribution {owner}" if owner else ""
    if owner:
        remedy = f"uninstall {owner.split()[0]}, or install sssp-bench in an environment of its own"
    else:
        remedy = "rename it, or start Python where it is not on the search path (sys.path)"
    return (
        f"package {name!r} of sssp-bench is shadowed by {found}{source};"
        f" expected {HOUSE / name}; {remedy}"
    )


def _overwritten(name: str, owner: str) -> str:
    return (
        f"package {name!r} of sssp-bench was overwritten in {HOUSE / name} by distribution {owner};"
        f" install sssp-bench in an environment of its own, or uninstall {owner.split()[0]} and"
        " install sssp-bench again"
    )
