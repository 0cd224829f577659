"""sssp peers: other libraries on the same graph and roots, compared and measured."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import oracle
import pytest
from command import in_process, only_result, own_process, sssp, write_graph  # noqa: F401
from example_peers import presolved_rows, record
from hypothesis import given, settings
from strategies import searches

from graphs import EdgeList, build_csr
from harness.commands import peers as commands_peers
from harness.peers import record as peer_record
from harness.peers import turns as peer_turns
from harness.peers.libraries import PEERS, Ready, plain_matrix
from harness.peers.table import ratio_lines

SMALL = ("--scale", 6, "--roots", 3, "--with", "scipy", "--output", "out")


@pytest.fixture
def peers(sssp):  # noqa: F811
    """Run `sssp peers` in this process, in an empty folder."""
    return lambda *argv: sssp("peers", *argv)


@pytest.fixture
def spoil_peer(monkeypatch):
    """Let SciPy's distances end in something done to them."""

    def install(do):
        def prepare(*given):
            ready = PEERS_SCIPY.prepare(*given)

            def distances(answer):
                dist = ready.distances(answer).copy()
                do(dist)
                return dist

            return replace(ready, distances=distances)

        monkeypatch.setitem(PEERS, "scipy", replace(PEERS_SCIPY, prepare=prepare))

    return install


PEERS_SCIPY = PEERS["scipy"]


def farthest(dist):
    return int(np.argmax(np.where(np.isfinite(dist), dist, -1)))


# The libraries


@pytest.mark.parametrize("name", PEERS)
@given(searches())
@settings(max_examples=60)
def test_every_installed_peer_finds_the_oracles_distances(name, search):
    peer = PEERS[name]
    if peer.missing():
        pytest.skip(peer.missing())
    edges, root = search
    csr = build_csr(edges)
    ready = peer.prepare(plain_matrix(csr), csr.stats.directed, 2)
    wide = replace(edges, weight=edges.weight.astype(np.float64))
    expected, _ = oracle.dijkstra(wide, root)
    assert np.array_equal(ready.distances(ready.search(root)), expected)


@given(searches())
@settings(max_examples=60)
def test_the_matrix_holds_the_lightest_arcs_in_sorted_rows(search):
    edges, _ = search
    lightest: dict = {}
    for u, v, w in oracle.arcs(edges):
        if u != v:
            lightest[u, v] = min(float(w), lightest.get((u, v), np.inf))
    matrix = plain_matrix(build_csr(edges))
    coo = matrix.tocoo()
    found = list(zip(coo.row.tolist(), coo.col.tolist(), coo.data.tolist(), strict=True))
    assert found == [(u, v, w) for (u, v), w in sorted(lightest.items())]
    assert matrix.data.dtype == np.float64
    assert matrix.indices.dtype == matrix.indptr.dtype == np.int32
    assert matrix.has_sorted_indices


# The comparison of answers


def test_rounding_along_a_path_is_no_disagreement_and_more_is():
    ours = np.array([0, 1.5, np.inf], np.float32)
    theirs = np.array([0, 1.5 * (1 + 1e-7), np.inf])
    assert peer_turns.disagreement(ours, theirs, 4e-7) is None
    assert "vertex 1" in peer_turns.disagreement(ours, theirs, 0.0)
    theirs[1] = 1.5 * (1 + 1e-6)
    assert "vertex 1" in peer_turns.disagreement(ours, theirs, 4e-7)


@pytest.mark.parametrize("theirs", [[0, np.inf, np.inf], [0, 1, 2], [0, np.nan, np.inf], [0, 1]])
def test_another_set_of_reached_vertices_is_a_disagreement(theirs):
    ours = np.array([0, 1, np.inf])
    assert peer_turns.disagreement(ours, np.array(theirs, float), 1.0)


@given(searches())
def test_the_depth_of_a_tree_is_its_longest_path(search):
    edges, root = search
    _, parent = oracle.dijkstra(edges, root)

    def hops(v):
        count = 0
        while v != root:
            v, count = parent[v], count + 1
        return count

    assert peer_turns.depth(parent) == max(hops(v) for v in np.flatnonzero(parent >= 0))


@pytest.mark.parametrize(("dtype", "exact"), [("float32", False), ("float64", False), ("int64", 1)])
def test_integers_may_not_differ_at_all(dtype, exact):
    edges = EdgeList(*np.array([[0], [1]]), np.ones(1, dtype), 2)
    dist = np.array([0, 1], "float32" if dtype == "float32" else "float64")
    allowed = peer_turns.rounding(dist, np.array([0, 0]), edges)
    assert allowed == 0 if exact else 0 < allowed <= 4 * np.finfo(dtype).eps


def lengthen(dist):
    dist[farthest(dist)] *= 1.001


def lose(dist):
    dist[farthest(dist)] = np.inf


def reach_more(dist):
    dist[~np.isfinite(dist)] = 9.0


@pytest.mark.parametrize("do", [lengthen, lose, reach_more])
def test_a_wrong_peer_is_named_and_no_figure_is_shown(peers, spoil_peer, do):
    spoil_peer(do)
    done = peers(*SMALL)
    assert done.status == 1
    assert re.match(r"invalid: scipy: root \d+: \d+ distances? differ", done.out)
    assert "ratio" not in done.out and "MTEPS" not in done.out
    record = only_result("out")
    assert record["status"] == "invalid" and record["one_shot"] is None
    assert len(record["solvers"][1]["disagreements"]) == 3
    assert peer_record.failures(record)


# The command


def test_the_table_and_the_ratio_are_made_of_the_stored_seconds(peers):
    done = peers(*SMALL)
    assert done.status == 0
    record = only_result("out")
    names = [row["name"] for row in record["solvers"]]
    assert names == ["sssp-bench", "scipy", "sssp-bench presolved"]
    median = {row["name"]: sorted(row["seconds"])[1] for row in record["solvers"]}
    shown = re.search(r"^ratio scipy/sssp-bench: (\S+)$", done.out, re.MULTILINE)[1]
    assert float(shown) == pytest.approx(median["scipy"] / median["sssp-bench"], rel=0.006)
    row = next(line for line in done.out.splitlines() if line.startswith("| scipy"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert float(cells[4]) == pytest.approx(median["scipy"] * 1e3, rel=0.006)
    assert float(cells[7]) == pytest.approx(record["m"][1] / median["scipy"] / 1e6, rel=0.006)
    assert "one-shot, building included (median of 3 roots): sssp-bench" in done.out


def test_the_file_tells_graph_roots_solvers_and_machine(peers):
    from graphs import kronecker, search_keys

    argv = (*SMALL, "--seed", 5, 6, "--edgefactor", 8)
    peers(*argv)
    record = only_result("out")
    csr = build_csr(kronecker(6, 8, seed=(5, 6)))
    keys = search_keys(csr.n, csr.degree_positive, seed=(5, 6), count=3)
    assert record["roots"] == keys.tolist()
    assert record["graph"]["seed"] == [5, 6] and record["graph"]["arcs"] == csr.arcs
    assert record["argv"] == ["sssp", "peers", *map(str, argv)]
    assert record["machine"]["cores"] and record["versions"]["numba"]
    ours, scipy, presolved = record["solvers"]
    assert ours["choices"]["delta"] > 0 and scipy["choices"] is None
    assert presolved["choices"]["presolve"]["kept_edges"] < record["graph"]["edges"] / 2
    assert "presolve" not in ours["choices"]
    assert scipy["version"] == record["versions"]["scipy"]
    assert scipy["conversion_seconds"] == record["matrix_seconds"] > 0
    calls = record["one_shot"]["calls"]
    assert [call["name"] for call in calls] == ["sssp-bench", "scipy"]
    assert all(len(call["seconds"]) == 3 for call in calls)


def test_solvers_take_turns_of_four_roots(peers, monkeypatch):
    turns = []
    timed = peer_turns.Row.timed
    monkeypatch.setattr(
        peer_turns.Row,
        "timed",
        lambda row, root: turns.append((root, row.name)) or timed(row, root),
    )
    peers("--scale", 5, "--roots", 6, "--with", "networkx,scipy", "--output", "out")
    roots = only_result("out")["roots"]
    names = ("sssp-bench", "networkx", "scipy", "sssp-bench presolved")
    parts = (roots[:4], roots[4:])
    assert turns == [(root, name) for part in parts for name in names for root in part]


def test_a_directed_graph_of_integers_is_compared_exactly(peers, spoil_peer, tmp_path):
    edges = [(0, 1, 2**20), (1, 2, 1), (2, 0, 3), (3, 0, 1), (0, 2, 2**21), (0, 2, 2**24)]
    with (tmp_path / "g.gr").open("w") as file:
        file.write(f"p sp 4 {len(edges)}\n")
        file.writelines(f"a {u + 1} {v + 1} {w}\n" for u, v, w in edges)
    argv = ("--graph", "g.gr", "--output", "out")
    assert peers(*argv, "--with", "scipy,networkx").status == 0
    assert only_result("out")["graph"]["directed"]

    def hardly(dist):
        dist[farthest(dist)] *= 1 + 1e-9

    spoil_peer(hardly)
    assert peers(*argv, "--with", "scipy").status == 1


def test_a_directed_file_may_be_walked_both_ways(peers, tmp_path):
    write_graph(tmp_path / "g.npz", [(0, 1, 0.5), (2, 1, 0.25)], 3, directed=True)
    done = peers("--graph", "g.npz", "--symmetrize", "--with", "scipy", "--output", "out")
    assert done.status == 0
    assert only_result("out")["reached"] == [3, 3, 3]


def test_presolved_rows_are_compared_on_as_many_threads():
    lines = ratio_lines(record(solvers=presolved_rows()))
    assert [line for line in lines if "presolved" in line] == [
        "ratio sssp-bench presolved/sssp-bench, 1 thread: 0.5",
        "ratio sssp-bench presolved/sssp-bench, 2 threads: 0.8",
    ]


@pytest.mark.slow
def test_each_number_of_threads_is_a_row(tmp_path):
    argv = ("--scale", 6, "--roots", 2, "--threads", "1,2", "--with", "scipy", "--output", "out")
    done = own_process("peers", *argv, afresh=True, cwd=tmp_path)
    out, err = done.communicate()
    assert done.returncode == 0, err
    solvers = only_result(tmp_path / "out")["solvers"]
    assert [row["threads"] for row in solvers] == [1, 2, 1, 1, 2]
    assert [row["conversion_seconds"] is None for row in solvers] == [
        True,
        False,
        False,
        True,
        False,
    ]
    medians = [sum(row["seconds"]) / 2 for row in solvers]
    for which, median in zip(("1 thread", "2 threads"), medians, strict=False):
        shown = re.search(rf"^ratio scipy/sssp-bench, {which}: (\S+)$", out, re.MULTILINE)[1]
        assert float(shown) == pytest.approx(medians[2] / median, rel=0.006)


@pytest.mark.parametrize(
    ("argv", "fragments"),
    [
        (("--with", "scipy,boost"), ("boost", "scipy, networkit, igraph, graphblas, networkx")),
        (("--with", "scipy,scipy"), ("scipy stands there twice",)),
        (("--threads", "1,x"), ("a whole number", "'x'")),
        (("--threads", "2,2"), ("twice",)),
        (("--scale", 40), ("does not fit", "scale", "fits")),
        (("--graph", "none.gr"), ("none.gr",)),
        (("--scale", 5, "--graph", "g.gr"), ("--scale",)),
    ],
)
def test_what_cannot_be_is_refused(peers, argv, fragments):
    assert peers(*argv).refused(*fragments)


def test_a_named_peer_that_is_missing_is_refused_with_what_to_install(peers, monkeypatch):
    absent = replace(PEERS["igraph"], module="no_such_module_at_all")
    monkeypatch.setitem(PEERS, "igraph", absent)
    done = peers("--scale", 5, "--with", "scipy,igraph")
    assert done.refused("--with igraph", "pip install 'sssp-bench[peers]'", "pip install igraph")


def test_without_names_the_installed_peers_are_taken_but_for_networkx(peers, monkeypatch):
    for name in ("networkit", "igraph", "graphblas"):
        absent = replace(PEERS[name], module="no_such_module_at_all")
        monkeypatch.setitem(PEERS, name, absent)
    peers("--scale", 5, "--roots", 1, "--output", "out")
    names = [row["name"] for row in only_result("out")["solvers"]]
    assert names == ["sssp-bench", "scipy", "sssp-bench presolved"]


def test_a_graph_whose_matrix_does_not_fit_is_refused(peers, monkeypatch, tmp_path):
    from harness.machine import memory
    from harness.peers import run as module

    fits = memory.Need(2**5, 16 * 2**5).total
    there = memory.Available(fits, "a test")
    monkeypatch.setattr(memory, "available", lambda: there)
    monkeypatch.setattr("harness.benchmark.source.available", lambda: there)
    monkeypatch.setattr(module, "available", lambda: there)
    assert peers("--scale", 5).refused("with the matrix of the peers it needs", "a test")


def test_the_page_of_help_names_the_libraries_there_are():
    assert tuple(PEERS) == commands_peers.PEER_NAMES


def test_a_peer_that_returns_another_shape_disagrees(peers, monkeypatch):
    short = Ready(lambda root: None, lambda answer: np.zeros(3))
    monkeypatch.setitem(PEERS, "scipy", replace(PEERS_SCIPY, prepare=lambda *_: short))
    done = peers(*SMALL)
    assert done.status == 1 and "shape (3,)" in done.out
