"""Threads are bound to cores while kernels run, and the process is left as it was."""

import os

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


@pytest.mark.skipif(threads.thread_count() < 2, reason="one thread alone is never bound")
def test_where_all_cores_are_used_each_thread_has_its_own():
    if not threads._Binding().possible:
        pytest.skip("the environment binds threads, or the system cannot")
    count = threads.available_cores()
    if count > numba.config.NUMBA_NUM_THREADS:
        pytest.skip("numba was started with fewer threads than there are cores")
    with threads.using(count):
        ids = np.zeros(count, np.int32)
        threads._thread_ids(ids)
        masks = [frozenset(os.sched_getaffinity(thread)) for thread in ids.tolist()]
    assert len(set(masks)) == count
    assert all(len(mask) == 1 for mask in masks)


def test_the_users_own_binding_counts(monkeypatch):
    monkeypatch.setenv("OMP_PROC_BIND", "close")
    assert not threads._Binding().possible
