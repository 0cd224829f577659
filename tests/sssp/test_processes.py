"""Python threads and forked processes: right distances or an error, never a crash or a hang.

Each case runs in a Python of its own: what is tested here used to end the process.
"""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest
from repository import run_python

from graphs import EdgeList, build_csr
from harness.commands.info import _numba_lines
from sssp import Solver

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")

# Random graphs whose rounds are long enough for two threads, and what is right of each root.
_GRAPHS = """
import json, os, signal, threading, numpy as np
import oracle
import sssp.paths, sssp.solver
from graphs import EdgeList, build_csr, kronecker
from harness.validation.host import validate
from sssp import EngineError, Solver, shortest_paths
def edges_of(n, dtype, seed):
    random = np.random.default_rng(seed)
    ends = random.integers(0, n, (2, 8 * n))
    weight = random.random(8 * n, np.float32) * 1000
    return EdgeList(*ends, weight.astype(dtype), n, directed=seed % 2 == 1)
edges = edges_of(1000, "f4", 1)
# The engine, though one thread is enough for such graphs.
small = sssp.solver.SMALL, sssp.paths.SMALL_EDGES
sssp.solver.SMALL = sssp.paths.SMALL_EDGES = -1
"""

_TOGETHER = """
def together(*calls):
    # Each call in a Python thread of its own, all at once; what they raise.
    errors, start = [], threading.Barrier(len(calls))
    def one(call):
        start.wait()
        try:
            call()
        except BaseException as error:
            errors.append(repr(error))
    threads = [threading.Thread(target=one, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors
def searching(solver, edges, right, times=60):
    def search():
        out = solver.new_answer()
        for k in range(times):
            root = list(right)[k % len(right)]
            solver.search(root, out)
            assert np.array_equal(out.dist, right[root]), f"wrong from {root}"
    return search
"""

LAYERS = ("omp", "workqueue")


def python(code, **environment):
    """Run code on two threads, in a Python that finds the tests; it has `print`ed JSON at last."""
    preamble = "import sys; sys.path.insert(0, 'tests/support')" + _GRAPHS + _TOGETHER
    return run_python(preamble + code, NUMBA_NUM_THREADS="2", **environment)


@pytest.mark.slow
@pytest.mark.parametrize("layer", LAYERS)
def test_python_threads_may_share_a_solver_or_have_their_own(layer):
    errors = python(
        """
right = {root: oracle.dijkstra(edges, root)[0] for root in range(5)}
csr = build_csr(edges, threads=2)
shared = Solver(csr, threads=2)
errors = together(*[searching(shared, edges, right) for _ in range(3)])
errors += together(*[searching(Solver(csr, threads=2), edges, right) for _ in range(3)])
sssp.solver.SMALL, sssp.paths.SMALL_EDGES = small
errors += together(*[searching(Solver(csr), edges, right)] * 3)
print(json.dumps(errors))
""",
        NUMBA_THREADING_LAYER=layer,
    )
    assert errors == []


@pytest.mark.slow
@pytest.mark.parametrize("layer", LAYERS)
def test_everything_public_may_be_called_by_python_threads_at_once(layer):
    errors = python(
        """
kinds = [edges_of(300, dtype, seed) for seed, dtype in enumerate(("f4", "f8", "i4"))]
right = [{root: oracle.dijkstra(edges, root)[0] for root in (0, 7)} for edges in kinds]
made = kronecker(10)
def all_of(edges, right):
    def work():
        for _ in range(5):
            solver = Solver(build_csr(edges, threads=2), threads=2)
            searching(solver, edges, right, times=4)()
            answer = solver.search(7)
            [verdict] = validate(edges, [(7, answer.dist, answer.parent)])
            assert verdict.valid
            assert np.array_equal(kronecker(10).src, made.src)
    return work
print(json.dumps(together(*map(all_of, kinds, right))))
""",
        NUMBA_THREADING_LAYER=layer,
    )
    assert errors == []


def test_a_solver_is_its_own_again_when_pickled_or_after_an_error():
    edges = EdgeList([0, 1], [1, 2], np.array([2.0, 3.0]), 3)
    solver = pickle.loads(pickle.dumps(Solver(build_csr(edges))))
    with pytest.raises(ValueError, match="root=9 is not a vertex"):
        solver.search(9)
    assert solver.search(0).dist.tolist() == [0, 2, 5]


_FORKED = """
def forked(call):
    # What a call returns in a forked child, or raises there; None where the child dies or hangs.
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        try:
            try:
                said = call()
            except Exception as error:
                said = f"{type(error).__name__}: {error}"
            os.write(writer, json.dumps(said).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return json.loads(said) if said else None
def right(dist):
    return bool(np.array_equal(dist, oracle.dijkstra(edges, 3)[0]))
"""


@pytest.mark.slow
def test_a_child_forked_after_a_search_names_the_way_out_and_searches_on_one_thread():
    said = python(
        _FORKED
        + """
csr = build_csr(edges, threads=2)
two, one = Solver(csr, threads=2), Solver(csr, threads=1)
dist, parent = two.search(3).dist, two.search(3).parent
wide = build_csr(edges_of(300, "f8", 2), threads=2)
def few():
    # One thread is enough for such graphs, and a child has it.
    sssp.solver.SMALL, sssp.paths.SMALL_EDGES = small
    return right(Solver(csr, threads=2).search(3).dist) and right(shortest_paths(edges, 3)[0])
print(json.dumps({
    "few": forked(few),
    "refused": [forked(call) for call in (
        lambda: two.search(3), lambda: Solver(csr, threads=2), lambda: build_csr(edges, 1),
        lambda: kronecker(5), lambda: shortest_paths(edges, 3, threads=1),
        lambda: validate(edges, [(3, dist, parent)]), lambda: forked(lambda: two.search(3)))],
    "right": [forked(call) for call in (
        lambda: right(one.search(3).dist), lambda: right(Solver(csr).search(3).dist),
        lambda: right(shortest_paths(csr, 3)[0]),
        lambda: forked(lambda: right(one.search(3).dist)),
        lambda: float(Solver(wide).search(0).dist[0]) == 0)],
    "still": right(two.search(3).dist)}))
""",
        NUMBA_THREADING_LAYER="omp",
    )
    assert said["few"] is True
    for error in said["refused"]:
        assert error is not None
        assert error.startswith("EngineError: this process was forked after")
        assert "get_context('spawn')" in error
    assert said["right"] == [True] * 5
    assert said["still"]


@pytest.mark.slow
@pytest.mark.parametrize("layer", LAYERS)
def test_a_child_forked_before_anything_ran_does_everything(layer):
    said = python(
        _FORKED
        + """
def everything():
    dist, parent = shortest_paths(edges, 3, threads=2)
    [verdict] = validate(edges, [(3, dist, parent)])
    return right(dist) and verdict.valid and kronecker(5).m == 512
print(json.dumps([forked(everything), forked(everything), everything()]))
""",
        NUMBA_THREADING_LAYER=layer,
    )
    assert said == [True] * 3


@pytest.mark.slow
def test_a_layer_that_survives_a_fork_is_used_in_the_child_whoever_searched_meanwhile():
    said = python(
        _FORKED
        + """
from kernels.threads import using
solver = Solver(build_csr(edges, threads=2), threads=2)
solver.search(3)
taken, done = threading.Event(), threading.Event()
def hold():
    with solver._lock, using():
        taken.set()
        done.wait()
holder = threading.Thread(target=hold)
holder.start()
taken.wait()
said = forked(lambda: right(solver.search(3).dist))
done.set()
holder.join()
print(json.dumps([said, right(solver.search(3).dist)]))
""",
        NUMBA_THREADING_LAYER="workqueue",
    )
    assert said == [True, True]


@pytest.mark.slow
def test_pools_of_forked_workers_return():
    said = python(
        """
import concurrent.futures, multiprocessing
solver = Solver(build_csr(edges, threads=2), threads=2)
dist = solver.search(3).dist
def work(threads):
    try:
        mine = solver if threads == 2 else Solver(solver.csr, threads=threads)
        return bool(np.array_equal(mine.search(3).dist, dist))
    except EngineError as error:
        return str(error)
fork, said = multiprocessing.get_context("fork"), []
with fork.Pool(2) as workers:
    said += workers.map(work, [2, 1])
with concurrent.futures.ProcessPoolExecutor(2, fork) as workers:
    said += workers.map(work, [2, 1])
print(json.dumps(said))
""",
        NUMBA_THREADING_LAYER="omp",
    )
    assert said[1::2] == [True, True]
    assert all("spawn" in error for error in said[::2])


def test_info_says_that_one_search_runs_at_a_time(monkeypatch):
    monkeypatch.setattr("numba.threading_layer", lambda: "workqueue")
    layer = dict(_numba_lines())["threading layer"]
    assert layer.startswith("workqueue: one search of a process at a time")
