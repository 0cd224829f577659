"""Edge lists as everybody writes them: SNAP, KONECT, commas, no weights, ids with gaps."""

from __future__ import annotations

import numpy as np
import pytest
from graph_files import DATA, MTX, put, refusal, tuples

from graphs import GraphError, read_graph, renumber

PATTERN = MTX.replace("real", "pattern")


@pytest.mark.parametrize(
    ("name", "text"),
    {
        "blanks": ("g.el", "0 1 2\n1  2\t3\n"),
        "tabs": ("g.tsv", "0\t1\t2\n1\t2\t3\n"),
        "commas": ("g.csv", "0,1,2\n1 , 2,\t3\n"),
        "both comments": ("g.txt", "# a\n% b\n\n0 1 2\n  # c\n1 2 3\n"),
        "names": ("g.csv", "source,target,weight\n0,1,2\n1,2,3\n"),
        "names in quotes": ("g.edges", '# c\n"from" "to" "w"\n# d\n0 1 2\n1 2 3\n'),
        "mark": ("g.edgelist", b"\xef\xbb\xbfsource target w\r\n0 1 2\r\n1 2 3"),
        "carriage returns": ("g.e", "0 1 2\r1 2 3\r"),
        "konect": ("out.g", "% asym posweighted\n% 2 3 3\n1 2 2\n2 3 3\n"),
        "konect with times": ("out.a-b", "% asym positive\n1 2 2 1200000000\n2 3 3 0\n"),
        "one percent": ("g.mtx", MTX[1:].replace("real", "integer") + "3 3 2\n1 2 2\n2 3 3\n"),
        "mark in mtx": (
            "g.mtx",
            "\xef\xbb\xbf" + MTX.replace("real", "integer") + "3 3 2\r\n1 2 2\r2 3 3",
        ),
    }.values(),
)
def test_the_same_edges_are_read_from_every_spelling(tmp_path, name, text):
    edges = read_graph(put(tmp_path, name, text))
    assert tuples(edges) == [(0, 1, 2), (1, 2, 3)]
    assert (edges.n, edges.directed, edges.weight.dtype) == (3, True, np.int64)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("g.txt", "# Undirected graph: ../../data/output/amazon.ungraph.txt\n# x\n0 1 2\n"),
        ("out.g", "% sym weighted\n1 2 2\n"),
    ],
)
def test_a_file_that_says_undirected_is(tmp_path, name, text):
    assert read_graph(put(tmp_path, name, text)).directed is False


def test_a_format_is_named_where_the_suffix_does_not(tmp_path):
    path = put(tmp_path, "edges.dat", "0 1 2\n")
    assert tuples(read_graph(path, format="edges")) == [(0, 1, 2)]
    assert "--format names the format" in refusal(path)
    with pytest.raises(GraphError, match="format='yaml' is not known; choose gr, mtx"):
        read_graph(path, format="yaml")
    assert ", line 1: '0 1 2' stands where the problem" in refusal(path, format="gr")


NO_WEIGHTS = {
    "g.txt": "# Directed graph\n# FromNodeId\tToNodeId\n0\t1\n1\t2\n",
    "g.csv": "from,to\n0,1\n1,2\n",
    "out.g": "% asym unweighted\n1 2\n2 3\n",
    "g.mtx": PATTERN + "3 3 2\n1 2\n2 3\n",
}


@pytest.mark.parametrize("name", NO_WEIGHTS)
def test_weights_for_a_file_without_are_asked_for_by_name(tmp_path, name):
    path = put(tmp_path, name, NO_WEIGHTS[name])
    assert "has no weights; give --weights unit" in refusal(path)
    unit = read_graph(path, weights="unit")
    assert tuples(unit) == [(0, 1, 1), (1, 2, 1)]
    assert unit.weight.dtype == np.int64
    made = [read_graph(path, weights=f"random:{seed}").weight for seed in (7, 7, 8)]
    assert made[0].dtype == np.float32
    assert made[0].tolist() == made[1].tolist() != made[2].tolist()
    assert ((made[0] >= 0) & (made[0] < 1)).all()


@pytest.mark.parametrize("rule", ["random", "random:-1", "random:x", "2", "", 1])
def test_other_rules_for_weights_are_refused(tmp_path, rule):
    with pytest.raises(GraphError, match="choose 'unit' or 'random:SEED'"):
        read_graph(put(tmp_path, "g.txt", "0 1\n"), weights=rule)


@pytest.mark.parametrize("name", ["karate.mtx", "les_miserables.wel", "les_miserables.npz"])
def test_weights_of_a_file_are_not_replaced(name):
    assert "has weights of its own; leave out --weights unit" in refusal(
        DATA / name, weights="unit"
    )


def test_ids_with_gaps_are_numbered_and_given_back(tmp_path):
    edges = read_graph(put(tmp_path, "g.el", f"7 {10**12} 5\n{10**12} 2000000000 6\n"))
    assert tuples(edges) == [(0, 2, 5), (2, 1, 6)]
    assert edges.ids.of(np.array([2, 0, -1, 1])).tolist() == [10**12, 7, -1, 2 * 10**9]
    assert edges.ids.vertex(10**12) == 2
    with pytest.raises(GraphError, match=r"root 8 is no vertex.*its ids are 3 numbers in 7\.\.10"):
        edges.ids.vertex(8)


@pytest.mark.parametrize(
    ("name", "text", "ids"),
    [
        ("g.el", "0 5 1\n", range(6)),
        ("g.gr", "p sp 3 1\na 1 3 1\n", range(1, 4)),
        ("out.g", "% sym positive\n1 4 1\n", range(1, 5)),
    ],
)
def test_ids_without_gaps_stay_as_they_are(tmp_path, name, text, ids):
    edges = read_graph(put(tmp_path, name, text))
    assert edges.ids.of(np.arange(edges.n)).tolist() == list(ids)
    assert [edges.ids.vertex(number) for number in ids] == list(range(edges.n))
    for number in (ids[0] - 1, ids[-1] + 1):
        with pytest.raises(GraphError, match="its ids are"):
            edges.ids.vertex(number)


REFUSED = {
    "el: one column": ("7\n", ", line 1: '7' has 1 columns, an edge 'u v w' has 2 to 3"),
    "el: four columns": ("0 1 2 3\n", ", line 1: '0 1 2 3' has 4 columns, an edge 'u v w' has 2"),
    "el: fewer later": ("0 1 2\n0 1\n", ", line 2: '0 1' has 2 columns, an edge 'u v w' has 3"),
    "el: words later": ("0 1 2\nu v w\n", ", line 2: vertex id 'u' is not an integer"),
    "el: words only": ("u v w\n", ": no edges in the file"),
    "el: half names": ("u 1 w\n", ", line 1: vertex id 'u' is not an integer"),
    "el: nan": ("0 1 nan\n", ", line 1: weight nan is not allowed"),
    "el: nan first": ("nan nan nan\n0 1 2\n", ", line 1: vertex id 'nan' is not an integer"),
    "el: weight first": ("weight,from,to\n1,2,3\n", ", line 1: the column 'weight' stands where"),
    "csv: blanks later": ("0,1,2\n0 1 2\n", ", line 2: '0 1 2' has 1 columns, an edge 'u v w'"),
    "csv: commas in blanks": ("0 1 2\n0,1,2\n", ", line 2: '0,1,2' has 1 columns"),
    "csv: empty word": ("0,1,2\n0,,2\n", ", line 2: vertex id '' is not an integer"),
    "csv: comma at the end": ("0,1,2\n0,1,2,\n", ", line 2: '0,1,2,' has 4 columns"),
    "csv: float id": ("0,1,2\n0,1.0,2\n", ", line 2: vertex id '1.0' is not an integer"),
    "csv: semicolons": ("0;1;2\n", ", line 1: '0;1;2' has 1 columns, an edge"),
    "txt: comments only": ("# nothing\n", ": no edges in the file"),
    "txt: comment behind": ("0 1 2 # near\n", ", line 1: '0 1 2 # near' has 5 columns"),
    "konect: no header": ("1 2 3\n", ", line 1: no header '% sym ...'"),
    "konect: other header": ("% bipartite\n1 2 3\n", ", line 1: no header '% sym ...'"),
    "konect: bipartite": ("% bip positive\n1 2 3\n", ", line 1: a bipartite network"),
    "konect: signed": ("% asym signed\n1 2 -1\n", ", line 2: weight -1 is not allowed"),
    "konect: id 0": ("% asym positive\n0 1 1\n", ", line 2: vertex id 0 is not in 1.."),
    "konect: five columns": ("% asym positive\n1 1 1 1 1\n", ", line 2: '1 1 1 1 1' has 5"),
    "mtx: pattern with weight": (PATTERN + "3 3 1\n1 2 5\n", "'1 2 5' has 3 columns, an edge 'row"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_edge_list_is_refused_by_line_and_value(tmp_path, case):
    text, wanted = REFUSED[case]
    kind = case.split(":")[0]
    path = put(tmp_path, "out.bad" if kind == "konect" else f"bad.{kind}", text)
    assert wanted in refusal(path, weights="unit" if kind == "mtx" else None)


@pytest.mark.parametrize(("k", "most"), [(1, 9), (3000, 9), (200_000, 10**18), (50_000, 70_000)])
def test_sparse_ids_of_many_edges_are_numbered_as_a_sort_does_it(monkeypatch, k, most):
    # 200,000 ids make the hash table grow; ids that follow each other share few bits.
    monkeypatch.setattr(renumber, "_HASHED_FROM", 1)
    ends = np.random.default_rng(k).integers(0, most, (2, k))
    ends[0, 0] = 2**63 - 2
    given, expected = np.unique(ends, return_inverse=True)
    src, dst, ids = renumber.numbered(ends[0].copy(), ends[1].copy())
    assert np.array_equal(ids.given, given)
    assert np.array_equal([src, dst], expected.reshape(2, k))
    known, unknown = renumber.vertices_of(ids, [ends[1], ends[1] + 10**18])
    assert np.array_equal(known, dst)
    assert np.array_equal(unknown, ids.vertices(ends[1] + 10**18))
