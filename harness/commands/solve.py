"""`sssp solve`: shortest paths on a graph file, to a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from harness.commands.arguments import PATH
from harness.commands.options import (
    Commands,
    add_graph_file,
    add_official_graph,
    add_root,
    add_seed,
    add_solver,
    check_writable,
    refuse_ranks,
    source_of,
    use_threads,
)
from harness.console.errors import EXIT_CODES, Exit, UsageError
from harness.console.streams import say

if TYPE_CHECKING:
    import numpy as np

    from graphs.edges import Edges
    from graphs.vertex_ids import VertexIds

Row = tuple[int, "np.ndarray", "np.ndarray"]  # root, dist, parent, by vertices

_ANSWER_BYTES = 16  # of a vertex, dist and parent
_CHUNK = 1 << 16

_DESCRIPTION = """\
Find the shortest paths from one or several roots, and write distances and parents to a file. Roots,
vertices and parents are the ids of the graph's own file (of a .gr file, from 1).
"""
_EPILOG = f"""\
examples:
  sssp solve --graph rome99.gr --root 1 --output answer.csv
  sssp solve --graph web.txt.gz --weights unit --roots-file roots.txt --output answer.npz

The file:
  .csv, .tsv   a line root, vertex, dist, parent for each root and vertex, below a line of names;
               dist is inf and parent -1 where a vertex is not reached
  .npz         arrays root (k,), vertex (n,), dist and parent (n,), of several roots (k, n)
Distances are those of `sssp run`: float32 weights are added in float32, integers are exact. Nothing
is validated; `sssp validate` reads all three.

{EXIT_CODES}"""


def add_commands(commands: Commands) -> None:
    """Add `sssp solve` to the parser."""
    parser = commands.add_parser(
        "solve",
        help="shortest paths on a graph file, to a file",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    add_graph_file(parser)
    add_official_graph(parser, "the official graph of 2^S vertices instead")
    add_seed(parser, "the generator")
    add_root(parser, "a vertex to start from, by the file's own ids; again for")
    parser.add_argument(
        "--roots-file", type=PATH, metavar="FILE", help="a text with a root on each line"
    )
    parser.add_argument(
        "--output", type=PATH, metavar="F", required=True, help="the file: .npz, .csv or .tsv"
    )
    add_solver(parser)
    parser.set_defaults(command=run_solve)


def run_solve(flags: dict[str, Any], _argv: list[str]) -> int:
    """Search from the roots that `flags` name, and write the answers; return the exit status."""
    from harness.machine.facts import default_threads

    refuse_ranks()
    output = _output(flags["output"])
    if "root" not in flags and "roots_file" not in flags:
        raise UsageError("name a root: --root R, again for several, or --roots-file FILE")
    source = source_of(flags)
    use_threads(flags.get("threads") or default_threads())
    wanted = flags.get("root", []) + _roots_in(flags.get("roots_file"))
    edges = source.plan()().edges
    from graphs.edges import ids_of
    from harness.validation.solution_lines import PARTED_BY
    from kernels.disk import replacing

    ids = ids_of(edges)
    roots = [ids.vertex(root) for root in wanted]
    _refuse_large(output, edges.n, len(roots))
    answers = _answers(edges, roots, flags)
    whole = edges.weight_dtype.kind in "iub"
    try:
        with replacing(output) as file:
            if output.suffix.lower() == ".npz":
                _write_npz(file, answers, ids)
            else:
                _write_lines(file, answers, ids, PARTED_BY[output.suffix.lower()], whole)
    except OSError as error:
        raise UsageError(f"--output {output}: cannot be written: {error.strerror}") from error
    count = "1 root" if len(roots) == 1 else f"{len(roots)} roots"
    say(f"wrote {output}: {count}, {edges.n} vertices")
    return Exit.OK


def _output(name: str) -> Path:
    """Return the file to write; UsageError if it cannot be one."""
    from harness.validation.solution_lines import PARTED_BY

    output = Path(name)
    if output.suffix.lower() not in (".npz", *PARTED_BY):
        raise UsageError(f"--output {output}: the name must end in .npz, .csv or .tsv")
    if output.is_dir():
        raise UsageError(f"--output {output}: is a folder")
    check_writable(output.parent, make=False)
    return output


def _roots_in(path: str | None) -> list[int]:
    """Return the roots in a text, none where there is none."""
    if path is None:
        return []
    from graphs.file_lines import EdgeLines
    from graphs.file_text import Text
    from graphs.file_words import Layout
    from kernels.disk import reading

    try:
        with reading(path) as file:
            roots = EdgeLines(Text(path, file), Layout("root", b"#%")).read()[0].tolist()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not roots:
        raise UsageError(f"--roots-file {path}: holds no root")
    return roots


def _refuse_large(output: Path, n: int, roots: int) -> None:
    """Refuse answers that do not fit into memory: an archive holds all of them in one piece."""
    from graphs.memory import gib
    from harness.machine.memory import available

    needed = n * _ANSWER_BYTES * roots
    if output.suffix.lower() == ".npz" and needed > available().bytes:
        raise UsageError(
            f"--output {output}: the answers from {roots} roots take {gib(needed)}, available are "
            f"{gib(available().bytes)}; write a .csv, or ask for fewer roots at a time"
        )


def _answers(edges: Edges, roots: list[int], flags: dict[str, Any]) -> Iterator[Row]:
    """Search from each root, as the answers are asked for."""
    from graphs.csr import build_csr
    from graphs.edges import EdgeList
    from sssp.paths import shortest_paths
    from sssp.solver import Solver

    how = flags.get("engine", "auto"), flags.get("threads"), flags.get("delta")
    if len(roots) == 1 and isinstance(edges, EdgeList):
        dist, parent = shortest_paths(edges, roots[0], *how)
        yield roots[0], dist, parent
        return
    solver = Solver(build_csr(edges, flags.get("threads")), *how)
    for root in roots:
        answer = solver.search(root)
        yield root, answer.dist, answer.parent


def _write_npz(file: BinaryIO, answers: Iterator[Row], ids: VertexIds) -> None:
    import numpy as np

    rows = [(root, dist, ids.of(parent)) for root, dist, parent in answers]
    roots, dists, parents = zip(*rows, strict=True)
    np.savez(
        file,
        root=ids.of(np.array(roots, np.int64)),
        vertex=ids.of(np.arange(ids.n)),
        dist=np.stack(dists) if len(rows) > 1 else dists[0],
        parent=np.stack(parents) if len(rows) > 1 else parents[0],
    )


def _write_lines(
    file: BinaryIO, answers: Iterator[Row], ids: VertexIds, comma: str, whole: bool
) -> None:
    """Write a line for each root and vertex; distances in integers where the weights are."""
    import numpy as np

    file.write(comma.join(("root", "vertex", "dist", "parent\n")).encode())
    for root, dist, parent in answers:
        name = str(int(ids.of(np.array([root]))[0]))
        for first in range(0, ids.n, _CHUNK):
            part = slice(first, first + _CHUNK)
            vertices = ids.of(np.arange(first, min(first + _CHUNK, ids.n))).tolist()
            texts = _texts(dist[part], whole)
            parents = ids.of(parent[part]).tolist()
            columns = zip(vertices, texts, parents, strict=True)
            lines = [f"{name}{comma}{v}{comma}{d}{comma}{p}\n" for v, d, p in columns]
            file.write("".join(lines).encode())


def _texts(dist: np.ndarray, whole: bool) -> list[str]:
    """Return distances in the fewest digits that give them back."""
    import numpy as np

    if not whole:
        return dist.astype(str).tolist()
    reached = dist < np.inf
    texts = np.where(reached, dist, 0).astype(np.int64).astype(str).tolist()
    return [text if there else "inf" for text, there in zip(texts, reached, strict=True)]
