"""`sssp validate` of answers that are not as ours are, and the check of distances by themselves."""

from __future__ import annotations

import command
import numpy as np
import pytest
import scipy.sparse
from graph_files import put
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csgraph

from graphs import EdgeList
from harness.validation.distances import check_distances

sssp = command.sssp
GRAPH = "# c\n5 7 2\n7 9 3\n5 9 6\n11 5 1\n9 9 4\n"  # ids 0..11
DIST = np.full(12, np.inf)
DIST[[5, 7, 9]] = 0, 2, 5
PARENT = np.full(12, -1)
PARENT[[5, 7, 9]] = 5, 5, 7


@pytest.fixture
def validated(sssp, tmp_path):
    put(tmp_path, "g.el", GRAPH)

    def validate(*flags, root=5, stored_root=None, **arrays):
        arrays |= {} if stored_root is None else {"root": stored_root}
        np.savez("a.npz", **arrays)
        return sssp("validate", "--graph", "g.el", "--solution", "a.npz", "--root", root, *flags)

    return validate


def integers(dtype, unreached):
    whole = np.full(12, unreached, dtype)
    whole[[5, 7, 9]] = 0, 2, 5
    return whole


SCIPYS = np.where(PARENT < 0, -9999, PARENT).astype(np.int32)
SCIPYS[5] = -9999


@pytest.mark.parametrize(
    "arrays",
    [
        {"dist": DIST, "parent": PARENT},
        {"dist": DIST, "parent": SCIPYS},
        {"dist": integers(np.int32, -1), "parent": PARENT},
        {"dist": integers(np.int64, 2**63 - 1), "parent": PARENT},
        {"dist": integers(np.uint32, 2**32 - 1), "parent": PARENT},
    ],
)
def test_an_answer_may_be_spelt_as_others_do(validated, arrays):
    assert validated(**arrays).out == "valid: root 5, 3 vertices reached, m = 3\n"


def test_distances_may_come_without_parents(validated):
    done = validated(dist=DIST)
    assert (
        done.out == "valid: root 5, 3 vertices reached, m = 3 (distances only, no parents given)\n"
    )
    wrong = DIST.copy()
    wrong[9] = 4
    done = validated(dist=wrong)
    assert done.status == 1
    assert "first v=9: dist[9] = 4.0 is the length of no path from the root" in done.out


def test_sums_of_others_are_taken_with_a_tolerance_that_is_said(validated):
    near = DIST * (1 + 1e-12)
    assert validated(dist=near, parent=PARENT).status == 1
    done = validated("--rtol", "1e-9", dist=near, parent=PARENT)
    assert done.out == "valid: root 5, 3 vertices reached, m = 3 (rtol 1e-09)\n"
    assert validated("--rtol", "1e-13", dist=near, parent=PARENT).status == 1
    for text in ("0", "-1", "1", "nan", "x"):
        assert validated("--rtol", text, dist=DIST).refused("--rtol", "above 0 and below 1")


@pytest.mark.parametrize(
    ("arrays", "root", "words"),
    [
        ({"dist": DIST.reshape(3, 4)}, 5, "dist has shape (3, 4)"),
        ({"dist": DIST, "stored_root": [4]}, 5, "is an answer from 4, not from 5"),
        ({"dist": DIST, "vertex": np.arange(1, 13)}, 5, "'vertex' are not the ids of the graph"),
        ({"dist": DIST, "vertex": np.arange(12)}, 12, "--root 12 is no vertex of the graph"),
        ({"dist": DIST, "vertex": [0.5]}, 5, "'vertex' must be a row of integers"),
        ({"dist": np.full(12, 2**53)}, 5, "dist[0] = 9007199254740992 is not below 2^53"),
    ],
)
def test_an_answer_to_something_else_is_refused(validated, arrays, root, words):
    assert validated(root=root, **arrays).refused(words)


@st.composite
def graphs(draw):
    n = draw(st.integers(1, 8))
    ids = st.integers(0, n - 1)
    rows = draw(st.lists(st.tuples(ids, ids, st.integers(0, 3)), min_size=1, max_size=20))
    src, dst, weight = (np.array(column) for column in zip(*rows, strict=True))
    return EdgeList(src, dst, weight, n, directed=draw(st.booleans()))


def scipys(edges, root):
    """Distances and parents of an independent library; zero weights and parallel edges are kept."""
    least: dict[tuple[int, int], int] = {}
    for u, v, w in zip(edges.src, edges.dst, edges.weight, strict=True):
        for pair in ((u, v),) if edges.directed else ((u, v), (v, u)):
            least[pair] = min(w, least.get(pair, w))
    rows, columns = zip(*least, strict=True)
    arcs = list(least.values()), (rows, columns)
    matrix = scipy.sparse.csr_array(arcs, shape=(edges.n, edges.n), dtype=float)
    dist, parent = csgraph.dijkstra(matrix, indices=root, return_predecessors=True)
    parent[parent == -9999] = -1
    parent[root] = root
    return dist, parent


@given(graphs(), st.data(), st.sampled_from([0.0, 1e-9]), st.booleans())
def test_the_right_distances_pass_and_no_others(edges, data, rtol, with_parents):
    root = data.draw(st.integers(0, edges.n - 1))
    dist, parent = scipys(edges, root)
    given_parent = parent if with_parents else None
    assert check_distances(edges, root, dist, given_parent, rtol) == []
    v = data.draw(st.integers(0, edges.n - 1))
    other = data.draw(st.sampled_from([0.0, 1.0, 2.5, 7.0, np.inf, np.nan, -1.0]))
    if other != dist[v]:
        wrong = dist.copy()
        wrong[v] = other
        assert check_distances(edges, root, wrong, given_parent, rtol) != []


@pytest.mark.parametrize("rtol", [0.0, 1e-9])
def test_a_cycle_of_nothing_is_no_path(rtol):
    edges = EdgeList([0, 1, 2], [0, 2, 1], [1, 0, 0], 3, directed=True)
    (said,) = check_distances(edges, 0, np.array([0, 5.0, 5.0]), None, rtol)
    assert "2 vertices, first v=1: dist[1] = 5.0 is the length of no path" in said
    assert check_distances(edges, 0, np.array([0, np.inf, np.inf]), None, rtol) == []


def test_parents_are_looked_at_with_a_tolerance_too():
    edges = EdgeList([0, 0, 1], [1, 2, 2], [1.0, 3.0, 1.0], 3, directed=True)
    dist = np.array([0, 1, 2.0])
    for parent, words in (
        ([0, 0, 0], "no path along its parents"),
        ([0, 2, 1], "no path along its parents"),
        ([1, 0, 1], "parent[0] = 1, but the root is its own"),
        ([0, 0, 7], "neither a vertex nor -1"),
        ([0, 0, -1], "must both say that it is unreached"),
    ):
        (said,) = check_distances(edges, 0, dist, np.array(parent), 1e-9)
        assert words in said
    assert check_distances(edges, 0, dist, np.array([0, 0, 1]), 1e-9) == []


LINES = "root,vertex,dist,parent\n5,0,inf,-1\n5,1,0,1\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "'' stands where the names root, vertex, dist, parent must be"),
        ("5,0,0,5\n", "'5,0,0,5' stands where the names"),
        ("root,dist,parent\n5,0,5\n", "stands where the names"),
        ("vertex,dist,dist\n5,0,5\n", "stands where the names"),
        ("vertex,dist\r\n", "a.csv: no rows below the names"),
        ("vertex,dist\n5,0\n7,2,5\n", "below the names: the dtype passed requires 2 columns but 3"),
        ("vertex,dist,more\n5,0\n", "below the names: the dtype passed requires 3 columns but 2"),
        ("vertex,dist\n5,x\n", "below the names: could not convert string 'x'"),
        ("vertex,dist\n5.5,0\n", "below the names: "),
        ("vertex,dist\n99999999999999999999,0\n", "below the names: "),
        ("vertex,dist\n5\n", "below the names: "),
        ("vertex,dist\n\0,0\n", "below the names: "),
        (LINES + "6,0,0,0\n", "the roots do not have the same vertices"),
        (LINES + "6,0,0,0\n6,2,1,0\n", "the roots do not have the same vertices"),
        (LINES, "dist has shape (2,), the graph has 12 vertices"),
        (LINES.replace("5,0", "4,0").replace("5,1", "4,1"), "is an answer from 4, not from 5"),
    ],
)
def test_a_table_that_is_no_answer_is_refused_in_a_line(sssp, tmp_path, text, words):
    put(tmp_path, "g.el", GRAPH)
    put(tmp_path, "a.csv", text)
    done = sssp("validate", "--graph", "g.el", "--solution", "a.csv", "--root", 5)
    assert done.status != 0 and words in done.err, done
    assert done.err.count("\n") == 1


def test_a_table_may_hold_distances_only(sssp, tmp_path):
    put(tmp_path, "g.el", GRAPH)
    rows = "".join(f"{d},far away,{v}\n" for v, d in enumerate(DIST.tolist()))
    put(tmp_path, "a.csv", "dist,what,vertex\n" + rows)
    done = sssp("validate", "--graph", "g.el", "--solution", "a.csv", "--root", 5)
    assert "valid: root 5, 3 vertices reached, m = 3 (distances only" in done.out, done


@pytest.mark.parametrize(
    ("names", "unreached"), [("vertex,dist", "-1"), ('"vertex","dist"', "Inf")]
)
def test_a_table_may_be_spelt_as_others_do(sssp, tmp_path, names, unreached):
    """Integer distances with -1, as in an .npz; names in quotes, as R writes them."""
    put(tmp_path, "g.el", GRAPH)
    rows = [f"{v},{d:.0f}\n" if d < np.inf else f"{v},{unreached}\n" for v, d in enumerate(DIST)]
    put(tmp_path, "a.csv", names + "\n" + "".join(rows))
    done = sssp("validate", "--graph", "g.el", "--solution", "a.csv", "--root", 5)
    assert "valid: root 5, 3 vertices reached, m = 3 (distances only" in done.out, done
    put(tmp_path, "a.csv", names + "\n" + "".join(rows).replace("7,2", "7,-1"))
    done = sssp("validate", "--graph", "g.el", "--solution", "a.csv", "--root", 5)
    assert done.status == 1 and "dist[7]" in done.out, done
