"""The steps of a search, each by itself: reset, push, pull, the pushes after it, the answer.

A round starts from the next search key; what comes before the step is done outside the clock.
"""

from __future__ import annotations

import math

import pytest

from kernels.threads import using
from sssp import Solver
from sssp.cpu import CPUEngine
from sssp.tuning import choose

pytestmark = pytest.mark.parametrize("scale", [16, 18])


@pytest.fixture
def step(benchmark, rows, keys, scale, threads):
    """Measure one step of searches; `before` brings an engine to where it begins."""
    graph = rows(scale)
    engine = CPUEngine(graph, choose(graph), threads)
    engine.stepwise = True
    roots = keys(scale)

    def measure(name, do, before=lambda engine: None):
        def setup():
            engine.reset(next(roots))
            before(engine)
            return (engine,), {}

        benchmark.group = f"{name}, scale {scale}"
        with using(threads):
            benchmark.pedantic(do, setup=setup, rounds=32, iterations=1, warmup_rounds=2)

    return measure


def push(engine):
    """Push until the rest should pull, or nothing is queued."""
    while not engine.wants_pull(*engine.settled()) and (lo := engine.nearest()) < math.inf:
        engine.relax(lo)


def pull(engine):
    if engine.wants_pull(*engine.settled()):
        engine.pull(engine.push_settled(engine.nearest()))


def bench_reset(step, keys, scale):
    root = next(keys(scale))
    step("1 reset", lambda engine: engine.reset(root))


def bench_push(step):
    step("2 push", push)


def bench_pull(step):
    step("3 pull", pull, before=push)


def bench_push_after_the_pull(step):
    def before(engine):
        push(engine)
        pull(engine)

    step("4 push what is left", push, before)


def bench_answer(step, rows, scale):
    out = Solver(rows(scale)).new_answer()

    def before(engine):
        push(engine)
        pull(engine)
        push(engine)

    step("5 answer", lambda engine: engine.result(out), before)
