"""What is compiled ahead of the clock: all that a search may call."""

from __future__ import annotations

import numpy as np
import pytest

from graphs import build_csr, search_keys
from graphs.comm import SerialComm
from graphs.partition import part_of
from graphs.thread_comm import ThreadComm, on_threads
from harness.benchmark.warmup import KINDS, tiny_graphs
from sssp import Solver


def parts(edges, comm, presolve=False):
    """Search as the warm-up does: does it pull, and are there hubs, leaves, isolated vertices?"""
    own = part_of(edges, comm.rank, comm.size)
    csr = build_csr(own, comm=comm, presolve=presolve)
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
    if not directed:
        assert parts(edges, SerialComm(), presolve=True)[:3] == (True, True, True)
