"""Trees of ranks: the one arc that a vertex has left. Plain arrays."""

from __future__ import annotations

import numpy as np

from kernels.atomics import prefetch
from kernels.compile import njit


@njit(cache=True)
def last_arcs(vertices, indptr, arcs, gone):
    """int64: place in `arcs` of each vertex's arc that leads to what is not gone (bool by label).

    Each of the vertices has one such arc.
    """
    places = np.empty(len(vertices), np.int64)
    for i in range(len(vertices)):
        if i + 16 < len(vertices):
            prefetch(arcs, indptr[vertices[i + 16]])
        k = indptr[vertices[i]]
        while gone[arcs[k].adj]:
            k += 1
        places[i] = k
    return places
