"""shortest_paths and Solver: to the bit the distances of an oracle, parents that are a tree."""

import numpy as np
import oracle
import pytest
import scipy.sparse
from golden_data import golden_edges, rows, sha256, sha256_of_distances
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import DTYPES, WEIGHTS, improved_again_and_again, make_edges, searches
from verdicts import assert_answers

from graphs import EdgeList, GraphError, build_csr, kronecker
from harness.validation.host import validate
from sssp import EngineError, Solver, engines, shortest_paths


def check(edges, root, dist, parent):
    assert_answers(edges, [(root, dist, parent)])


@pytest.mark.slow
@given(searches(), st.sampled_from([1, 2, 4]))
@settings(max_examples=300)
def test_distances_equal_the_oracle(search, threads):
    edges, root = search
    check(edges, root, *shortest_paths(edges, root, threads=threads))


@pytest.mark.slow
@given(searches(), st.floats(1e-9, 1e9))
@settings(max_examples=100)
def test_any_delta_gives_the_same_distances(search, delta):
    edges, root = search
    check(edges, root, *shortest_paths(edges, root, delta=delta))


def with_hubs(seed, weights, dtype, directed, scale=11, edgefactor=6):
    """A Kronecker graph, which has hubs, with other weights."""
    made = kronecker(scale, edgefactor, seed=(seed, seed + 1))
    weight = WEIGHTS[weights](made.m, np.random.default_rng(seed))
    if dtype.kind == "i":
        weight = np.minimum(weight * 255, 2**40)
    return EdgeList(made.src, made.dst, weight.astype(dtype), made.n, directed)


@pytest.mark.parametrize("directed", [False, True], ids=["undirected", "directed"])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("weights", WEIGHTS)
def test_hubs_switch_to_pull_and_distances_stay_equal(weights, dtype, directed):
    edges = with_hubs(len(weights), weights, dtype, directed)
    csr = build_csr(edges)
    assert csr.stats.hubs
    solvers = [Solver(csr, threads=threads) for threads in (1, 2)]
    hub = int(csr.global_id[0])
    for root in (hub, int(np.flatnonzero(csr.degree_positive)[-1])):
        expected, _ = oracle.dijkstra(edges, root)
        for solver in solvers:
            answer = solver.search(root)
            assert np.array_equal(answer.dist, expected)
            [verdict] = validate(edges, [(root, answer.dist, answer.parent)])
            assert verdict.valid, [str(v) for v in verdict.violations]
            assert solver._engine.pulled or root != hub or weights not in ("even", "a_third_zero")


@pytest.mark.parametrize("scale", [4, 6])
def test_small_golden_graphs_have_the_reference_distances(scale):
    csr = build_csr(golden_edges(scale))
    solver = Solver(csr)
    for row in rows(f"roots_s{scale}_ef16_seed_def.csv"):
        answer = solver.search(int(row["root"]))
        assert sha256_of_distances(answer.dist) == row["sha256_dist_float32le_N"]


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("scale", [10, 16])
def test_golden_graphs_have_the_reference_distances_and_parents(scale, threads):
    solver = Solver(build_csr(kronecker(scale)), threads=threads)
    parents = rows(f"parents_s{scale}_ef16_seed_def.csv")
    for row, known in zip(rows(f"roots_s{scale}_ef16_seed_def.csv"), parents, strict=False):
        answer = solver.search(int(row["root"]))
        assert sha256_of_distances(answer.dist) == row["sha256_dist_float32le_N"]
        assert np.count_nonzero(answer.parent >= 0) == int(row["reached_vertices"])
        if known["parent_unique"] == "1":
            assert sha256(answer.parent) == known["sha256_parent_int64le_N_if_unique"]


@pytest.mark.slow
def test_scale_20_has_the_reference_distances():
    edges = kronecker(20)
    solver = Solver(build_csr(edges))
    out = solver.new_answer()
    for row in rows("roots_s20_ef16_seed_def.csv"):
        solver.search(int(row["root"]), out)
        assert sha256_of_distances(out.dist) == row["sha256_dist_float32le_N"]
        # Edge (267754, 350092) is so light that both its ends are tight through the other.
        assert out.parent[267754] != 350092 or out.parent[350092] != 267754


def test_searches_do_not_leave_anything_behind():
    edges = EdgeList(np.array([0, 2]), np.array([1, 3]), np.ones(2, np.float32), 6)
    solver = Solver(build_csr(edges))
    for root in (4, 0, 5, 2, 4, 0):
        answer = solver.search(root)
        check(edges, root, answer.dist, answer.parent)


def test_an_isolated_root_among_hubs_is_reached_alone():
    edges = kronecker(10)
    csr = build_csr(edges)
    solver = Solver(csr)
    isolated = int(np.flatnonzero(~csr.degree_positive)[0])
    hub = int(csr.global_id[0])
    for root in (isolated, hub, isolated, hub):
        answer = solver.search(root)
        check(edges, root, answer.dist, answer.parent)
        assert (np.count_nonzero(answer.parent >= 0) == 1) == (root == isolated)


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_queue_that_runs_over_loses_nothing(monkeypatch, directed, threads):
    from kernels import queues

    edges = improved_again_and_again(directed)
    # No chunk of 64 entries ends with the queue: its last one is written where it runs over.
    monkeypatch.setattr(queues, "spare_entries", lambda workers: 319 - edges.n)
    solver = Solver(build_csr(edges), threads=threads, delta=1e30)
    last = solver._engine.queues.entries[:, -1]
    last["vertex"] = -7
    answer = solver.search(0)
    check(edges, 0, answer.dist, answer.parent)
    assert -1 in last["vertex"]


def square(entries, n, dtype):
    matrix = scipy.sparse.dok_array((n, n), dtype=dtype)
    for (i, j), weight in entries.items():
        matrix[i, j] = weight
    return matrix


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil", "dok", "bsr", "dia"])
def test_every_sparse_form_is_read_as_csgraph_reads_it(form):
    matrix = square({(0, 1): 2, (1, 2): 3, (0, 2): 9, (3, 0): 1}, 4, np.float64).asformat(form)
    dist, parent = shortest_paths(matrix, 0)
    expected = scipy.sparse.csgraph.dijkstra(matrix, indices=0)
    assert np.array_equal(dist, expected)
    assert parent.tolist() == [0, 0, 1, -1]


def test_explicit_zeros_are_edges_and_symmetric_is_undirected():
    matrix = scipy.sparse.csr_array(([0.0, 0.0, 1.0], ([0, 1, 1], [1, 0, 2])), shape=(3, 3))
    dist, parent = shortest_paths(matrix, 0)
    assert dist.tolist() == [0, 0, 1]
    assert parent.tolist() == [0, 0, 1]
    back, _ = shortest_paths(matrix, 2)
    assert back.tolist() == [np.inf, np.inf, 0]


def test_duplicate_entries_are_added_up_as_csgraph_does():
    matrix = scipy.sparse.coo_array(([1.0, 2.0], ([0, 0], [1, 1])), shape=(2, 2))
    assert shortest_paths(matrix, 0)[0].tolist() == [0, 3]


@given(
    st.integers(1, 40),
    st.floats(0, 0.3),
    st.booleans(),
    st.sampled_from(["float64", "int32"]),
    st.integers(0, 2**32),
)
@settings(max_examples=100)
def test_random_matrices_equal_scipy(n, density, symmetric, dtype, seed):
    random = np.random.default_rng(seed)
    dense = random.integers(1, 1024, (n, n)) * (random.random((n, n)) < density)
    if symmetric:
        dense = np.triu(dense) + np.triu(dense, 1).T
    matrix = scipy.sparse.csr_array(dense.astype(dtype))
    root = int(random.integers(n))
    dist, _ = shortest_paths(matrix, root)
    assert np.array_equal(dist, scipy.sparse.csgraph.dijkstra(matrix, indices=root))


def path_of(weights):
    n = len(weights) + 1
    return EdgeList(np.arange(n - 1), np.arange(1, n), np.asarray(weights), n)


def test_integers_stay_exact_beyond_24_and_32_bits():
    for step in (2**24 + 1, 2**31 - 1, 2**32 + 1, 2**49 + 1):
        edges = path_of(np.full(9, step, np.int64))
        dist, _ = shortest_paths(edges, 0)
        assert dist.dtype == np.float64
        assert [int(d) for d in dist] == [step * k for k in range(10)]


def test_integers_too_wide_for_32_bits_are_known_before_the_first_search():
    long = path_of(np.full(9, 2**31, np.int64))
    assert Solver(build_csr(long)).choices["arithmetic"] == "float64"
    short = path_of(np.append(np.ones(9, np.int64), 2**31))
    solver = Solver(build_csr(short))
    assert solver.choices["arithmetic"] == "uint32"
    apart = EdgeList(np.array([0, 0, 0, 4, 5]), np.array([1, 2, 3, 5, 6]),
                     np.array([1, 1, 1, 2**31, 2**31]), 7)  # fmt: skip
    solver = Solver(build_csr(apart))
    for root, farthest in ((0, 1), (4, 2**32), (0, 1), (6, 2**32)):
        dist = solver.search(root).dist
        assert dist[np.isfinite(dist)].max() == farthest
        assert solver.choices["arithmetic"] == "uint32"


def test_integer_sums_beyond_53_bits_are_refused():
    with pytest.raises(GraphError, match="beyond 2.53"):
        shortest_paths(path_of(np.full(4, 2**52, np.int64)), 0)


@pytest.mark.parametrize("weights", [[2**53 - 1, 2], [1, 2**53], [2**53 - 1, 1], [2**53 + 1]])
def test_the_first_integer_sums_that_float64_cannot_tell_apart_are_refused(weights):
    with pytest.raises(GraphError, match="beyond 2.53"):
        shortest_paths(path_of(np.array(weights, np.int64)), 0)


def test_the_largest_exact_integer_sum_is_found():
    dist, _ = shortest_paths(path_of(np.array([2**53 - 3, 2], np.int64)), 0)
    assert dist.tolist() == [0, 2**53 - 3, 2**53 - 1]


def test_a_float_sum_beyond_its_range_is_an_error_never_unreached():
    with pytest.raises(GraphError, match="beyond the range of float32"):
        shortest_paths(path_of(np.full(2, 3e38, np.float32)), 0)
    with pytest.raises(GraphError, match="beyond the range of float64"):
        shortest_paths(path_of(np.full(2, 1e308)), 0)


def test_an_overflow_beside_the_shortest_path_is_no_error():
    heavy = np.array([3e38, 3e38, 1.0], np.float32)
    edges = EdgeList(np.array([0, 1, 0]), np.array([1, 2, 2]), heavy, 3)
    dist, _ = shortest_paths(edges, 0)
    assert dist.tolist() == [0, float(np.float32(3e38)), 1]


@pytest.mark.parametrize(
    ("root", "message"), [(3, "ids are 0..2"), (-1, "ids are 0..2"), (1.5, "not an integer")]
)
def test_a_root_that_is_no_vertex_is_refused(root, message):
    with pytest.raises(GraphError, match=message):
        shortest_paths(path_of([1.0, 1.0]), root)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"delta": 0.0}, "delta=0.0 is not allowed"),
        ({"delta": float("nan")}, "delta=nan is not allowed"),
        ({"delta": "x"}, "delta='x' is not allowed"),
        ({"threads": 0}, "threads=0 is not allowed"),
        ({"threads": "a"}, "threads='a' is not allowed"),
        ({"engine": "gpu"}, "engine='gpu' is not known"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(GraphError, match=message):
        shortest_paths(path_of([1.0]), 0, **arguments)


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (scipy.sparse.csr_array((2, 3)), "square"),
        (scipy.sparse.csr_array((0, 0)), "at least one vertex"),
        (scipy.sparse.csr_array([[0, 1j], [0, 0]]), "real numbers"),
        (scipy.sparse.csr_array([[0, -1.0], [0, 0]]), "weight -1.0 is not allowed"),
    ],
)
def test_what_is_no_graph_is_refused(graph, message):
    with pytest.raises(GraphError, match=message):
        shortest_paths(graph, 0)


def test_an_engine_asked_for_by_name_never_falls_back():
    if engines()["cuda"] is None:
        pytest.skip("a CUDA engine can run here")
    with pytest.raises(EngineError, match="engine 'cuda' cannot run here"):
        shortest_paths(path_of([1.0]), 0, engine="cuda")


def test_a_large_grid_of_integers_equals_scipy():
    side = 150
    ids = np.arange(side * side).reshape(side, side)
    src = np.concatenate([ids[:, :-1].ravel(), ids[:-1].ravel()])
    dst = np.concatenate([ids[:, 1:].ravel(), ids[1:].ravel()])
    weight = np.random.default_rng(1).integers(1, 1001, len(src))
    edges = EdgeList(src, dst, weight, side * side)
    for threads in (1, 2, 3):
        dist, parent = shortest_paths(edges, 77, threads=threads)
        assert np.array_equal(dist, oracle.scipy_dijkstra(edges, 77))
        [verdict] = validate(edges, [(77, dist, parent)])
        assert verdict.valid


def test_a_random_graph_with_long_rows_and_no_hubs_equals_the_oracle():
    edges = make_edges(400, "complete", "even", np.dtype("float32"), False, 1)
    check(edges, 0, *shortest_paths(edges, 0))
    n = 300
    src, dst = np.triu_indices(n, 1)
    random = np.random.default_rng(2)
    edges = EdgeList(src, dst, random.random(len(src), np.float32), n)
    for threads in (1, 2):
        check(edges, 5, *shortest_paths(edges, 5, threads=threads))
