// Which edges a search can use, and how far each vertex is from one hub; see graphs/presolve.py.
//
// As kernels/presolve.py: rounds read what the round before has left and lower a copy of it, so that
// the bounds do not depend on the order of threads. Bounds are lengths, read as their bits where they
// are compared, which order like them. Of a slice, the edges to keep are marked, 32 to a word, and
// then listed in their order.

#include "grid.cuh"

__device__ inline u32 bits_of(float length) { return __float_as_uint(length); }
__device__ inline u64 bits_of(double length) { return (u64)__double_as_longlong(length); }
__device__ inline float length_of(u32 bits) { return __uint_as_float(bits); }
__device__ inline double length_of(u64 bits) { return __longlong_as_double((i64)bits); }

// Marks what `chosen` says of 0 .. m - 1, 32 to a word; count i64: how many each word marks.
template <class Chosen>
__device__ inline void mark(i64 m, u32 *marked, i64 *count, Chosen chosen)
{
    for (i64 word = warp_of_grid(); 32 * word < m; word += warps_of_grid()) {
        u32 bits = 0;
        for (i32 first = 0; first < 32; first += LANES) {
            i64 i = 32 * word + first + lane_of_warp();
            bits |= __ballot_sync(ALL_LANES, i < m && chosen(i)) << first;
        }
        if (lane_of_warp() != 0) continue;
        marked[word] = bits;
        count[word] = __popc(bits);
    }
}

// Lists what is marked, ascending. ends i64 (words,): how many are marked up to each word's end.
extern "C" __global__ void list_marked(const u32 *marked, const i64 *ends, i64 words, i32 *places)
{
    for (i64 i = thread_of_grid(); i < 32 * words; i += threads_of_grid()) {
        u32 bits = marked[i / 32], bit = 1u << (i % 32);
        if (bits & bit) places[ends[i / 32] - __popc(bits & ~(bit - 1u))] = (i32)i;
    }
}

template <class Bits>
__device__ inline void lower(Bits *bound, Bits bits)
{
    if (bits < *bound) atomicMin(bound, bits);
}

__device__ inline bool is_marked(const u32 *marked, i64 i) { return marked[i / 32] >> (i % 32) & 1u; }

// Lowers the bounds of both ends of every edge by what stands at the other end. bounds (n,): those of
// the round before; changed: of which vertices they are new; lowered (n,): written.
template <class Length, class Bits>
__device__ inline void relax_edges(const i32 *src, const i32 *dst, const Length *weight, i64 m,
                                   const Bits *bounds, const u32 *changed, Bits *lowered)
{
    for (i64 e = thread_of_grid(); e < m; e += threads_of_grid()) {
        i64 u = src[e], v = dst[e];
        if (!is_marked(changed, u) && !is_marked(changed, v)) continue;
        Bits at_u = bounds[u], at_v = bounds[v];
        Bits to_v = bits_of(length_of(at_u) + weight[e]);
        Bits to_u = bits_of(length_of(at_v) + weight[e]);
        if (to_v < at_v) lower(lowered + v, to_v);
        if (to_u < at_u) lower(lowered + u, to_u);
    }
}

// Ends a round: `bounds` becomes `lowered`, `changed` what differed; adds up how many bounds that
// were, and how many of them were infinite before. total u64 (2,).
template <class Bits>
__device__ inline void take_lowered(Bits *bounds, const Bits *lowered, Bits unreached, i64 n,
                                    u32 *changed, u64 *total)
{
    u64 sum = 0, found = 0;
    for (i64 word = warp_of_grid(); 32 * word < n; word += warps_of_grid()) {
        u32 bits = 0;
        for (i32 first = 0; first < 32; first += LANES) {
            i64 v = 32 * word + first + lane_of_warp();
            Bits old = v < n ? bounds[v] : unreached, now = v < n ? lowered[v] : unreached;
            if (now != old) bounds[v] = now;
            sum += now != old;
            found += now != old && old == unreached;
            bits |= __ballot_sync(ALL_LANES, now != old) << first;
        }
        if (lane_of_warp() == 0) changed[word] = bits;
    }
    sum = warp_sum(sum);
    found = warp_sum(found);
    if (lane_of_warp() != 0 || sum == 0) return;
    atomicAdd(total, sum);
    atomicAdd(total + 1, found);
}

// mark_lighter: edges of less weight than below[0]. mark_useful: those not heavier than the detour;
// one goes if its weight is above detour * limits[0] + limits[1]. length (n,): from the hub.
#define KERNELS_OF(Length, Bits, suffix)                                                         \
    extern "C" __global__ void mark_lighter_##suffix(const Length *weight, const Length *below,  \
                                                     i64 m, u32 *marked, i64 *count)             \
    {                                                                                            \
        Length limit = below[0];                                                                 \
        mark(m, marked, count, [=](i64 e) { return weight[e] < limit; });                        \
    }                                                                                            \
    extern "C" __global__ void mark_useful_##suffix(                                             \
        const i64 *src, const i64 *dst, const Length *weight, const Length *length,              \
        const double *limits, i64 m, u32 *marked, i64 *count)                                    \
    {                                                                                            \
        double factor = limits[0], slack = limits[1];                                            \
        mark(m, marked, count, [=](i64 e) {                                                      \
            double detour = (double)length[src[e]] + (double)length[dst[e]];                     \
            return !((double)weight[e] > detour * factor + slack) && src[e] != dst[e];           \
        });                                                                                      \
    }                                                                                            \
    extern "C" __global__ void relax_edges_##suffix(                                             \
        const i32 *src, const i32 *dst, const Length *weight, i64 m, const Bits *bounds,         \
        const u32 *changed, Bits *lowered)                                                       \
    {                                                                                            \
        relax_edges(src, dst, weight, m, bounds, changed, lowered);                              \
    }                                                                                            \
    extern "C" __global__ void take_lowered_##suffix(Bits *bounds, const Bits *lowered,          \
                                                     Bits unreached, i64 n, u32 *changed,        \
                                                     u64 *total)                                 \
    {                                                                                            \
        take_lowered(bounds, lowered, unreached, n, changed, total);                             \
    }

KERNELS_OF(float, u32, 4)
KERNELS_OF(double, u64, 8)
