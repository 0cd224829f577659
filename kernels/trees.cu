// A search of a graph that vertices were taken off (graphs/device_trees.py): what it does with them.
//
// Labels from `core` on were taken off, those nearest to the core first; the row of each has its arcs
// upwards, to smaller labels. A leaf has no label: `label` has ~label of what it hangs on.
// What has no arcs at all shares the label `nobody`, the one after the last, which is never reached.

#include "grid.cuh"
#include "tentative.cuh"
#include "queues.cuh"
#include "barrier.cuh"

// Entries for the lanes that want one, in a list that no other warp adds to.
__device__ inline void list(Entry *entries, i64 &count, bool wanted, i64 vertex)
{
    u32 lanes = __ballot_sync(ALL_LANES, wanted);
    if (wanted)
        entries[count + __popc(lanes & ((1u << lane_of_warp()) - 1u))].vertex = (i32)vertex;
    count += __popc(lanes);
    __syncwarp();
}

// Take the largest vertex out of a list; called by the whole warp.
__device__ inline i64 take_largest(Entry *entries, i64 &count)
{
    i64 largest = -1, at = -1;
    for (i64 i = lane_of_warp(); i < count; i += LANES) {
        if (entries[i].vertex <= largest) continue;
        largest = entries[i].vertex;
        at = i;
    }
    i64 found = -warp_min(-largest);
    __syncwarp();
    count--;
    if (largest == found) entries[at].vertex = entries[count].vertex;
    __syncwarp();
    return found;
}

// Go from the root up to the core over all that was taken off, store the distances on the way, and
// queue what is reached of the core. One warp, after a reset without a root. Arcs lead to smaller
// labels: of those reached, all ways to the largest are known. A root that is a leaf is stored as
// `nobody`, a parent.
extern "C" __global__ void climb(const i32 *label, const Weight *leaf_weight, const i64 *begin,
                                 const i64 *end, const Arc *arcs, i64 core, i64 nobody, i64 root,
                                 u64 *state, Entry *queues, u64 *control)
{
    if (warp_of_grid() != 0 || label[root] == nobody) return;
    Entry *open = queue_of(queues, control, NEAR), *found = queue_of(queues, control, FAR);
    i64 first = label[root], opens = 0, founds = 0;
    bool leaf = first < 0;
    if (leaf) first = ~first;
    if (lane_of_warp() == 0)
        put(state, first, leaf ? bits_of(leaf_weight[root]) : (Dist)0, leaf ? nobody : first);
    __syncwarp();
    list(open, opens, lane_of_warp() == 0 && first >= core, first);
    list(found, founds, lane_of_warp() == 0 && first < core, first);
    while (opens > 0) {
        i64 v = take_largest(open, opens), last = end[v];
        Dist dist = dist_of(state, v);
        for (i64 k = begin[v]; k < last; k += LANES) {
            i64 mine = k + lane_of_warp(), u = 0;
            bool better = false, fresh_one = false;
            if (mine < last) {
                Arc arc = arcs[mine];
                u = arc.adj;
                Dist x = plus(dist, arc.weight), old = dist_of(state, u);
                better = x < old;
                fresh_one = better && old == UNREACHED;
                if (better) put(state, u, x, v);
            }
            __syncwarp();
            list(open, opens, fresh_one && u >= core, u);
            list(found, founds, fresh_one && u < core, u);
        }
    }
    Dist least = UNREACHED;
    for (i64 i = lane_of_warp(); i < founds; i += LANES) {
        Dist dist = dist_of(state, found[i].vertex);
        found[i] = {found[i].vertex, 0, dist, dist};
        least = dist < least ? dist : least;
    }
    least = warp_min(least);
    if (lane_of_warp() != 0) return;
    control[FAR_COUNT] = (u64)founds;
    control[LEAST] = least;
}

// The vertices [first, last) take the shortest way over the ends of their arcs, by `threads` threads.
__device__ inline void settle(const i64 *begin, const i64 *end, const Arc *arcs, u64 *state,
                              i64 first, i64 last, i64 thread, i64 threads)
{
    for (i64 v = first + thread; v < last; v += threads) {
        Dist old = dist_of(state, v), best = old;
        i64 parent = -1;
        for (i64 k = begin[v]; k < end[v]; k++) {
            Arc arc = arcs[k];
            Dist x = plus(dist_of(state, arc.adj), arc.weight);
            if (x < best) {
                best = x;
                parent = arc.adj;
            }
        }
        if (best < old) put(state, v, best, parent);
    }
}

// The end of a search: what was taken off is settled round by round, and distance and parent of every
// vertex are written in original ids; leaves take theirs on the way. A root that is a leaf has no
// label, and is the parent of what it hangs on, which is reached without one.
// bounds i64 (rounds + 1,): where each round begins. One block does rounds of up to `narrow` vertices.
extern "C" __global__ void __launch_bounds__(256, 4)
    finish(const i64 *begin, const i64 *end, const Arc *arcs, u64 *state, const i64 *bounds,
           i64 rounds, i64 narrow, const i32 *label, const Weight *leaf_weight, const i32 *original,
           i64 n, i64 nobody, i64 root, Out *dist, i64 *parent, u64 *control)
{
    __shared__ Meeting meeting;
    if (threadIdx.x == 0) meeting.turn = fresh(control + TURN) / 4;
    for (i64 round = 0; round < rounds; round++) {
        i64 from = bounds[round], to = bounds[round + 1];
        bool alone = to - from <= narrow;
        if (!alone)
            settle(begin, end, arcs, state, from, to, thread_of_grid(), threads_of_grid());
        else if (blockIdx.x == 0)
            settle(begin, end, arcs, state, from, to, threadIdx.x, blockDim.x);
        if (alone && round + 1 < rounds && bounds[round + 2] - to <= narrow)
            __syncthreads();
        else
            barrier(control, gridDim.x, meeting, [] { return 0u; });
    }
    for (i64 v = thread_of_grid(); v < n; v += threads_of_grid()) {
        i64 ours = label[v], at = ours < 0 ? ~ours : ours;
        Dist found = at == nobody ? UNREACHED : dist_of(state, at);
        i64 id = -1;
        if (found != UNREACHED) {
            i64 before = ours < 0 ? at : parent_of(state, at);
            id = before == nobody ? root : original[before];
        }
        if (ours < 0) found = plus(found, leaf_weight[v]);
        dist[v] = value(v == root ? (Dist)0 : found);
        parent[v] = v == root ? root : id;
    }
}

// Is there a leaf of a reached vertex whose sum is infinite?
extern "C" __global__ void leaves_overflow(const i32 *label, const Weight *leaf_weight,
                                           const u64 *state, i64 n, u64 *found)
{
    for (i64 v = thread_of_grid(); v < n; v += threads_of_grid()) {
        if (label[v] >= 0) continue;
        Dist before = dist_of(state, ~label[v]);
        if (before != UNREACHED && plus(before, leaf_weight[v]) == UNREACHED) *found = 1;
    }
}
