"""The generator: edges a second, held in memory or slice by slice."""

from __future__ import annotations

from graphs import KroneckerStream, kronecker

SCALE = 18
ROUNDS = {"rounds": 5, "iterations": 1, "warmup_rounds": 1}


def bench_edges_held(benchmark):
    benchmark.group = f"generator, scale {SCALE}"
    edges = benchmark.pedantic(kronecker, args=(SCALE,), **ROUNDS)
    assert edges.m == 16 * 2**SCALE


def bench_edges_slice_by_slice(benchmark):
    benchmark.group = f"generator, scale {SCALE}"

    def run():
        return sum(part.m for part in KroneckerStream(SCALE).slices())

    assert benchmark.pedantic(run, **ROUNDS) == 16 * 2**SCALE
