// A search of a graph whose trees were taken off (graphs/device_trees.py): what it does with them.
//
// Labels from `core` on are tree vertices on which others hang; the row of each is its one arc
// towards the core. A leaf has no label: `label` has ~label of what it hangs on.
// What has no arcs at all shares the label `nobody`, the one after the last, which is never reached.

#include "grid.cuh"
#include "tentative.cuh"
#include "queues.cuh"

// Queue the core vertex to which the tree of the root hangs, at the distance of the way there, and
// store the distances on the way. One thread, after a reset without a root.
extern "C" __global__ void start(const i32 *label, const Weight *leaf_weight, const i64 *begin,
                                 const Arc *arcs, i64 core, i64 nobody, i64 root, u64 *state,
                                 Entry *queues, u64 *control)
{
    if (thread_of_grid() != 0 || label[root] == nobody) return;
    i64 vertex = label[root], parent = vertex;
    Dist dist = 0;
    if (vertex < 0) {
        vertex = ~vertex;
        parent = nobody;
        dist = bits_of(leaf_weight[root]);
    }
    while (vertex >= core) {
        put(state, vertex, dist, parent);
        Arc arc = arcs[begin[vertex]];
        dist = plus(dist, arc.weight);
        parent = vertex;
        vertex = arc.adj;
    }
    put(state, vertex, dist, parent);
    queue_of(queues, control, FAR)[0] = {(i32)vertex, 0, dist, dist};
    control[FAR_COUNT] = 1;
    control[LEAST] = dist;
}

// Tree vertices of several rounds take their distance from the end of their one arc, round after
// round, by one block. bounds i64 (rounds + 1,): where each round begins.
extern "C" __global__ void settle_rounds(const i64 *begin, const Arc *arcs, u64 *state,
                                         const i64 *bounds, i64 first, i64 last)
{
    for (i64 round = first; round < last; round++) {
        for (i64 v = bounds[round] + threadIdx.x; v < bounds[round + 1]; v += blockDim.x) {
            Arc arc = arcs[begin[v]];
            Dist x = plus(dist_of(state, arc.adj), arc.weight);
            if (x < dist_of(state, v)) put(state, v, x, arc.adj);
        }
        __syncthreads();
    }
}

// Distance and parent of every vertex in original ids; leaves take theirs on the way. A root that
// is a leaf has no label, and is the parent of what it hangs on, which is reached without one.
extern "C" __global__ void answer_trees(const i32 *label, const Weight *leaf_weight,
                                        const i32 *original, const u64 *state, i64 n, i64 nobody,
                                        i64 root, Out *dist, i64 *parent)
{
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
