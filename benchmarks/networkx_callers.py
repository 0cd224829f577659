"""A graph of networkx, converted and searched: by its backend sssp, by igraph, by networkx itself.

    python -m benchmarks.networkx_callers

Each turn starts with the same random graph of networkx and nothing converted. What is timed is what
a caller waits for: the conversion, then for each source all distances, from networkx as a
dictionary, from igraph as a list. Kernels are compiled before. Distances are compared. The raw
figures go to a JSON file, described at `figures`, a table of them to stdout.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from statistics import median
from time import perf_counter
from typing import Any

import networkx as nx
import numpy as np

from benchmarks.flags import parser_of
from harness.machine.facts import git_state, machine_facts, versions
from harness.results.record import store

Search = Callable[[int], Any]


def random_graph(vertices: int, edges: int) -> nx.Graph:
    """A graph of networkx with whole weights 1 .. 1000; parallel edges are one, the last."""
    random = np.random.default_rng(1)
    ends = random.integers(0, vertices, (2, edges)).tolist()
    graph = nx.Graph()
    graph.add_nodes_from(range(vertices))
    graph.add_weighted_edges_from(zip(*ends, random.integers(1, 1001, edges).tolist(), strict=True))
    return graph


def by_backend(graph: nx.Graph) -> Search:
    from sssp import networkx_backend

    # networkx asks before it converts.
    assert networkx_backend.can_run("single_source_dijkstra_path_length", (graph, 0), {}) is True
    there = networkx_backend.convert_from_nx(graph, edge_attrs={"weight": 1})
    return lambda source: nx.single_source_dijkstra_path_length(there, source)


def by_igraph(graph: nx.Graph) -> Search:
    import igraph

    there = igraph.Graph.from_networkx(graph)
    return lambda source: there.distances(source, weights="weight")[0]


def by_networkx(graph: nx.Graph) -> Search:
    return lambda source: nx.single_source_dijkstra_path_length(graph, source, backend="networkx")


LIBRARIES = {"sssp": by_backend, "igraph": by_igraph, "networkx": by_networkx}


def as_array(distances: Any, vertices: int) -> np.ndarray:
    """What a library returned, inf where it reached nothing."""
    found = np.full(vertices, np.inf)
    if isinstance(distances, dict):
        found[list(distances)] = list(distances.values())
    else:
        found[:] = distances
    return found


def figures(vertices: int, edges: int, sources: int, few: int, repeats: int) -> dict[str, Any]:
    """Measure; raw figures.

    Returns
    -------
    dict
        graph     its vertices and edges
        sources   in the order of the searches
        turns     one for each library and repeat, in their order
            name                  a library
            conversion_seconds    from the graph of networkx, until searches may start
            seconds               of each search; of networkx itself, of the first few sources only
    """
    for convert in LIBRARIES.values():
        convert(random_graph(10, 20))(0)  # imports and compiles
    graph = random_graph(vertices, edges)
    chosen = np.random.default_rng(2).choice(vertices, sources, replace=False).tolist()
    known: dict[int, np.ndarray] = {}
    turns = []
    for _ in range(repeats):
        for name, convert in LIBRARIES.items():
            start = perf_counter()
            search = convert(graph)
            converted = perf_counter()
            seconds = []
            for source in chosen[: few if name == "networkx" else sources]:
                begun = perf_counter()
                found = search(source)
                seconds.append(perf_counter() - begun)
                distances = as_array(found, vertices)
                if not np.array_equal(known.setdefault(source, distances), distances):
                    raise SystemExit(f"{name} has other distances from {source}")
            turns.append(
                {"name": name, "conversion_seconds": converted - start, "seconds": seconds}
            )
    return {
        "graph": {"scale": None, "file": "random", "vertices": vertices, "edges": len(graph.edges)},
        "sources": chosen,
        "turns": turns,
    }


def table(found: dict[str, Any]) -> str:
    """The figures as Markdown: medians of the repeats."""
    turns: dict[str, list[dict[str, Any]]] = {}
    for turn in found["turns"]:
        turns.setdefault(turn["name"], []).append(turn)
    count = len(found["sources"])

    def whole(turn: dict[str, Any]) -> float:
        return turn["conversion_seconds"] + count * float(np.mean(turn["seconds"]))

    ours = median(map(whole, turns["sssp"]))
    lines = [
        f"| library | conversion s | s a source | conversion and {count} sources, s | ratio |",
        "|---|---|---|---|---|",
    ]
    for name, own in turns.items():
        convert = median(turn["conversion_seconds"] for turn in own)
        search = median(second for turn in own for second in turn["seconds"])
        total = median(map(whole, own))
        lines.append(
            f"| {name} | {convert:.2f} | {search:.3f} | {total:.1f} | {total / ours:.1f} |"
        )
    return "\n".join([*lines, ""])


def parser() -> ArgumentParser:
    """The flags of this command."""
    flags = parser_of("networkx_callers", __doc__)
    flags.add_argument("--vertices", type=int, default=100_000, metavar="N")
    flags.add_argument("--edges", type=int, default=1_000_000, metavar="M")
    flags.add_argument("--sources", type=int, default=32, metavar="K")
    flags.add_argument("--few", type=int, default=2, metavar="K", help="sources of networkx itself")
    flags.add_argument("--repeats", type=int, default=3, metavar="R")
    flags.add_argument("--output", default="results/runs", metavar="DIR")
    return flags


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print and store; return the exit status."""
    flags = parser().parse_args(argv)
    try:
        import igraph
    except ImportError:
        print("networkx_callers: igraph is not installed: pip install '.[peers]'", file=sys.stderr)
        return 2
    started = datetime.now(UTC).isoformat(timespec="seconds")
    found = figures(flags.vertices, flags.edges, flags.sources, flags.few, flags.repeats)
    commit, dirty = git_state()
    record = {
        "kind": "networkx callers", **found, "machine": machine_facts(),
        "versions": {**versions(), "igraph": igraph.__version__}, "commit": commit, "dirty": dirty,
        "started": started, "argv": ["networkx_callers", *(sys.argv[1:] if argv is None else argv)],
    }  # fmt: skip
    print(table(record), flush=True)
    print(f"networkx_callers: {store(record, flags.output, 'networkx')}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
