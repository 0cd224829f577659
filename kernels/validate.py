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
from numba import prange

from kernels.compile import njit, part
from kernels.threads import using

__all__ = ["using"]  # for who calls the kernels below

# States of a vertex in `check_tree`.
UNKNOWN, ROOTED, ASTRAY = np.uint8(0), np.uint8(1), np.uint8(2)

# Helpers that run once an edge take numbers, not arrays: an array handed to a function that is
# not inlined has its reference count moved, by an atomic operation that the threads fight for.


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


@njit(cache=True, nogil=True, parallel=True)
def check_vertices(dist, parent, root, start, n):
    """Rule 1, on each vertex by itself.

    dist     float32 or float64 (count,)   of the vertices start .. start + count - 1 of n
    parent   int64 (count,)                any values

    Returns the number of faulty vertices, the smallest of them (n where there is none), and the
    number of reached vertices.
    """
    faults = 0
    first = n
    reached = 0
    for i in prange(len(dist)):
        v = start + np.int64(i)  # numba's own index is unsigned, and would make a float64
        reached += _is_distance(dist[i])
        if _is_faulty(v == root, dist[i], parent[i], root, n):
            faults += 1
            first = min(first, v)
    return faults, first, reached


@njit(cache=True, nogil=True, parallel=True)
def clean_distances(dist, clean, largest):
    """Write `dist` in the dtype of `clean`; whatever is no distance becomes inf.

    A larger distance becomes `largest`, so that the vertex stays reached; `tally_marks` sees that
    the two differ.
    """
    for v in prange(len(dist)):
        clean[v] = min(dist[v], largest) if _is_distance(dist[v]) else np.inf


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


@njit(cache=True, nogil=True, parallel=True)
def check_tree(parent, root):
    """Rule 2: vertices with a parent from which the parents do not lead to the root.

    parent   int64 (n,)   any values; -1 is not in the tree

    Returns their number and the smallest of them (n where there is none).
    Takes one byte a vertex, and a few steps for each.
    """
    n = len(parent)
    state = np.zeros(n, np.uint8)
    faults = 0
    first = n
    for i in prange(n):
        v = np.int64(i)
        if parent[v] != -1:
            known = follow_parents(parent, root, state, v)[0]
            _mark_path(parent, root, state, v, known)
            if known == ASTRAY:
                faults += 1
                first = min(first, v)
    return faults, first


@njit(cache=True, nogil=True)
def ancestor(parent, root, v, steps):
    """The vertex that v's parents lead to in so many steps.

    Less steps where they come to the root, or to a vertex whose parent is no vertex.
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


@njit(cache=True, nogil=True, parallel=True)
def mark_edges(src, dst, weight, directed, dist, parent, tight, late):
    """Walk a slice of edges, both ways unless directed, and mark what they say of each vertex.

    src, dst   int (m,)
    weight     (m,)         dtype of dist, in which sums are taken
    dist       (n,)         float32 or float64, distances or inf (`clean_distances`)
    parent     int (n,)     any values
    tight      uint8 (n,)   set where an edge from v's parent gives v's distance exactly: to 2 where
                            the parent is nearer to the root than v, to 1 where it is as near
    late       uint8 (n,)   set to 1 where an edge improves v's distance, or reaches v unreached

    Returns the edges in reach without self loops, the self loops in reach, and how many edges are
    none (an id outside 0 .. n-1, a weight that is negative, NaN or infinite), which are skipped.
    """
    n = len(dist)
    in_reach = 0
    self_loops = 0
    faults = 0
    for i in prange(len(src)):
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
                    late[v] = 1
                elif parent[v] == u:
                    tight[v] = 1 + (du < dv)
            if not directed and dv + w <= du:
                if _is_late(dv, dv + w, du):
                    late[u] = 1
                elif parent[u] == v:
                    tight[u] = 1 + (dv < du)
    return in_reach - self_loops, self_loops, faults


@njit(cache=True, nogil=True, parallel=True)
def mark_parent_edges(src, dst, directed, parent, seen):
    """Set seen[v], uint8 (n,), to 1 where a slice of edges holds one from v's parent to v.

    The ids of the edges must be in 0 .. n-1.
    """
    for i in prange(len(src)):
        u = src[i]
        v = dst[i]
        if parent[v] == u:
            seen[v] = 1
        if not directed and parent[u] == v:
            seen[u] = 1


@njit(cache=True, nogil=True, parallel=True)
def count_edges(src, dst, directed, reached):
    """Count as `mark_edges` does, where `reached`, bool (n,), is all that is known."""
    n = len(reached)
    in_reach = 0
    self_loops = 0
    faults = 0
    for i in prange(len(src)):
        u = src[i]
        v = dst[i]
        if not _is_edge(u, v, 0, n):
            faults += 1
        else:
            counts = reached[u] or (reached[v] and not directed)
            in_reach += counts
            self_loops += counts and u == v
    return in_reach - self_loops, self_loops, faults


class Marks(NamedTuple):
    """What all edges have marked of some vertices: uint8 (count,) each.

    seen          by `mark_parent_edges`
    tight, late   by `mark_edges`
    """

    seen: np.ndarray
    tight: np.ndarray
    late: np.ndarray


@njit(cache=True, nogil=True, parallel=True)
def tally_marks(dist, clean, parent, marks, root, start, n):
    """Rules 3 to 6, from the marks of all edges.

    dist    (count,)         the answer as it was given, of the vertices start .. of n
    clean   (count,)         the same from `clean_distances`, which the edges were walked with
    parent  int64 (count,)   any values
    marks   `Marks`

    Returns int64 (4, 2): for each rule the number of vertices and the smallest of them (n where
    there is none).
    """
    seen, tight, late = marks.seen, marks.tight, marks.late
    no_edge = wrong = improvable = cut_off = 0
    first_no_edge = first_wrong = first_improvable = first_cut_off = n
    for i in prange(len(dist)):
        v = start + np.int64(i)
        reached = clean[i] < np.inf
        if v != root and 0 <= parent[i] < n:
            if not seen[i]:
                no_edge += 1
                first_no_edge = min(first_no_edge, v)
            elif reached and not (tight[i] and clean[i] == dist[i]):
                wrong += 1
                first_wrong = min(first_wrong, v)
        if late[i] and reached:
            improvable += 1
            first_improvable = min(first_improvable, v)
        if late[i] and dist[i] == np.inf:
            cut_off += 1
            first_cut_off = min(first_cut_off, v)
    return np.array(
        [
            [no_edge, first_no_edge],
            [wrong, first_wrong],
            [improvable, first_improvable],
            [cut_off, first_cut_off],
        ]
    )
