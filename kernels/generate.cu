// Edges first, first + 1, ... of a Kronecker graph, as many as the arrays hold, to the bit.
//
// Edge e starts 2^64 values of the random stream after edge e - 1 (see kernels/rng.py), draws a
// quadrant of the adjacency matrix for each level, and then its weight. Thread t makes the edges
// t, t + T, t + 2 T, ... of the slice, T being the threads of the grid: neighbouring threads write
// to neighbouring places. It jumps to its first edge, and from each to the next, with the bits of t
// and of T, by matrices of 2^64, 2^65, 2^66, ... steps; one product an edge where T is a power of 2.
//
// Source: Graph500 specification V2.0, section 3; reference code 3.0.1, generator/.

#include "grid.cuh"

static const u64 MODULUS = 2147483647;  // P = 2^31 - 1
static const u32 X = 107374182, Y = 104480;
static const u32 LEAST = 3647;  // P mod 10000: smaller values are drawn again

struct State { u32 z[5]; };

__device__ inline u64 fold(u64 x) { return (x & MODULUS) + (x >> 31); }

__device__ inline u32 reduce_once(u64 x) { return (u32)(x < MODULUS ? x : x - MODULUS); }

__device__ inline u32 next_value(State &s)
{
    u32 v = reduce_once(fold((u64)X * s.z[0] + (u64)Y * s.z[4]));
    for (i32 i = 4; i > 0; i--) s.z[i] = s.z[i - 1];
    return s.z[0] = v;
}

// One row of a matrix times a state: four products of 31-bit words fit 64 bits together.
__device__ inline u32 inner_product(const u32 *row, const State &s)
{
    u64 x = (u64)row[0] * s.z[0] + (u64)row[1] * s.z[1];
    x += (u64)row[2] * s.z[2] + (u64)row[3] * s.z[3];
    x = fold(x) + (u64)row[4] * s.z[4];
    return reduce_once(fold(fold(x)));
}

// Moves a state on by `edges` edges; powers[k] is the matrix of 2^k edges.
__device__ inline State moved(State s, u64 edges, const u32 *powers)
{
    for (; edges; edges >>= 1, powers += 25) {
        if (edges & 1) {
            State t;
            for (i32 i = 0; i < 5; i++) t.z[i] = inner_product(powers + 5 * i, s);
            s = t;
        }
    }
    return s;
}

// Vertex id of row or column x; multiplications wrap around at 64 bits.
__device__ inline i64 scramble(u64 x, u64 val0, u64 val1, i32 scale)
{
    x = (x + val0 + val1) * (val0 | 0x4519840211493211ull);
    x = (__brevll(x) >> (64 - scale)) * (val1 | 0x3050852102C843A5ull);
    return (i64)(__brevll(x) >> (64 - scale));
}

// state    u32 (5,)            where the first edge starts
// powers   u32 (bits, 5, 5)    bits of `count`
// val0, val1                   what the scrambling mixes in
// src, dst i64 (count,), weight float (count,): written
extern "C" __global__ void generate_edges(const u32 *state, const u32 *powers, u64 val0, u64 val1,
                                          i32 scale, i64 count, i64 *src, i64 *dst, float *weight)
{
    i64 e = thread_of_grid(), stride = threads_of_grid();
    if (e >= count) return;
    State start;
    for (i32 i = 0; i < 5; i++) start.z[i] = state[i];
    start = moved(start, (u64)e, powers);
    for (;;) {
        State s = start;
        u64 row = 0, column = 0;
        bool diagonal = true;
        for (i32 level = 0; level < scale; level++) {
            u32 v;
            do v = next_value(s);
            while (v < LEAST);
            u32 r = v % 10000;
            bool down = r >= 9500 || (r >= 1900 && r < 3800), right = r >= 9500 || r < 1900;
            // On the diagonal the edge stays in the upper triangle.
            if (diagonal && down != right) {
                down = false;
                right = true;
            }
            diagonal = diagonal && down == right;
            row = 2 * row + down;
            column = 2 * column + right;
        }
        src[e] = scramble(row, val0, val1, scale);
        dst[e] = scramble(column, val0, val1, scale);
        // A signed 31-bit integer is converted, which rounds once, to nearest even.
        weight[e] = (float)(i32)next_value(s) * 0x1p-31f;
        if (count - e <= stride) return;
        e += stride;
        start = moved(start, (u64)stride, powers);
    }
}
