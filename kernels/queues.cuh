// The queues of a search on a device, and the words that steer it.
//
// An entry says: the arcs of the vertex's row from `offset` on have not been relaxed for its
// distance `dist`, and the first of them leads to `key` (offset 0: the row is fresh, key is dist).
// An entry whose vertex has improved since is stale and is dropped; the improvement brought an
// entry of its own. So each vertex has at most one entry that is not stale, over all queues. Only a
// smaller distance makes an entry stale: to see a larger one would be to see an old one.
//
// Queues are filled within a kernel and read by later ones alone. An entry beyond the capacity is
// not stored and sets OVERFLOW; every reached vertex is then queued again.

// One 8-byte word each. The host reads this list, too.
enum Word {
    // Which queue is which: read now; found for this bucket; for later ones; unused.
    NEAR, NEXT, FAR, SPARE,
    // Entries in each, and chunks of long rows, and arcs within reach of a pull. Those that were
    // filled may say more than the capacity.
    NEAR_COUNT, NEXT_COUNT, FAR_COUNT, SPARE_COUNT, HUB_COUNT, WITHIN_COUNT,
    // Distances (bits): the end of the bucket; what a pull may rely on.
    HI, BELOW, FLOOR,
    // What comes next (Step), for launches that run one step after another; stop in rows; relax
    // without queueing; the first bin of rows that are not finished; which rows pull, where they do
    // in stages; sweeps that were begun.
    STEP, EARLY, QUIET, CUT, PULL_FROM, PULL_TO, SWEEPS,
    // Of the words from here on, a step of a launch of many needs only those of the graph.
    // Arcs of the rows in NEAR, of rounds that do not stop in rows.
    NEAR_ARCS,
    // The queue of ghosts to which a shorter way was found, which one process has none of, and how
    // many they are; the least key in FAR (bits); where the bucket begins.
    OUT, OUT_COUNT, LEAST, LO,
    // Is there a round to run; why there is none (Status); has a pull begun.
    RUN, STATUS, PULLED, OVERFLOW,
    // Rows pushed for the first time, their arcs, at how many rows a bucket is given up.
    SETTLED, SETTLED_ARCS, CAP,
    // Arcs looked at, rounds; blocks at a barrier, barriers that are over, and blocks that are done.
    ARCS, PHASES, BARRIER, TURN, DONE,
    // Among ranks: own vertices whose updates are due.
    CHANGED_COUNT,
    // Of the graph (labels from ROWS to LEAVES_BEGIN are ghosts) and of the engine's choice, the
    // same for all searches.
    CAPACITY, HUB_CAPACITY, ROWS, LEAVES_BEGIN, DELTA, SWITCH_SETTLED, SWITCH_ARCS,
    STOPS_EARLY, FINISH_ARCS, SEVERAL_RANKS,
    WORDS
};

// GOING: more rounds may follow. EMPTY: nothing is queued, or among ranks nothing of the bucket that
// they share. SWITCH: enough is settled for a pull, all below BELOW. OVERRAN: a queue ran over.
enum Status { GOING, EMPTY, SWITCH, OVERRAN };

// PLAN: say what the next round does. SPLIT, WEIGH_ROUND, PUSH, HUBS: a round. WEIGH, LIST: the rows
// to finish before a pull, which are pushed then. STOP: the status says why.
enum Step { PLAN, SPLIT, WEIGH_ROUND, PUSH, HUBS, WEIGH, LIST, PULL, SWEEP, STOP };

// Aligned, so that it moves in one access where 16 bytes hold it.
#if defined(KIND_FLOAT64)
struct Entry {
#else
struct alignas(16) Entry {
#endif
    i32 vertex;
    i32 offset;
    Dist dist;
    Dist key;
};

// Of the words, a kernel reads those that stay as they are while it runs. `words` says where they
// are: `control` itself, whose plain reads the cache of a multiprocessor answers, or, in a kernel
// whose words change between its barriers, the copy that each block takes after them.

__device__ inline u64 filled(const u64 *words, i32 count)
{
    u64 entries = words[count], room = words[CAPACITY];
    return entries < room ? entries : room;
}

__device__ inline Entry *queue_of(Entry *queues, const u64 *words, i32 which)
{
    return queues + words[which] * words[CAPACITY];
}

// Is this the first thread of the last block that comes here? It sees what the others have added to
// words, and says what the next kernel does. Called once by all threads of a grid.
__device__ inline bool last_of_grid(u64 *control)
{
    __syncthreads();
    if (threadIdx.x != 0) return false;
    __threadfence();
    if (atomicAdd(control + DONE, 1ull) + 1 < gridDim.x) return false;
    control[DONE] = 0;
    __threadfence();
    return true;
}

// Append the entries of the lanes that have one; called by the whole warp.
__device__ inline void append(Entry *queue, u64 *control, i32 count, u64 capacity, bool wanted,
                              i64 vertex, i64 offset, Dist dist, Dist key)
{
    u64 at = warp_reserve(control + count, wanted);
    if (!wanted) return;
    if (at < capacity)
        queue[at] = {(i32)vertex, (i32)offset, dist, key};
    else
        control[OVERFLOW] = 1;
}

// Entries that a warp holds in shared memory until there is no room for more: one atomic operation
// and one walk over whole lines for all of them. Two such lists may share the room.
#define HELD 64
// Warps of a block of 256 threads.
#define WARPS (256 / LANES)

__device__ inline Entry *held_by_warp(Entry *held) { return held + threadIdx.x / LANES * HELD; }

// Append what a warp holds; called by the whole warp, as is `hold`.
__device__ inline void append_held(const Entry *held, i32 &count, Entry *queue, u64 *control,
                                   i32 word, u64 capacity)
{
    if (count == 0) return;
    u64 first = 0;
    if (lane_of_warp() == 0) first = atomicAdd(control + word, (u64)count);
    first = __shfl_sync(ALL_LANES, first, 0, LANES);
    for (i32 i = lane_of_warp(); i < count; i += LANES) {
        if (first + i < capacity)
            queue[first + i] = held[i];
        else
            control[OVERFLOW] = 1;
    }
    __syncwarp();
    count = 0;
}

// Hold the entries of the lanes that have one, in `room` places.
__device__ inline void hold(Entry *held, i32 room, i32 &count, Entry *queue, u64 *control, i32 word,
                            u64 capacity, bool wanted, i64 vertex, i64 offset, Dist dist, Dist key)
{
    u32 lanes = __ballot_sync(ALL_LANES, wanted);
    i32 more = __popc(lanes);
    if (count + more > room) append_held(held, count, queue, control, word, capacity);
    if (wanted)
        held[count + __popc(lanes & ((1u << lane_of_warp()) - 1u))] = {(i32)vertex, (i32)offset,
                                                                       dist, key};
    __syncwarp();
    count += more;
}

// Lower a word to the least of the lanes' values; called by the whole warp.
__device__ inline void lower(u64 *at, Dist value)
{
    Dist least = warp_min(value);
    if (lane_of_warp() == 0 && least != UNREACHED && least < fresh(at)) atomicMin(at, (u64)least);
}

// Add the lanes' values to a word; called by the whole warp.
__device__ inline void add(u64 *at, u64 value)
{
    u64 sum = warp_sum(value);
    if (lane_of_warp() == 0 && sum) atomicAdd(at, sum);
}
