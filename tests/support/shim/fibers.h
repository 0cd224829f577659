// A grid of many threads on one: each is a fiber that gives way in an order drawn at random.
//
// It gives way at every barrier, at every operation of its warp, and now and then at an atomic one.
//
// This shows what one lane cannot: lanes that diverge where all must meet (an error, not a hang),
// the sums and searches of a warp, blocks that run among each other. What it cannot show is memory
// that is seen late. Included by cuda_shim.h where LANES is more than 1; fibers.cpp, which is
// compiled once for all files of kernels, has what need not be in each.
#pragma once

struct ShimIndex { unsigned x, y, z; };

// A block's shared memory lies in a section of its own, swapped when another block runs.
#define __shared__ static __attribute__((section("shim_shared")))

#pragma GCC visibility push(hidden)
extern ShimIndex threadIdx, blockIdx, blockDim, gridDim;
extern unsigned long long shim_random;
void shim_yield();
// What each lane of this warp has brought, once all have come for the same `what`.
unsigned long long *shim_warp(unsigned mask, const char *what, unsigned long long value);
// Wait until all threads of this block have come for the same `what`.
void shim_block(const char *what);
#pragma GCC visibility pop

static inline unsigned shim_draw(unsigned below)
{
    shim_random = shim_random * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)((shim_random >> 33) % below);
}

static inline void shim_maybe_yield()
{
    if (shim_draw(4) == 0) shim_yield();
}

template <class T> static unsigned long long shim_word(T x)
{
    unsigned long long bits = 0;
    memcpy(&bits, &x, sizeof x);
    return bits;
}
template <class T> static T shim_value(unsigned long long bits)
{
    T x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
static unsigned shim_lane() { return threadIdx.x % LANES; }

static inline void __syncthreads()
{
    shim_block("__syncthreads");
}
static inline void __syncwarp(unsigned mask = (unsigned)((1ull << LANES) - 1))
{
    shim_warp(mask, "__syncwarp", 0);
}
static inline void __threadfence() { shim_maybe_yield(); }
static inline void __threadfence_block() {}
static inline void __nanosleep(unsigned) { shim_yield(); }

static inline unsigned __ballot_sync(unsigned mask, int x)
{
    unsigned long long *all = shim_warp(mask, "__ballot_sync", x != 0);
    unsigned bits = 0;
    for (unsigned lane = 0; lane < LANES; lane++) bits |= (unsigned)all[lane] << lane;
    return bits;
}
template <class T> unsigned __match_any_sync(unsigned mask, T x)
{
    unsigned long long *all = shim_warp(mask, "__match_any_sync", shim_word(x));
    unsigned bits = 0;
    for (unsigned lane = 0; lane < LANES; lane++) bits |= (all[lane] == shim_word(x)) << lane;
    return bits;
}
static inline int __any_sync(unsigned mask, int x) { return __ballot_sync(mask, x) != 0; }
static inline int __all_sync(unsigned mask, int x) { return __ballot_sync(mask, !x) == 0; }
template <class T> T __shfl_sync(unsigned mask, T x, int lane, int = LANES)
{
    return shim_value<T>(shim_warp(mask, "__shfl_sync", shim_word(x))[lane & (LANES - 1)]);
}
template <class T> T __shfl_up_sync(unsigned mask, T x, unsigned step, int = LANES)
{
    unsigned from = shim_lane() < step ? shim_lane() : shim_lane() - step;
    return shim_value<T>(shim_warp(mask, "__shfl_up_sync", shim_word(x))[from]);
}
template <class T> T __shfl_down_sync(unsigned mask, T x, unsigned step, int = LANES)
{
    unsigned from = shim_lane() + step < LANES ? shim_lane() + step : shim_lane();
    return shim_value<T>(shim_warp(mask, "__shfl_down_sync", shim_word(x))[from]);
}
template <class T> T __shfl_xor_sync(unsigned mask, T x, int step, int = LANES)
{
    return shim_value<T>(shim_warp(mask, "__shfl_xor_sync", shim_word(x))[shim_lane() ^ step]);
}
