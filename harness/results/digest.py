"""A fingerprint of distances: equal distances have equal ones, whatever computed them.

The sum, modulo 2^64, of a hash of (vertex, distance) over the reached vertices. A sum, so that each
rank adds up its own block, in any order. The hash is the finalizer of splitmix64 (G. L. Steele,
D. Lea, C. H. Flood, OOPSLA 2014), twice. A distance counts by its value, as float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphs.comm import Comm, SerialComm

# Vertices at once: what is computed of them stays in the cache.
_CHUNK = 2**14
_HALF = np.uint64(0xFFFFFFFF)


def dist_digest(dist: np.ndarray, first: int = 0, comm: Comm | None = None) -> str:
    """Return the fingerprint of an answer's distances: 16 hexadecimal digits, on every rank.

    Parameters
    ----------
    dist : float32 or float64 (n_own,)
        Distances of this rank's block; inf where unreached.
    first : int
        The block's first vertex.
    comm : Comm, optional
        The ranks that hold the other blocks.
    """
    comm = comm or SerialComm()
    total = 0
    for start in range(0, len(dist), _CHUNK):
        part = dist[start : start + _CHUNK].astype(np.float64) + 0.0  # no -0.0
        reached = np.flatnonzero(part < np.inf)
        vertex = reached.astype(np.uint64) + np.uint64(first + start)
        hashed = _mixed(_mixed(vertex) ^ part[reached].view(np.uint64))
        total += int(hashed.sum(dtype=np.uint64))
    # In halves, as no sum over ranks may pass what an int64 holds.
    low, high = comm.allreduce_sum([total & int(_HALF), total >> 32 & int(_HALF)]).tolist()
    return _words(low + (high << 32))


def device_digest(device: Any, dist: Any) -> str:
    """Return the same of all distances of a graph, on a device; only the sum comes back."""
    found = device.xp.zeros(1, np.uint64)
    device.module("digest.cu").launch(
        f"digest_{dist.dtype.itemsize}", len(dist), dist, np.int64(len(dist)), found
    )
    return _words(int(device.to_host(found)[0]))


def _words(total: int) -> str:
    return f"{total % 2**64:016x}"


def _mixed(x: np.ndarray) -> np.ndarray:
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
