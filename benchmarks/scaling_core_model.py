"""Growth laws of what presolved ranks send, from the degrees of a graph.

Pairs are those of `scaling_model.viewers`: a vertex and another rank, of as many as hold one of
the things counted. Each law has one unit, taken from the largest number of ranks of a scale:

    core     pairs by the arcs of core vertices
    trees    4 bytes for each pair by the tree vertices on a core vertex
    rows     56 bytes for each edge that leaves its rank, and pairs by the arcs of rows
    rounds   pairs by the edges that the rounds read, of each vertex
    passes   8 bytes for each vertex of another rank among the ends of a slice

The ends of a slice of the generator are drawn with known chances: `ends_apart` says how many
different ones to expect.
"""

from __future__ import annotations

import math
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from benchmarks.scaling_model import Counts, viewers
from graphs import KroneckerStream, build_csr
from graphs.arc_stream import SLICE_EDGES
from graphs.comm import SerialComm
from graphs.owned_bounds import LEAST_SLICE, SLICES
from graphs.presolve import drop
from graphs.rows import CSR
from graphs.selection import SAMPLE, Bounds, Selection

EDGEFACTOR = 16
# Two arcs, sent to be counted (place and end, 4 and 8 bytes) and to be filled in (a weight, too).
_ROWS = 2 * (12 + 16)
_LOOKUP, _TREE = 8, 4
# Chances of a 0 in each bit of an end.
_ZERO = 0.57 + 0.19

Facts = dict[str, Any]
Rows = list[dict[str, str]]


def ends_apart(scale: int, ends: float) -> float:
    """Return how many different vertices are expected among that many ends of the generator's."""
    ones = np.arange(scale + 1)
    vertices = np.array([math.comb(scale, k) for k in ones.tolist()], float)
    chance = _ZERO ** (scale - ones) * (1 - _ZERO) ** ones
    return float(np.sum(vertices * -np.expm1(ends * np.log1p(-chance))))


class _Noting(Selection):
    """Notes of how many edges each vertex is an end, among those that rounds read."""

    def lower(self, edges: Any, bounds: Bounds, worth: float, most: int) -> Bounds:
        found = np.bincount(edges.src, minlength=self.n) + np.bincount(edges.dst, minlength=self.n)
        if worth:
            self.kept = found
        else:
            self.light = found
        return super().lower(edges, bounds, worth, most)


def _histogram(values: np.ndarray) -> list[list[int]]:
    found = np.unique(values[values > 0], return_counts=True)
    return np.stack(found, axis=1).tolist()


def _values(histogram: list[list[int]]) -> np.ndarray:
    values, counts = np.array(histogram, np.int64).T
    return np.repeat(values, counts)


def core_of(csr: CSR) -> tuple[np.ndarray, np.ndarray]:
    """Of each core vertex its arcs, and the vertices of the trees on it.

    Trees are taken off symmetric rows as `graphs.rank_trees` does, here of one process.
    """
    labels = len(csr.indptr) - 1
    degree = np.diff(csr.indptr)
    row = np.repeat(np.arange(labels), degree)
    left = np.zeros(labels, np.int64)  # of a vertex with one arc left, where it leads
    np.bitwise_xor.at(left, row, csr.out.adj.astype(np.int64))
    core, size = degree > 0, np.ones(labels, np.int64)
    degree = degree.copy()
    todo = np.flatnonzero(degree == 1)
    while len(todo):
        end = left[todo]
        goes = (degree[end] != 1) | (end < todo)  # of two that have each other, one stays
        todo, end = todo[goes], end[goes]
        core[todo], degree[todo] = False, 0
        np.subtract.at(degree, end, 1)
        np.bitwise_xor.at(left, end, todo)
        np.add.at(size, end, size[todo])
        todo = np.unique(end)
        todo = todo[degree[todo] == 1]
    return degree[core], size[core] - 1


def graph_facts(scale: int, seed: tuple[int, int], plain: bool) -> Facts:
    """Return what the laws need of a graph: numbers of edges, and degrees as [value, vertices]."""
    edges = KroneckerStream(scale, EDGEFACTOR, seed)
    selection = _Noting(edges, "float32", 1, SerialComm())
    kept, _, _ = drop(edges, selection, perf_counter())
    rows = build_csr(kept)
    arcs, trees = core_of(rows)
    facts = {"scale": scale, "vertices": edges.n, "edges": edges.m, "kept_edges": kept.m}
    facts |= {"core": len(arcs), "core_arcs": int(arcs.sum()), "trees": int(trees.sum())}
    if plain:
        facts["degrees"] = _histogram(np.diff(build_csr(edges).indptr))
    return facts | {
        "kept_degrees": _histogram(np.diff(rows.indptr)),
        "arcs_of_core": _histogram(arcs),
        "trees_on_core": _histogram(trees),
        "ends_of_light": _histogram(selection.light),
        "ends_of_kept": _histogram(selection.kept),
    }


def pairs(facts: Facts, name: str, ranks: int) -> float:
    """Return the pairs of a vertex and another rank, by one of the degrees of a graph."""
    return viewers(_values(facts[name]), ranks)


def passes(scale: int, edges: int, ranks: int) -> float:
    """Return the bytes that all ranks send to look up bounds of a sample and of all edges."""
    each = edges / ranks
    part = min(max(each // SLICES, LEAST_SLICE), SLICE_EDGES, each)
    asked = each / part * ends_apart(scale, 2 * part)
    sampled = ends_apart(scale, 2 * min(SAMPLE, each))
    return _LOOKUP * (ranks - 1) * (asked + sampled)


def by_growth(facts: Facts, last: Facts, at_last: Facts, ranks: int) -> dict[str, float]:
    """Return what is sent on other ranks by the laws, for a graph of the same number of vertices.

    Parameters
    ----------
    facts : dict
        Of the graph, see `graph_facts`.
    last, at_last : dict
        A counted row, which gives the units, and the facts of its graph.
    ranks : int
    """

    def grown(counted: float, name: str) -> float:
        return counted / pairs(at_last, name, last["ranks"]) * pairs(facts, name, ranks)

    def rows(counted: float, edges: str, name: str) -> float:
        there = _ROWS * at_last[edges] * (1 - 1 / last["ranks"])
        return _ROWS * facts[edges] * (1 - 1 / ranks) + grown(counted - there, name)

    shared, bounds = last["shared"], last["bounds"]
    kept = _LOOKUP * pairs(facts, "ends_of_kept", ranks)  # of the last pass
    found = {
        "core": grown(shared["search"] - shared["leaves"], "arcs_of_core"),
        "trees": _TREE * pairs(facts, "trees_on_core", ranks),
        "rows": rows(shared["kernel_1"], "kept_edges", "kept_degrees"),
        "light": grown(bounds["light"], "ends_of_light"),
        "kept": grown(bounds["kept"], "ends_of_kept"),
        "passes": passes(facts["scale"], facts["edges"], ranks) + kept,
    }
    if "degrees" in facts and "degrees" in at_last:
        found["plain rows"] = rows(last["plain"]["kernel_1"], "edges", "degrees")
    return found


def looked_up(bounds: dict[str, float]) -> float:
    """Return the bytes of bounds looked up at owners, counted or by growth."""
    return bounds["passes"] + bounds["light"] + bounds["kept"]


class Grown(NamedTuple):
    """What the laws say of a machine and a graph that were not run here: bytes of all ranks.

    search         counts of a presolved search
    plain_kernel   of a plain kernel 1
    rows, lookups, copies   of a presolved one: its arcs and trees; bounds at owners, or copied
    plain_pairs, core_pairs, tree_pairs   of a vertex, see `pairs`
    """

    search: Counts
    plain_kernel: float
    rows: float
    lookups: float
    copies: float
    plain_pairs: float
    core_pairs: float
    tree_pairs: float


def grown_to(record: Facts, ranks: int, scale: int) -> Grown:
    """Return what the laws say of `ranks` and a scale: units of the row of the most ranks.

    Degrees are those of the largest graphs in the record: they change slowly with the scale.
    """
    last = max(record["rows"], key=lambda row: (row["ranks"], row["scale"]))
    at_last = next(facts for facts in record["graphs"] if facts["scale"] == last["scale"])
    largest = max(record["graphs"], key=lambda facts: facts["scale"])
    plain = max((f for f in record["graphs"] if "degrees" in f), key=lambda facts: facts["scale"])
    n, size = 2**scale, 2**scale / largest["vertices"]
    by_law = by_growth(largest, last, at_last, ranks)
    of_slices = passes(largest["scale"], largest["edges"], ranks)
    lookups = looked_up(by_law) - of_slices
    shared, counted = last["shared"], last["ranks"]
    arcs = shared["arcs"] / at_last["core_arcs"] * largest["core_arcs"] * size
    search = Counts(
        ranks=ranks,
        vertices=n,
        arcs=arcs,
        arcs_largest=shared["arcs_largest"] / shared["arcs"] * counted * arcs / ranks,
        collectives=shared["calls"] / counted,
        messages=shared["messages"] * ranks * (ranks - 1) / (counted * (counted - 1)),
        bytes=(by_law["core"] + by_law["trees"]) * size,
    )
    return Grown(
        search=search,
        plain_kernel=by_growth(plain, last, at_last, ranks)["plain rows"] * n / plain["vertices"],
        rows=by_law["rows"] * size,
        lookups=lookups * size + passes(scale, EDGEFACTOR * n, ranks),
        copies=shared["copies"] / (counted * at_last["vertices"]) * ranks * n,
        plain_pairs=pairs(plain, "degrees", ranks) / plain["vertices"],
        core_pairs=pairs(largest, "arcs_of_core", ranks) / largest["vertices"],
        tree_pairs=pairs(largest, "trees_on_core", ranks) / largest["vertices"],
    )


def tables_of(record: dict[str, Any]) -> tuple[Rows, Rows]:
    """Return the tables of what is counted: of a search in KB, and of kernel 1 in MB."""
    graphs = {facts["scale"]: facts for facts in record["graphs"]}
    search, kernel = [], []
    for row in record["rows"]:
        scale, ranks, shared = row["scale"], row["ranks"], row["shared"]
        last = max((r for r in record["rows"] if r["scale"] == scale), key=lambda r: r["ranks"])
        by_law = by_growth(graphs[scale], last, graphs[scale], ranks)
        point = {"scale": str(scale), "ranks": str(ranks)}
        kilobytes = {
            "plain": row["plain"]["search"], "core on each": row["copied"]["search"],
            "core shared": shared["search"], "of it core": shared["search"] - shared["leaves"],
            "core by growth": by_law["core"], "of it trees": shared["leaves"],
            "trees by growth": by_law["trees"],
        }  # fmt: skip
        megabytes = {
            "plain": row["plain"]["kernel_1"], "by growth": by_law["plain rows"],
            "core on each": row["copied"]["kernel_1"], "core shared": shared["kernel_1"],
            "shared by growth": by_law["rows"], "bounds: copies": shared["copies"],
            "bounds: owners": looked_up(row["bounds"]), "owners by growth": looked_up(by_law),
        }  # fmt: skip
        search.append(point | {name: three(size / 1e3) for name, size in kilobytes.items()})
        kernel.append(point | {name: three(size / 1e6) for name, size in megabytes.items()})
    return search, kernel


def three(value: float) -> str:
    """Return three figures of a number, without a power of ten where it is below a million."""
    return f"{float(f'{value:.3g}'):g}"


def table(rows: Rows) -> str:
    """Return rows as a table in Markdown."""
    lines = [list(rows[0]), ["---"] * len(rows[0]), *([*row.values()] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
