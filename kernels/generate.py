"""Kronecker edges of the Graph500 generator, to the bit, for any slice of the edge list.

Edge e starts 2^64 values after edge e - 1 and draws one quadrant of the adjacency matrix for each
level, then its weight. LANES consecutive edges go through the levels together, so that the
compiler puts several of them into one instruction:

- `append` turns a value's remainder by 10000 into one comparison without a division and shifts
  the outcome into a word; after L levels three words hold L bits each, the top level highest.
- `ends` reads both ends of an edge off its three words, all levels at once.
- A value below LEAST has to be drawn again, once in 590,000 draws. A block goes on as if that had
  not happened; afterwards `_draw_again` makes the edges it did happen to.
- One matrix product moves every lane to its edge of the next block.

Source: Graph500 specification V2.0, section 3; reference code 3.0.1, generator/.
"""

from __future__ import annotations

import numpy as np

from kernels.compile import inlined, njit, part
from kernels.parallel import on_threads
from kernels.quadrants import (
    BOUND_A,
    BOUND_B,
    BOUND_C,
    LEAST,
    ONE,
    append,
    ends,
    scramble,
    scramble_values,
    weight_of,
)
from kernels.rng import (
    P,
    inner_product,
    next_value,
    seed_state,
    skip,
    transitions,
)
from kernels.threads import using

EDGE_STRIDE_BITS = 64
LANE_BITS = 7
LANES = 2**LANE_BITS
CHUNK = 2**15  # edges that a thread takes at a time, a multiple of LANES
UNROLLED = 5  # levels between a load and a store of a lane's words

# A block's work array, rows of LANES uint64: five for the states its edges start from, five for
# the states they have come to, then the three words, the least value that chose a quadrant, and
# the value of the weight. One flat array with constant offsets, else nothing is vectorised.
START, NOW, WORD_B, WORD_C, WORD_A, SMALLEST, WEIGHT, WORK = (
    np.int64(LANES * row) for row in (0, 5, 10, 11, 12, 13, 14, 15)
)
# Not literals: those have types of their own, for which `_row` would be compiled again.
_FIVE = tuple(np.int64(i) for i in range(5))


@inlined
def _load(work, at, i):
    return (
        work[at + i],
        work[at + LANES + i],
        work[at + 2 * LANES + i],
        work[at + 3 * LANES + i],
        work[at + 4 * LANES + i],
    )


@inlined
def _store(work, at, i, z):
    work[at + i] = z[0]
    work[at + LANES + i] = z[1]
    work[at + 2 * LANES + i] = z[2]
    work[at + 3 * LANES + i] = z[3]
    work[at + 4 * LANES + i] = z[4]


@inlined
def _row(matrix, i):
    return matrix[i, 0], matrix[i, 1], matrix[i, 2], matrix[i, 3], matrix[i, 4]


@inlined
def _rows(m):
    """The matrix as tuples: values, which no store to the work array can change."""
    return (
        _row(m, _FIVE[0]),
        _row(m, _FIVE[1]),
        _row(m, _FIVE[2]),
        _row(m, _FIVE[3]),
        _row(m, _FIVE[4]),
    )


@inlined
def _moved(rows, z):
    return (
        inner_product(rows[0], z),
        inner_product(rows[1], z),
        inner_product(rows[2], z),
        inner_product(rows[3], z),
        inner_product(rows[4], z),
    )


def _levels_pass(levels):
    """Compile the pass of a block through `levels` levels; the inner loop is unrolled."""

    @part
    def draw(work):
        for i in range(LANES):
            z1, z2, z3, z4, z5 = _load(work, NOW, i)
            b, c, a = work[WORD_B + i], work[WORD_C + i], work[WORD_A + i]
            smallest = work[SMALLEST + i]
            for _ in range(levels):
                v = next_value(z1, z5)
                z1, z2, z3, z4, z5 = v, z1, z2, z3, z4
                b, c, a = append(b, v, BOUND_B), append(c, v, BOUND_C), append(a, v, BOUND_A)
                smallest = min(smallest, v)
            _store(work, NOW, i, (z1, z2, z3, z4, z5))
            work[WORD_B + i], work[WORD_C + i], work[WORD_A + i] = b, c, a
            work[SMALLEST + i] = smallest

    return draw


_draw_level = _levels_pass(1)
_draw_levels = _levels_pass(UNROLLED)


@part
def _draw_block(work, scale):
    """Draw every level and the weight of the block whose states stand at START."""
    for i in range(LANES):
        _store(work, NOW, i, _load(work, START, i))
        work[WORD_B + i] = 0
        work[WORD_C + i] = 0
        work[WORD_A + i] = 0
        work[SMALLEST + i] = P
    for _ in range(scale // UNROLLED):
        _draw_levels(work)
    for _ in range(scale % UNROLLED):
        _draw_level(work)
    for i in range(LANES):
        work[WEIGHT + i] = next_value(work[NOW + i], work[NOW + 4 * LANES + i])


@part
def _draw_again(work, i, scale):
    """Make one edge of a block as the specification puts it, redraws included."""
    z1, z2, z3, z4, z5 = _load(work, START, i)
    b = c = a = np.uint64(0)
    for _ in range(scale):
        v = np.uint64(0)
        while v < LEAST:
            v = next_value(z1, z5)
            z1, z2, z3, z4, z5 = v, z1, z2, z3, z4
        b, c, a = append(b, v, BOUND_B), append(c, v, BOUND_C), append(a, v, BOUND_A)
    work[WORD_B + i], work[WORD_C + i], work[WORD_A + i] = b, c, a
    work[WEIGHT + i] = next_value(z1, z5)


@part
def _redraw_block(work, scale):
    smallest = P
    for i in range(LANES):
        smallest = min(smallest, work[SMALLEST + i])
    if smallest < LEAST:
        for i in range(LANES):
            if work[SMALLEST + i] < LEAST:
                _draw_again(work, i, scale)


@part
def _write_block(work, scale, scrambler, src, dst, weight):
    val0, val1 = scrambler
    unused_bits = np.uint64(64 - scale)
    ids = (ONE << np.uint64(scale)) - ONE
    for i in range(len(src)):
        row, column = ends(work[WORD_B + i], work[WORD_C + i], work[WORD_A + i])
        src[i] = scramble(row & ids, val0, val1, unused_bits)
        dst[i] = scramble(column & ids, val0, val1, unused_bits)
        weight[i] = weight_of(work[WEIGHT + i])


@part
def _place_lanes(work, state, powers, offset):
    """Put the states of edges offset, offset + 1, ... after that of `state` at START."""
    z = state
    for k in range(len(powers)):
        if (offset >> k) & 1:
            z = _moved(_rows(powers[k]), z)
    one_edge = _rows(powers[0])
    for i in range(LANES):
        _store(work, START, i, z)
        z = _moved(one_edge, z)


@part
def _next_block(work, one_block):
    for i in range(LANES):
        _store(work, START, i, _moved(one_block, _load(work, START, i)))


@njit(cache=True, no_cpython_wrapper=True)
def _generate_chunk(state, powers, scale, scrambler, src, dst, weight, chunk):
    work = np.empty(WORK, np.uint64)
    one_block = _rows(powers[LANE_BITS])
    _place_lanes(work, state, powers, chunk * CHUNK)
    end = min((chunk + 1) * CHUNK, len(src))
    for lo in range(chunk * CHUNK, end, LANES):
        hi = min(lo + LANES, end)
        _draw_block(work, scale)
        _redraw_block(work, scale)
        _write_block(work, scale, scrambler, src[lo:hi], dst[lo:hi], weight[lo:hi])
        _next_block(work, one_block)


@njit(cache=True, nogil=True)
def _generate(state, powers, scale, scrambler, src, dst, weight):
    arguments = (state, powers, scale, scrambler, src, dst, weight)
    on_threads(_generate_chunk, arguments, (len(src) + CHUNK - 1) // CHUNK)


def generate_edges(first, src, dst, weight, scale, seed):
    """Write edges first, first + 1, ... of a Kronecker graph, as many as the arrays hold.

    Parameters
    ----------
    first : int
        Index of the first edge, 0 or more; may be above 2^64.
    src, dst : int64 (m,), written
        Endpoints, 0 .. 2^scale - 1.
    weight : float32 (m,), written
        Weights, 0 .. 1, both possible.
    scale : int
        Levels, 1 .. 62.
    seed : (int, int)
        Seeds, each 0 .. 2^64 - 1.

    Arguments are not checked here; `graphs.generator` does that. Raises EngineError where parallel
    kernels cannot run (`kernels.threads.check_threads_run`).
    """
    origin = seed_state(seed)
    scrambler = tuple(np.uint64(value) for value in scramble_values(seed))
    state = tuple(np.uint64(z) for z in skip(origin, first << EDGE_STRIDE_BITS))
    powers = transitions(EDGE_STRIDE_BITS, max(LANE_BITS + 1, len(src).bit_length()))
    with using():
        _generate(state, powers, scale, scrambler, src, dst, weight)
