// Vertices taken off a graph on a device, round by round, and the rows of what is left.
//
// Which ones, and why, says graphs/trees.py. A round takes vertices of which no two are joined, so that
// it does not matter in which order: `judge` finds those that may go by the arcs that are left, and
// `take_off` takes, of such as are joined, only the first. Rows hold Narrow or Wide arcs; a warp takes
// a row.
//
// level i32 (connected,): the round in which a vertex was taken off; CORE: it was not.
// left i32: how many of its arcs lead to what is not taken off.
// wants i32: the last round in which it might have gone.

#include "grid.cuh"
#include "arcs.cuh"

#define CORE 0x7FFFFFFF
// Vertices of more arcs stay, as on the host (kernels/trees.py).
#define MOST_ARCS 8
// What the warps of a block of 256 threads hold of arcs: weights and bounds.
#define HELD_ARCS (2 * MOST_ARCS * (256 / LANES))

// Arithmetics: an arc, a bound of the distance from the hub, and the number that a weight is.
struct Floats {
    typedef Narrow Arc;
    typedef float Length;
    static __device__ double value(u32 weight) { return (double)__uint_as_float(weight); }
};
struct Integers {
    typedef Narrow Arc;
    typedef double Length;
    static __device__ double value(u32 weight) { return (double)weight; }
};
struct Doubles {
    typedef Wide Arc;
    typedef double Length;
    static __device__ double value(u64 weight) { return __longlong_as_double((i64)weight); }
};

// Which of the `count` vertices of `frontier` lie on no shortest path: any two of their arcs that are
// left are longer than the detour between their ends. length: by original ids.
template <class Kind>
__device__ inline void judge(const i64 *indptr, const typename Kind::Arc *arcs, const i32 *left,
                             const i32 *level, const i32 *original,
                             const typename Kind::Length *length, const double *limits,
                             const i32 *frontier, i64 count, i32 round, i32 *wants, double *held)
{
    double *weights = held + threadIdx.x / LANES * (2 * MOST_ARCS), *bounds = weights + MOST_ARCS;
    double factor = limits[0], slack = limits[1];
    for (i64 i = warp_of_grid(); i < count; i += warps_of_grid()) {
        i64 v = frontier[i], last = indptr[v + 1];
        if (left[v] < 1 || left[v] > MOST_ARCS) continue;
        i32 found = 0;
        for (i64 first = indptr[v]; first < last; first += LANES) {
            i64 k = first + lane_of_warp();
            typename Kind::Arc arc = {};
            if (k < last) arc = arcs[k];
            bool stays = k < last && level[arc.adj] == CORE;
            u32 lanes = __ballot_sync(ALL_LANES, stays);
            if (stays) {
                i32 at = found + __popc(lanes & ((1u << lane_of_warp()) - 1u));
                weights[at] = Kind::value(arc.weight);
                bounds[at] = (double)length[original[arc.adj]];
            }
            found += __popc(lanes);
        }
        __syncwarp();
        bool crossed = false;
        for (i32 pair = lane_of_warp(); pair < found * found; pair += LANES) {
            i32 a = pair / found, b = pair % found;
            double detour = bounds[a] + bounds[b];
            crossed = crossed || (b < a && !(weights[a] + weights[b] > detour * factor + slack));
        }
        crossed = __any_sync(ALL_LANES, crossed);
        if (lane_of_warp() == 0 && !crossed) wants[v] = round;
    }
}

// Of two vertices that are joined, does u go first? In an order that looks random, for chains would
// take a round for each vertex.
__device__ inline u32 turn_of(i64 v)
{
    u32 bits = (u32)v * 0x9E3779B1u;
    return (bits ^ bits >> 15) * 0x85EBCA6Bu;
}

// List a vertex for the next round, once. listed i32: the last round that it was listed for.
__device__ inline void list(i64 v, i32 round, i32 *listed, i32 *next, u64 *next_count)
{
    if (atomicMax(listed + v, round + 1) <= round) next[atomicAdd(next_count, 1ull)] = (i32)v;
}

// Take off those that may go, and list what may in the next round. next: room for all vertices, length
// in next_count[0]. has_child: an arc leads here from a vertex that was taken off before.
template <class Arc>
__device__ inline void take_off(const i64 *indptr, const Arc *arcs, const i32 *frontier, i64 count,
                                i32 round, const i32 *wants, i32 *left, i32 *level,
                                bool *has_child, i32 *listed, i32 *next, u64 *next_count)
{
    for (i64 i = warp_of_grid(); i < count; i += warps_of_grid()) {
        i64 v = frontier[i], begin = indptr[v] + lane_of_warp(), last = indptr[v + 1];
        if (wants[v] != round) continue;
        bool waits = false;
        for (i64 k = begin; k < last; k += LANES) {
            i64 u = (i64)arcs[k].adj;
            waits = waits || (wants[u] == round && turn_of(u) < turn_of(v));
        }
        waits = __any_sync(ALL_LANES, waits);
        if (lane_of_warp() == 0) {
            if (waits)
                list(v, round, listed, next, next_count);
            else
                level[v] = round;
        }
        if (waits) continue;
        for (i64 k = begin; k < last; k += LANES) {
            i64 u = (i64)arcs[k].adj;
            if (level[u] != CORE) continue;
            has_child[u] = true;
            if (atomicSub(left + u, 1) <= MOST_ARCS + 1) list(u, round, listed, next, next_count);
        }
    }
}

// Arcs of each vertex that lead to none taken off before it. degree i32 (count,).
template <class Arc>
__device__ inline void count_upwards(const i64 *indptr, const Arc *arcs, const i32 *level,
                                     i64 count, i32 *degree)
{
    for (i64 v = warp_of_grid(); v < count; v += warps_of_grid()) {
        i32 found = 0;
        for (i64 k = indptr[v] + lane_of_warp(); k < indptr[v + 1]; k += LANES)
            found += level[arcs[k].adj] >= level[v];
        found = warp_sum(found);
        if (lane_of_warp() == 0) degree[v] = found;
    }
}

// Rows by new label: these arcs, in their order.
// old i32 (count,): the old label of each; label i32: the new one; bounds i64 (count + 1,).
template <class Arc>
__device__ inline void rows_upwards(const i32 *old, i64 count, const i64 *indptr, const Arc *arcs,
                                    const i32 *level, const i32 *label, const i64 *bounds,
                                    Arc *rows)
{
    typedef typename Arc::Word Word;
    for (i64 i = warp_of_grid(); i < count; i += warps_of_grid()) {
        i64 v = old[i], last = indptr[v + 1], out = bounds[i];
        for (i64 first = indptr[v]; first < last; first += LANES) {
            i64 k = first + lane_of_warp();
            bool kept = k < last && level[arcs[k].adj] >= level[v];
            u32 lanes = __ballot_sync(ALL_LANES, kept);
            i64 at = out + __popc(lanes & ((1u << lane_of_warp()) - 1u));
            if (kept) rows[at] = Arc{(Word)label[arcs[k].adj], arcs[k].weight};
            out += __popc(lanes);
        }
    }
}

// A leaf gets ~label of what it hangs on, and its weight in original order.
template <class Arc>
__device__ inline void hang_leaves(const i32 *leaf, i64 count, const i64 *indptr, const Arc *arcs,
                                   const i32 *original, i32 *label, typename Arc::Word *weight)
{
    for (i64 i = thread_of_grid(); i < count; i += threads_of_grid()) {
        Arc arc = arcs[indptr[leaf[i]]];
        weight[original[leaf[i]]] = arc.weight;
        label[leaf[i]] = ~label[arc.adj];
    }
}

// limits: of a detour, the factor and the slack.
#define JUDGE_OF(Kind, kind)                                                                     \
    extern "C" __global__ void judge_##kind(                                                     \
        const i64 *indptr, const Kind::Arc *arcs, const i32 *left, const i32 *level,             \
        const i32 *original, const Kind::Length *length, const double *limits,                   \
        const i32 *frontier, i64 count, i32 round, i32 *wants)                                   \
    {                                                                                            \
        __shared__ double held[HELD_ARCS];                                                       \
        judge<Kind>(indptr, arcs, left, level, original, length, limits, frontier, count, round, \
                    wants, held);                                                                \
    }

JUDGE_OF(Floats, float32)
JUDGE_OF(Integers, uint32)
JUDGE_OF(Doubles, float64)

#define KERNELS_OF(Arc, suffix)                                                                    \
    extern "C" __global__ void take_off_##suffix(                                                  \
        const i64 *indptr, const Arc *arcs, const i32 *frontier, i64 count, i32 round,             \
        const i32 *wants, i32 *left, i32 *level, bool *has_child, i32 *listed, i32 *next,          \
        u64 *next_count)                                                                           \
    {                                                                                              \
        take_off(indptr, arcs, frontier, count, round, wants, left, level, has_child, listed,      \
                 next, next_count);                                                                \
    }                                                                                              \
    extern "C" __global__ void count_upwards_##suffix(const i64 *indptr, const Arc *arcs,          \
                                                      const i32 *level, i64 count, i32 *degree)    \
    {                                                                                              \
        count_upwards(indptr, arcs, level, count, degree);                                         \
    }                                                                                              \
    extern "C" __global__ void rows_upwards_##suffix(const i32 *old, i64 count, const i64 *indptr, \
                                                     const Arc *arcs, const i32 *level,            \
                                                     const i32 *label, const i64 *bounds,          \
                                                     Arc *rows)                                    \
    {                                                                                              \
        rows_upwards(old, count, indptr, arcs, level, label, bounds, rows);                        \
    }                                                                                              \
    extern "C" __global__ void hang_leaves_##suffix(                                               \
        const i32 *leaf, i64 count, const i64 *indptr, const Arc *arcs, const i32 *original,       \
        i32 *label, Arc::Word *weight)                                                             \
    {                                                                                              \
        hang_leaves(leaf, count, indptr, arcs, original, label, weight);                           \
    }

KERNELS_OF(Narrow, 4)
KERNELS_OF(Wide, 8)
