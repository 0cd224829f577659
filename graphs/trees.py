"""Trees are taken off a graph: its rows are those of the core, trees follow in the answer's pass.

A vertex with a single arc lies on no shortest path but those that begin or end in its tree. So the
core, which is what is left when such vertices are taken off again and again, is searched by itself.
A distance on a tree is then that of the vertex it hangs on plus one arc, added in the same order
as along any path, so the bits are those of a search of the whole graph. No arc is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from graphs.layout import Layout
from graphs.rows import CSR, Rows

# Vertices that one thread settles in their order, so that those of several rounds may share a pass.
TOGETHER = 1 << 14
# Weights by which delta is chosen, at most.
SAMPLE = 1 << 16


@dataclass(frozen=True)
class Forest:
    """The trees that hang on the core of a graph.

    Labels: first the core, then tree vertices on which others hang (inner), those nearest to the
    core first. The row of an inner one is its one arc towards the core. Leaves have no label:
    `CSR.local_id` of a leaf is ~label of the vertex that it hangs on.

    core          vertices of the core
    passes        ranges of inner labels; each hangs on the core, on those before, or on vertices
                  that stand before it in its range (of TOGETHER vertices at most)
    leaf_weight   (n,), original order, of the weights' type: a leaf's one arc, else 0
    leaves        how many leaves
    """

    core: int
    passes: list[range]
    leaf_weight: np.ndarray
    leaves: int


def _passes(first: int, sizes: list[int]) -> list[range]:
    """Ranges of labels for rounds of such sizes, small ones together."""
    passes: list[range] = []
    for size in sizes:
        last = passes[-1] if passes else range(0)
        if passes and len(last) + size <= TOGETHER:
            passes[-1] = range(last.start, last.stop + size)
        elif size:
            passes.append(range(first, first + size))
        first += size
    return passes


def take_off_trees(csr: CSR) -> CSR:
    """Return the same undirected graph of one process with its trees apart (`CSR.forest`)."""
    from kernels.build import order_by_degree
    from kernels.trees import CORE, core_degrees, core_rows, take_off

    layout = csr.layout
    connected = layout.reachable
    order, round_ends, link, has_child = take_off(csr.out.indptr, csr.out.arcs, connected)
    is_core = link[:connected] == CORE
    core = np.flatnonzero(is_core).astype(np.int32)
    core = core[order_by_degree(core_degrees(core, csr.out.indptr, csr.out.arcs, link))]
    parts = [part[has_child[part]] for part in np.split(order, round_ends[:-1])][::-1]
    inner = np.concatenate([order[:0], *parts])
    labels = len(core) + len(inner)
    label = np.full(layout.labels + 1, labels, np.int32)  # of what has none: nobody
    label[core] = np.arange(len(core), dtype=np.int32)
    label[inner] = np.arange(len(core), labels, dtype=np.int32)
    indptr, arcs = core_rows(core, inner, csr.out.indptr, csr.out.arcs, link, label)
    leaf = order[~has_child[order]]
    hung = csr.out.arcs[link[leaf]]
    leaf_weight = np.zeros(csr.n, csr.out.arcs.dtype["weight"])
    global_id = csr.global_id
    leaf_weight[global_id[leaf]] = hung["weight"]
    label[leaf] = ~label[hung["adj"]]
    ids = np.full(labels + 1, -1, global_id.dtype)
    ids[:labels] = global_id[np.concatenate([core, inner])]
    rows = Rows(indptr, arcs)
    within = len(arcs) - len(inner)
    stats = replace(
        csr.stats,
        reachable=len(core),
        arcs=within,
        sample=arcs["weight"][: within : max(within // SAMPLE, 1)].copy(),
    )
    return replace(
        csr,
        stats=stats,
        out=rows,
        incoming=rows,
        layout=Layout.of_one_process(len(core), len(inner), 0),
        local_id=label[csr.local_id],
        global_id=ids,
        forest=Forest(len(core), _passes(len(core), [len(part) for part in parts]), leaf_weight,
                      len(leaf)),
    )  # fmt: skip
