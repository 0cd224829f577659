"""Shared: the generator and the search keys in plain Python, written from the specification.

One edge at a time, with integers of any size and nothing shared with the project's kernels: the
oracle for seeds, scales and redraws that the golden files do not have.
"""

from __future__ import annotations

import functools
from itertools import count

import numpy as np

P = 2**31 - 1
X, Y = 107374182, 104480


class Stream:
    """A state of the random number generator, moved on by every value taken."""

    def __init__(self, seed: tuple[int, int], steps: int = 0) -> None:
        s1, s2 = seed
        m = 0x3FFFFFFF
        z = [(s1 & m) + 1, (s1 >> 30 & m) + 1, (s2 & m) + 1, (s2 >> 30 & m) + 1]
        z.append(((s2 >> 60) << 4) + (s1 >> 60) + 1)
        for k in range(steps.bit_length()):
            if steps >> k & 1:
                z = [sum(a * b for a, b in zip(row, z, strict=True)) % P for row in power(k)]
        self.z = z

    def value(self) -> int:
        n = (X * self.z[0] + Y * self.z[4]) % P
        self.z = [n, *self.z[:4]]
        return n

    def double(self) -> float:
        a, b = self.value(), self.value()
        return a * float.fromhex("0x1.00000002p-31") + b * float.fromhex("0x1.00000004p-62")


@functools.cache
def power(bits: int) -> list[list[int]]:
    """Matrix of 2^bits steps."""
    if bits == 0:
        shift = [[int(i == j) for j in range(5)] for i in range(4)]
        return [[X, 0, 0, 0, Y], *shift]
    a = power(bits - 1)
    return [[sum(a[i][k] * a[k][j] for k in range(5)) % P for j in range(5)] for i in range(5)]


def scramble_values(seed: tuple[int, int]) -> tuple[int, int]:
    t = Stream(seed, (50 << 128) + (7 << 64))
    val0 = (t.value() * 0xFFFFFFFF + t.value()) % 2**64
    return val0, (t.value() * 0xFFFFFFFF + t.value()) % 2**64


def scramble(x: int, scale: int, val0: int, val1: int) -> int:
    def reverse(y: int) -> int:
        return int(f"{y:064b}"[::-1], 2)

    x = (x + val0 + val1) * (val0 | 0x4519840211493211) % 2**64
    x = reverse(x) >> (64 - scale)
    x = x * (val1 | 0x3050852102C843A5) % 2**64
    return reverse(x) >> (64 - scale)


def slow_edge(scale: int, seed: tuple[int, int], e: int) -> tuple[int, int, np.float32, int]:
    """Return src, dst, weight and the number of redraws of edge e."""
    t = Stream(seed, e << 64)
    src = dst = redraws = 0
    h = 2**scale
    for _ in range(scale):
        v = t.value()
        while v < 3647:
            redraws += 1
            v = t.value()
        r = v % 10000
        q = 1 if r < 1900 else 2 if r < 3800 else 0 if r < 9500 else 3
        so, to = q >> 1, q & 1
        if src == dst and so > to:
            so, to = to, so
        h //= 2
        src += h * so
        dst += h * to
    weight = np.float32(t.value()) * np.float32(2.0**-31)
    val0, val1 = scramble_values(seed)
    return scramble(src, scale, val0, val1), scramble(dst, scale, val0, val1), weight, redraws


def slow_edges(scale: int, seed: tuple[int, int], indices: range) -> list[tuple]:
    """Return (src, dst, weight) of some edges."""
    return [slow_edge(scale, seed, e)[:3] for e in indices]


def slow_keys(n, eligible, seed, wanted, escape) -> list[int]:
    """Return search keys; escape: whether any vertex will do once 2 n doubles are drawn."""
    keys: list[int] = []
    for c in count(0, 2):
        if len(keys) == wanted:
            return keys
        t = Stream(seed, (2 << 128) + 2 * c)
        root = int((t.double() + t.double()) * n) % n
        if (escape and c + 2 > 2 * n) or (root not in keys and eligible[root]):
            keys.append(root)
    raise AssertionError("unreachable")
