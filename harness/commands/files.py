"""`sssp generate` and `sssp validate`: graphs to files, and answers of other programs."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.commands.arguments import PATH, ROOT
from harness.commands.options import (
    Commands,
    add_graph_file,
    add_official_graph,
    add_seed,
    check_writable,
    official_graph,
    refuse_ranks,
    source_of,
    use_default_threads,
)
from harness.console.errors import EXIT_CODES, Exit, UsageError
from harness.console.streams import emit, say

if TYPE_CHECKING:
    import numpy as np

_EDGE_BYTES = 20  # src and dst int64, weight float32, stored as they are

_GENERATE = """\
Write the official Graph500 edge list as an .npz file: arrays src, dst (int64), weight (float32),
n (vertices) and directed (false). Self loops and parallel edges are in it, as generated.
"""
_GENERATE_EPILOG = f"""\
example:
  sssp generate --scale 16 --seed 2 3 --output s16.npz
  sssp run --graph s16.npz

{EXIT_CODES}"""

_VALIDATE = """\
Check an answer that somebody else computed against every rule: the root, the tree of parents, the
parent edges, the distances to the bit, that no edge improves one, and the component.
"""
_VALIDATE_EPILOG = f"""\
The solution is an .npz with the arrays
  dist     (n,) float32 or float64, inf where a vertex is not reached
  parent   (n,) integers, parent[root] = root, -1 where a vertex is not reached
Sums count in the arithmetic of the graph: float32 weights are added in float32.

example:
  sssp validate --graph rome99.gr --solution answer.npz --root 0

A valid answer prints one line; else there is one line for each broken rule, with the number of
vertices that break it and the first of them.

{EXIT_CODES}"""


def add_commands(commands: Commands) -> None:
    """Add `sssp generate` and `sssp validate` to the parser."""
    generate = commands.add_parser(
        "generate",
        help="write an official graph to a file",
        description=_GENERATE,
        epilog=_GENERATE_EPILOG,
    )
    add_official_graph(generate, "2^S vertices; 1 to 62", required=True)
    add_seed(generate, "the generator")
    generate.add_argument(
        "--output", type=PATH, metavar="F.npz", required=True, help="the file to write"
    )
    generate.set_defaults(command=run_generate)

    validate = commands.add_parser(
        "validate",
        help="check somebody else's answer",
        description=_VALIDATE,
        epilog=_VALIDATE_EPILOG,
    )
    add_official_graph(validate, "the official graph of 2^S vertices")
    add_seed(validate, "the generator")
    add_graph_file(validate)
    validate.add_argument(
        "--solution", type=PATH, metavar="F.npz", required=True, help="the answer to check"
    )
    validate.add_argument(
        "--root", type=ROOT, metavar="R", required=True, help="the vertex it starts from, from 0"
    )
    validate.set_defaults(command=run_validate)


def run_generate(flags: dict[str, Any], _argv: list[str]) -> int:
    """Write the official graph that `flags` name; return the exit status."""
    refuse_ranks()
    use_default_threads()
    source = official_graph(flags)
    output = Path(flags["output"])
    if output.suffix.lower() != ".npz":
        raise UsageError(f"--output {output}: the name must end in .npz")
    if output.is_dir():
        raise UsageError(f"--output {output}: is a folder")
    check_writable(output.parent, make=False)
    needed, free = source.edges * _EDGE_BYTES, shutil.disk_usage(output.parent).free
    if needed > free:
        raise UsageError(f"{source} takes {needed} bytes, {output.parent} has {free} bytes free")
    from graphs.files import write_edges

    edges = source.load()
    write_edges(output, edges)
    say(f"wrote {output}: {edges.n} vertices, {edges.m} edges")
    return Exit.OK


def run_validate(flags: dict[str, Any], _argv: list[str]) -> int:
    """Check the answer that `flags` name; return the exit status."""
    refuse_ranks()
    use_default_threads()
    source = source_of(flags)
    dist, parent = read_solution(flags["solution"])
    edges = source.load()
    from harness.validation.host import validate

    n, root = edges.n, flags["root"]
    if root >= n:
        raise UsageError(f"--root {root}: the graph's vertices are 0..{n - 1}")
    for name, array in (("dist", dist), ("parent", parent)):
        if array.shape != (n,):
            raise UsageError(
                f"{flags['solution']}: {name} has shape {array.shape}, "
                f"the graph has {n} vertices, so it must be ({n},)"
            )
    (found,) = validate(edges, [(root, dist, parent)])
    if found.valid:
        emit(f"valid: root {root}, {found.reached} vertices reached, m = {found.m}")
        return Exit.OK
    emit("\n".join(f"invalid: {violation}" for violation in found.violations))
    return Exit.INVALID


def read_solution(path: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the arrays `dist` and `parent` of an .npz.

    Raises
    ------
    UsageError
        If the file cannot be read, or lacks one of them.
    GraphError
        If it is no .npz of plain arrays, or takes more memory than there is.
    """
    from graphs.file_npz import opened_archive
    from graphs.memory import BASE
    from harness.machine.memory import available
    from kernels.disk import reading

    try:
        with reading(path) as file, opened_archive(path, file, available().bytes - BASE) as stored:
            missing = [name for name in ("dist", "parent") if name not in stored]
            if missing:
                raise UsageError(f"{path}: no array {' and '.join(missing)} in it")
            return stored.array("dist", ndim=None), stored.array("parent", ndim=None)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error
