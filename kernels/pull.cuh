// The rest of a search by pulling, once the settled vertices hold most of the arcs: its steps.
//
// As kernels/pull.py, which says why: rows settled early are pushed to their end (weigh_rows,
// list_rows, then the steps of push.cuh), every unsettled vertex looks at its own arcs up to the two
// bounds and notes those within reach (pull_rows), and a sweep over these alone settles most of the
// rest. What that improves is pushed, or swept over once more where it is much.

#include "grid.cuh"
#include "tentative.cuh"
#include "queues.cuh"

#define BINS 256
// Arcs of its row that a lane looks at alone, before the warp takes the row together: one bit each.
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
    control[STEP] = LIST;
    control[QUIET] = control[RUN] = 1;
    control[HI] = UNREACHED;
}

// The switch: every vertex below `below` is settled, and every arc that leads there is relaxed. Add
// up, by distance, the arcs that settled rows have left; `left` is zero before. `bins` are shared.
__device__ inline void weigh_rows(const i64 *begin, const i64 *end, const u64 *state,
                                  Entry *queues, const u64 *words, Dist below, u64 *left, u64 *bins,
                                  i32 threads)
{
    for (i32 b = threadIdx.x; b < BINS; b += blockDim.x) bins[b] = 0;
    __syncthreads();
    Entry *next = queue_of(queues, words, NEXT), *far = queue_of(queues, words, FAR);
    i64 nexts = (i64)filled(words, NEXT_COUNT);
    i64 count = nexts + (i64)filled(words, FAR_COUNT);
    for (i64 i = thread_of_grid(); i < count; i += threads) {
        Entry entry;
        if (!unfinished(state, below, next, far, nexts, count, i, entry)) continue;
        i64 arcs = end[entry.vertex] - begin[entry.vertex] - entry.offset;
        atomicAdd(bins + bin_of(entry.dist, below), (u64)arcs);
    }
    __syncthreads();
    for (i32 b = threadIdx.x; b < BINS; b += blockDim.x)
        if (bins[b]) atomicAdd(left + b, bins[b]);
}

// List the rows to finish, and find the least distance of those that are not.
__device__ inline void list_unfinished(const u64 *state, Entry *queues, const u64 *words,
                                       u64 *control, i32 threads)
{
    Entry *next = queue_of(queues, words, NEXT), *far = queue_of(queues, words, FAR);
    Entry *near = queue_of(queues, words, NEAR);
    i64 nexts = (i64)filled(words, NEXT_COUNT);
    i64 count = nexts + (i64)filled(words, FAR_COUNT);
    Dist below = (Dist)words[BELOW], floor = UNREACHED;
    u64 capacity = words[CAPACITY];
    i32 cut = (i32)words[CUT];
    for (i64 first = warp_of_grid() * LANES; first < count; first += threads) {
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
// arcs within reach may have the room of the others. One thread.
__device__ inline void forget_queued(volatile u64 *control)
{
    control[NEXT] = 0;
    control[NEAR] = 1;
    control[FAR] = 2;
    control[SPARE] = 3;
    control[NEAR_COUNT] = control[NEXT_COUNT] = control[FAR_COUNT] = control[SPARE_COUNT] = 0;
    control[WITHIN_COUNT] = control[HUB_COUNT] = 0;
    control[RUN] = control[EARLY] = control[QUIET] = control[OVERFLOW] = 0;
    control[HI] = control[LEAST] = UNREACHED;
    control[STATUS] = GOING;
    control[STEP] = PLAN;
    control[PULLED] = 1;
    control[PULL_TO] = control[SWEEPS] = 0;
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
    // Of this warp, in shared memory.
    Entry *held;
    i32 noted;
};

__device__ inline void note_arc(Reach &reach, bool wanted, i64 v, Arc arc, Dist best)
{
    hold(reach.held, HELD, reach.noted, reach.within, reach.control, WITHIN_COUNT, reach.room,
         wanted, v, arc.adj, best, bits_of(arc.weight));
}

// Look at an arc: can it improve `best`? Returns the sum over it, UNREACHED where no arc from here on
// can (`open` is false then). May its other end, which is `u`, improve `best` yet? Then `note`.
__device__ inline Dist look(Reach &reach, bool &open, Arc arc, Dist best, i64 &u, bool &note)
{
    note = false;
    open = open && plus(reach.floor, arc.weight) < best;
    if (!open) return UNREACHED;
    u = arc.adj;
    Dist dist = dist_of(reach.state, u), x = plus(dist, arc.weight);
    note = dist >= reach.below && u < reach.leaves_begin &&
           plus(reach.below, arc.weight) < (x < best ? x : best);
    reach.touched++;
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
        bool has = mine < end, open = has, note;
        Arc arc = {};
        if (has) arc = reach.arcs[mine];
        Dist x = look(reach, open, arc, least, u, note);
        note_arc(reach, note, row, arc, least);
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

// Every unsettled vertex of [from, rows) takes the best of its own arcs. Rows of incoming arcs.
// `within` has room for `room` arcs; `looked` counts those looked at. What a lane looks at alone it
// notes once the best is known, which is the bound of a sweep.
__device__ inline void pull_rows(const i64 *begin, const i64 *end, const Arc *arcs, u64 *state,
                                 Entry *within, u64 room, const u64 *words, u64 *control,
                                 u64 *looked, Entry *held, i64 from, i64 rows, i32 threads)
{
    Reach reach = {arcs,
                   state,
                   control,
                   within,
                   room,
                   (Dist)words[BELOW],
                   (Dist)words[FLOOR],
                   (i64)words[LEAVES_BEGIN],
                   0,
                   held,
                   0};
    for (i64 first = from + warp_of_grid() * LANES; first < rows; first += threads) {
        i64 v = first + lane_of_warp(), k = 0, last = 0, parent = -1;
        Dist best = v < rows ? dist_of(state, v) : 0;
        if (v < rows && best >= reach.below) {
            k = begin[v];
            last = end[v];
        }
        bool open = k < last;
        u32 notes = 0;
        i64 start = k;
        for (i32 step = 0; step < ALONE && __any_sync(ALL_LANES, open); step++) {
            i64 u = -1;
            bool note;
            Arc arc = {};
            if (open) arc = arcs[k];
            Dist x = look(reach, open, arc, best, u, note);
            if (note) notes |= 1u << step;
            if (x < best) {
                best = x;
                parent = u;
            }
            k++;
            open = open && k < last;
        }
        for (u32 long_rows = __ballot_sync(ALL_LANES, open); long_rows; long_rows &= long_rows - 1)
            look_together(reach, __ffs((i32)long_rows) - 1, v, k, last, best, parent);
        for (; __any_sync(ALL_LANES, notes != 0); notes &= notes - 1) {
            Arc arc = {};
            if (notes) arc = arcs[start + __ffs((i32)notes) - 1];
            note_arc(reach, notes && plus(reach.below, arc.weight) < best, v, arc, best);
        }
        if (parent >= 0) put(state, v, best, parent);
    }
    append_held(held, reach.noted, within, control, WITHIN_COUNT, room);
    add(looked, reach.touched);
}

// The rows of the first stage of a pull; with each further one it is four times as many, up to all.
__device__ inline i64 first_stage(i64 rows) { return (rows + 15) / 16; }

// The next stage of the pull. Rows are in the order of their degrees, where these differ much, so
// that those which most arcs lead to have pulled before the rest looks at them. Is there one? One
// thread.
__device__ inline bool next_pull(volatile u64 *control)
{
    u64 rows = control[ROWS], from = control[PULL_TO];
    u64 to = from ? 4 * from : (u64)first_stage((i64)rows);
    if (from >= rows) return false;
    control[PULL_FROM] = from;
    control[PULL_TO] = to < rows ? to : rows;
    return true;
}

// Which vertices sweeps have improved, a bit each, in three turns: a sweep looks at what the one
// before has marked, marks what it improves itself, and clears the third turn for the next one.
// Without `bits` every sweep looks at all arcs.
struct Marks {
    u32 *bits;
    i64 rows;
    u64 sweeps;  // begun so far
};

__device__ inline u32 *turn_of(const Marks &marks, u64 sweep)
{
    return marks.bits + sweep % 3 * (marks.rows / 32 + 1);
}

// Clear the marks of the next sweep; called by all threads of a step.
__device__ inline void clear_marks(const Marks &marks, i32 threads)
{
    u32 *next = turn_of(marks, marks.sweeps + 1);
    for (i64 i = thread_of_grid(); i <= marks.rows / 32; i += threads) next[i] = 0;
}

// May vertex `u` have another distance than when the arc to `v` was last looked at? Before the first
// sweep, `v` has pulled and seen what `u` pulled in an earlier stage.
__device__ inline bool may_differ(const Marks &marks, i64 u, i64 v)
{
    if (!marks.bits) return true;
    if (marks.sweeps > 1) return turn_of(marks, marks.sweeps - 1)[u / 32] >> u % 32 & 1;
    i64 first = first_stage(marks.rows);
    return u >= (v < first ? 0 : v < 4 * first ? first : 4 * first);
}

// Is it worth it to sweep once more, after one that has improved so many? A vertex that is pushed
// costs what some dozens of arcs within reach do, most of which a sweep passes over. An overrun is for
// the rounds to deal with.
__device__ inline bool sweeps_again(volatile u64 *control)
{
    return !control[OVERFLOW] && control[NEXT_COUNT] > control[WITHIN_COUNT] >> 5;
}

// Begin a sweep. One thread.
__device__ inline void begin_sweep(volatile u64 *control)
{
    control[NEXT_COUNT] = 0;
    control[SWEEPS]++;
    control[PHASES]++;
}

// Relax the arcs within reach whose vertices may have improved, and queue what improves. The improved
// of the last sweep are what is left to push. Each entry's `dist` was a bound of its vertex when it
// was noted. `looked` counts the arcs looked at.
__device__ inline void sweep_arcs(u64 *state, Entry *queues, const Entry *within,
                                  const Marks &marks, const u64 *words, u64 *control, u64 *looked,
                                  Entry *held, i32 threads)
{
    i64 count = (i64)words[WITHIN_COUNT];
    u64 capacity = words[CAPACITY], touched = 0;
    Entry *improved = queue_of(queues, words, NEXT);
    i32 found = 0;
    for (i64 first = warp_of_grid() * LANES; first < count; first += threads) {
        i64 i = first + lane_of_warp();
        bool better = false;
        Dist x = 0;
        i64 v = 0;
        if (i < count) {
            Entry arc = within[i];
            i64 u = arc.offset;
            v = arc.vertex;
            if (may_differ(marks, u, v)) {
                x = plus(dist_of(state, u), weight_of(arc.key));
                better = x < arc.dist && x < dist_of(state, v) && improve(state, v, x, u);
                touched++;
            }
        }
        if (better && marks.bits) atomicOr(turn_of(marks, marks.sweeps) + v / 32, 1u << v % 32);
        hold(held, HELD, found, improved, control, NEXT_COUNT, capacity, better, v, 0, x, x);
    }
    append_held(held, found, improved, control, NEXT_COUNT, capacity);
    add(looked, touched);
}
