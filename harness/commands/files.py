"""`sssp generate` and `sssp validate`: graphs to files, and answers of other programs."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.commands.arguments import PATH, ROOT, RTOL
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

    from graphs.edges import Edges
    from harness.validation.verdict import Counts

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
Check the answer of another program against every rule: the root, the tree of parents, the
parent edges, the distances to the bit, that no edge improves one, and the component. Of distances
without parents: that each is the length of a path, and no edge improves it.
"""
_VALIDATE_EPILOG = f"""\
The solution is a .csv or .tsv, as `sssp solve` writes it, or an .npz with the arrays
  dist     (n,) float32 or float64, inf where a vertex is not reached; or integers, where -1 and the
           largest of their type mean that
  parent   (n,) integers, parent[root] = root, -1 where a vertex is not reached; or SciPy's, -9999
           for both; may be missing
  vertex   (n,) the ids of the vertices in the graph's file, ascending: then root and parents are
           such ids, as `sssp solve` writes them; without it, they are counted from 0
  root     the roots, where dist and parent have a row for each of several
Sums count in the arithmetic of the graph: float32 weights are added in float32. For sums that were
taken otherwise, --rtol allows a difference; they are then compared in float64.

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
        help="check the answer of another program",
        description=_VALIDATE,
        epilog=_VALIDATE_EPILOG,
    )
    add_official_graph(validate, "the official graph of 2^S vertices")
    add_seed(validate, "the generator")
    add_graph_file(validate)
    validate.add_argument(
        "--solution", type=PATH, metavar="F", required=True, help="the answer to check"
    )
    validate.add_argument(
        "--root",
        type=ROOT,
        metavar="R",
        required=True,
        help="the vertex it starts from, counted as in the solution",
    )
    validate.add_argument(
        "--rtol",
        type=RTOL,
        metavar="X",
        help="how far a sum may be off, as a part of it, such as 1e-9 (default: not at all)",
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
    from graphs.edges import ids_of
    from harness.validation.solution import read_solution

    solution = read_solution(flags["solution"])
    edges = source.load()
    root, dist, parent = solution.of(flags["root"], ids_of(edges))
    if solution.is_text and edges.weight_dtype == "float32":
        dist = dist.astype("float32")  # of which the text gives the fewest digits
    faults, counts = _verdict(edges, root, dist, parent, flags.get("rtol", 0.0))
    if faults:
        emit("\n".join(f"invalid: {fault}" for fault in faults))
        return Exit.INVALID
    how = ["distances only, no parents given"] if parent is None else []
    how += [f"rtol {flags['rtol']:g}"] if "rtol" in flags else []
    more = f" ({', '.join(how)})" if how else ""
    emit(f"valid: root {flags['root']}, {counts.reached} vertices reached, m = {counts.m}{more}")
    return Exit.OK


def _verdict(
    edges: Edges, root: int, dist: np.ndarray, parent: np.ndarray | None, rtol: float
) -> tuple[list[str], Counts]:
    """Return what is wrong with an answer, and what it traversed."""
    from harness.validation.distances import check_distances
    from harness.validation.host import Validator
    from harness.validation.verdict import Counts

    judge = Validator(edges)
    if parent is not None and not rtol:
        (found,) = judge.validate([(root, dist, parent)])
        counts = Counts(found.m, found.m_with_self_loops, found.reached)
        return [str(violation) for violation in found.violations], counts
    import numpy as np

    # Counting asks for parents, and only for their type.
    given = np.zeros(len(dist), np.int64) if parent is None else parent
    (counts,) = judge.count_m([(root, dist, given)])
    return check_distances(edges, root, dist, parent, rtol), counts
