// What a rank's search sends to other ranks and receives, on a device; see kernels/halo.py.
//
// Messages are arrays ordered by the rank they go to. Each kind is counted first, rank by rank; the
// host turns the counts into where each rank's part starts, and the same kernel, with arrays to
// fill, takes places there. The order within a part is any.

#include "grid.cuh"
#include "tentative.cuh"
#include "queues.cuh"

// Place of an own vertex among the own ones that have arcs.
__device__ inline i64 own_index(i64 label, i64 rows, i64 leaves_from)
{
    return label < rows ? label : label - (leaves_from - rows);
}

// The link of an own vertex to a rank that sees it.
__device__ inline i64 link_to(i64 index, i32 rank, const i64 *link_start, const i32 *link_rank)
{
    i64 first = link_start[index], last = link_start[index + 1] - 1;
    while (first < last) {
        i64 middle = first + (last - first) / 2;
        if (link_rank[middle] < rank)
            first = middle + 1;
        else
            last = middle;
    }
    return first;
}

// Another one for a rank: the place of it.
__device__ inline i64 next_of(u64 *cursor, i32 rank) { return (i64)atomicAdd(cursor + rank, 1ull); }

// The queue of improved ghosts: for each the last, and so the least, of its offers.
extern "C" __global__ void offers(const u64 *state, Entry *queues, const u64 *control,
                                  const i32 *ghost_rank, const i32 *ghost_label,
                                  const i64 *link_start, const i32 *link_rank,
                                  const i32 *link_label, u64 *cursor, bool fill, i32 *target,
                                  Dist *dist, i32 *parent)
{
    i64 rows = (i64)word(control, ROWS), leaves_from = (i64)word(control, LEAVES_FROM);
    i64 count = (i64)filled(control, OUT_COUNT);
    Entry *out = queue_of(queues, control, OUT);
    for (i64 i = thread_of_grid(); i < count; i += threads_of_grid()) {
        Entry entry = out[i];
        if (dist_of(state, entry.vertex) != entry.dist) continue;
        i64 ghost = entry.vertex - rows;
        i32 rank = ghost_rank[ghost];
        i64 at = next_of(cursor, rank);
        if (!fill) continue;
        i64 u = own_index(parent_of(state, entry.vertex), rows, leaves_from);
        target[at] = ghost_label[ghost];
        dist[at] = entry.dist;
        parent[at] = link_label[link_to(u, rank, link_start, link_rank)];
    }
}

extern "C" __global__ void forget_offers(u64 *control)
{
    if (thread_of_grid() == 0) control[OUT_COUNT] = 0;
}

// Take the offers that are better, and queue their vertices.
extern "C" __global__ void apply(const i32 *target, const Dist *dist, const i32 *parent, i64 count,
                                 u64 *state, Entry *queues, u64 *control)
{
    Entry *far = queue_of(queues, control, FAR);
    u64 capacity = word(control, CAPACITY);
    Dist least = UNREACHED;
    for (i64 first = warp_of_grid() * LANES; first < count; first += threads_of_grid()) {
        i64 i = first + lane_of_warp(), v = 0;
        Dist x = 0;
        bool better = false;
        if (i < count) {
            v = target[i];
            x = dist[i];
            better = x < dist_of(state, v) && improve(state, v, x, parent[i]);
        }
        append(far, control, FAR_COUNT, capacity, better, v, 0, x, x);
        if (better && x < least) least = x;
    }
    lower(control + LEAST, least);
}

// The distance of every own vertex below `below`, for each rank that sees it.
extern "C" __global__ void settled_news(const u64 *state, const u64 *control, u64 below,
                                        const i64 *link_start, const i32 *link_rank,
                                        const i32 *link_label, u64 *cursor, bool fill, i32 *label,
                                        Dist *dist)
{
    i64 rows = (i64)word(control, ROWS);
    for (i64 v = thread_of_grid(); v < rows; v += threads_of_grid()) {
        Dist mine = dist_of(state, v);
        if (mine >= (Dist)below) continue;
        for (i64 k = link_start[v]; k < link_start[v + 1]; k++) {
            i64 at = next_of(cursor, link_rank[k]);
            if (!fill) continue;
            label[at] = link_label[k];
            dist[at] = mine;
        }
    }
}

// Take the distances of ghosts from their owners.
extern "C" __global__ void hear(const i32 *label, const Dist *dist, i64 count, i64 nobody,
                                u64 *state)
{
    for (i64 i = thread_of_grid(); i < count; i += threads_of_grid())
        if (dist[i] < dist_of(state, label[i])) put(state, label[i], dist[i], nobody);
}

// Mark the ghosts on which noted arcs hang.
extern "C" __global__ void mark_wanted(const Entry *within, const u64 *control, u32 *marked)
{
    i64 rows = (i64)word(control, ROWS), count = (i64)word(control, WITHIN_COUNT);
    for (i64 i = thread_of_grid(); i < count; i += threads_of_grid()) {
        i64 ghost = within[i].offset - rows;
        if (ghost >= 0) marked[ghost] = 1;
    }
}

// The marked ghosts: their labels here, and at their owners.
extern "C" __global__ void wanted(const u32 *marked, i64 ghosts, const u64 *control,
                                  const i32 *ghost_rank, const i32 *ghost_label, u64 *cursor,
                                  bool fill, i32 *here, i32 *there)
{
    i64 rows = (i64)word(control, ROWS);
    for (i64 ghost = thread_of_grid(); ghost < ghosts; ghost += threads_of_grid()) {
        if (!marked[ghost]) continue;
        i64 at = next_of(cursor, ghost_rank[ghost]);
        if (!fill) continue;
        here[at] = (i32)(ghost + rows);
        there[at] = ghost_label[ghost];
    }
}

// Note who wants news of which vertex, and answer with the distances as they are now. `start` says
// where the questions of each rank begin.
extern "C" __global__ void promise(const i32 *label, i64 count, const i64 *start, i32 size,
                                   const u64 *state, const u64 *control, const i64 *link_start,
                                   const i32 *link_rank, u32 *promised, u32 *asked, Dist *dist)
{
    i64 rows = (i64)word(control, ROWS), leaves_from = (i64)word(control, LEAVES_FROM);
    for (i64 i = thread_of_grid(); i < count; i += threads_of_grid()) {
        i32 rank = 0, after = size;
        while (after - rank > 1) {
            i32 middle = (rank + after) / 2;
            if (start[middle] <= i)
                rank = middle;
            else
                after = middle;
        }
        i64 v = label[i];
        promised[link_to(own_index(v, rows, leaves_from), rank, link_start, link_rank)] = 1;
        asked[v] = 1;
        dist[i] = dist_of(state, v);
    }
}

// Is there another sweep to run? One thread. NEXT_COUNT: what the last one improved.
extern "C" __global__ void plan_rank_sweep(u64 *words, bool first)
{
    if (thread_of_grid() != 0) return;
    volatile u64 *control = words;
    control[RUN] = first || (control[RUN] && control[NEXT_COUNT] > 0);
    if (!control[RUN]) return;
    control[NEXT_COUNT] = 0;
    control[PHASES]++;
}

// Relax the arcs within reach; list the improved of which somebody wants news, each once.
extern "C" __global__ void rank_sweep(const Entry *within, u64 *state, u64 *control,
                                      const u32 *asked, u32 *listed, i32 *changed)
{
    if (!word(control, RUN)) return;
    i64 count = (i64)word(control, WITHIN_COUNT);
    u64 improved = 0, touched = 0;
    for (i64 i = thread_of_grid(); i < count; i += threads_of_grid()) {
        Entry arc = within[i];
        i64 u = arc.offset, v = arc.vertex;
        Dist x = plus(dist_of(state, u), weight_of(arc.key));
        touched++;
        if (x >= dist_of(state, v) || !improve(state, v, x, u)) continue;
        improved++;
        if (asked[v] && !atomicExch(listed + v, 1u))
            changed[atomicAdd(control + CHANGED_COUNT, 1ull)] = (i32)v;
    }
    __syncwarp();
    add(control + NEXT_COUNT, improved);
    add(control + ARCS, touched);
}

// The distance of each changed vertex, for those who want it.
extern "C" __global__ void changed_news(const i32 *changed, const u64 *state, const u64 *control,
                                        const i64 *link_start, const i32 *link_rank,
                                        const i32 *link_label, const u32 *promised, u32 *listed,
                                        u64 *cursor, bool fill, i32 *label, Dist *dist)
{
    i64 count = (i64)word(control, CHANGED_COUNT);
    for (i64 i = thread_of_grid(); i < count; i += threads_of_grid()) {
        i64 v = changed[i];
        if (fill) listed[v] = 0;
        for (i64 k = link_start[v]; k < link_start[v + 1]; k++) {
            if (!promised[k]) continue;
            i64 at = next_of(cursor, link_rank[k]);
            if (!fill) continue;
            label[at] = link_label[k];
            dist[at] = dist_of(state, v);
        }
    }
}

extern "C" __global__ void forget_changed(u64 *control)
{
    if (thread_of_grid() == 0) control[CHANGED_COUNT] = 0;
}

// The distances of some labels.
extern "C" __global__ void distances(const i32 *label, i64 count, const u64 *state, Dist *dist)
{
    for (i64 i = thread_of_grid(); i < count; i += threads_of_grid())
        dist[i] = dist_of(state, label[i]);
}
