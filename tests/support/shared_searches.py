"""Shared: searches by ranks of a node that read each other's memory, as a program for mpirun.

    python -m mpi4py tests/support/shared_searches.py ANSWERS RANKS,NODES,SHARED ...

One start serves several cases, each by its first RANKS ranks: they must be NODES nodes, and share
memory if SHARED is 1. The answers go to ANSWERS, an .npz.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from first_ranks import first_ranks
from strategies import make_edges

from graphs import kronecker
from graphs.csr import build_csr
from graphs.edges import EdgeList
from graphs.partition import part_of
from sssp import Solver
from sssp.mpi_comm import MPIComm
from sssp.shared_memory import ALLOWED

KINDS = [("even", "float32"), ("a_third_zero", "float64"), ("tiny", "float32"), ("even", "int64")]


def searches() -> Iterator[tuple[EdgeList, list[int]]]:
    """Graphs with hubs, of every type of weight and either way, and the roots to search from."""
    graphs = [kronecker(12), kronecker(9, seed=(4, 5))]
    for seed in range(12):
        weights, dtype = KINDS[seed % 4]
        edges = make_edges(900, "multigraph", weights, np.dtype(dtype), seed % 3 == 0, seed)
        hub = np.random.default_rng(seed).integers(0, 20, edges.m // 2)
        edges.src[: len(hub)] = hub
        graphs.append(edges)
    for edges in graphs:
        yield edges, edges.src[:6].tolist()


def answers(comm: MPIComm, nodes: int) -> list[np.ndarray]:
    """Search; the first rank gets dist and parent of the whole graph, for each graph and root."""
    found = []
    for edges, roots in searches():
        csr = build_csr(part_of(edges, comm.rank, comm.size), threads=1, comm=comm)
        assert csr.halo is not None and csr.halo.nodes == nodes
        solver = Solver(csr, engine="cpu", threads=1, comm=comm)
        # Nothing between searches: a rank may be ahead of others that still read the last one.
        answers = [solver.search(root) for root in roots]
        parts = [(answer.dist, answer.parent) for answer in answers]
        by_rank = comm.comm.gather(parts)
        if by_rank is not None:
            for blocks in zip(*by_rank, strict=True):
                found += [np.concatenate(block) for block in zip(*blocks, strict=True)]
    return found


def main(path: str, *cases: str) -> None:
    kept: dict[str, Any] = {}
    for case in cases:
        ranks, nodes, shared = map(int, case.split(","))
        os.environ[ALLOWED] = str(shared)
        for comm in first_ranks(ranks):
            for i, array in enumerate(answers(comm, nodes)):
                kept[f"{case} {i}"] = array
    if kept and comm.rank == 0:
        np.savez(path, **kept)


if __name__ == "__main__":
    main(*sys.argv[1:])
