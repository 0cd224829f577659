// Passes over all vertices that begin and end a search: reset, leaves, the answer.

#include "grid.cuh"
#include "tentative.cuh"
#include "queues.cuh"

// Begin a search. Make the vertices below `last` unreached, and the root of the last search, which
// may be isolated; queue the root in FAR. Roots are indices, below 0 where there is none. `nobody`
// stands for a parent; `chosen` is what the words begin with.
extern "C" __global__ void reset(u64 *state, i64 last, i64 nobody, const i32 *label, i64 old_root,
                                 i64 root, Entry *queues, u64 *control, const u64 *chosen)
{
    i64 first = root < 0 ? -1 : label[root];
    for (i64 v = thread_of_grid(); v < last; v += threads_of_grid())
        if (v != first) put(state, v, UNREACHED, nobody);
    for (i64 i = thread_of_grid(); i < WORDS; i += threads_of_grid()) {
        bool queued = first >= 0 && (i == FAR_COUNT || i == LEAST);
        control[i] = queued ? (i == FAR_COUNT) : chosen[i];
    }
    if (thread_of_grid() != 0) return;
    if (old_root >= 0 && old_root != root) put(state, label[old_root], UNREACHED, nobody);
    if (root < 0) return;
    put(state, first, 0, first);
    queue_of(queues, chosen, FAR)[0] = {(i32)first, 0, 0, 0};
}

// The vertices [first, last), with a single arc each, take their distance from its end. Of two that
// are joined to each other one may read the other before or after it changes: either the other is
// the root and does not change, or both are unreached.
extern "C" __global__ void settle_leaves(const i64 *begin, const Arc *arcs, u64 *state, i64 first,
                                         i64 last)
{
    for (i64 v = first + thread_of_grid(); v < last; v += threads_of_grid()) {
        Arc arc = arcs[begin[v]];
        Dist x = plus(dist_of(state, arc.adj), arc.weight);
        if (x < dist_of(state, v)) put(state, v, x, arc.adj);
    }
}

template <class Id>
__device__ inline void write_answer(const i32 *label, const Id *original, const u64 *state, i64 n,
                                    i64 reachable, i64 root, Out *dist, i64 *parent)
{
    for (i64 first = warp_of_grid() * LANES; first < n; first += threads_of_grid()) {
        i64 v = first + lane_of_warp(), ours = v < n ? label[v] : reachable, nearer = -1;
        Dist found = UNREACHED;
        if (v < n && (ours < reachable || v == root)) {
            found = dist_of(state, ours);
            nearer = original[parent_of(state, ours)];
        }
        // All lanes write at once, and so whole sectors.
        __syncwarp();
        if (v >= n) continue;
        dist[v] = value(found);
        parent[v] = nearer;
    }
}

// Distance and parent of every vertex in original ids. Labels from `reachable` on have no arcs, so
// that nothing is looked up for them, but for the root (an index; below 0: there is none).
// `original` has one entry more, -1, for nobody; its ids are of 32 or of 64 bits.
extern "C" __global__ void answer_32(const i32 *label, const i32 *original, const u64 *state, i64 n,
                                     i64 reachable, i64 root, Out *dist, i64 *parent)
{
    write_answer(label, original, state, n, reachable, root, dist, parent);
}

extern "C" __global__ void answer_64(const i32 *label, const i64 *original, const u64 *state, i64 n,
                                     i64 reachable, i64 root, Out *dist, i64 *parent)
{
    write_answer(label, original, state, n, reachable, root, dist, parent);
}

// Is there an arc from a reached vertex to an unreached one? Then a sum was infinite. Labels from
// `hidden_from` to `hidden_to` are other ranks' leaves, of which nothing is known here: their owners
// look along the same arc from the other side.
extern "C" __global__ void has_overflow(const i64 *begin, const i64 *end, const Arc *arcs,
                                        const u64 *state, i64 n, bool directed, i64 hidden_from,
                                        i64 hidden_to, u64 *found)
{
    for (i64 u = warp_of_grid(); u < n; u += warps_of_grid()) {
        bool reached = dist_of(state, u) != UNREACHED;
        if (directed && !reached) continue;
        for (i64 k = begin[u] + lane_of_warp(); k < end[u]; k += LANES) {
            i64 v = arcs[k].adj;
            bool hidden = v >= hidden_from && v < hidden_to;
            if (!hidden && (dist_of(state, v) != UNREACHED) != reached) *found = 1;
        }
    }
}
