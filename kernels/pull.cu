// The rest of a search by pulling, once the settled vertices hold most of the arcs.
//
// As kernels/pull.py, which says why: rows settled early are pushed to their end (weigh, list_rows,
// then push and push_hubs of push.cu), every unsettled vertex looks at its own arcs up to
// the two bounds and notes those within reach (pull), and sweeps over these alone settle the rest.
// Sweeps are started ahead, as rounds of pushes are; those that have nothing to do return at once.

#include "grid.cuh"
#include "tentative.cuh"
#include "queues.cuh"

#define BINS 256
// Arcs of its row that a lane looks at alone, before the warp takes the row together.
#define ALONE 32

// Entry `i` of what is queued, NEXT and then FAR, if it is a settled row that is not finished.
__device__ inline bool unfinished(const u64 *state, Dist below, const Entry *next, const Entry *far,
                                  i64 nexts, i64 count, i64 i, Entry &entry)
{
    if (i >= count) return false;
    entry = i < nexts ? next[i] : far[i - nexts];
    return entry.dist < below && dist_of(state, entry.vertex) == entry.dist;
}

__device__ inline i32 bin_of(Dist dist, Dist below)
{
    double share = (double)value(dist) / (double)value(below);
    return share < 1.0 ? (i32)(share * BINS) : BINS - 1;
}

// From which bin on rows stay unfinished: the arcs below it are within FINISH_ARCS. Called by one
// block. Leaves `left` zero for the next search.
__device__ inline void choose_bin(u64 *words, u64 below, u64 *left, u64 *bins)
{
    for (i32 b = threadIdx.x; b < BINS; b += blockDim.x) {
        bins[b] = fresh(left + b);
        left[b] = 0;
    }
    __syncthreads();
    if (threadIdx.x != 0) return;
    volatile u64 *control = words;
    u64 total = 0, cut = 0, most = control[FINISH_ARCS];
    while (cut < BINS && total + bins[cut] <= most) total += bins[cut++];
    control[CUT] = cut;
    control[FLOOR] = control[BELOW] = below;
    // The rows to finish go where no queue is in use; they are pushed whole and queue nothing.
    control[NEAR] = control[SPARE];
    control[NEAR_COUNT] = control[SPARE_COUNT] = control[HUB_COUNT] = 0;
    control[EARLY] = 0;
    control[QUIET] = control[RUN] = 1;
    control[HI] = UNREACHED;
}

// The switch: every vertex below `lo` is settled, and every arc that leads there is relaxed. Add up,
// by distance, the arcs that settled rows have left; `left` is zero before. The last block chooses.
extern "C" __global__ void weigh(const i64 *begin, const i64 *end, const u64 *state,
                                 Entry *queues, u64 *control, u64 *left, u64 lo)
{
    __shared__ u64 bins[BINS];
    __shared__ bool last;
    for (i32 b = threadIdx.x; b < BINS; b += blockDim.x) bins[b] = 0;
    __syncthreads();
    Entry *next = queue_of(queues, control, NEXT), *far = queue_of(queues, control, FAR);
    i64 nexts = (i64)filled(control, NEXT_COUNT);
    i64 count = nexts + (i64)filled(control, FAR_COUNT);
    Dist below = (Dist)lo;
    for (i64 i = thread_of_grid(); i < count; i += threads_of_grid()) {
        Entry entry;
        if (!unfinished(state, below, next, far, nexts, count, i, entry)) continue;
        i64 arcs = end[entry.vertex] - begin[entry.vertex] - entry.offset;
        atomicAdd(bins + bin_of(entry.dist, below), (u64)arcs);
    }
    __syncthreads();
    for (i32 b = threadIdx.x; b < BINS; b += blockDim.x)
        if (bins[b]) atomicAdd(left + b, bins[b]);
    bool mine = last_of_grid(control);
    if (threadIdx.x == 0) last = mine;
    __syncthreads();
    if (last) choose_bin(control, lo, left, bins);
}

// List the rows to finish, and find the least distance of those that are not.
extern "C" __global__ void list_rows(const u64 *state, Entry *queues, u64 *control)
{
    Entry *next = queue_of(queues, control, NEXT), *far = queue_of(queues, control, FAR);
    Entry *near = queue_of(queues, control, NEAR);
    i64 nexts = (i64)filled(control, NEXT_COUNT);
    i64 count = nexts + (i64)filled(control, FAR_COUNT);
    Dist below = (Dist)control[BELOW], floor = UNREACHED;
    u64 capacity = control[CAPACITY];
    i32 cut = (i32)control[CUT];
    for (i64 first = warp_of_grid() * LANES; first < count; first += threads_of_grid()) {
        Entry entry = {};
        bool found =
            unfinished(state, below, next, far, nexts, count, first + lane_of_warp(), entry);
        bool finish = found && bin_of(entry.dist, below) < cut;
        append(near, control, NEAR_COUNT, capacity, finish, entry.vertex, entry.offset, entry.dist,
               entry.key);
        if (found && !finish && entry.dist < floor) floor = entry.dist;
    }
    lower(control + FLOOR, floor);
}

// Forget every entry, the pull covers what they stood for. The improved will need one queue, the
// arcs within reach may have the room of the others. `floor` is that of all ranks. One thread.
extern "C" __global__ void begin_pull(u64 *control, u64 floor)
{
    if (thread_of_grid() != 0) return;
    if (floor < control[FLOOR]) control[FLOOR] = floor;
    control[NEXT] = 0;
    control[NEAR] = 1;
    control[FAR] = 2;
    control[SPARE] = 3;
    control[NEAR_COUNT] = control[NEXT_COUNT] = control[FAR_COUNT] = control[SPARE_COUNT] = 0;
    control[WITHIN_COUNT] = control[EARLY] = control[QUIET] = control[OVERFLOW] = 0;
    control[HI] = control[LEAST] = UNREACHED;
    control[STATUS] = GOING;
    control[CAP] = control[SWITCH_SETTLED] = ~0ull >> 1;
    control[PHASES]++;
}

// What a pull relies on, where it notes arcs, and its sum.
struct Reach {
    const Arc *arcs;
    const u64 *state;
    u64 *control;
    Entry *within;
    u64 room;
    Dist below, floor;
    i64 leaves_begin;
    u64 touched;
};

// Look at arc `k` of row `v`: can it improve `best`? Returns the sum over it, UNREACHED where no
// arc from here on can (`open` is false then). Notes the arc if its other end may improve yet.
// Called by the whole warp.
__device__ inline Dist look(Reach &reach, bool &open, i64 v, i64 k, Dist best, i64 &u)
{
    Dist x = UNREACHED;
    bool note = false;
    Arc arc = {};
    if (open) {
        arc = reach.arcs[k];
        open = plus(reach.floor, arc.weight) < best;
    }
    if (open) {
        u = arc.adj;
        Dist dist = dist_of(reach.state, u);
        x = plus(dist, arc.weight);
        note = dist >= reach.below && u < reach.leaves_begin &&
               plus(reach.below, arc.weight) < (x < best ? x : best);
        reach.touched++;
    }
    append(reach.within, reach.control, WITHIN_COUNT, reach.room, note, v, arc.adj, best,
           bits_of(arc.weight));
    return x;
}

// The rest [k, last) of the row of lane `owner`, by the whole warp; its lane ends with the best.
__device__ inline void look_together(Reach &reach, i32 owner, i64 v, i64 k, i64 last, Dist &best,
                                     i64 &parent)
{
    i64 row = __shfl_sync(ALL_LANES, v, owner, LANES);
    i64 first = __shfl_sync(ALL_LANES, k, owner, LANES);
    i64 end = __shfl_sync(ALL_LANES, last, owner, LANES);
    Dist least = __shfl_sync(ALL_LANES, best, owner, LANES);
    i64 nearest = -1;
    for (; first < end; first += LANES) {
        i64 mine = first + lane_of_warp(), u = -1;
        bool has = mine < end, open = has;
        Dist x = look(reach, open, row, mine, least, u);
        Dist found = warp_min(x);
        if (found < least) {
            least = found;
            i32 who = __ffs((i32)__ballot_sync(ALL_LANES, x == found)) - 1;
            nearest = __shfl_sync(ALL_LANES, u, who, LANES);
        }
        if (__any_sync(ALL_LANES, has && !open)) break;
    }
    if (lane_of_warp() == owner) {
        best = least;
        if (nearest >= 0) parent = nearest;
    }
}

// Every unsettled vertex takes the best of its own arcs. Rows of incoming arcs.
// `within` has room for `room` arcs.
extern "C" __global__ void pull(const i64 *begin, const i64 *end, const Arc *arcs, u64 *state,
                                Entry *within, u64 room, u64 *control)
{
    i64 rows = (i64)control[ROWS];
    Reach reach = {arcs,
                   state,
                   control,
                   within,
                   room,
                   (Dist)control[BELOW],
                   (Dist)control[FLOOR],
                   (i64)control[LEAVES_BEGIN],
                   0};
    for (i64 first = warp_of_grid() * LANES; first < rows; first += threads_of_grid()) {
        i64 v = first + lane_of_warp(), k = 0, last = 0, parent = -1;
        Dist best = v < rows ? dist_of(state, v) : 0;
        if (v < rows && best >= reach.below) {
            k = begin[v];
            last = end[v];
        }
        bool open = k < last;
        for (i32 step = 0; step < ALONE && __any_sync(ALL_LANES, open); step++) {
            i64 u = -1;
            Dist x = look(reach, open, v, k, best, u);
            if (x < best) {
                best = x;
                parent = u;
            }
            k++;
            open = open && k < last;
        }
        for (u32 long_rows = __ballot_sync(ALL_LANES, open); long_rows; long_rows &= long_rows - 1)
            look_together(reach, __ffs((i32)long_rows) - 1, v, k, last, best, parent);
        if (parent >= 0) put(state, v, best, parent);
    }
    add(control + ARCS, reach.touched);
}

// Run another sweep if there is `more` to gain; an overrun is for the rounds to deal with.
__device__ inline void plan_next_sweep(volatile u64 *control, bool more)
{
    control[RUN] = more && !control[OVERFLOW];
    if (!control[RUN]) return;
    control[NEXT_COUNT] = 0;
    control[PHASES]++;
}

extern "C" __global__ void plan_sweep(u64 *control)
{
    if (thread_of_grid() == 0) plan_next_sweep(control, true);
}

// Relax the arcs within reach and queue what improves. The improved of the last sweep are what is
// left to push; another is worth it where they are many, and `follows` where the host starts one.
extern "C" __global__ void sweep(u64 *state, Entry *queues, const Entry *within, u64 *control,
                                 bool follows)
{
    if (!control[RUN]) return;
    i64 count = (i64)control[WITHIN_COUNT];
    u64 capacity = control[CAPACITY], touched = 0;
    Entry *improved = queue_of(queues, control, NEXT);
    for (i64 first = warp_of_grid() * LANES; first < count; first += threads_of_grid()) {
        i64 i = first + lane_of_warp();
        bool better = false;
        Dist x = 0;
        i64 v = 0;
        if (i < count) {
            Entry arc = within[i];
            i64 u = arc.offset;
            v = arc.vertex;
            x = plus(dist_of(state, u), weight_of(arc.key));
            better = x < dist_of(state, v) && improve(state, v, x, u);
            touched++;
        }
        append(improved, control, NEXT_COUNT, capacity, better, v, 0, x, x);
    }
    add(control + ARCS, touched);
    if (last_of_grid(control))
        plan_next_sweep(control, follows && fresh(control + NEXT_COUNT) > (u64)count >> 6);
}
