"""Random numbers equal the reference code's, wherever in the stream."""

from __future__ import annotations

import numpy as np
import pytest
from golden_data import rng_lines
from hypothesis import given
from hypothesis import strategies as st
from slow_kronecker import Stream

from kernels.quadrants import (
    BOUND_A,
    BOUND_B,
    BOUND_C,
    append,
    scramble_values,
    weight_of,
)
from kernels.rng import MODULUS, next_double, next_value, seed_state, skip, values

SEEDS = st.tuples(*[st.integers(0, 2**64 - 1)] * 2)


def numbers(text: str) -> list[int]:
    return [int(word) for word in text.split()]


def test_the_seeds_make_the_golden_state():
    (state,) = rng_lines("mrg_seed = ")
    assert list(seed_state((2, 3))) == numbers(state)


@pytest.mark.parametrize("seed", [(0, 0), (2**64 - 1, 2**64 - 1), (2**30 - 1, 2**60)])
def test_every_bit_of_a_seed_is_used(seed):
    assert list(seed_state(seed)) == Stream(seed).z
    for which in (0, 1):
        for bit in range(64):
            other = list(seed)
            other[which] ^= 1 << bit
            assert seed_state(tuple(other)) != seed_state(seed)


def test_the_first_values_are_golden_from_python_and_from_compiled_code():
    (golden,) = rng_lines("first 16 outputs (no skip) = ")
    assert values(seed_state((2, 3)), 16) == numbers(golden)
    z = [np.uint64(word) for word in seed_state((2, 3))]
    for expected in numbers(golden):
        z = [np.uint64(next_value(z[0], z[4])), *z[:4]]
        assert z[0] == expected


@pytest.mark.parametrize("line", rng_lines("skip "))
def test_jumps_end_in_the_golden_states(line):
    jump, _, rest = line.partition(" -> state z1..z5 = ")
    state, _, following = rest.partition(" ; next 4 = ")
    high, mid, low = (int(part.split("=")[1]) for part in jump.split())
    after = skip(seed_state((2, 3)), (high << 128) + (mid << 64) + low)
    assert list(after) == numbers(state)
    assert values(after, 4) == numbers(following)


def test_the_scramble_values_are_golden():
    (line,) = rng_lines("scramble ")
    golden = [int(word.split("=")[1]) for word in line.split() if "=" in word]
    assert list(scramble_values((2, 3))) == golden


@pytest.mark.parametrize("line", rng_lines("make_random_numbers(2,..,pos="))
def test_doubles_are_golden_to_the_bit(line):
    position, _, printed = line.partition(") = ")
    golden = [float.fromhex(word) for word in printed.split()[2:]]
    state = np.array(skip(seed_state((2, 3)), (2 << 128) + 2 * int(position)), np.uint64)
    assert [next_double(state), next_double(state)] == golden


@given(SEEDS, st.integers(0, 2**192))
def test_doubles_round_each_operation_once(seed, steps):
    state = np.array(skip(seed_state(seed), steps), np.uint64)
    plain = Stream(seed, steps)
    assert [next_double(state) for _ in range(8)] == [plain.double() for _ in range(8)]
    assert state.tolist() == plain.z


def test_weights_are_golden_to_the_bit():
    for line in rng_lines("float_of("):
        value, _, printed = line.partition(")")
        bits = int(printed.split("0x")[1].rstrip(")"), 16)
        assert np.float32(weight_of(np.uint64(int(value)))).view(np.uint32) == bits
    (line,) = rng_lines("mrg_get_float_orig first 8 = ")
    golden = [int(word.split("0x")[1].rstrip(")"), 16) for word in line.split()]
    drawn = [weight_of(np.uint64(value)) for value in values(seed_state((2, 3)), 8)]
    assert np.array(drawn, np.float32).view(np.uint32).tolist() == golden


@pytest.mark.parametrize(("bound", "t"), [(BOUND_B, 1900), (BOUND_C, 3800), (BOUND_A, 9500)])
def test_the_quadrant_comparison_is_exact_for_every_value(bound, t):
    # Between multiples of 10000 the fraction only grows, so these places settle all 2^31 values.
    block = 10000 * np.arange(MODULUS // 10000 + 1, dtype=np.uint64)
    for remainder in (0, t - 1, t, 9999):
        v = block + np.uint64(remainder)
        v = v[v < MODULUS]
        assert (append(np.zeros_like(v), v, bound) == (remainder < t)).all()
