"""The map of files in CONTRIBUTING.md, made from the files' first lines: `make map` rewrites it.

The map stands between two marks. Every folder that holds sources is a table: a Python file is
described by the first line of its docstring, a CUDA or C file by its first comment, a batch script
by the comment after `#!`, a page by its title. A package's `__init__.py`, or the README.md of a
folder of data, introduces its table. `tests/repository/test_file_map.py` compares.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("kernels", "graphs", "sssp", "harness", "benchmarks", "tests", "docs")
PAPER = "CONTRIBUTING.md"
BEGIN = "<!-- The map: made by `make map` from the first lines of the files. -->\n"
END = "<!-- The end of the map. -->\n"
# How the line that describes a file begins.
COMMENTS = {".cu": "//", ".cuh": "//", ".cpp": "//", ".h": "//", ".sbatch": "#", ".md": "#"}
INTRODUCTIONS = ("__init__.py", "README.md")


def first_line(path: Path) -> str:
    """Return the line that describes a file; ValueError where it has none or goes on in the next.

    Parameters
    ----------
    path : Path
        A source file or a page, by its suffix.
    """
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        before, _, rest = text.partition('"""')
        lines = [] if before else rest.partition('"""')[0].splitlines()
    else:
        mark = COMMENTS[path.suffix]
        code = [line for line in text.splitlines() if not line.startswith("#!")]
        lines = [
            line.removeprefix(mark).strip() if line.startswith(mark) else "" for line in code[:2]
        ]
    if not lines or not lines[0]:
        raise ValueError(f"{path}: no first line says what it is")
    if len(lines) > 1 and lines[1] and lines[0][-1] not in ".?":
        raise ValueError(f"{path}: what it is takes more than its first line")
    return lines[0]


def described(root: Path, folder: str) -> list[Path]:
    """Return the files that the map describes, a folder before its sub-folders."""
    suffixes = {".py", *COMMENTS}
    files = [path for path in (root / folder).rglob("*") if path.suffix in suffixes]
    return sorted(files, key=lambda path: (path.parent, path.name))


def render(root: Path = ROOT, folders: tuple[str, ...] = FOLDERS) -> str:
    """Return the map: for each folder a heading, what introduces it, a table of its files."""
    tables: dict[Path, list[str]] = {}
    for folder in folders:
        for path in described(root, folder):
            lines = tables.setdefault(path.parent, [])
            if path.name in INTRODUCTIONS:
                lines.insert(0, f"{first_line(path)}\n")
            else:
                where = path.relative_to(root).as_posix()
                lines.append(f"| [{path.name}]({where}) | {_cell(first_line(path))} |")
    return "\n".join(_section(root, folder, lines) for folder, lines in tables.items())


def _section(root: Path, folder: Path, lines: list[str]) -> str:
    rows = [line for line in lines if line.startswith("|")]
    introduction = [line for line in lines if not line.startswith("|")]
    table = ["| file | what |", "|---|---|", *rows, ""] if rows else []
    return "\n".join([f"#### {folder.relative_to(root).as_posix()}/\n", *introduction, *table])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def rewritten(paper: str, drawn: str) -> str:
    """Return a paper with `drawn` between its two marks; ValueError where they are missing."""
    before, begin, rest = paper.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the paper lacks one of the marks {BEGIN.strip()} and {END.strip()}")
    return f"{before}{BEGIN}\n{drawn}\n{END}{after}"


if __name__ == "__main__":
    path = ROOT / PAPER
    try:
        path.write_text(rewritten(path.read_text(encoding="utf-8"), render()), encoding="utf-8")
    except ValueError as error:
        sys.exit(f"error: {error}")
