"""Kernel 1: from an edge list in memory to sorted rows without parallel arcs."""

from __future__ import annotations

from graphs import build_csr

SCALE = 18


def bench_build_csr(benchmark, edges, threads):
    benchmark.group = f"kernel 1, scale {SCALE}"
    made = benchmark.pedantic(
        build_csr, args=(edges(SCALE), threads), rounds=5, iterations=1, warmup_rounds=1
    )
    assert 0 < made.arcs < 2 * edges(SCALE).m
