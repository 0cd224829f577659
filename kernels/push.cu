// Delta-stepping by pushing, a kernel for each step of a round: split, push, push_hubs.
//
// The host starts the kernels of many rounds ahead; those of a round that has nothing to do return at
// once. kernels/push.cuh has the steps, and kernels/search.cu runs many of them in one launch.

#include "push.cuh"

extern "C" __global__ void split(SEARCH)
{
    __shared__ Entry held[WARPS * HELD];
    if (control[RUN])
        split_round(state, queues, control, control, held_by_warp(held), (i32)threads_of_grid());
}

extern "C" __global__ void push(SEARCH)
{
    __shared__ Entry held[WARPS * HELD];
    if (control[RUN])
        push_round(begin, end, arcs, state, queues, hubs, control, control, held_by_warp(held),
                   (i32)threads_of_grid());
}

extern "C" __global__ void push_hubs(SEARCH)
{
    __shared__ Entry held[WARPS * HELD];
    if (!control[RUN]) return;
    if (control[HUB_COUNT])
        push_chunks(begin, arcs, state, queues, hubs, control, control, held_by_warp(held),
                    (i32)threads_of_grid());
    if (last_of_grid(control)) plan_round(control);
}

// The ranks begin the bucket that starts at `lo`.
extern "C" __global__ void begin_bucket(u64 *control, u64 lo)
{
    if (thread_of_grid() != 0) return;
    set_bucket(control, lo);
    control[STATUS] = GOING;
    control[STEP] = PLAN;
}

// After a queue ran over: forget what is queued ...
extern "C" __global__ void forget(u64 *control)
{
    if (thread_of_grid() != 0) return;
    control[NEXT_COUNT] = control[FAR_COUNT] = control[OUT_COUNT] = control[OVERFLOW] = 0;
    control[LEAST] = UNREACHED;
    control[STATUS] = GOING;
    control[STEP] = PLAN;
    control[CAP] = ~0ull;
}

// ... and queue every reached vertex again, whole; ghosts, to be offered again.
extern "C" __global__ void requeue(const u64 *state, Entry *queues, u64 *control, i64 n)
{
    Entry *next = queue_of(queues, control, NEXT), *out = queue_of(queues, control, OUT);
    i64 rows = (i64)control[ROWS], leaves_begin = (i64)control[LEAVES_BEGIN];
    u64 capacity = control[CAPACITY];
    for (i64 first = warp_of_grid() * LANES; first < n; first += threads_of_grid()) {
        i64 v = first + lane_of_warp();
        Dist dist = v < n ? dist_of(state, v) : UNREACHED;
        bool ghost = v >= rows && v < leaves_begin, reached = dist != UNREACHED;
        append(next, control, NEXT_COUNT, capacity, reached && !ghost, v, 0, dist, dist);
        append(out, control, OUT_COUNT, capacity, reached && ghost, v, 0, dist, dist);
    }
}
