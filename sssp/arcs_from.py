"""Arcs of an edge list, and of rows that kernel 1 has built."""

from __future__ import annotations

import numpy as np

from graphs.csr import CSR
from graphs.edges import EdgeList, check_edges
from sssp.arcs import MOST_IDS, Arcs


def _numbered(lengths: np.ndarray, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of rows of such lengths, and their indices: int32 where that does, as of SciPy."""
    ids = np.int32 if max(len(lengths), len(indices)) < MOST_IDS else np.int64
    indptr = np.zeros(len(lengths) + 1, ids)
    np.cumsum(lengths, out=indptr[1:])
    return indptr, indices.astype(ids, copy=False)


def arcs_of_edges(edges: EdgeList) -> Arcs:
    """An edge list, checked, as arcs: parallel ones and self loops stay."""
    check_edges(edges)
    src, dst, weight = edges.src, edges.dst, edges.weight
    if not edges.directed:
        src, dst = np.append(src, dst), np.append(dst, src)
        weight = np.append(weight, weight)
    order = np.argsort(src, kind="stable")
    return Arcs(*_numbered(np.bincount(src, minlength=edges.n), dst[order]), weight[order])


def arcs_of_rows(csr: CSR) -> Arcs:
    """The rows of one process as arcs of original ids."""
    starts = csr.out.indptr[csr.local_id]
    lengths = csr.out.indptr[csr.local_id + 1] - starts
    at = np.repeat(starts - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
    weight = csr.out.weight[at]
    if csr.stats.weight_dtype.kind in "iub":
        weight = weight.astype(np.int64 if csr.kind == "uint32" else np.float64)
    arcs = Arcs(*_numbered(lengths, csr.global_id[csr.out.adj[at]]), weight)
    arcs.integers = csr.stats.weight_dtype.kind in "iub"
    return arcs
