// One round of delta-stepping by pushing: the functions of its steps, and what the next round does.
//
// A step is right for any number of threads that do it, the first `threads` of the grid. The last
// block of a step, or the only one, plans the next, so that the host can start many ahead without
// reading anything back. Rows are sorted by weight: where `EARLY`, a push stops at the bucket's end,
// found by doubling steps, and the rest of the row waits under a later key.
//
// A warp takes LANES entries and deals their arcs to its lanes evenly. Rows of more than CHUNK arcs
// are cut into chunks, which push_chunks deals to the warps of all blocks.

#include "grid.cuh"
#include "tentative.cuh"
#include "queues.cuh"

#define CHUNK 512

// What a thread carries through a round: where it appends, and sums that are added at the end.
struct Round {
    const Arc *arcs;
    u64 *state;
    u64 *control;
    Entry *next, *far, *out;
    u64 capacity;
    i64 rows, leaves_begin;
    Dist hi, least;
    bool quiet;
    u64 touched;
    // Of this warp, in shared memory: what it has for NEXT, and behind it what it has for FAR.
    Entry *held;
    i32 held_next, held_far;
};

__device__ inline Round open_round(const Arc *arcs, u64 *state, Entry *queues, const u64 *words,
                                   u64 *control, Entry *held)
{
    Round round;
    round.arcs = arcs;
    round.state = state;
    round.control = control;
    round.next = queue_of(queues, words, NEXT);
    round.far = queue_of(queues, words, FAR);
    round.out = queue_of(queues, words, OUT);
    round.capacity = words[CAPACITY];
    round.rows = (i64)words[ROWS];
    round.leaves_begin = (i64)words[LEAVES_BEGIN];
    round.hi = (Dist)words[HI];
    round.least = UNREACHED;
    round.quiet = words[QUIET] != 0;
    round.touched = 0;
    round.held = held;
    round.held_next = round.held_far = 0;
    return round;
}

__device__ inline void close_round(Round &round)
{
    append_held(round.held, round.held_next, round.next, round.control, NEXT_COUNT, round.capacity);
    append_held(round.held + HELD / 2, round.held_far, round.far, round.control, FAR_COUNT,
                round.capacity);
    lower(round.control + LEAST, round.least);
    add(round.control + ARCS, round.touched);
}

__device__ inline void append_far(Round &round, bool wanted, i64 vertex, i64 offset, Dist dist,
                                  Dist key)
{
    hold(round.held + HELD / 2, HELD / 2, round.held_far, round.far, round.control, FAR_COUNT,
         round.capacity, wanted, vertex, offset, dist, key);
    if (wanted && key < round.least) round.least = key;
}

// Relax arc `k` of row `u`; called by the whole warp, with `active` where a lane has an arc.
__device__ inline void relax(Round &round, bool active, i64 u, Dist dist, i64 k)
{
    bool better = false;
    i64 v = 0;
    Dist x = 0;
    if (active) {
        Arc arc = round.arcs[k];
        x = plus(dist, arc.weight);
        v = arc.adj;
        better = v < round.leaves_begin && x < dist_of(round.state, v) &&
                 improve(round.state, v, x, u);
        round.touched++;
    }
    if (round.rows < round.leaves_begin)
        append(round.out, round.control, OUT_COUNT, round.capacity, better && v >= round.rows, v, 0,
               x, x);
    if (round.quiet) return;
    better = better && v < round.rows;
    hold(round.held, HELD / 2, round.held_next, round.next, round.control, NEXT_COUNT,
         round.capacity, better && x < round.hi, v, 0, x, x);
    append_far(round, better && x >= round.hi, v, 0, x, x);
}

// The first arc in [first, last) that leads to `hi` or further; sums are monotone along a row.
// Steps double from `first` on before the interval is halved: most rows have an arc or two to push.
__device__ inline i64 bucket_end(const Arc *arcs, i64 first, i64 last, Dist dist, Dist hi)
{
    for (i64 step = 1; first < last; step *= 2) {
        i64 at = (first + step < last ? first + step : last) - 1;
        if (plus(dist, arcs[at].weight) >= hi) {
            last = at;
            break;
        }
        first = at + 1;
    }
    while (first < last) {
        i64 middle = first + (last - first) / 2;
        if (plus(dist, arcs[middle].weight) < hi)
            first = middle + 1;
        else
            last = middle;
    }
    return first;
}

// The bucket that starts at the distance `lo` (bits), at least one distance wide.
__device__ inline void set_bucket(volatile u64 *control, u64 lo)
{
    Dist hi = plus((Dist)lo, weight_of((Dist)control[DELTA]));
    if (hi <= lo) hi = (Dist)lo + 1;
    control[LO] = lo;
    control[HI] = hi < UNREACHED ? hi : UNREACHED;
}

// What does the next round do? One thread, between rounds. After the quiet push of settled rows it is
// for the host to say.
__device__ inline void plan_round(volatile u64 *control)
{
    control[HUB_COUNT] = 0;
    control[RUN] = control[NEAR_ARCS] = 0;
    control[STEP] = STOP;
    if (control[STATUS] != GOING || control[QUIET]) return;
    if (control[OVERFLOW]) {
        control[STATUS] = OVERRAN;
        return;
    }
    if (control[NEXT_COUNT] > 0) {
        if (control[SETTLED] > control[CAP]) {
            // The bucket was too wide; it is not finished, but all below it is.
            control[STATUS] = SWITCH;
            control[BELOW] = control[LO];
            return;
        }
        u64 near = control[NEAR];
        control[NEAR] = control[NEXT];
        control[NEXT] = near;
        control[NEAR_COUNT] = control[NEXT_COUNT];
        control[NEXT_COUNT] = control[SPARE_COUNT] = 0;
        control[PHASES]++;
        control[RUN] = 1;
        control[STEP] = PUSH;
        return;
    }
    u64 lo = control[LEAST];
    bool shared = control[SEVERAL_RANKS];
    if (lo == UNREACHED || (shared && lo >= control[HI])) {
        control[STATUS] = EMPTY;
        return;
    }
    bool enough = control[SETTLED] >= control[SWITCH_SETTLED];
    if (!shared && enough && control[SETTLED_ARCS] >= control[SWITCH_ARCS]) {
        control[STATUS] = SWITCH;
        control[BELOW] = lo;
        return;
    }
    if (!shared) set_bucket(control, lo);
    control[EARLY] = control[STOPS_EARLY];
    control[CAP] = enough ? ~0ull : 2 * control[SWITCH_SETTLED];
    u64 far = control[FAR];
    control[FAR] = control[SPARE];
    control[SPARE] = far;
    u64 entries = control[FAR_COUNT], room = control[CAPACITY];
    control[SPARE_COUNT] = entries < room ? entries : room;
    control[FAR_COUNT] = control[NEAR_COUNT] = 0;
    control[LEAST] = UNREACHED;
    control[PHASES]++;
    control[RUN] = 1;
    control[STEP] = SPLIT;
}

// Part what was queued for later at the bucket's end.
__device__ inline void split_round(const u64 *state, Entry *queues, const u64 *words, u64 *control,
                                   Entry *held, i32 threads)
{
    i64 count = (i64)words[SPARE_COUNT];
    if (warp_of_grid() * LANES >= count) return;
    Entry *spare = queue_of(queues, words, SPARE);
    Entry *near = queue_of(queues, words, NEAR), *far = queue_of(queues, words, FAR);
    u64 capacity = words[CAPACITY];
    Dist hi = (Dist)words[HI], least = UNREACHED;
    i32 nears = 0, fars = 0;
    for (i64 first = warp_of_grid() * LANES; first < count; first += threads) {
        i64 i = first + lane_of_warp();
        Entry entry = {};
        bool live = false;
        if (i < count) {
            entry = spare[i];
            live = dist_of(state, entry.vertex) >= entry.dist;
        }
        bool soon = live && entry.key < hi, later = live && !soon;
        hold(held, HELD / 2, nears, near, control, NEAR_COUNT, capacity, soon, entry.vertex,
             entry.offset, entry.dist, entry.key);
        hold(held + HELD / 2, HELD / 2, fars, far, control, FAR_COUNT, capacity, later,
             entry.vertex, entry.offset, entry.dist, entry.key);
        if (later && entry.key < least) least = entry.key;
    }
    append_held(held, nears, near, control, NEAR_COUNT, capacity);
    append_held(held + HELD / 2, fars, far, control, FAR_COUNT, capacity);
    lower(control + LEAST, least);
}

// List the chunks of the lanes' long rows; called by the whole warp. There is room for every arc:
// of the entries of a vertex one is not stale, so no arc is listed twice in a round.
__device__ inline void cut(Round &round, Entry *hubs, u64 room, i64 u, i64 offset, Dist dist,
                           i64 length)
{
    for (u32 owners = __ballot_sync(ALL_LANES, length > CHUNK); owners; owners &= owners - 1) {
        i32 owner = __ffs((i32)owners) - 1;
        i64 row = __shfl_sync(ALL_LANES, u, owner, LANES);
        i64 first = __shfl_sync(ALL_LANES, offset, owner, LANES);
        i64 arcs = __shfl_sync(ALL_LANES, length, owner, LANES);
        Dist at_dist = __shfl_sync(ALL_LANES, dist, owner, LANES);
        u64 chunks = (u64)((arcs + CHUNK - 1) / CHUNK), at = 0;
        if (lane_of_warp() == 0) at = atomicAdd(round.control + HUB_COUNT, chunks);
        at = __shfl_sync(ALL_LANES, at, 0, LANES);
        if (at + chunks > room) round.control[OVERFLOW] = 1;
        for (u64 c = lane_of_warp(); c < chunks && at + c < room; c += LANES) {
            i64 left = arcs - (i64)c * CHUNK;
            hubs[at + c] = {(i32)row, (i32)(first + (i64)c * CHUNK), at_dist,
                            (Dist)(left < CHUNK ? left : CHUNK)};
        }
    }
}

// Relax the rows of NEAR, LANES rows of up to CHUNK arcs at a time, dealt evenly to the lanes.
__device__ inline void push_round(const i64 *begin, const i64 *end, const Arc *arcs, u64 *state,
                                  Entry *queues, Entry *hubs, const u64 *words, u64 *control,
                                  Entry *held, i32 threads)
{
    i64 count = (i64)filled(words, NEAR_COUNT);
    if (warp_of_grid() * LANES >= count) return;
    Entry *near = queue_of(queues, words, NEAR);
    Round round = open_round(arcs, state, queues, words, control, held);
    bool early = words[EARLY] != 0;
    u64 room = words[HUB_CAPACITY];
    u64 settled = 0, settled_arcs = 0;
    for (i64 first = warp_of_grid() * LANES; first < count; first += threads) {
        i64 i = first + lane_of_warp();
        i64 u = 0, start = 0, k = 0, stop = 0, last = 0;
        Dist dist = 0;
        if (i < count) {
            Entry entry = near[i];
            if (dist_of(state, entry.vertex) >= entry.dist) {
                u = entry.vertex;
                dist = entry.dist;
                start = begin[u];
                last = end[u];
                k = start + entry.offset;
                stop = early ? bucket_end(arcs, k, last, dist, round.hi) : last;
                settled += entry.offset == 0;
                settled_arcs += entry.offset == 0 ? last - start : 0;
            }
        }
        bool rest = stop < last;
        append_far(round, rest, u, stop - start, dist,
                   rest ? plus(dist, arcs[stop].weight) : UNREACHED);
        cut(round, hubs, room, u, k - start, dist, stop - k);
        i32 length = stop - k > CHUNK ? 0 : (i32)(stop - k);
        i32 upto = warp_scan(length);
        i32 total = __shfl_sync(ALL_LANES, upto, LANES - 1, LANES);
        for (i32 dealt = 0; dealt < total; dealt += LANES) {
            i32 j = dealt + lane_of_warp(), owner = 0;
            for (i32 step = LANES / 2; step > 0; step /= 2)
                if (__shfl_sync(ALL_LANES, upto, owner + step - 1, LANES) <= j) owner += step;
            i32 before = __shfl_sync(ALL_LANES, upto - length, owner, LANES);
            i64 arc = __shfl_sync(ALL_LANES, k, owner, LANES) + (j - before);
            i64 row = __shfl_sync(ALL_LANES, u, owner, LANES);
            relax(round, j < total, row, __shfl_sync(ALL_LANES, dist, owner, LANES), arc);
        }
    }
    add(control + SETTLED, settled);
    add(control + SETTLED_ARCS, settled_arcs);
    close_round(round);
}

// Relax the chunks of long rows, a warp each.
__device__ inline void push_chunks(const i64 *begin, const Arc *arcs, u64 *state, Entry *queues,
                                   Entry *hubs, const u64 *words, u64 *control, Entry *held,
                                   i32 threads)
{
    u64 listed = words[HUB_COUNT], room = words[HUB_CAPACITY];
    i64 count = (i64)(listed < room ? listed : room);
    if (warp_of_grid() >= count) return;
    Round round = open_round(arcs, state, queues, words, control, held);
    for (i64 c = warp_of_grid(); c < count; c += threads / LANES) {
        Entry chunk = hubs[c];
        i64 first = begin[chunk.vertex] + chunk.offset;
        for (i64 j = 0; j < (i64)chunk.key; j += LANES) {
            i64 mine = j + lane_of_warp();
            relax(round, mine < (i64)chunk.key, chunk.vertex, chunk.dist, first + mine);
        }
    }
    close_round(round);
}

// Add up the arcs of the rows in NEAR.
__device__ inline void weigh_round(const i64 *begin, const i64 *end, Entry *queues,
                                   const u64 *words, u64 *control, i32 threads)
{
    i64 count = (i64)filled(words, NEAR_COUNT);
    Entry *near = queue_of(queues, words, NEAR);
    u64 arcs = 0;
    for (i64 i = thread_of_grid(); i < count; i += threads)
        arcs += (u64)(end[near[i].vertex] - begin[near[i].vertex] - near[i].offset);
    add(control + NEAR_ARCS, arcs);
}

#define SEARCH                                                                                   \
    const i64 *begin, const i64 *end, const Arc *arcs, u64 *state, Entry *queues, Entry *hubs,   \
        u64 *control
