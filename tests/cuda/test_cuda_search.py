"""The CUDA engine: whole searches on its kernels, through the host shim and on a GPU.

The shim runs the same .cu source and the same Python above it, one block of one thread; under the
sanitizers, once more. What it cannot show is what several threads do to each other.
"""

from __future__ import annotations

import gc
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse
from devices import counted_requeues, devices, far_pull, sanitized
from golden_data import golden_edges, golden_roots, rows, sha256_of_distances
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import dijkstra
from strategies import edge_list, improved_again_and_again, make_edges, searches, with_hubs

import kernels.device
import sssp
import sssp.cuda
import sssp.paths
import sssp.solver
from graphs.csr import build_csr
from graphs.device_csr import build_device_csr
from graphs.device_edges import matrix_on_device, on_device
from graphs.device_memory import CHUNK, device_search
from graphs.edges import EdgeList
from graphs.errors import GraphError
from graphs.generator import KroneckerStream, kronecker
from harness.cli import ending_of
from harness.validation.host import validate
from kernels.device import enumerators
from kernels.push import NEVER
from sssp import Solver, cuda_missing
from sssp.cuda_tuning import CudaTuning
from sssp.errors import DeviceMemoryError, EngineError

device = devices()


def solver_on(device, edges, **choices):
    return Solver(build_csr(edges), device=device, **choices)


def check(solver, edges, root):
    """One search compared with the oracle and the rules; returns the answer."""
    answer = solver.search(root)
    dist, _ = dijkstra(edges, root)
    np.testing.assert_array_equal(solver.device.to_host(answer.dist), dist)
    parent = solver.device.to_host(answer.parent)
    [found] = validate(edges, [(root, dist, parent)])
    assert found.valid, found.violations
    return answer


@pytest.mark.parametrize("scale", [4, 6])
def test_golden_graphs_from_every_root(device, scale):
    edges = golden_edges(scale)
    solver = solver_on(device, edges)
    for root in golden_roots(scale):
        check(solver, edges, root)


def test_golden_distances_of_scale_10_to_the_bit(device):
    edges = kronecker(10)
    solver = solver_on(device, edges)
    told = rows("roots_s10_ef16_seed_def.csv")
    assert len(told) == 64
    for row in told:
        root = int(row["root"])
        answer = solver.search(root)
        dist = device.to_host(answer.dist)
        assert sha256_of_distances(dist) == row["sha256_dist_float32le_N"]
        assert validate(edges, [(root, dist, device.to_host(answer.parent))])[0].valid


def test_a_search_uses_every_kernel_it_is_for(device, monkeypatch):
    """A graph with hubs is pushed, pulled and swept; its rows are long enough to be cut."""
    edges = kronecker(13)
    solver = solver_on(device, edges, tuning=CudaTuning(one_launch=False))
    started = launched(monkeypatch, solver._engine)
    answer = check(solver, edges, int(np.argmax(np.bincount(edges.src))))
    assert solver._engine.pulled
    names = {name for name, _ in started}
    assert {"rounds", "push", "push_hubs", "pull", "sweep", "settle_leaves"} <= names
    # The root's own row is longer than a chunk.
    assert np.diff(solver.csr.out.indptr).max() > CHUNK
    assert 0 < answer.arcs < solver.csr.arcs / 4


@pytest.mark.slow
@settings(max_examples=300)
@given(search=searches(), data=st.data())
def test_random_graphs(device, search, data):
    edges, root = search
    delta = data.draw(st.sampled_from([None, None, 1e-6, 0.01, 1.0, 1e30]), "delta")
    check(solver_on(device, edges, delta=delta), edges, root)


@pytest.mark.slow
@settings(max_examples=150)
@given(
    seed=st.integers(0, 2**32 - 1),
    weights=st.sampled_from(["even", "a_third_zero", "zero", "zero_or_one", "tiny"]),
    dtype=st.sampled_from(["float32", "float64", "int64"]),
    directed=st.booleans(),
    share=st.sampled_from([0.02, 0.2, 0.6]),
)
def test_random_graphs_that_are_pulled(device, seed, weights, dtype, directed, share):
    """The switch is forced at different times, on graphs with hubs, leaves and long rows."""
    tuning = CudaTuning(narrow=(16, 2048)[seed // 4 % 2], one_launch=seed % 4 > 0)
    pulled_search(device, with_hubs(seed, weights, np.dtype(dtype), directed), share, seed, tuning)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("narrow", [16, 2048])
def test_fixed_graphs_that_are_pulled(device, dtype, directed, narrow):
    """By all blocks, where entries are too many for one, and by one; or by kernels of theirs."""
    pulled = [
        pulled_search(
            device, with_hubs(seed, "a_third_zero", np.dtype(dtype), directed), 0.1, seed,
            CudaTuning(narrow=narrow, one_launch=seed % 4 > 0),
        )
        for seed in range(8)
    ]  # fmt: skip
    assert any(pulled)


def test_a_pull_looks_far_into_a_row(device):
    """Further than one lane looks: the rest of the row is looked at by a warp."""
    edges, solver = far_pull(device)
    for root in (0, 3):
        check(solver, edges, root)
        assert solver._engine.pulled


def pulled_search(device, edges, share, seed, tuning):
    """Searches that switch when a share is settled; did one of them?"""
    csr = build_csr(edges)
    solver = Solver(csr, device=device)
    engine = solver._engine
    if csr.incoming is None:
        return False
    chosen = replace(
        engine.choices,
        stop_at_bucket_end=bool(seed % 2),
        switch=share,
        switch_settled=int(share * csr.stats.reachable) + 1,
        switch_arcs=0,
        finish_arcs=seed % 50,
    )
    solver._engine = sssp.cuda.CUDAEngine(engine.csr, chosen, device, tuning)
    pulled = False
    for root in np.random.default_rng(seed).integers(0, edges.n, 3).tolist():
        check(solver, edges, root)
        pulled |= solver._engine.pulled
    return pulled


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("directed", [False, True])
def test_lone_vertices_leaves_and_pairs(device, dtype, directed):
    # 0-1 are joined only to each other, 2 is isolated, 3 is a star of leaves, 8 has a self loop
    ends = [(0, 1), (3, 4), (3, 5), (3, 6), (6, 7), (8, 8)]
    edges = edge_list(ends, [1, 2, 3, 0, 0, 1], 9, directed, dtype)
    solver = solver_on(device, edges)
    for root in [*range(9), 2, 0]:
        check(solver, edges, root)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_two_leaves_joined_beside_hubs(device, dtype):
    """Where vertices are relabelled, leaves are settled at the end; a root among them is pushed."""
    ends = [(0, v) for v in range(1, 100)] + [(1, v) for v in range(2, 60)] + [(100, 101)]
    edges = edge_list(ends, np.linspace(0, 1, len(ends)), 104, False, dtype)
    solver = solver_on(device, edges)
    assert solver.csr.layout.leaves
    for root in (0, 99, 100, 101, 102, 103, 50):
        check(solver, edges, root)


@pytest.mark.parametrize("chunks", [1, 2])
@pytest.mark.parametrize("more", [-1, 0, 1])
@pytest.mark.parametrize("early", [False, True])
def test_rows_about_as_long_as_a_chunk(device, chunks, more, early):
    """Pushed whole, or bucket by bucket, each of which has some chunks of the row."""
    arcs = chunks * CHUNK + more
    ends = [(0, v) for v in range(1, arcs + 1)] + [(0, v + arcs) for v in range(1, arcs + 1)]
    weight = np.concatenate([np.linspace(1, 2, arcs), np.linspace(11, 12, arcs)])
    edges = edge_list(ends, weight, 2 * arcs + 1, directed=True)
    check(pushing(device, edges, early), edges, 0)


def pushing(device, edges, early, tuning=sssp.cuda.DEFAULT_TUNING):
    """A solver of buckets 5 wide that never pulls; does it stop in a row where a bucket ends?"""
    solver = solver_on(device, edges, delta=5.0)
    chosen = replace(
        solver._engine.choices, stop_at_bucket_end=early, switch=None, switch_settled=NEVER
    )
    solver._engine = sssp.cuda.CUDAEngine(solver._engine.csr, chosen, device, tuning)
    return solver


def test_a_row_that_waits_goes_on_where_it_has_stopped(device):
    """At the ends of seven buckets; each of its arcs is looked at once."""
    edges = edge_list([(0, v) for v in range(1, 41)], range(1, 41), 41, directed=True)
    assert check(pushing(device, edges, True), edges, 0).arcs == 40


def test_an_isolated_root_is_forgotten_by_the_next_search(device):
    """Beside hubs, where the first and the last vertex have no arcs."""
    ends = [(1, v) for v in range(2, 100)]
    edges = edge_list(ends, np.linspace(0.1, 1, len(ends)), 101, False)
    solver = solver_on(device, edges)
    assert solver.csr.stats.hubs
    engine = solver._engine
    for root in (0, 1, 100, 0, 100):
        reached = np.isfinite(check(solver, edges, root).dist).sum()
        # What a queue that runs over would queue again.
        words = device.to_host(engine.state)
        bits = words[::2] if engine.csr.kind == "float64" else words >> np.uint64(32)
        labels = bits[: engine.csr.layout.labels]
        assert np.count_nonzero(labels != engine.unreached) == reached


def test_zero_weights_make_no_cycle_of_parents(device):
    edges = make_edges(60, "multigraph", "zero", np.dtype(np.float32), False, 3)
    solver = solver_on(device, edges)
    for root in range(edges.n):
        check(solver, edges, root)


def test_a_path_is_walked_to_its_end(device):
    edges = edge_list([(v, v + 1) for v in range(5000)], np.full(5000, 0.5), 5001)
    check(solver_on(device, edges, delta=0.01), edges, 0)


def test_wide_rounds_are_run_on_all_blocks(device):
    """With no narrow rounds at all, every round is one the host has started."""
    edges = kronecker(8)
    solver = solver_on(device, edges, tuning=CudaTuning(narrow=0, one_launch=False))
    for root in (1, 7, 100):
        check(solver, edges, root)


def launched(monkeypatch, engine):
    """A list that grows by each kernel that an engine launches: its name, and RUN afterwards."""
    started, run = [], engine._word["RUN"]
    for module in (engine._push, engine._pull, engine._steps, engine._sweep):

        def launch(name, *rest, original=module.launch, **more):
            original(name, *rest, **more)
            started.append((name, int(engine.device.to_host(engine.control)[run])))

        monkeypatch.setattr(module, "launch", launch)
    return started


@pytest.mark.parametrize(("arcs", "blocks"), [(20, "one"), (40, "all")])
def test_few_rows_of_many_arcs_are_for_all_blocks(device, arcs, blocks, monkeypatch):
    """300 rows are few entries; of 20 arcs each one block pushes them, of 40 it leaves them."""
    ends = [(0, v) for v in range(1, 301)]
    ends += [(v, 301 + (7 * v + i) % 900) for v in range(1, 301) for i in range(arcs)]
    edges = edge_list(ends, np.full(len(ends), 0.5), 1201, directed=True)
    solver = pushing(device, edges, False, CudaTuning(one_launch=False))
    started = launched(monkeypatch, solver._engine)
    check(solver, edges, 0)
    assert ("rounds", int(blocks == "all")) in started


@pytest.mark.parametrize("narrow", [2048, 16])
def test_a_search_starts_wide_rounds_where_they_may_be(device, narrow, monkeypatch):
    """Of scale 10, 1 / 40 of the vertices are settled before: fewer than 2048, more than 16."""
    tuning = CudaTuning(narrow=narrow, one_launch=False)
    solver = solver_on(device, kronecker(10), tuning=tuning)
    started = launched(monkeypatch, solver._engine)
    solver.search(7)
    assert solver._engine.pulled
    names = [name for name, _ in started]
    after = names[names.index("pull") :]
    assert ("split" in names) == (narrow == 16)
    if narrow == 2048:  # else what a pull leaves may be more than one block takes
        assert after.count("rounds") == 1 and "split" not in after
        assert len(names) == 18


def test_a_search_is_four_launches_and_is_read_back_once(device, monkeypatch):
    solver = solver_on(device, kronecker(12))
    engine, reads = solver._engine, []
    started, read = launched(monkeypatch, engine), device.read

    def noted_read(array, out):
        reads.append(array is engine.control)
        return read(array, out)

    monkeypatch.setattr(device, "read", noted_read)
    solver.search(7)
    assert engine.pulled
    steps = ["reset", "search", "settle_leaves", "answer_32"]
    assert [name for name, _ in started] == steps
    assert reads.count(True) == 1, "the answer is what else may be copied"


@pytest.mark.parametrize("narrow", [0, 16, 2048])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_large_steps_in_one_launch_or_each_in_one(device, dtype, narrow):
    """A cooperative launch: on a GPU as many blocks as are resident, which wait for each other."""
    hubs = with_hubs(5, "a_third_zero", np.dtype(dtype), False)
    path = edge_list([(v, v + 1) for v in range(300)], np.ones(300), 301, False, dtype)
    for edges in (hubs, path, kronecker(10) if dtype == np.float32 else hubs):
        csr = build_csr(edges)
        for one_launch in (True, False):
            tuning = CudaTuning(one_launch=one_launch, narrow=narrow)
            for root in (0, 1, 100):
                check(Solver(csr, device=device, tuning=tuning), edges, root)


def test_one_launch_goes_on_after_a_queue_has_run_over(device, monkeypatch):
    monkeypatch.setattr(sssp.cuda, "SPARE_ENTRIES", 0)
    overruns = counted_requeues(monkeypatch)
    edges = improved_again_and_again(False)
    for narrow in (0, 2048):
        solver = solver_on(device, edges, delta=1e30, tuning=CudaTuning(narrow=narrow))
        for root in (0, 1, 30):
            check(solver, edges, root)
        assert overruns
        overruns.clear()


def test_a_search_on_a_device_leaves_the_threads_of_the_host_as_they_are(device, monkeypatch):
    edges = kronecker(6)
    solver = solver_on(device, edges)
    monkeypatch.setattr("sssp.solver.using", lambda *_, **__: pytest.fail("threads were set"))
    check(solver, edges, 1)


def test_a_queue_that_runs_over_loses_nothing(device, monkeypatch):
    """The queues have room for each vertex once, and the arcs within reach for a few."""
    monkeypatch.setattr(sssp.cuda, "SPARE_ENTRIES", 0)
    overruns = counted_requeues(monkeypatch)
    for directed in (False, True):
        edges = improved_again_and_again(directed)
        solver = solver_on(device, edges, delta=1e30)
        for root in (0, 1, 30):
            check(solver, edges, root)
    assert overruns


@pytest.mark.parametrize("isolated", range(7, 11))
def test_a_queue_that_one_entry_too_many_was_found_for(device, isolated, monkeypatch):
    """Each of 5 vertices improves 5 others again: 25 entries, where there is room for 23 to 26."""
    monkeypatch.setattr(sssp.cuda, "SPARE_ENTRIES", 0)
    five = range(1, 6)
    ends = [(0, i) for i in five] + [(i, 5 + j) for i in five for j in five]
    ends += [(5 + j, 10 + j) for j in five]
    weight = [*five, *(100 - 3 * i for i in five for _ in five), *[1] * 5]
    edges = edge_list(ends, weight, 16 + isolated, directed=True)
    check(solver_on(device, edges, delta=1e30), edges, 0)


def test_two_searches_are_equal(device):
    edges = kronecker(9)
    solver = solver_on(device, edges)
    first, again = solver.search(5), solver.search(5)
    np.testing.assert_array_equal(device.to_host(first.dist), device.to_host(again.dist))


def test_integers_beyond_32_bits_are_searched_in_float64(device):
    edges = edge_list([(0, 1), (1, 2), (2, 3)], [2**31, 2**31, 5], 4, False, np.int64)
    solver = solver_on(device, edges)
    assert device.to_host(solver.search(0).dist).tolist() == [0, 2**31, 2**32, 2**32 + 5]


def test_a_distance_beyond_float32_is_refused(device):
    edges = edge_list([(0, 1), (1, 2)], [3e38, 3e38], 3)
    with pytest.raises(GraphError, match="beyond the range of float32"):
        solver_on(device, edges).search(0)


def test_answers_stay_on_the_device_when_asked(device):
    edges = kronecker(7)
    solver = solver_on(device, edges, output="device")
    answer = check(solver, edges, 3)
    assert isinstance(answer.dist, device.xp.ndarray)
    assert isinstance(answer.parent, device.xp.ndarray)


def test_a_graph_built_on_the_device_is_searched_there(device):
    edges = with_hubs(5, "even", np.dtype(np.float32), False)
    csr = build_device_csr(on_device(device, edges))
    solver = Solver(csr)
    assert solver.device is device
    for root in range(0, edges.n, 7):
        check(solver, edges, root)
    with pytest.raises(GraphError, match="the graph is on a device"):
        Solver(csr, engine="cpu")


def test_a_matrix_on_a_device_is_searched_there(device, monkeypatch):
    """The class says where a matrix is; here SciPy's own stands for CuPy's."""
    elsewhere = type("csr_matrix", (), {"__module__": "cupyx.scipy.sparse._csr"})()
    matrix = scipy.sparse.coo_matrix([[0, 2, 9], [0, 0, 3], [0, 0, 0]], dtype=np.float32)
    if device.lanes > 1:
        import cupyx.scipy.sparse

        matrix = cupyx.scipy.sparse.coo_matrix(matrix)
    rows = build_device_csr(matrix_on_device(device, matrix))
    monkeypatch.setattr(sssp.paths, "_build_there", lambda graph: rows)
    monkeypatch.setattr(cuda_missing, "missing", lambda: None)
    for engine in ("auto", "cuda"):
        dist, parent = sssp.shortest_paths(elsewhere, 0, engine, output="device")
        assert isinstance(dist, device.xp.ndarray)
        assert (dist.tolist(), parent.tolist()) == ([0.0, 2.0, 5.0], [0, 0, 1])
        dist, parent = sssp.shortest_paths(elsewhere, 1, engine)
        assert isinstance(dist, np.ndarray)
        assert (dist.tolist(), parent.tolist()) == ([np.inf, 0.0, 3.0], [-1, 1, 1])
    with pytest.raises(GraphError, match="the graph is on a device"):
        sssp.shortest_paths(elsewhere, 0, "cpu")


def test_a_matrix_that_needs_cusparse_says_what_to_install(monkeypatch):
    class Diagonals:
        __module__ = "cupyx.scipy.sparse._dia"
        ndim, shape, dtype, format = 2, (2, 2), np.dtype(np.float32), "dia"
        data = SimpleNamespace(device=SimpleNamespace(id=0))

        def tocsr(self):
            raise ImportError('Failure finding "libcusparse.so.12"\nand so on')

    monkeypatch.setattr(cuda_missing, "missing", lambda: None)
    monkeypatch.setattr(
        sssp.engine_choice.cuda_missing, "cupy_wheels", lambda: {"cupy-cuda12x": 12}
    )
    monkeypatch.setattr(kernels.device, "Device", lambda index: SimpleNamespace(xp=np))
    said = (
        r"""^CuPy cannot read a matrix of format 'dia': cuSPARSE cannot be loaded """
        r"""\(Failure finding "libcusparse.so.12"\); pip install nvidia-cusparse-cu12, """
        r"""or give a coo_matrix$"""
    )
    with pytest.raises(EngineError, match=said):
        sssp.shortest_paths(Diagonals(), 0)


def test_an_answer_on_the_device_needs_the_cuda_engine():
    edges = edge_list([(0, 1)], [1], 2)
    with pytest.raises(GraphError, match="output='device' needs engine='cuda'"):
        sssp.shortest_paths(edges, 0, "cpu", output="device")
    with pytest.raises(GraphError, match="output='disk' is not known; choose host or device"):
        sssp.shortest_paths(edges, 0, output="disk")


def test_too_little_memory_is_said_before_anything_is_allocated(device, monkeypatch):
    edges = kronecker(8)
    csr = build_csr(edges)
    monkeypatch.setattr(device, "free_bytes", lambda: 100_000)
    with pytest.raises(DeviceMemoryError, match=r"needs .* GB .*0\.0001 GB of .* free on"):
        Solver(csr, device=device)
    assert issubclass(DeviceMemoryError, EngineError)


def test_too_little_memory_ends_the_command_as_other_resources_do():
    assert ending_of(DeviceMemoryError("needs 3 GB")) == (2, "needs 3 GB", "")


@pytest.mark.parametrize("scale", [16, 20, 24, 26, 27])
def test_memory_of_rows_and_search_is_within_450_bytes_a_vertex(scale):
    """By arithmetic, before parallel edges go: 32 arcs a vertex, every vertex reachable."""
    n, arcs = 2**scale, 32 * 2**scale
    rows = 8 * arcs + 8 * (n + 1) + 4 * n + 4 * (n + 1)
    need = device_search(n, n + 1 + sssp.cuda.SPARE_ENTRIES, arcs, weight_bytes=4, dist_bytes=4)
    assert rows + sum(need) <= 450 * n


@pytest.mark.parametrize(
    ("dtype", "weight_bytes", "dist_bytes"),
    [(np.float32, 4, 4), (np.uint32, 4, 8), (np.float64, 8, 8)],
)
def test_what_is_counted_is_what_is_allocated(device, dtype, weight_bytes, dist_bytes):
    made = kronecker(8)
    csr = build_csr(EdgeList(made.src, made.dst, (100 * made.weight).astype(dtype), made.n))
    solver = Solver(csr, device=device)
    engine = solver._engine
    answer = solver.search(0)
    need = device_search(csr.layout.labels, engine._capacity, csr.arcs, weight_bytes, dist_bytes)
    held = [engine.state.nbytes, engine.queues.nbytes, engine.hubs.nbytes]
    assert held == [need.state, need.queues, need.hubs]
    assert need.answer == (8 + dist_bytes) * csr.n == answer.dist.nbytes + answer.parent.nbytes


def test_the_words_of_the_device_have_names():
    word = enumerators("queues.cuh", "Word")
    assert word["NEAR"] == 0
    assert word["WORDS"] == len(word) - 1
    assert enumerators("queues.cuh", "Status") == {
        "GOING": 0,
        "EMPTY": 1,
        "SWITCH": 2,
        "OVERRAN": 3,
    }


@pytest.mark.slow
def test_searches_under_the_sanitizers(request):
    """The same file once more, its kernels built for the address and undefined sanitizers."""
    assert sanitized(request)


@pytest.mark.gpu
def test_a_matrix_of_cupyx_is_searched_where_it_is_without_cusparse(monkeypatch):
    import cupy
    import cupyx.scipy.sparse

    rows = scipy.sparse.coo_matrix([[0, 2, 9], [0, 0, 3], [0, 0, 0]], dtype=np.float32)
    matrix = cupyx.scipy.sparse.coo_matrix(rows)
    monkeypatch.setitem(sys.modules, "cupyx.cusparse", None)
    monkeypatch.delitem(vars(cupyx), "cusparse", raising=False)
    dist, parent = sssp.shortest_paths(matrix, 0, output="device")
    assert isinstance(dist, cupy.ndarray)
    assert (dist.tolist(), parent.tolist()) == ([0.0, 2.0, 5.0], [0, 0, 1])


@pytest.mark.gpu
def test_memory_is_given_back():
    import cupy

    pool = cupy.get_default_memory_pool()
    gc.collect()  # or what other tests have left would be given back in between
    before = pool.used_bytes()
    solver = Solver(build_csr(kronecker(12)), engine="cuda")
    solver.search(1)
    assert pool.used_bytes() > before
    del solver
    gc.collect()
    assert pool.used_bytes() == before


@pytest.mark.gpu
@pytest.mark.slow
def test_64_roots_at_scale_20_to_the_bit(device):
    if device.lanes == 1:
        pytest.skip("for a GPU")
    solver = solver_on(device, KroneckerStream(20))
    for row in rows("roots_s20_ef16_seed_def.csv"):
        dist = device.to_host(solver.search(int(row["root"])).dist)
        assert sha256_of_distances(dist) == row["sha256_dist_float32le_N"]
