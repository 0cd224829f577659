"""Check an answer against the edge list: plain arrays in, counts and marks out.

A pass over the vertices (`check_vertices`), a walk along the parents (`check_tree`), a pass over
the edges (`mark_edges`) and a tally of its marks (`tally_marks`). Nothing here knows how an answer
was made, and no answer, however wrong, is used as an index before it was looked at.

Threads share arrays only where every writer writes the same value, and every result is a fact
about the input (a count, a smallest vertex), so none depends on threads or their timing.
What the rules mean, and their source: harness/validation/host.py.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernels.compile import njit, part
from kernels.parallel import SHARES, begin, on_threads
from kernels.threads import using

__all__ = ["using"]  # for callers of the kernels below

# States of a vertex in `check_tree`.
UNKNOWN, ROOTED, ASTRAY = np.uint8(0), np.uint8(1), np.uint8(2)

# Of a literal numba would make a type of its own, and compile `_merge` once more for each.
_ONE, _TWO, _THREE, _FOUR = (np.int64(count) for count in range(1, 5))


@part
def _merge(found, counts):
    """The rows of all shares become the first: sums of `counts` columns, minima of the others."""
    for share in range(1, SHARES):
        for column in range(found.shape[1]):
            if column < counts:
                found[0, column] += found[share, column]
            else:
                found[0, column] = min(found[0, column], found[share, column])


@part
def _is_distance(x):
    return 0 <= x < np.inf  # False for NaN


@part
def _is_faulty(is_root, x, p, root, n):
    """Whether a vertex cannot have distance x and parent p."""
    if is_root:
        return x != 0 or p != root
    if p == -1:
        return x != np.inf
    return p < 0 or p >= n or not _is_distance(x)


@part
def _check_vertices(dist, parent, root, start, n, found, share):
    faults = reached = 0
    first = n
    for i in range(begin(len(dist), share), begin(len(dist), share + 1)):
        v = start + np.int64(i)
        reached += _is_distance(dist[i])
        if _is_faulty(v == root, dist[i], parent[i], root, n):
            faults += 1
            first = min(first, v)
    found[share, 0], found[share, 1], found[share, 2] = faults, reached, first


@njit(cache=True, nogil=True)
def check_vertices(dist, parent, root, start, n):
    """Rule 1, on each vertex by itself.

    dist     float32 or float64 (count,)   of the vertices start .. start + count - 1 of n
    parent   int64 (count,)                any values

    Returns the number of faulty vertices, the smallest of them (n where there is none), and the
    number of reached vertices.
    """
    found = np.empty((SHARES, 3), np.int64)
    on_threads(_check_vertices, (dist, parent, root, start, n, found), SHARES)
    _merge(found, _TWO)
    return found[0, 0], found[0, 2], found[0, 1]


@part
def _clean_distances(dist, dist_checked, largest, share):
    for v in range(begin(len(dist), share), begin(len(dist), share + 1)):
        dist_checked[v] = min(dist[v], largest) if _is_distance(dist[v]) else np.inf


@njit(cache=True, nogil=True)
def clean_distances(dist, dist_checked, largest):
    """Write `dist` in the dtype of `dist_checked`; what is not a distance becomes inf.

    A larger distance becomes `largest`, so that the vertex stays reached; `tally_marks` sees that
    the two differ.
    """
    on_threads(_clean_distances, (dist, dist_checked, largest), SHARES)


@part
def follow_parents(parent, root, state, v):
    """Follow the parents of v: whether they lead to the root, and the vertex where that is clear.

    Returns ROOTED or ASTRAY and a vertex: the root, one whose state is known, one whose parent is
    no vertex, or one on a cycle. Brent's cycle detection: the vertex `behind` waits, moves up
    after 1, 2, 4, ... steps, and is met again where the parents go round.
    """
    n = len(parent)
    u = behind = v
    steps = 0
    patience = 1
    while state[u] == UNKNOWN:
        if u == root:
            return ROOTED, u
        p = parent[u]
        if p < 0 or p >= n or p == behind:
            return ASTRAY, u
        u = p
        steps += 1
        if steps == patience:
            behind = u
            steps = 0
            patience *= 2
    return state[u], u


@part
def _mark_path(parent, root, state, v, known):
    """Give v and its parents the state `known`, up to the first that has one.

    That may be another thread's mark just now, for then the other thread marks the rest.
    """
    while state[v] == UNKNOWN:
        state[v] = known
        p = parent[v]
        if v == root or p < 0 or p >= len(parent):
            return
        v = p


@part
def _check_tree(parent, root, state, found, share):
    faults = 0
    first = n = len(parent)
    for i in range(begin(n, share), begin(n, share + 1)):
        v = np.int64(i)
        if parent[i] != -1:
            known = follow_parents(parent, root, state, v)[0]
            _mark_path(parent, root, state, v, known)
            if known == ASTRAY:
                faults += 1
                first = min(first, v)
    found[share, 0], found[share, 1] = faults, first


@njit(cache=True, nogil=True)
def check_tree(parent, root):
    """Rule 2: vertices with a parent from which the parents do not lead to the root.

    parent   int64 (n,)   any values; -1 is not in the tree

    Returns their number and the smallest of them (n where there is none).
    Takes one byte a vertex, and a few steps for each.
    """
    state = np.zeros(len(parent), np.uint8)
    found = np.empty((SHARES, 2), np.int64)
    on_threads(_check_tree, (parent, root, state, found), SHARES)
    _merge(found, _ONE)
    return found[0, 0], found[0, 1]


@njit(cache=True, nogil=True)
def ancestor(parent, root, v, steps):
    """The vertex that v's parents lead to in that many steps.

    Fewer steps where they come to the root, or to a vertex whose parent is not a vertex.
    """
    n = len(parent)
    for _ in range(steps):
        p = parent[v]
        if v == root or p < 0 or p >= n:
            break
        v = p
    return v


@part
def _is_edge(u, v, w, n):
    return 0 <= u < n and 0 <= v < n and _is_distance(w)


@part
def _is_late(du, through, dv):
    """Whether an edge from u improves v's distance, or reaches v (by a sum that overflows, too)."""
    return through < dv or (du < np.inf and dv == np.inf)


@part
def _mark_edges(edges, dist, parent, tight, relaxable, found, share):
    src, dst, weight, directed = edges
    n = len(dist)
    in_reach = self_loops = faults = 0
    for i in range(begin(len(src), share), begin(len(src), share + 1)):
        u = src[i]
        v = dst[i]
        w = weight[i]
        if not _is_edge(u, v, w, n):
            faults += 1
        else:
            du = dist[u]
            dv = dist[v]
            reached = du < np.inf or (dv < np.inf and not directed)
            in_reach += reached
            self_loops += reached and u == v
            # Few edges pass these tests, so that parents are seldom read.
            if du + w <= dv:
                if _is_late(du, du + w, dv):
                    relaxable[v] = 1
                elif parent[v] == u:
                    tight[v] = 1 + (du < dv)
            if not directed and dv + w <= du:
                if _is_late(dv, dv + w, du):
                    relaxable[u] = 1
                elif parent[u] == v:
                    tight[u] = 1 + (dv < du)
    found[share, 0], found[share, 1], found[share, 2] = in_reach, self_loops, faults


@njit(cache=True, nogil=True)
def mark_edges(src, dst, weight, directed, dist, parent, tight, relaxable):
    """Walk a slice of edges, both ways unless directed, and mark what they say of each vertex.

    src, dst   int (m,)
    weight     (m,)         dtype of dist, in which sums are taken
    dist       (n,)         float32 or float64, distances or inf (`clean_distances`)
    parent     int (n,)     any values
    tight      uint8 (n,)   set where an edge from v's parent gives v's distance exactly: to 2 where
                            the parent is nearer to the root than v, to 1 where it is as near
    relaxable  uint8 (n,)   set to 1 where an edge improves v's distance, or reaches v unreached

    Returns the edges in reach without self loops, the self loops in reach, and how many edges are
    none (an id outside 0 .. n-1, a weight that is negative, NaN or infinite), which are skipped.
    """
    found = np.empty((SHARES, 3), np.int64)
    arguments = ((src, dst, weight, directed), dist, parent, tight, relaxable, found)
    on_threads(_mark_edges, arguments, SHARES)
    _merge(found, _THREE)
    return found[0, 0] - found[0, 1], found[0, 1], found[0, 2]


@part
def _mark_parent_edges(src, dst, directed, parent, seen, share):
    for i in range(begin(len(src), share), begin(len(src), share + 1)):
        u = src[i]
        v = dst[i]
        if parent[v] == u:
            seen[v] = 1
        if not directed and parent[u] == v:
            seen[u] = 1


@njit(cache=True, nogil=True)
def mark_parent_edges(src, dst, directed, parent, seen):
    """Set seen[v], uint8 (n,), to 1 where a slice of edges holds one from v's parent to v.

    The ids of the edges must be in 0 .. n-1.
    """
    on_threads(_mark_parent_edges, (src, dst, directed, parent, seen), SHARES)


@part
def _count_edges(src, dst, directed, reached, found, share):
    n = len(reached)
    in_reach = self_loops = faults = 0
    for i in range(begin(len(src), share), begin(len(src), share + 1)):
        u = src[i]
        v = dst[i]
        if not _is_edge(u, v, np.float32(0), n):
            faults += 1
        else:
            counts = reached[u] or (reached[v] and not directed)
            in_reach += counts
            self_loops += counts and u == v
    found[share, 0], found[share, 1], found[share, 2] = in_reach, self_loops, faults


@njit(cache=True, nogil=True)
def count_edges(src, dst, directed, reached):
    """Count as `mark_edges` does, where `reached`, bool (n,), is all that is known."""
    found = np.empty((SHARES, 3), np.int64)
    on_threads(_count_edges, (src, dst, directed, reached, found), SHARES)
    _merge(found, _THREE)
    return found[0, 0] - found[0, 1], found[0, 1], found[0, 2]


class Marks(NamedTuple):
    """What all edges have marked of some vertices: uint8 (count,) each.

    seen               by `mark_parent_edges`
    tight, relaxable   by `mark_edges`
    """

    seen: np.ndarray
    tight: np.ndarray
    relaxable: np.ndarray


@part
def _tally_marks(dist, dist_checked, parent, marks, where, found, share):
    root, start, n = where
    seen, tight, relaxable = marks.seen, marks.tight, marks.relaxable
    no_edge = wrong = improvable = cut_off = 0
    first_no_edge = first_wrong = first_improvable = first_cut_off = n
    for i in range(begin(len(dist), share), begin(len(dist), share + 1)):
        v = start + np.int64(i)
        reached = dist_checked[i] < np.inf
        if v != root and 0 <= parent[i] < n:
            if not seen[i]:
                no_edge += 1
                first_no_edge = min(first_no_edge, v)
            elif reached and not (tight[i] and dist_checked[i] == dist[i]):
                wrong += 1
                first_wrong = min(first_wrong, v)
        if relaxable[i] and reached:
            improvable += 1
            first_improvable = min(first_improvable, v)
        if relaxable[i] and dist[i] == np.inf:
            cut_off += 1
            first_cut_off = min(first_cut_off, v)
    row = found[share]
    row[0], row[1], row[2], row[3] = no_edge, wrong, improvable, cut_off
    row[4], row[5], row[6], row[7] = (
        first_no_edge,
        first_wrong,
        first_improvable,
        first_cut_off,
    )


@njit(cache=True, nogil=True)
def tally_marks(dist, dist_checked, parent, marks, root, start, n):
    """Rules 3 to 6, from the marks of all edges.

    dist           (count,)         the answer as it was given, of the vertices start .. of n
    dist_checked   (count,)         the same from `clean_distances`, with which edges were walked
    parent         int64 (count,)   any values
    marks          `Marks`

    Returns int64 (8,): for each rule the number of vertices, then for each the smallest of them (n
    where there is none).
    """
    found = np.empty((SHARES, 8), np.int64)
    on_threads(_tally_marks, (dist, dist_checked, parent, marks, (root, start, n), found), SHARES)
    _merge(found, _FOUR)
    return found[0]
