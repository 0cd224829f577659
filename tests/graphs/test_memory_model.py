"""What graphs/memory.py counts is what is allocated, and the way to run that fits is the best."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from repository import run_python

from graphs.device_memory import QUEUES, DeviceNeed, device_search
from graphs.memory import GIB, Need, first_that_fits, scale_that_fits
from harness.machine import memory
from harness.machine.memory import Available, choose

# One graph a line: what its arrays take, and the peak while the rows are built. In a fresh Python,
# whose kernels are compiled by a tiny graph first: what the compiler allocates would count, too.
MEASURED = """
import json, sys, tracemalloc
import numpy as np
import graphs.arc_stream
from graphs import EdgeList, build_csr, kronecker
from graphs.comm import SerialComm
from sssp import Solver

def edges_of(scale, dtype, directed):
    made = kronecker(scale)
    return EdgeList(made.src, made.dst, made.weight.astype(dtype), made.n, directed)

def measured(edges):
    graphs.arc_stream.SLICE_EDGES = 2**12  # what is made of a slice is little beside the graph
    tracemalloc.start()
    csr = build_csr(edges, threads=2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    solver = Solver(csr, "cpu", threads=2, comm=SerialComm())  # the engine, however small
    engine, answer = solver._engine, solver.new_answer()
    return {
        "n": edges.n, "edges": edges.m, "arcs": csr.arcs, "peak": peak, "rows": csr.nbytes,
        "edge_list": sum(a.nbytes for a in (edges.src, edges.dst, edges.weight)),
        "state": engine.state.words.nbytes, "queues": engine.queues.entries.nbytes,
        "capacity": engine.queues.entries.shape[1],
        "answer": answer.dist.nbytes + answer.parent.nbytes,
    }

print(json.dumps([
    [measured(edges_of(scale, dtype, directed)) for scale in (4, 10, 12, 14, 16)][1:]
    for directed in (False, True)
    for dtype in ("float32", "float64")
]))
"""
KINDS = [(4, False), (8, False), (4, True), (8, True)]  # bytes of a weight; is it directed?


@pytest.fixture(scope="module")
def all_measured():
    return dict(zip(KINDS, run_python(MEASURED), strict=True))


@pytest.fixture(params=KINDS)
def measured(request, all_measured):
    """Bytes of a weight, whether the graph is directed, and what its arrays take at each scale."""
    return *request.param, all_measured[request.param]


@pytest.mark.slow
def test_edges_rows_and_answers_of_a_host_are_counted_to_the_byte(measured):
    size, directed, graphs = measured
    for graph in graphs:
        n, arcs = graph["n"], graph["arcs"]
        assert graph["edge_list"] == Need(n, graph["edges"], size).edge_list
        if not directed:  # with parallel arcs gone; bounds and ids have an entry more than vertices
            assert graph["rows"] == Need(n, arcs // 2, size).rows + 8 + 4
        assert graph["answer"] + 4 * n == Need(n, arcs, size).answer, "4 marks a vertex"


@pytest.mark.slow
def test_states_and_queues_of_a_host_are_counted_to_the_byte(measured):
    size, _, graphs = measured
    for graph in graphs:
        need = device_search(graph["n"], graph["capacity"], graph["arcs"], size, size, QUEUES)
        assert (graph["state"], graph["queues"]) == (need.state, need.queues)


@pytest.mark.slow
def test_construction_on_a_host_takes_no_more_than_said_and_not_much_less(measured):
    size, _, graphs = measured
    for graph in graphs:
        said = Need(graph["n"], graph["edges"], size).construction
        # Levels are counted, and rows sorted, in room of a fixed size.
        assert graph["peak"] <= said + 4 * 2**20
    assert graph["peak"] > 0.7 * said, "where the graph is large beside that room"


@dataclass(frozen=True)
class HalfOfTheArcs(Need):
    """A mode that keeps half of the arcs, and needs a byte a vertex for which."""

    @property
    def search(self) -> int:
        half = Need(self.n, self.edges // 2, self.weight_bytes, ranks=self.ranks)
        return half.search + self._share(self.n)


def test_a_mode_that_keeps_fewer_arcs_overrides_what_differs(monkeypatch):
    whole, half = Need(2**20, 2**24), HalfOfTheArcs(2**20, 2**24)
    assert half.search == whole.search - 8 * 2**24 + 2**20
    half = HalfOfTheArcs(2**20, 2**24, edges_kept=False)
    monkeypatch.setattr(memory, "available", lambda: Available(half.total, "this test"))
    chosen = choose(half)
    assert (type(chosen), chosen.total) == (HalfOfTheArcs, half.total)
    assert first_that_fits([whole], half.total) is None


@pytest.mark.parametrize("kind", [Need, DeviceNeed])
def test_the_scale_that_fits_is_the_largest(kind):
    room = 30 * GIB
    said = scale_that_fits([kind(2**30, 2**34)], room)
    scale = int(said.removeprefix("scale ").removesuffix(" fits"))
    assert kind(2**scale, 2 ** (scale + 4)).total <= room
    assert kind(2 ** (scale + 1), 2 ** (scale + 5)).total > room
    assert scale_that_fits([kind(2**30, 2**34)], 1000) == "no scale fits"


@pytest.mark.parametrize("kind", [Need, DeviceNeed])
@pytest.mark.parametrize("size", [4, 8])
def test_the_margin_is_for_the_last_way_alone(kind, size):
    kept, again = (kind(2**20, 2**24, size, edges_kept=keep) for keep in (True, False))
    assert first_that_fits([kept, again], kept.total + 9, margin=9) == kept
    assert first_that_fits([kept, again], kept.total + 8, margin=9).edges_kept is False
    assert first_that_fits([kept], kept.total, margin=9) == kept
    assert first_that_fits([again], again.total, margin=again.total) == again
    assert first_that_fits([again], again.total - 1) is None
