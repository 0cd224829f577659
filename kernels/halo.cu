// What a rank's search sends to other ranks and receives, on a device; see kernels/halo.py.
//
// Messages are arrays ordered by the rank they go to. Each kind is counted first, rank by rank; the
// host turns the counts into where each rank's part starts, and the same kernel, with arrays to
// fill, takes places there. The order within a part is any.

#include "grid.cuh"
#include "tentative.cuh"
#include "queues.cuh"

// Place of an own vertex among the own ones that have arcs.
__device__ inline i64 own_index(i64 label, i64 rows, i64 leaves_begin)
{
    return label < rows ? label : label - (leaves_begin - rows);
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

// A place for a rank, for each lane that wants one: one atomic for all lanes of a rank, as there are
// few cursors. Called by the whole warp; lanes that do not want one get a meaningless number.
__device__ inline i64 next_of(u64 *cursor, bool wanted, i32 rank)
{
    u32 same = __match_any_sync(ALL_LANES, wanted ? rank : -1);
    i32 first = __ffs((i32)same) - 1;
    u64 place = 0;
    if (wanted && lane_of_warp() == first) place = atomicAdd(cursor + rank, (u64)__popc(same));
    place = __shfl_sync(ALL_LANES, place, first, LANES);
    return (i64)place + __popc(same & ((1u << lane_of_warp()) - 1u));
}

// Send the distance of each lane's vertex along its links [k, end), to the ranks that subscribed;
// with no `subscribed`, to all. Called by the whole warp.
__device__ inline void send_dist(i64 k, i64 end, Dist mine, const u32 *subscribed,
                                 const i32 *link_rank, const i32 *link_label, u64 *cursor,
                                 bool fill, i32 *label, Dist *dist)
{
    for (; __any_sync(ALL_LANES, k < end); k++) {
        bool wanted = k < end && (!subscribed || subscribed[k]);
        i64 at = next_of(cursor, wanted, wanted ? link_rank[k] : 0);
        if (!fill || !wanted) continue;
        label[at] = link_label[k];
        dist[at] = mine;
    }
}

// The queue of improved ghosts: for each the last, and so the least, of its requests.
extern "C" __global__ void relax_requests(const u64 *state, Entry *queues, const u64 *control,
                                          const i32 *ghost_rank, const i32 *ghost_label,
                                          const i64 *link_start, const i32 *link_rank,
                                          const i32 *link_label, u64 *cursor, bool fill,
                                          i32 *target, Dist *dist, i32 *parent)
{
    i64 rows = (i64)control[ROWS], leaves_begin = (i64)control[LEAVES_BEGIN];
    i64 count = (i64)filled(control, OUT_COUNT);
    Entry *out = queue_of(queues, control, OUT);
    for (i64 first = warp_of_grid() * LANES; first < count; first += threads_of_grid()) {
        i64 i = first + lane_of_warp(), ghost = 0;
        Entry entry = {};
        i32 rank = 0;
        bool last = false;
        if (i < count) {
            entry = out[i];
            last = dist_of(state, entry.vertex) == entry.dist;
        }
        if (last) {
            ghost = entry.vertex - rows;
            rank = ghost_rank[ghost];
        }
        i64 at = next_of(cursor, last, rank);
        if (!fill || !last) continue;
        i64 u = own_index(parent_of(state, entry.vertex), rows, leaves_begin);
        target[at] = ghost_label[ghost];
        dist[at] = entry.dist;
        parent[at] = link_label[link_to(u, rank, link_start, link_rank)];
    }
}

extern "C" __global__ void forget_requests(u64 *control)
{
    if (thread_of_grid() == 0) control[OUT_COUNT] = 0;
}

// Take the requests that are better, and queue their vertices.
extern "C" __global__ void apply_requests(const i32 *target, const Dist *dist, const i32 *parent,
                                          i64 count, u64 *state, Entry *queues, u64 *control)
{
    Entry *far = queue_of(queues, control, FAR);
    u64 capacity = control[CAPACITY];
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
extern "C" __global__ void settled_updates(const u64 *state, const u64 *control, u64 below,
                                           const i64 *link_start, const i32 *link_rank,
                                           const i32 *link_label, u64 *cursor, bool fill,
                                           i32 *label, Dist *dist)
{
    i64 rows = (i64)control[ROWS];
    for (i64 first = warp_of_grid() * LANES; first < rows; first += threads_of_grid()) {
        i64 v = first + lane_of_warp(), k = 0, end = 0;
        Dist mine = v < rows ? dist_of(state, v) : UNREACHED;
        if (mine < (Dist)below) {
            k = link_start[v];
            end = link_start[v + 1];
        }
        send_dist(k, end, mine, nullptr, link_rank, link_label, cursor, fill, label, dist);
    }
}

// Take the distances of ghosts from their owners.
extern "C" __global__ void apply_updates(const i32 *label, const Dist *dist, i64 count, i64 nobody,
                                         u64 *state)
{
    for (i64 i = thread_of_grid(); i < count; i += threads_of_grid())
        if (dist[i] < dist_of(state, label[i])) put(state, label[i], dist[i], nobody);
}

// Mark the ghosts on which noted arcs hang.
extern "C" __global__ void mark_needed(const Entry *within, const u64 *control, u32 *marked)
{
    i64 rows = (i64)control[ROWS], count = (i64)control[WITHIN_COUNT];
    for (i64 i = thread_of_grid(); i < count; i += threads_of_grid()) {
        i64 ghost = within[i].offset - rows;
        if (ghost >= 0) marked[ghost] = 1;
    }
}

// The marked ghosts: their labels here, and at their owners.
extern "C" __global__ void needed_ghosts(const u32 *marked, i64 ghosts, const u64 *control,
                                         const i32 *ghost_rank, const i32 *ghost_label, u64 *cursor,
                                         bool fill, i32 *here, i32 *there)
{
    i64 rows = (i64)control[ROWS];
    for (i64 first = warp_of_grid() * LANES; first < ghosts; first += threads_of_grid()) {
        i64 ghost = first + lane_of_warp();
        bool hung_on = ghost < ghosts && marked[ghost];
        i64 at = next_of(cursor, hung_on, hung_on ? ghost_rank[ghost] : 0);
        if (!fill || !hung_on) continue;
        here[at] = (i32)(ghost + rows);
        there[at] = ghost_label[ghost];
    }
}

// Note which ranks need which vertices, and answer with the distances as they are now. `start` says
// where the labels of each rank begin.
extern "C" __global__ void subscribe(const i32 *label, i64 count, const i64 *start, i32 size,
                                     const u64 *state, const u64 *control, const i64 *link_start,
                                     const i32 *link_rank, u32 *subscribed, u32 *asked, Dist *dist)
{
    i64 rows = (i64)control[ROWS], leaves_begin = (i64)control[LEAVES_BEGIN];
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
        subscribed[link_to(own_index(v, rows, leaves_begin), rank, link_start, link_rank)] = 1;
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

// Relax the arcs within reach; list the improved that a rank subscribed to, each once.
extern "C" __global__ void rank_sweep(const Entry *within, u64 *state, u64 *control,
                                      const u32 *asked, u32 *listed, i32 *changed)
{
    if (!control[RUN]) return;
    i64 count = (i64)control[WITHIN_COUNT];
    u64 improved = 0, touched = 0;
    for (i64 first = warp_of_grid() * LANES; first < count; first += threads_of_grid()) {
        i64 i = first + lane_of_warp(), v = 0;
        bool news = false;
        if (i < count) {
            Entry arc = within[i];
            i64 u = arc.offset;
            v = arc.vertex;
            Dist x = plus(dist_of(state, u), weight_of(arc.key));
            bool better = x < dist_of(state, v) && improve(state, v, x, u);
            touched++;
            improved += better;
            news = better && asked[v] && !atomicExch(listed + v, 1u);
        }
        u64 at = warp_reserve(control + CHANGED_COUNT, news);
        if (news) changed[at] = (i32)v;
    }
    add(control + NEXT_COUNT, improved);
    add(control + ARCS, touched);
}

// The distance of each changed vertex, for the ranks that subscribed.
extern "C" __global__ void changed_updates(const i32 *changed, const u64 *state, const u64 *control,
                                           const i64 *link_start, const i32 *link_rank,
                                           const i32 *link_label, const u32 *subscribed,
                                           u32 *listed, u64 *cursor, bool fill, i32 *label,
                                           Dist *dist)
{
    i64 count = (i64)control[CHANGED_COUNT];
    for (i64 first = warp_of_grid() * LANES; first < count; first += threads_of_grid()) {
        i64 i = first + lane_of_warp(), k = 0, end = 0;
        Dist mine = UNREACHED;
        if (i < count) {
            i64 v = changed[i];
            if (fill) listed[v] = 0;
            mine = dist_of(state, v);
            k = link_start[v];
            end = link_start[v + 1];
        }
        send_dist(k, end, mine, subscribed, link_rank, link_label, cursor, fill, label, dist);
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
