"""What is compiled ahead of the clock: all that a search may call."""

from __future__ import annotations

import numpy as np
import pytest
from repository import run_python

from graphs import build_csr, search_keys
from graphs.comm import SerialComm
from graphs.partition import part_of
from graphs.thread_comm import ThreadComm, on_threads
from harness.benchmark.tiny_graphs import KINDS, tiny_graphs, warm_up
from sssp import Solver
from sssp.cpu import CPUEngine


def parts(edges, comm):
    """Search as the warm-up does: does it pull, and are there hubs, leaves, isolated vertices?"""
    own = part_of(edges, comm.rank, comm.size)
    csr = build_csr(own, comm=comm)
    (root,) = search_keys(csr.stats.n, csr.degree_positive, count=1, comm=comm)
    solver = Solver(csr, engine="cpu", comm=comm)
    solver.search(int(root))
    layout = csr.layout
    return solver._engine.pulled, csr.stats.hubs, len(layout.leaves) > 0, len(layout.isolated) > 0


@pytest.mark.parametrize("dtype, directed", KINDS)
def test_the_graphs_of_the_warm_up_take_every_step_of_a_search(dtype, directed):
    edges = tiny_graphs(np.dtype(dtype), directed)[0]
    expected = (True, True, not directed, True)
    assert parts(edges, SerialComm()) == expected
    found = []
    on_threads(2, lambda comm: found.append(parts(edges, comm)), ThreadComm)
    assert found == [expected] * 2


def test_the_process_that_compiles_the_pull_does_not_compile_the_push(monkeypatch):
    """Two processes that come to a kernel at the same time both compile it."""
    called, pull = [], CPUEngine.pull

    def pulls(engine, floor):
        called.append("pull")
        pull(engine, floor)

    monkeypatch.setattr(CPUEngine, "pull", pulls)
    monkeypatch.setattr(CPUEngine, "relax", lambda engine, lo: pytest.fail("it pushes"))
    warm_up("float32", False, "cpu", halves=["pull"])
    assert called == ["pull"]


# Nothing that a search calls is met for the first time: numba keeps what it has loaded or compiled.
PRESOLVED = """
import gc, json, sys
from numba.core.dispatcher import Dispatcher
import graphs.rank_core
from graphs import build_csr, kronecker
from graphs.comm import SerialComm
from graphs.partition import part_of
from graphs.thread_comm import ThreadComm, on_threads
from harness.benchmark.tiny_graphs import warm_up
from sssp import Solver

size, copied = map(int, sys.argv[1:])
edges = kronecker(14)

def kernels():
    found = [d for d in gc.get_objects() if isinstance(d, Dispatcher)]
    return {f"{d.py_func.__module__}.{d.__name__}": len(d.overloads) for d in found}

def search(comm):
    csr = build_csr(part_of(edges, comm.rank, comm.size), comm=comm, presolve=True)
    solver = Solver(csr, engine="cpu", comm=comm)
    for root in edges.src[:4].tolist():
        solver.search(root)
    return solver._engine.pulled

warm_up("float32", False, "cpu", False, ranks=size > 1, presolve=True)
before = kernels()
graphs.rank_core.COPIED_ARCS = copied
pulled = search(SerialComm()) if size == 1 else all(on_threads(size, search, ThreadComm))
after = kernels()
print(json.dumps([pulled, {name: n for name, n in after.items() if n > before.get(name, 0)}]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("size, copied", [(1, 0), (2, 1 << 24), (2, 0)])
def test_a_presolved_search_compiles_nothing_after_the_warm_up(size, copied):
    code = f"import sys; sys.argv[1:] = ['{size}', '{copied}']\n{PRESOLVED}"
    assert run_python(code) == [True, {}]
