"""What is chosen for a graph, on both sides of every threshold."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from ranks import on_ranks
from strategies import edge_list

from graphs import build_csr
from graphs.csr import CSR
from graphs.edges import EdgeList
from graphs.levels import LEVEL_VERTICES, MOST_LEVELS
from graphs.partition import part_of
from graphs.vertex_order import HUB_SHARE, LONG_ROWS
from kernels.push import NEVER
from sssp.tuning import EXPANDS, choose


def ring_with_hub(spokes: int) -> EdgeList:
    """80 vertices in a ring, of which one has `spokes` edges more."""
    ends = [(v, (v + 1) % 80) for v in range(80)] + [(0, v) for v in range(2, 2 + spokes)]
    return edge_list(ends, np.linspace(0.1, 1, len(ends)), 80)


def star(vertices: int, isolated: int = 0) -> EdgeList:
    ends = [(0, v) for v in range(1, vertices)]
    return edge_list(ends, np.linspace(0.1, 1, len(ends)), vertices + isolated)


def even_rows(arcs: int, more: int, directed: bool) -> EdgeList:
    """100 vertices with `arcs` arcs each, and `more` edges more."""
    steps = arcs if directed else arcs // 2
    ends = [(v, (v + step) % 100) for v in range(100) for step in range(1, steps + 1)]
    ends += [(v, v + 50) for v in range(more)]
    return edge_list(ends, np.linspace(0.1, 1, len(ends)), 100, directed)


def path(vertices: int) -> EdgeList:
    return edge_list([(v, v + 1) for v in range(vertices - 1)], np.ones(vertices - 1), vertices)


def star_with_tail(leaves: int) -> EdgeList:
    """A hub with `leaves` neighbours, the last of which begins a path."""
    ends = [(0, v) for v in range(1, leaves + 1)] + [(v, v + 1) for v in range(leaves, leaves + 50)]
    return edge_list(ends, np.ones(len(ends)), 2 * LEVEL_VERTICES + 100)


def built(edges: EdgeList, read: Callable[[CSR], object]) -> list:
    """What kernel 1 found of a graph, in one process and on two ranks."""

    def work(comm):
        csr = build_csr(part_of(edges, comm.rank, 2), threads=1, comm=comm)
        return read(csr)

    return [read(build_csr(edges)), *on_ranks(2, work)]


def test_the_thresholds_are_those_of_these_tables():
    assert (HUB_SHARE, LONG_ROWS, EXPANDS) == (0.25, 8, 10)
    assert (LEVEL_VERTICES, MOST_LEVELS) == (8192, 64)


# Of 160 arcs and two for each spoke, the five vertices with the most hold 14 and one for each.
@pytest.mark.parametrize("spokes, hubs", [(0, False), (52, False), (53, True), (77, True)])
def test_hubs_hold_more_than_a_quarter_of_the_arcs(spokes, hubs):
    csr = build_csr(ring_with_hub(spokes))
    degree = np.sort(np.diff(csr.out.indptr))
    assert (degree[-5:].sum() > degree.sum() / 4) == hubs
    assert csr.stats.hubs == hubs


@pytest.mark.parametrize("vertices, hubs", [(64, False), (65, True)])
def test_a_graph_of_64_vertices_has_no_hubs(vertices, hubs):
    """Vertices without an edge do not count."""
    assert built(star(vertices, isolated=40), lambda csr: csr.stats.hubs) == [hubs] * 3


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("more, long", [(0, False), (1, True)])
def test_rows_of_more_than_eight_arcs_on_average_are_long(directed, more, long):
    edges = even_rows(8, more, directed)
    assert edges.m == (800 if directed else 400) + more
    assert built(edges, lambda csr: csr.stats.long_rows) == [long] * 3


# From the second vertex of a path, each level but the first finds one vertex more, until more than
# half of them are found.
@pytest.mark.parametrize(
    "edges, levels",
    [
        (path(22), 10),
        (path(23), 10),
        (path(24), 11),
        (path(128), 63),
        (path(130), 64),
        (path(132), 64),
        (path(1000), 64),
        (star_with_tail(8190), 2),
        (star_with_tail(8191), 1),
        (star_with_tail(8140), 52),
    ],
    ids=lambda given: str(given) if isinstance(given, int) else f"{given.m} edges",
)
def test_levels_are_counted_until_enough_is_found(edges, levels):
    assert built(edges, lambda csr: csr.stats.levels) == [levels] * 3


@pytest.mark.parametrize("heaviest, kind", [(2**32 - 2, "uint32"), (2**32 - 1, "float64")])
def test_integers_are_added_in_32_bits_where_one_weight_fits(heaviest, kind):
    """The largest number of 32 bits stands for an unreached vertex."""
    edges = edge_list([(0, 1), (1, 2)], [0, heaviest], 3, dtype=np.int64)
    assert built(edges, lambda csr: csr.kind) == [kind] * 3


def quantile(csr, share):
    return np.quantile(csr.stats.sample.astype(np.float64), share)


def test_few_levels_and_short_even_rows_pull_when_half_is_settled():
    chosen = choose(build_csr(path(22)))
    assert (chosen.stop_at_bucket_end, chosen.switch, chosen.switch_settled) == (False, 0.5, 12)
    assert (chosen.switch_arcs, chosen.delta) == (0, 1.0)


@pytest.mark.parametrize("more, early, switch", [(0, False, None), (1, True, 0.5)])
def test_a_directed_graph_pulls_where_incoming_rows_are_kept(more, early, switch):
    csr = build_csr(even_rows(8, more, directed=True))
    assert (csr.incoming is None) == (switch is None) and csr.stats.levels <= 10
    chosen = choose(csr)
    assert (chosen.stop_at_bucket_end, chosen.switch) == (early, switch)
    assert chosen.switch_settled == (NEVER if switch is None else 51)


def test_many_levels_make_wider_buckets_and_never_a_pull():
    """Also where rows are long and there are hubs."""
    assert choose(build_csr(path(24))).delta == pytest.approx(2.6)
    cliques = [(12 * c + i, 12 * c + j) for c in range(40) for i in range(12) for j in range(i)]
    cliques += [(12 * c, 12 * c + 12) for c in range(39)]
    csr = build_csr(edge_list(cliques, np.linspace(0, 1, len(cliques)), 480))
    assert csr.stats.long_rows and csr.stats.levels > 10
    chosen = choose(csr)
    assert (chosen.stop_at_bucket_end, chosen.switch, chosen.switch_settled) == (False, None, NEVER)
    assert chosen.delta == pytest.approx(
        2.6 * np.quantile(csr.stats.sample[csr.stats.sample > 0], 0.5)
    )


def test_few_levels_and_long_rows_stop_early_and_pull_when_half_is_settled():
    csr = build_csr(even_rows(8, 1, False))
    assert not csr.stats.hubs and csr.stats.levels <= 10
    chosen = choose(csr)
    assert (chosen.stop_at_bucket_end, chosen.switch, chosen.switch_settled) == (True, 0.5, 51)
    assert chosen.switch_arcs == 0
    assert chosen.delta == pytest.approx(quantile(csr, 2 * 100 / csr.stats.arcs))


def test_hubs_pull_when_few_are_settled_that_hold_a_third_of_the_arcs():
    csr = build_csr(ring_with_hub(77))
    assert csr.stats.hubs and not csr.stats.long_rows
    chosen = choose(csr)
    assert (chosen.stop_at_bucket_end, chosen.switch, chosen.switch_settled) == (False, 0.025, 3)
    assert chosen.switch_arcs == csr.stats.arcs // 3
    assert chosen.delta == pytest.approx(quantile(csr, 0.05 * 80 / csr.stats.arcs))


def test_buckets_are_chosen_wider_and_a_given_width_is_kept():
    csr = build_csr(ring_with_hub(77))
    assert choose(csr, wider=4.0).delta == 4 * choose(csr).delta
    assert choose(csr, 0.125, wider=4.0).delta == 0.125
