"""Trees are taken off a graph that ranks hold together.

A vertex with a single arc goes, again and again, as in one process (graphs.trees): its rank sends
the owner of the other end a message, once. What is left, the core, gets ids of its own. Each rank
settles the trees of its own vertices. It keeps what these hang on, up to the core, of other ranks'
trees, too, so that it needs the distances of core vertices only (graphs.rank_core).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from graphs.comm import Comm
from graphs.edges import EdgeList
from graphs.halo import Halo
from graphs.layout import Layout
from graphs.partition import Partition, ask_owners
from kernels.groups import Rows


class Built(NamedTuple):
    """Rows of a whole graph by rank, each with labels of its own; see `graphs.csr`.

    local_id       int32 (own + ghosts,)
    weight_dtype   as handed in
    max_weight     of the whole graph
    """

    rows: Rows
    layout: Layout
    halo: Halo
    local_id: np.ndarray
    global_id: np.ndarray
    partition: Partition
    weight_dtype: np.dtype
    max_weight: float

    def degrees(self) -> np.ndarray:
        """int32 (labels,): arcs of own vertices, 0 of ghosts."""
        degree = np.zeros(self.layout.labels, np.int32)
        for part in (self.layout.rows, self.layout.leaves):
            degree[part.start : part.stop] = np.diff(self.rows.indptr[part.start : part.stop + 1])
        return degree


class _Ends:
    """Where the vertices that own arcs lead to live, and what own ones are called there."""

    def __init__(self, comm: Comm, built: Built):
        self.comm, self.layout, self.halo = comm, built.layout, built.halo
        links = built.halo.links
        index = np.repeat(np.arange(len(links.begin) - 1), np.diff(links.begin))
        self.keys = index * comm.size + links.rank

    def at_home(self, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Owners of some labels, and the labels there."""
        layout, ghosts = self.layout, self.halo.ghosts
        index = np.full(len(label), -1, np.int64)
        for part, first in ((layout.ghosts, 0), (layout.ghost_leaves, len(layout.ghosts))):
            inside = (label >= part.start) & (label < part.stop)
            index[inside] = label[inside] - part.start + first
        owner, there = np.full(len(label), self.comm.rank), label.astype(np.int32)
        ghost = index >= 0
        owner[ghost] = ghosts.owner[index[ghost]]
        there[ghost] = ghosts.label[index[ghost]]
        return owner, there

    def seen_as(self, label: np.ndarray, rank: np.ndarray) -> np.ndarray:
        """What own vertices are called on ranks that see them."""
        there = label.astype(np.int32)
        other = rank != self.comm.rank
        index = self.layout.index_of(label[other]).astype(np.int64)
        place = np.searchsorted(self.keys, index * self.comm.size + rank[other])
        there[other] = self.halo.links.label[place]
        return there

    def send(self, rank: np.ndarray, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        """Send each item to its rank; returns what was received."""
        order = np.argsort(rank, kind="stable")
        counts = np.bincount(rank, minlength=self.comm.size).astype(np.int64)
        return self.comm.alltoallv(counts, *(array[order] for array in arrays))[1:]


def _take_off(comm: Comm, built: Built, ends: _Ends) -> np.ndarray:
    """int64 by label: place of the arc by which an own tree vertex hangs; -1 of all others.

    Of two vertices that have each other only, the one with the lower id stays.
    """
    from kernels.rank_trees import last_arcs

    indptr, arcs = built.rows
    ids, labels = built.global_id, built.layout.labels
    degree = built.degrees()
    link = np.full(labels, -1, np.int64)
    gone = np.zeros(labels, bool)
    todo = np.flatnonzero(degree == 1)
    while comm.allreduce_or(len(todo) > 0):
        link[todo] = last_arcs(todo, indptr, arcs, gone)
        end = arcs["adj"][link[todo]]
        owner, there = ends.at_home(end)
        end, leaf = ends.send(owner, there, ends.seen_as(todo, owner))
        pair = np.zeros(len(end), bool)
        hangs = link[end] >= 0
        pair[hangs] = arcs["adj"][link[end[hangs]]] == leaf[hangs]
        stays = pair & (ids[end] < ids[leaf])
        link[end[stays]] = -1
        gone[leaf[~pair | stays]] = True
        gone[todo[link[todo] >= 0]] = True
        np.subtract.at(degree, end, 1)
        todo = np.unique(end)
        todo = todo[(degree[todo] == 1) & (link[todo] < 0)]
    return link


def _core_ids(
    comm: Comm, built: Built, link: np.ndarray, ends: _Ends
) -> tuple[np.ndarray, list[int]]:
    """By label: ids of core vertices within the core, -1 of others; how many each rank has.

    They follow the original ids.
    """
    own = built.local_id[: built.partition.count(comm.rank)]
    core = own[(built.degrees()[own] > 0) & (link[own] < 0)]
    counts = comm.allgather(len(core))
    core_id = np.full(built.layout.labels, -1, np.int32 if sum(counts) < 2**31 else np.int64)
    core_id[core] = sum(counts[: comm.rank]) + np.arange(len(core))
    links = built.halo.links
    rows, leaves = built.layout.rows, built.layout.leaves
    label = np.concatenate([np.arange(rows.start, rows.stop), np.arange(leaves.start, leaves.stop)])
    of_link = np.repeat(core_id[label], np.diff(links.begin))
    there, ids = ends.send(links.rank.astype(np.int64), links.label, of_link)
    core_id[there] = ids
    return core_id, counts


class Trees(NamedTuple):
    """Tree vertices of a rank: own ones, then others' on which these hang; by place.

    ids      original ids
    parent   original id of what each hangs on
    core     its id within the core; -1: it is a tree vertex, too
    weight   of the arc
    own      how many own ones
    """

    ids: np.ndarray
    parent: np.ndarray
    core: np.ndarray
    weight: np.ndarray
    own: int


def _climb_all(comm: Comm, built: Built, link: np.ndarray, core_id: np.ndarray) -> Trees:
    """The own tree vertices and all that these hang on; collective."""
    partition, arcs = built.partition, built.rows.arcs
    first = partition.first(comm.rank)
    local = built.local_id[: partition.count(comm.rank)]

    def hung(label: np.ndarray) -> tuple[np.ndarray, ...]:
        arc = arcs[link[label]]
        end = arc["adj"]
        return built.global_id[end].astype(np.int64), core_id[end], arc["weight"]

    own = np.flatnonzero(link[local] >= 0)
    found = [(own + first, *hung(local[own]))]
    known = np.empty(0, np.int64)
    while True:
        _, parent, core, _ = found[-1]
        asked = np.unique(parent[core < 0])
        asked = np.setdiff1d(asked[(asked < first) | (asked >= first + len(local))], known)
        if not comm.allreduce_or(len(asked) > 0):
            break
        known = np.union1d(known, asked)
        _, asking, offset = ask_owners(comm, partition, asked)
        found.append((asked, *comm.alltoallv(asking, *hung(local[offset]))[1:]))
    ids, parent, core, weight = (np.concatenate(column) for column in zip(*found, strict=True))
    return Trees(ids, parent, core, weight, len(own))


class Hung(NamedTuple):
    """A rank's part of a graph whose trees were taken off.

    trees    see `Trees`
    edges    of the core, in its ids: each of them on one rank
    counts   core vertices of each rank
    core     int64, ascending: original ids of own core vertices
    block    the partition of the whole graph
    weight_dtype, max_weight   of its weights
    degree_positive   of own vertices
    """

    trees: Trees
    edges: EdgeList
    counts: list[int]
    core: np.ndarray
    block: Partition
    weight_dtype: np.dtype
    max_weight: float
    degree_positive: np.ndarray


def hang_trees(comm: Comm, built: Built) -> Hung:
    """Take the trees off rows that each rank has labelled by itself; collective."""
    ends = _Ends(comm, built)
    link = _take_off(comm, built, ends)
    core_id, counts = _core_ids(comm, built, link, ends)
    trees = _climb_all(comm, built, link, core_id)
    degree, arcs = built.degrees(), built.rows.arcs
    src, dst = np.repeat(core_id, degree), core_id[arcs["adj"]]
    once = (src >= 0) & (src < dst)
    weight = arcs["weight"][once]  # of the type that they are added in
    block = built.partition
    local_id = built.local_id[: block.count(comm.rank)]
    core = np.flatnonzero(core_id[local_id] >= 0) + block.first(comm.rank)
    return Hung(trees, EdgeList(src[once], dst[once], weight, sum(counts)), counts, core, block,
                built.weight_dtype, built.max_weight, degree[local_id] > 0)  # fmt: skip
