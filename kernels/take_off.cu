// Trees taken off a graph on a device, round by round, and the rows of what is left.
//
// In a round each vertex of one arc is taken off, in the
// order in which those before it came to it. Rows hold Narrow or Wide arcs; a warp takes a row.
//
// link i64 (connected,): place of the one arc that was left; below 0: not taken off.

#include "grid.cuh"
#include "arcs.cuh"

// Of the `count` vertices of a round, those that are taken off, and by which arc: found i64 (count,),
// -1 where a vertex stays. when i32: the place in the order of the last that came to a vertex.
template <class Arc>
__device__ inline void choose_links(const i64 *indptr, const Arc *arcs, const i32 *degree,
                                    const i32 *when, const i64 *link, const i32 *frontier,
                                    i64 count, i64 *found)
{
    for (i64 i = warp_of_grid(); i < count; i += warps_of_grid()) {
        i64 v = frontier[i], at = -1;
        // The other end of its last arc went in the round before: it is a core by itself.
        i64 last = degree[v] == 1 ? indptr[v + 1] : indptr[v];
        for (i64 first = indptr[v]; first < last && at < 0; first += LANES) {
            i64 k = first + lane_of_warp();
            bool left = k < last && link[arcs[k].adj] < 0;
            u32 lanes = __ballot_sync(ALL_LANES, left);
            if (lanes) at = first + __ffs((i32)lanes) - 1;
        }
        if (lane_of_warp() != 0) continue;
        if (at >= 0) {
            // Of two that are joined to each other alone, the first goes.
            i64 u = (i64)arcs[at].adj;
            bool before = when[u] < when[v] || (when[u] == when[v] && u < v);
            if (degree[u] == 1 && before) at = -1;
        }
        found[i] = at;
    }
}

// Take them off, and list what has one arc then. next: room for `count`, length in next_count[0];
// has_child: vertices on which others hang; done: how many places of the order came before.
template <class Arc>
__device__ inline void take_off(const Arc *arcs, const i32 *frontier, const i64 *found, i64 count,
                                i64 done, i32 *degree, i32 *when, i64 *link, bool *has_child,
                                i32 *next, u64 *next_count)
{
    for (i64 i = thread_of_grid(); i < count; i += threads_of_grid()) {
        i64 k = found[i];
        if (k < 0) continue;
        i64 u = (i64)arcs[k].adj;
        link[frontier[i]] = k;
        has_child[u] = true;
        atomicMax(when + u, (i32)(done + i));
        if (atomicSub(degree + u, 1) == 2) next[atomicAdd(next_count, (u64)1)] = (i32)u;
    }
}

// Arcs of each core vertex that lead to others of the core. core i32 (count,), degree i64 (count,).
template <class Arc>
__device__ inline void core_degrees(const i32 *core, i64 count, const i64 *indptr, const Arc *arcs,
                                    const i64 *link, i64 *degree)
{
    for (i64 i = warp_of_grid(); i < count; i += warps_of_grid()) {
        i64 found = 0;
        for (i64 k = indptr[core[i]] + lane_of_warp(); k < indptr[core[i] + 1]; k += LANES)
            found += link[arcs[k].adj] < 0;
        found = warp_sum(found);
        if (lane_of_warp() == 0) degree[i] = found;
    }
}

// Rows by new label: arcs of the core within the core, in their order, then one of each inner vertex.
// old i32 (count,): the old label of each; label i32: the new one; bounds i64 (count + 1,).
template <class Arc>
__device__ inline void core_rows(const i32 *old, i64 core, i64 count, const i64 *indptr,
                                 const Arc *arcs, const i64 *link, const i32 *label,
                                 const i64 *bounds, Arc *rows)
{
    typedef typename Arc::Word Word;
    for (i64 i = warp_of_grid(); i < count; i += warps_of_grid()) {
        bool inner = i >= core;
        i64 first = inner ? link[old[i]] : indptr[old[i]];
        i64 last = inner ? first + 1 : indptr[old[i] + 1], out = bounds[i];
        for (; first < last; first += LANES) {
            i64 k = first + lane_of_warp();
            bool kept = k < last && (inner || link[arcs[k].adj] < 0);
            u32 lanes = __ballot_sync(ALL_LANES, kept);
            i64 at = out + __popc(lanes & ((1u << lane_of_warp()) - 1u));
            if (kept) rows[at] = Arc{(Word)label[arcs[k].adj], arcs[k].weight};
            out += __popc(lanes);
        }
    }
}

// A leaf gets ~label of what it hangs on, and its weight in original order.
template <class Arc>
__device__ inline void hang_leaves(const i32 *leaf, i64 count, const Arc *arcs, const i64 *link,
                                   const i32 *original, i32 *label, typename Arc::Word *weight)
{
    for (i64 i = thread_of_grid(); i < count; i += threads_of_grid()) {
        Arc arc = arcs[link[leaf[i]]];
        weight[original[leaf[i]]] = arc.weight;
        label[leaf[i]] = ~label[arc.adj];
    }
}

#define KERNELS_OF(Arc, suffix)                                                                    \
    extern "C" __global__ void choose_links_##suffix(                                              \
        const i64 *indptr, const Arc *arcs, const i32 *degree, const i32 *when, const i64 *link,   \
        const i32 *frontier, i64 count, i64 *found)                                                \
    {                                                                                              \
        choose_links(indptr, arcs, degree, when, link, frontier, count, found);                    \
    }                                                                                              \
    extern "C" __global__ void take_off_##suffix(                                                  \
        const Arc *arcs, const i32 *frontier, const i64 *found, i64 count, i64 done, i32 *degree,  \
        i32 *when, i64 *link, bool *has_child, i32 *next, u64 *next_count)                         \
    {                                                                                              \
        take_off(arcs, frontier, found, count, done, degree, when, link, has_child, next,          \
                 next_count);                                                                      \
    }                                                                                              \
    extern "C" __global__ void core_degrees_##suffix(const i32 *core, i64 count,                   \
                                                     const i64 *indptr, const Arc *arcs,           \
                                                     const i64 *link, i64 *degree)                 \
    {                                                                                              \
        core_degrees(core, count, indptr, arcs, link, degree);                                     \
    }                                                                                              \
    extern "C" __global__ void core_rows_##suffix(                                                 \
        const i32 *old, i64 core, i64 count, const i64 *indptr, const Arc *arcs, const i64 *link,  \
        const i32 *label, const i64 *bounds, Arc *rows)                                            \
    {                                                                                              \
        core_rows(old, core, count, indptr, arcs, link, label, bounds, rows);                      \
    }                                                                                              \
    extern "C" __global__ void hang_leaves_##suffix(                                               \
        const i32 *leaf, i64 count, const Arc *arcs, const i64 *link, const i32 *original,         \
        i32 *label, Arc::Word *weight)                                                             \
    {                                                                                              \
        hang_leaves(leaf, count, arcs, link, original, label, weight);                             \
    }

KERNELS_OF(Narrow, 4)
KERNELS_OF(Wide, 8)
