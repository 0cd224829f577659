"""Kronecker edges equal the reference code's, to the bit, however they are asked for."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from golden_data import SCALES, edge_table, golden_edges, graph_facts, rows, sha256, sha256_of_edges
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_kronecker import P, X, Y, slow_edge, slow_edges

from graphs.edges import EdgeList
from graphs.errors import GraphError
from graphs.generator import KroneckerStream, kronecker

SEEDS = st.tuples(*[st.integers(0, 2**64 - 1)] * 2)
SHA = ("sha256_u_int64le", "sha256_v_int64le", "sha256_w_float32le")


def tuples(edges: EdgeList) -> list[tuple]:
    return list(zip(edges.src.tolist(), edges.dst.tolist(), edges.weight, strict=True))


def same(a: EdgeList, b: EdgeList) -> bool:
    return a.n == b.n and all(
        np.array_equal(getattr(a, name), getattr(b, name)) for name in ("src", "dst", "weight")
    )


def part(edges: EdgeList, lo: int, hi: int) -> EdgeList:
    return EdgeList(edges.src[lo:hi], edges.dst[lo:hi], edges.weight[lo:hi], edges.n)


@pytest.mark.parametrize("scale", [*SCALES[:-1], pytest.param(SCALES[-1], marks=pytest.mark.slow)])
def test_whole_graphs_are_golden(scale):
    facts = graph_facts(scale)
    edges = kronecker(scale, facts["edgefactor"], (facts["userseed1"], facts["userseed2"]))
    assert (edges.m, edges.n, edges.directed) == (facts["M"], 2**scale, False)
    assert [a.dtype.str[1:] for a in (edges.src, edges.dst, edges.weight)] == ["i8", "i8", "f4"]
    assert sha256_of_edges(edges) == tuple(facts[key] for key in SHA)

    loops = edges.src == edges.dst
    ends = np.concatenate([edges.src[~loops], edges.dst[~loops]])
    degree = np.bincount(ends, minlength=edges.n)
    assert sha256(degree.astype(np.int64)) == facts["sha256_degree_noself_int64le"]
    assert np.count_nonzero(loops) == facts["self_loops"]
    assert np.count_nonzero(degree == 0) == facts["isolated_vertices"]
    assert (degree.max(), degree.argmax()) == (facts["max_degree_noself"], facts["argmax_degree"])
    assert np.flatnonzero(degree)[-1] == facts["max_nonisolated_vertex"]
    assert f"{edges.weight.min():.9g}" == f"{float(facts['weight_min']):.9g}"
    assert f"{edges.weight.max():.9g}" == f"{float(facts['weight_max']):.9g}"
    assert np.count_nonzero(edges.weight == 1) == facts["weights_equal_1"]
    assert np.count_nonzero(edges.weight == 0) == facts["weights_equal_0"]
    # Multiples of 2^-54 below 2^25: integers add without rounding.
    exact = (edges.weight.astype(np.float64) * 2.0**54).astype(np.uint64)
    total = sum(int(piece.sum()) for piece in np.array_split(exact, 2**14))
    assert total / 2**54 == float(facts["weight_fsum"])


@pytest.mark.parametrize("scale", [4, 6])
def test_every_listed_edge_is_golden(scale):
    assert same(kronecker(scale), golden_edges(scale))


@pytest.mark.parametrize(
    "name",
    [f"edges_s{scale}_ef16_seed_def_head_tail.csv" for scale in (10, 16, 20)]
    + ["rejection_edges_s16_seed_def.csv"],
)
def test_listed_edges_are_golden_asked_for_one_by_one(name):
    scale = int(name.partition("_s")[2].partition("_")[0])
    for i, u, v, w in zip(*edge_table(name), strict=True):
        assert tuples(kronecker(scale, first=int(i), count=1)) == [(u, v, w)]


@pytest.mark.parametrize("row", rows("prefix_digests.csv"), ids=lambda row: row["n_first_edges"])
def test_first_edges_are_golden(row):
    seed = int(row["userseed1"]), int(row["userseed2"])
    count = int(row["n_first_edges"])
    edges = kronecker(int(row["scale"]), int(row["edgefactor"]), seed, count=count)
    assert sha256_of_edges(edges) == tuple(row[key] for key in SHA)


def test_the_golden_redraws_are_where_they_are_taken_for():
    index = edge_table("rejection_edges_s16_seed_def.csv")[0]
    assert all(slow_edge(16, (2, 3), int(i))[3] == 1 for i in index)


@given(st.data())
def test_a_slice_is_that_part_of_the_whole(data):
    scale = data.draw(st.integers(1, 12))
    edgefactor = data.draw(st.integers(0, 20))
    seed = data.draw(SEEDS)
    whole = kronecker(scale, edgefactor, seed)
    assert whole.m == edgefactor * 2**scale
    first = data.draw(st.integers(0, whole.m))
    count = data.draw(st.integers(0, whole.m - first))
    assert same(kronecker(scale, edgefactor, seed, first, count), part(whole, first, first + count))
    assert same(kronecker(scale, edgefactor, seed, first), part(whole, first, whole.m))


@pytest.mark.slow
@given(
    scale=st.one_of(st.integers(1, 62), st.sampled_from([33, 34, 35, 36, 37, 38, 39, 40, 62])),
    seed=SEEDS,
    where=st.fractions(0, 1),
    count=st.integers(1, 8),
)
@settings(max_examples=200)
def test_any_slice_of_any_scale_equals_plain_python(scale, seed, where, count):
    m = 16 << scale
    first = int(where * (m - count))
    edges = kronecker(scale, 16, seed, first, count)
    assert tuples(edges) == slow_edges(scale, seed, range(first, first + count))
    for ids in (edges.src, edges.dst):
        assert ids.min() >= 0 and ids.max() < 2**scale


def seed_with_draw(draw: int, value: int) -> tuple[int, int]:
    """Seeds for which the draw-th value of edge 0 (from 1) is the one wanted."""
    words = [[int(i == j) for j in range(5)] for i in range(5)]  # in terms of the first state
    for _ in range(draw):
        new = [(X * a + Y * b) % P for a, b in zip(words[0], words[4], strict=True)]
        words = [new, *words[:4]]
    a, *others = words[0]
    for z5 in range(1, 257):  # seeds reach half of all words z1, so some z5 will do
        rest = sum(b * z for b, z in zip(others, (1, 1, 1, z5), strict=True))
        z1 = (value - rest) * pow(a, -1, P) % P
        if 1 <= z1 <= 2**30:
            return (z1 - 1) + ((z5 - 1) % 16 << 60), (z5 - 1) // 16 << 60
    raise AssertionError("no such seeds")


def seed_with_two_redraws() -> tuple[int, int]:
    """Seeds for which the first two values of edge 0 are both too small."""
    for first in range(3647):
        z1 = (first - Y) * pow(X, -1, P) % P
        z4 = (100 - X * first) * pow(Y, -1, P) % P
        if 1 <= z1 <= 2**30 and 1 <= z4 <= 2**30:
            return z1 - 1, (z4 - 1) << 30
    raise AssertionError("no such seeds")


@pytest.mark.parametrize("scale", [1, 2, 5, 6, 9, 33, 35, 37, 40, 62])
def test_a_value_that_is_too_small_is_drawn_again_at_any_level(scale):
    for level in {1, scale // 2 + 1, scale}:
        for value in (0, 1, 3646):
            seed = seed_with_draw(level, value)
            assert slow_edge(scale, seed, 0)[3] >= 1
            count = min(3, 16 << scale)
            edges = kronecker(scale, 16, seed, 0, count)
            assert tuples(edges) == slow_edges(scale, seed, range(count))


def test_the_least_allowed_value_is_not_drawn_again():
    seed = seed_with_draw(3, 3647)
    assert slow_edge(12, seed, 0)[3] == 0
    assert tuples(kronecker(12, 16, seed, 0, 1)) == slow_edges(12, seed, range(1))


def test_two_values_in_a_row_may_be_drawn_again():
    seed = seed_with_two_redraws()
    assert slow_edge(12, seed, 0)[3] == 2
    assert tuples(kronecker(12, 16, seed, 0, 1)) == slow_edges(12, seed, range(1))


@pytest.mark.parametrize(("value", "weight"), [(0, 0.0), (1, 2.0**-31), (P - 1, 1.0)])
def test_a_weight_is_never_drawn_again(value, weight):
    edges = kronecker(9, 16, seed_with_draw(10, value), 0, 1)
    assert edges.weight.tolist() == [weight]


def test_edges_above_2_to_the_64_exist():
    first = 16 * 2**62 - 3
    assert tuples(kronecker(62, first=first)) == slow_edges(62, (2, 3), range(first, first + 3))


def test_the_number_of_threads_changes_nothing():
    most = numba.config.NUMBA_NUM_THREADS
    if most == 1:
        pytest.skip("one thread only")
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        alone = kronecker(14, seed=(5, 2**63))
        numba.set_num_threads(most)
        assert same(kronecker(14, seed=(5, 2**63)), alone)
    finally:
        numba.set_num_threads(before)


@pytest.mark.parametrize("slice_edges", [1000, 2**14, 2**22])
def test_a_stream_gives_the_same_edges_slice_by_slice_and_times_itself(slice_edges):
    whole = kronecker(10, 16, (7, 8))
    stream = KroneckerStream(10, 16, (7, 8), slice_edges)
    assert (stream.n, stream.m, stream.directed) == (whole.n, whole.m, whole.directed)
    assert stream.weight_dtype == whole.weight_dtype
    assert stream.generation_seconds == 0
    for _ in range(2):
        seconds = stream.generation_seconds
        first = 0
        for edges in stream.slices():
            assert 0 < edges.m <= slice_edges
            assert same(edges, part(whole, first, first + edges.m))
            first += edges.m
        assert first == whole.m
        assert stream.generation_seconds > seconds


def test_two_passes_of_a_stream_may_be_nested():
    stream = KroneckerStream(5, 16, (7, 8), slice_edges=100)
    outer = stream.slices()
    edges = next(outer)
    before = tuples(edges)
    inner = [tuples(piece) for piece in stream.slices()]
    assert tuples(edges) == before == inner[0] != inner[-1]


def test_no_edges_are_a_graph_too():
    edges = kronecker(3, edgefactor=0)
    assert (edges.n, edges.m) == (8, 0)
    assert sum(piece.m for piece in KroneckerStream(3, edgefactor=0).slices()) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scale": 0}, r"scale=0 is out of range: 1\.\.62"),
        ({"scale": 63}, r"scale=63 is out of range: 1\.\.62"),
        ({"scale": 4.0}, "scale must be a whole number, got 4.0"),
        ({"scale": "four"}, "scale must be a whole number, got 'four'"),
        ({"edgefactor": -1}, "edgefactor=-1 is out of range: 0 or more"),
        ({"edgefactor": 1.5}, "edgefactor must be a whole number, got 1.5"),
        ({"seed": (-1, 3)}, r"seed\[0\]=-1 is out of range"),
        ({"seed": (2, 2**64)}, r"seed\[1\]=18446744073709551616 is out of range"),
        ({"seed": 2}, "seed must be two whole numbers, got 2"),
        ({"seed": (1, 2, 3)}, "seed must be two whole numbers"),
        ({"seed": (1, None)}, r"seed\[1\] must be a whole number, got None"),
        ({"first": -1}, "first=-1 is out of range"),
        ({"first": 257}, r"first=257 is out of range: 0\.\.256"),
        ({"count": -1}, "count=-1 is out of range"),
        ({"count": 257}, "count can be at most 256"),
        ({"first": 256, "count": 1}, "count can be at most 0"),
        ({"scale": 62}, "do not fit an array"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(GraphError, match=message):
        kronecker(**{"scale": 4, **arguments})


@pytest.mark.parametrize(
    "arguments", [{"scale": 0}, {"edgefactor": -1}, {"seed": (-1, 0)}, {"slice_edges": 0}]
)
def test_bad_arguments_of_a_stream_are_named_at_once(arguments):
    (name,) = arguments
    with pytest.raises(GraphError, match=name):
        KroneckerStream(**{"scale": 4, **arguments})
