"""What threads share: no line of counters, no page that another writes first, one pass's work."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from graphs import build_csr, kronecker
from graphs.pages import lazy_zeros
from kernels import pull, push, queues, sweep
from kernels.groups import Queues, State
from kernels.tentative import UNREACHED
from kernels.threads import thread_count, using
from sssp import Solver
from sssp.cpu import CPUEngine
from sssp.tuning import choose

LINE = 64  # bytes


@pytest.fixture(scope="module")
def rows():
    return build_csr(kronecker(14), threads=1)


def lines(words: np.ndarray) -> range:
    """The cache lines on which an array lies."""
    return range(words.ctypes.data // LINE, (words.ctypes.data + words.nbytes - 1) // LINE + 1)


def test_counters_and_fifos_of_threads_share_no_cache_line(rows):
    """Wherever an allocation begins: of several engines, all would have to be lucky."""
    engines = [CPUEngine(rows, choose(rows), threads) for threads in range(2, 8)]
    for engine in engines:
        assert_lines_of_their_own(engine.queues)


def assert_lines_of_their_own(made: Queues) -> None:
    words = (queues.NEAR_COUNT, queues.NEXT_TAIL, queues.FAR_TAIL, queues.TURN, queues.HEAP_SIZE,
             queues.PHASES, queues.STOP, queues.NEAR, queues.OUT_TAIL)  # fmt: skip
    parts = [*made.thread_counters, *made.fifos, *(made.control[word:][:1] for word in words)]
    on = [line for part in parts for line in lines(part)]
    assert len(on) == len(set(on))
    # Which queue is which is read by all threads while the tails are written.
    assert lines(made.control[queues.NEAR :][:4]) == lines(made.control[queues.NEAR :][:1])


def faults() -> dict[str, int]:
    """Pages that each thread of this process was the first to touch."""
    found = {}
    for task in Path("/proc/self/task").iterdir():
        after_name = (task / "stat").read_text().rpartition(")")[2].split()
        found[task.name] = int(after_name[7])
    return found


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="no page faults by thread here")
@pytest.mark.skipif(thread_count() < 2, reason="needs two threads")
def test_pages_of_state_and_answer_are_first_written_by_the_threads_that_write_them():
    n, unreached = 1 << 18, UNREACHED["float32"]
    touched = []
    for _ in range(2):  # the first compiles
        words, dist, parent = (lazy_zeros(n, kind) for kind in ("u8", "f4", "i8"))
        with using(2):
            before = faults()
            sweep.reset(2, 0, n, n, State(words, unreached))
            sweep.clear(2, dist, parent)
            touched = sorted(count - before.get(task, 0) for task, count in faults().items())
    pages = (words.nbytes + dist.nbytes + parent.nbytes) // os.sysconf("SC_PAGE_SIZE")
    assert sum(touched) >= pages
    assert touched[-2] >= 0.4 * pages


def test_a_new_answer_is_written_by_the_threads_of_its_solver(rows, monkeypatch):
    calls, clear = [], sweep.clear
    monkeypatch.setattr(sweep, "clear", lambda *given: (calls.append(given), clear(*given)))
    answer = Solver(rows, threads=2, delta=0.1).new_answer()
    [(threads, dist, parent)] = calls
    assert threads == 2 and dist is answer.dist and parent is answer.parent
    assert np.isinf(answer.dist).all() and (answer.parent == -1).all()


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("budget", [0, 3000, 10**9])
def test_settled_rows_are_pushed_to_their_end_in_shares(rows, threads, budget):
    """More rows are queued than one share takes, some of them twice; holes between them."""
    drawn = np.random.default_rng(budget)
    engine = CPUEngine(rows, choose(rows), threads)
    core = len(rows.layout.rows)
    root, length = int(rows.global_id[0]), np.diff(rows.out.indptr)[:core]
    dist = Solver(rows, threads=1).search(root).dist[rows.global_id[:core]]
    below = np.quantile(dist, 0.7)
    dist[dist >= below] = np.inf
    engine.stepwise = True
    engine.reset(root)
    engine.state.words[:core] = dist.view(np.uint32).astype(np.uint64) << np.uint64(32)
    engine.queues.control[queues.HEAP_SIZE] = 0
    queued = np.flatnonzero(dist < below)
    assert len(queued) > 2 * push.SEEN_ALONE
    offset = drawn.integers(0, length[queued])
    entries = np.zeros(len(queued) + 300, engine.entry)
    entries["vertex"] = -1
    at = np.sort(drawn.permutation(len(entries))[: len(queued)])
    entries["vertex"][at], entries["offset"][at] = queued, offset
    entries["dist"][at] = dist[queued].view(np.uint32)
    half, control = len(entries) // 2, engine.queues.control
    engine.queues.entries[control[queues.NEAR]][:half] = entries[:half]
    engine.queues.entries[control[queues.FAR]][: len(entries) - half] = entries[half:]
    control[queues.NEAR_COUNT], control[queues.FAR_TAIL] = half, len(entries) - half
    with using(min(threads, thread_count())):
        found = pull.push_settled(
            below.view(np.uint32), budget, engine.ranges, rows.out, engine.state, engine.queues
        )
    # By bins of distance, the nearest first, as long as the budget lasts.
    bins = (dist[queued].astype(np.float64) * (256 / np.float64(below))).astype(np.int64)
    left = np.cumsum(np.bincount(bins, length[queued] - offset, 256))
    pushed = bins < np.count_nonzero(left <= budget)
    expected = dist.copy()
    for u, first in zip(queued[pushed], offset[pushed], strict=True):
        arcs = rows.out.arcs[rows.out.indptr[u] + first : rows.out.indptr[u + 1]]
        arcs = arcs[arcs["adj"] < core]
        np.minimum.at(expected, arcs["adj"], dist[u] + arcs["weight"])
    assert np.uint32(found).view(np.float32) == dist[queued[~pushed]].min(initial=below)
    got = (engine.state.words[:core] >> np.uint64(32)).astype(np.uint32).view(np.float32)
    assert np.array_equal(got, expected)
    counted = engine.queues.thread_counters[:, queues.ARCS]
    assert counted.sum() == (length[queued] - offset)[pushed].sum()
