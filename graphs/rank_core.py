"""The core of a graph whose trees were taken off on ranks: which search it, and which need it.

Where it is small each rank keeps all of it, and searches it by itself: that takes less time than to
share it, and nothing is sent but the way from a root in a tree. Each takes off as well what one
process does (graphs.trees), all of them the same. Else the ranks share the core by blocks of its
ids, and at the end of a search those of other nodes are sent the distances on which their trees
hang.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from graphs.comm import Comm, SerialComm
from graphs.edges import EdgeList
from graphs.forest import Forest
from graphs.labels import check_most
from graphs.pages import lazy_zeros
from graphs.partition import Partition, UnevenPartition, ask_owners
from graphs.rank_trees import Hung, Trees
from graphs.rows import CSR
from graphs.selection import Detours
from graphs.trees import passes_of, take_off_trees
from kernels.groups import Rows

# Each rank keeps the whole core where all their copies together have no more arcs than this. On two
# ranks at scale 20 (600,000 arcs) a search takes 12 to 13 ms so, and 17 to 20 if they share it.
COPIED_ARCS = 1 << 24


@dataclass(frozen=True)
class RankForest(Forest):
    """The trees of a rank's own vertices, on a core that ranks share.

    Labels: those of the core's rows, of this rank and others, or of the core and of what was taken
    off it; then, of each rank that shares them, its inner tree vertices, own ones and others' that
    these hang on, and core vertices of other nodes.

    core       label after the last of the own rows that are searched on: what is taken off a core
               that a rank has for itself follows, and has rows upwards
    is_copied  each rank has the whole core; else all ranks share it
    first_held   the first of the places in the state of what is in `held`
    core_ids   int64, ascending: original ids of the core vertices whose rows are here
    core_label   int32   their labels
    by_id      int32   inner labels in ascending order of their original ids
    """

    is_copied: bool
    first_held: int
    core_ids: np.ndarray
    core_label: np.ndarray
    by_id: np.ndarray


def home_of(comm: Comm, is_copied: bool) -> Comm:
    """The ranks that share a core."""
    return SerialComm() if is_copied else comm


def _parents(trees: Trees) -> np.ndarray:
    """int64: the place of what each tree vertex hangs on; -1: a core vertex."""
    place = np.full(len(trees.ids), -1, np.int64)
    own, others = trees.ids[: trees.own], trees.ids[trees.own :]
    deep = np.flatnonzero(trees.core < 0)
    parent = trees.parent[deep]
    found = np.searchsorted(own, parent)
    if len(others):
        order = np.argsort(others)
        at = np.minimum(np.searchsorted(others, parent, sorter=order), len(others) - 1)
        theirs = others[order[at]] == parent
        found[theirs] = trees.own + order[at[theirs]]
    place[deep] = found
    return place


def _rounds(parent: np.ndarray) -> list[np.ndarray]:
    """Places of the inner tree vertices, those on which others hang, nearest to the core first."""
    inner = np.zeros(len(parent), bool)
    inner[parent[parent >= 0]] = True
    rounds, left = [], np.flatnonzero(inner)
    done = np.zeros(len(parent) + 1, bool)
    done[-1] = True  # of what hangs on the core
    while len(left):
        ready = done[parent[left]]
        rounds.append(left[ready])
        left = left[~ready]
        done[rounds[-1]] = True
    return rounds


class _Homes(NamedTuple):
    """Labels of core vertices that a rank asks for, by what it asked (ascending core ids).

    label    int32; of what lives beyond the node, one to be given from `seen` on
    seen     which of them live beyond the node
    counts, wanted   own labels that other ranks ask for across nodes: how many each, the labels
    """

    label: np.ndarray
    seen: np.ndarray
    counts: np.ndarray
    wanted: np.ndarray


def _look_up(home: Comm, partition: Partition, core: CSR, asked: np.ndarray) -> _Homes:
    """Ask the ranks that have the rows of core vertices for their labels; collective."""
    counts, asking, offset = ask_owners(home, partition, asked)
    owner = np.repeat(np.arange(home.size), counts)
    wanted = core.local_id[offset]
    label = home.alltoallv(asking, wanted)[1]
    peers = np.zeros(home.size, bool)
    peers[[0] if core.halo is None else core.halo.node_peers] = True
    by = np.repeat(np.arange(home.size), asking)
    return _Homes(label, ~peers[owner], asking * ~peers, wanted[~peers[by]])


def _to_all(comm: Comm, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    """Every rank's arrays, one rank's after another, on all of them; collective."""
    counts = np.full(comm.size, len(arrays[0]), np.int64)
    return comm.alltoallv(counts, *(np.tile(array, comm.size) for array in arrays))[1:]


def _asked(home: Comm, partition: Partition, core_ids: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Ask the owners of some core ids, in any order, for what is `given` of theirs; collective."""
    order = np.argsort(core_ids, kind="stable")
    _, asking, offset = ask_owners(home, partition, core_ids[order])
    found = np.empty(len(core_ids), given.dtype)
    found[order] = home.alltoallv(asking, given[offset])[1]
    return found


class _Core(NamedTuple):
    """The rows of a core as the ranks of `home` share them.

    ids   original ids of the core vertices of this rank's block
    """

    csr: CSR
    home: Comm
    partition: Partition
    ids: np.ndarray
    is_copied: bool


def _taken_off(csr: CSR, threads: int, detours: Detours | None) -> CSR:
    """The rows of a whole core, and of the vertices on it that no shortest path leads over.

    Vertices without arcs keep labels, since trees may hang on them. There is none of one arc.
    """
    off = take_off_trees(csr, threads, detours)
    assert off.forest is not None and off.forest.leaves == 0
    labels, local_id = off.layout.labels, off.local_id
    isolated = np.flatnonzero(local_id == labels)
    local_id[isolated] = np.arange(labels, labels + len(isolated))
    bounds = np.concatenate([off.indptr, np.full(len(isolated), off.indptr[-1])])
    rows = Rows(bounds, off.out.arcs)
    end = labels + len(isolated)
    layout = replace(off.layout, isolated=range(labels, end), labels=end)
    return replace(off, out=rows, incoming=rows, layout=layout)


def share_core(
    comm: Comm,
    hung: Hung,
    build: Callable[[EdgeList, Comm, Partition], CSR],
    threads: int,
    detours: Detours | None,
) -> CSR:
    """Return the rows of the core, and this rank's trees; collective.

    `build` builds rows; detours are those of the own vertices.
    """
    edges, ids = hung.edges, hung.core
    firsts = np.concatenate([[0], np.cumsum(hung.counts)]).tolist()
    partition: Partition = UnevenPartition(edges.n, comm.size, tuple(firsts))
    arcs = 2 * int(comm.allreduce_sum([edges.m])[0])
    is_copied = comm.size * arcs <= COPIED_ARCS
    home = home_of(comm, is_copied)
    if is_copied:
        partition = Partition(edges.n, 1)
        (ids,) = _to_all(comm, ids)
        narrow = np.dtype(np.int32 if edges.n < 2**31 else np.int64)
        # Of no edges, the ids are int64.
        ends = (array.astype(narrow, copy=False) for array in (edges.src, edges.dst))
        src, dst, weight = _to_all(comm, *ends, edges.weight)
        edges = replace(edges, src=src, dst=dst, weight=weight)
        if detours is not None:
            own = detours.length[hung.core - hung.block.first(comm.rank)]
            detours = detours._replace(length=_to_all(comm, own)[0])
    csr = build(edges, home, partition)
    del edges
    if is_copied:
        csr = _taken_off(csr, threads, detours)
    core = _Core(csr, home, partition, ids, is_copied)
    return _with_trees(hung, comm.rank, firsts[comm.rank], core)


class _Labels(NamedTuple):
    """Labels of a rank's inner tree vertices, of core vertices beyond the node, and all.

    `held` are the places of what its leaves hang on (graphs.trees).
    """

    inner: range
    seen: range
    held: range
    end: int


def _labels(core: _Core, inner: int, seen: int, held: int) -> _Labels:
    """Give labels behind those of the core, to the ranks of a node one after another."""
    halo, first = core.csr.halo, core.csr.layout.labels
    counts = np.array(core.home.allgather((inner, seen, held)), np.int64).sum(axis=1)
    peers = [0] if halo is None else halo.node_peers.tolist()
    own = first + int(sum(counts[rank] for rank in peers if rank < core.home.rank))
    end = first + int(counts[peers].sum())
    check_most(core.home, end, "has {} labels with those of trees")
    behind = own + inner + seen
    return _Labels(
        range(own, own + inner), range(own + inner, behind), range(behind, behind + held), end
    )


def _places(trees: Trees, parent: np.ndarray) -> np.ndarray:
    """int64: what each tree vertex hangs on, a number that only this has."""
    return np.where(parent >= 0, parent, len(parent) + trees.core)


def _with_trees(hung: Hung, rank: int, core_first: int, core: _Core) -> CSR:
    trees, csr = hung.trees, core.csr
    first, n = hung.block.first(rank), hung.block.count(rank)
    own_core = core_first + np.arange(len(hung.core))
    parent = _parents(trees)
    rounds = _rounds(parent)
    asked = np.unique(np.concatenate([own_core, trees.core[trees.core >= 0]]))
    homes = _look_up(core.home, core.partition, csr, asked)
    inner = np.concatenate([np.empty(0, np.int64), *rounds])
    leaf = np.ones(trees.own, bool)
    leaf[inner[inner < trees.own]] = False
    on_leaf = np.unique(_places(trees, parent)[: trees.own][leaf])
    labels = _labels(core, len(inner), int(np.count_nonzero(homes.seen)), len(on_leaf))
    homes.label[homes.seen] = np.arange(labels.seen.start, labels.seen.stop)
    label = np.full(len(trees.ids), -1, np.int32)
    label[inner] = np.arange(labels.inner.start, labels.inner.stop)
    at = label[parent]
    on_core = parent < 0
    at[on_core] = homes.label[np.searchsorted(asked, trees.core[on_core])]
    held, place = np.unique(at[: trees.own][leaf], return_inverse=True)
    local_id = np.full(n, labels.end, np.int32)
    local_id[hung.core - first] = homes.label[np.searchsorted(asked, own_core)]
    offset = trees.ids[: trees.own] - first
    local_id[offset] = label[: trees.own]
    local_id[offset[leaf]] = labels.held.start + place
    leaf_weight = np.zeros(n, trees.weight.dtype)
    leaf_weight[offset[leaf]] = trees.weight[: trees.own][leaf]
    global_id = _global_ids(core, hung.block.n, labels, trees.ids[inner], asked[homes.seen])
    off = csr.forest
    forest = RankForest(
        csr.layout.rows.stop if off is None else off.core,
        [
            *([] if off is None else off.passes),
            *passes_of(labels.inner.start, [len(part) for part in rounds]),
        ],
        held.astype(np.int32),
        leaf_weight,
        int(np.count_nonzero(leaf)),
        is_copied=core.is_copied,
        first_held=labels.held.start,
        core_ids=core.ids,
        core_label=csr.local_id,
        by_id=np.int32(labels.inner.start) + np.argsort(trees.ids[inner]).astype(np.int32),
    )
    rows = _with_inner(csr, labels, at[inner], trees.weight[inner])
    layout = replace(csr.layout, leaves=labels.inner, ghost_leaves=labels.seen,
                     labels=labels.end, reachable=labels.end)  # fmt: skip
    halo = csr.halo and replace(csr.halo, leaf_counts=homes.counts, leaf_ends=homes.wanted,
                                leaf_ghosts=homes.label[homes.seen])  # fmt: skip
    stats = replace(csr.stats, n=hung.block.n, weight_dtype=hung.weight_dtype,
                    max_weight=hung.max_weight)  # fmt: skip
    return replace(
        csr, out=rows, incoming=csr.incoming and rows, layout=layout, halo=halo, stats=stats,
        first=first, local_id=local_id, global_id=global_id,
        degree_positive=hung.degree_positive, forest=forest,
    )  # fmt: skip


def _global_ids(
    core: _Core, n: int, labels: _Labels, inner: np.ndarray, seen: np.ndarray
) -> np.ndarray:
    """Original ids by label, shared by the ranks of a node; -1 after the last; collective.

    `inner` are those of the inner tree vertices, `seen` core ids of what lives beyond the node.
    """
    csr, ghosts = core.csr, core.csr.layout.ghosts
    shared = csr.halo is not None and len(csr.halo.node_peers) > 1
    array = core.home.shared_zeros if shared else np.empty
    ids = array(labels.end + 1, np.dtype(np.int32 if n < 2**31 else np.int64))
    ids[csr.local_id] = core.ids
    there = np.concatenate([csr.global_id[ghosts.start : ghosts.stop].astype(np.int64), seen])
    found = _asked(core.home, core.partition, there, core.ids)
    ids[ghosts.start : ghosts.stop] = found[: len(ghosts)]
    ids[labels.inner.start : labels.inner.stop] = inner
    ids[labels.seen.start : labels.seen.stop] = found[len(ghosts) :]
    ids[labels.end] = -1
    return ids


def _with_inner(csr: CSR, labels: _Labels, at: np.ndarray, weight: np.ndarray) -> Rows:
    """The rows of a core, and behind them the one arc of each inner tree vertex."""
    own, inner, arcs = csr.layout.rows, labels.inner, csr.out.arcs
    indptr = lazy_zeros(labels.end + 1, np.int64)
    for part in (own, csr.layout.isolated):
        indptr[part.start : part.stop + 1] = csr.out.indptr[part.start : part.stop + 1]
    indptr[inner.start : inner.stop + 1] = len(arcs) + np.arange(len(inner) + 1)
    both = np.empty(len(arcs) + len(inner), arcs.dtype)
    both[: len(arcs)] = arcs
    both["adj"][len(arcs) :], both["weight"][len(arcs) :] = at, weight
    return Rows(indptr, both)
