"""Named tuples of what a kernel takes as one argument: read together, or changed together.

An engine makes them once; numba passes a tuple's arrays by reference, and hands them on for nothing
where a function is inlined. Nothing here needs numba.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

# Vertices that one thread settles in their order, so that one may depend on those before it.
TOGETHER = 1 << 11


class Rows(NamedTuple):
    """The arcs of one direction, grouped by vertex.

    indptr   int64 (labels + 1,)   row v is arcs[indptr[v] : indptr[v + 1]], v an own vertex's label
    arcs     record (arcs,)   `adj`, the neighbour's label, and `weight`, ascending within a row
    """

    indptr: np.ndarray
    arcs: np.ndarray

    @property
    def adj(self) -> np.ndarray:
        """Neighbours, labels; (arcs,), a strided view."""
        return self.arcs["adj"]

    @property
    def weight(self) -> np.ndarray:
        """Weights, ascending within a row; (arcs,), a strided view."""
        return self.arcs["weight"]


class State(NamedTuple):
    """The tentative distance and the parent of each label; see kernels.tentative.

    words       uint64   one of each label for distances of 32 bits, two for those of 64
    unreached   the distance (bits) of what is not reached; its type is that of all distances
    """

    words: np.ndarray
    unreached: Any


class Ranges(NamedTuple):
    """Ranges of labels that a search distinguishes.

    bounds       int64 (k, 2)   first label and the one after the last: of own vertices with rows to
                 push (OWN), of own leaves (LEAVES), then of other ranks' vertices that an own row
                 may lead to (OTHERS and later); see kernels.queues
    leaf_begin   labels from here on have one single arc, or none, and are not pushed to
    labels       all labels; the parent of what has none
    """

    bounds: np.ndarray
    leaf_begin: int
    labels: int


class Limits(NamedTuple):
    """Where pushing stops.

    delta                width of a bucket, in the type of the weights
    stop_at_bucket_end   a push stops where the bucket ends; the rest of the row waits
    switch_settled       rows to settle, and
    switch_arcs          arcs that they hold, before the rest pulls
    alone                queued rows up to which one thread works by itself: first in Dijkstra's
                         order, later on those of a bucket
    """

    delta: Any
    stop_at_bucket_end: bool
    switch_settled: int
    switch_arcs: int
    alone: int


class Bucket(NamedTuple):
    """What a push must know of the bucket and of labels.

    end                  distance (bits) from which on rows wait for a later bucket
    stop_at_end          a push stops there; the rest of the row waits
    own_begin, own_end   own vertices with rows
    leaf_begin           see `Ranges`
    settled_cap          rows a thread may settle before all stop for a pull
    """

    end: Any
    stop_at_end: bool
    own_begin: int
    own_end: int
    leaf_begin: int
    settled_cap: int


class Reach(NamedTuple):
    """How far a pull looks along a row; see kernels.pull.

    settled_below   every vertex below this distance (bits) is settled
    floor           least distance of a settled row that is not pushed to its end
    leaf_begin      see `Ranges`
    """

    settled_below: Any
    floor: Any
    leaf_begin: int


class BothWays(NamedTuple):
    """Along what a search pushes, and along what the rest then pulls.

    ranges, rows         of the rows that are pushed
    pulled, incoming     the same of those that pull
    budget               arcs that may be pushed before the pull
    """

    ranges: Ranges
    rows: Rows
    pulled: Ranges
    incoming: Rows
    budget: int


class Unfinished(NamedTuple):
    """Queued rows some of which are pushed to their end before a pull; see kernels.push_settled.

    near, far       entries
    settled_below   as in `Reach`
    scale           bins for a unit of distance
    shares          in how many shares threads work on them
    left            int64 (shares, words): what each has counted
    """

    near: np.ndarray
    far: np.ndarray
    settled_below: Any
    scale: float
    shares: int
    left: np.ndarray


class Ids(NamedTuple):
    """Labels and original ids.

    local_id    int32 (n,)            label of each original id
    global_id   int32 (labels + 1,)   the other way round; the last entry, -1, is nobody's
    """

    local_id: np.ndarray
    global_id: np.ndarray


class TakenOff(NamedTuple):
    """What is written after a search of a core; see graphs.forest.Forest.

    searched      int64 (k, 2)   ranges of labels that were searched on
    passes        int64 (k, 2)   ranges of labels of what was taken off
    held          int32 (k,)     labels on which leaves hang
    first_held    the first of the places of `held` in the state
    leaf_weight   (n,)           of a leaf its one arc, else 0
    """

    searched: np.ndarray
    passes: np.ndarray
    held: np.ndarray
    first_held: int
    leaf_weight: np.ndarray


class Queues(NamedTuple):
    """What a search has queued, and the words that steer it; see kernels.queues.

    entries           (4, room)         near, following, far, spare; `control` says which is which
    outbox            (room,)           other ranks' vertices to which a shorter way was found
    heap              (room,)           the queue of small frontiers
    fifos             (threads, FIFO)   what a thread has found and goes on with
    control           int64             words that all threads use
    thread_counters   int64 (threads, THREAD_WORDS)
    """

    entries: np.ndarray
    outbox: np.ndarray
    heap: np.ndarray
    fifos: np.ndarray
    control: np.ndarray
    thread_counters: np.ndarray


class Ghosts(NamedTuple):
    """Other ranks' vertices that own arcs lead to, but for leaves; see graphs.halo.

    owner   uint16 (ghosts,)   rank
    label   int32 (ghosts,)    label at its owner
    """

    owner: np.ndarray
    label: np.ndarray


class Links(NamedTuple):
    """The ranks that see an own vertex as a ghost; see graphs.halo.

    begin   int64 (rows + leaves + 1,)   vertex i's links are begin[i] : begin[i + 1], i an own
            vertex's index: rows first, then leaves
    rank    uint16 (links,)   ascending for one vertex
    label   int32 (links,)    the vertex's label there
    """

    begin: np.ndarray
    rank: np.ndarray
    label: np.ndarray


class Peers(NamedTuple):
    """The ranks that share one array of distances.

    ranks   int64 (peers,)   ascending, this rank among them
    begin   int64 (peers,)   label of each one's first row
    size    all ranks there are
    """

    ranks: np.ndarray
    begin: np.ndarray
    size: int


class Subscriptions(NamedTuple):
    """Who is sent the new distances of own vertices with rows.

    first             label of the first of these vertices
    by_link           uint8 (links,)   1: the link's rank is sent them
    has_subscribers   uint8 (rows,)    1: some link of the vertex is set
    """

    first: int
    by_link: np.ndarray
    has_subscribers: np.ndarray


class EdgeSlice(NamedTuple):
    """Some of a graph's edges.

    src, dst   int64 (m,)    ids
    codes      uint32 (m,)   weights as in graphs.weights; empty: they are not wanted
    """

    src: np.ndarray
    dst: np.ndarray
    codes: np.ndarray


class Ways(NamedTuple):
    """Which arcs an edge makes: forward src -> dst in src's row, backward dst -> src in dst's."""

    forward: bool
    backward: bool


class PartedArcs(NamedTuple):
    """The arcs of some edges, parted by row; see kernels.build.

    ends   int32 (m, 2)    the rows of the edges' ends
    rows   int32 (2 m,)    the row of each arc
    arcs   uint64 (2 m,)   weight code above, neighbour below
    """

    ends: np.ndarray
    rows: np.ndarray
    arcs: np.ndarray


class RoutedArcs(NamedTuple):
    """The arcs of some edges, ordered by the owner of their row; see kernels.route.

    rows    int32    the row's place in its owner's block
    ends    int64    the other end's id
    codes   uint32   weights; empty: they are not wanted
    """

    rows: np.ndarray
    ends: np.ndarray
    codes: np.ndarray
