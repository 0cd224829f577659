"""Threads are bound to cores while kernels run, and the process is left as it was."""

import os
import threading

import numba
import numpy as np
import pytest

from graphs import build_csr, kronecker
from kernels import threads
from sssp import Solver

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity"), reason="this system has no affinity masks"
)


def test_a_search_leaves_affinity_and_numba_threads_as_they_were():
    cores, count = os.sched_getaffinity(0), numba.get_num_threads()
    csr = build_csr(kronecker(12))
    for asked in (None, 1, 2, 3):
        Solver(csr, threads=asked).search(int(csr.global_id[0]))
        assert os.sched_getaffinity(0) == cores
        assert numba.get_num_threads() == count


def test_an_error_inside_leaves_them_as_well():
    cores, count = os.sched_getaffinity(0), numba.get_num_threads()
    with pytest.raises(KeyError), threads.using(threads.thread_count()):
        raise KeyError
    assert os.sched_getaffinity(0) == cores
    assert numba.get_num_threads() == count


BOUND = pytest.mark.skipif(
    not threads._Binding().possible
    or not 2 <= threads.available_cores() <= numba.config.NUMBA_NUM_THREADS,
    reason="one thread alone is never bound, nor are fewer than there are cores",
)


@BOUND
def test_where_all_cores_are_used_each_thread_has_its_own():
    count = threads.available_cores()
    with threads.using(count):
        ids = np.zeros(count, np.int32)
        threads._thread_ids(ids)
        others = set(ids.tolist()) - {threading.get_native_id()}
        bound = [core for thread in others for core in os.sched_getaffinity(thread)]
        own = threads._core()
    assert len(others) == count - 1
    assert sorted([own, *bound]) == sorted(os.sched_getaffinity(0))


@BOUND
def test_a_thread_that_was_moved_to_the_core_of_another_goes_back():
    count, cores = threads.available_cores(), os.sched_getaffinity(0)
    with threads.using(count):
        own = threads._core()
    os.sched_setaffinity(0, cores - {own})
    os.sched_setaffinity(0, cores)
    with threads.using(count):
        assert threads._core() == own
    assert os.sched_getaffinity(0) == cores


@BOUND
def test_with_fewer_cores_than_threads_none_is_bound():
    count, cores = threads.available_cores(), os.sched_getaffinity(0)
    with threads.using(count):
        own = threads._core()
    few = set(list(cores - {own})[:1])
    os.sched_setaffinity(0, few)
    try:
        with threads.using(count):
            assert os.sched_getaffinity(0) == few
        assert os.sched_getaffinity(0) == few
    finally:
        os.sched_setaffinity(0, cores)


def test_the_users_own_binding_counts(monkeypatch):
    monkeypatch.setenv("OMP_PROC_BIND", "close")
    assert not threads._Binding().possible
