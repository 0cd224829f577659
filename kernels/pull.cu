// The rest of a search by pulling, a kernel for each step.
//
// The host starts sweeps ahead, as rounds of pushes are; those that have nothing to do return at once.
// kernels/pull.cuh has the steps, and kernels/search.cu runs them in one launch.

#include "pull.cuh"

// The last block chooses the rows to finish. `lo` is the distance below which all is settled.
extern "C" __global__ void weigh(const i64 *begin, const i64 *end, const u64 *state,
                                 Entry *queues, u64 *control, u64 *left, u64 lo)
{
    __shared__ u64 bins[BINS];
    __shared__ bool last;
    weigh_rows(begin, end, state, queues, control, (Dist)lo, left, bins, (i32)threads_of_grid());
    bool mine = last_of_grid(control);
    if (threadIdx.x == 0) last = mine;
    __syncthreads();
    if (last) choose_bin(control, lo, left, bins);
}

extern "C" __global__ void list_rows(const u64 *state, Entry *queues, u64 *control)
{
    list_unfinished(state, queues, control, control, (i32)threads_of_grid());
}

// `floor` is that of all ranks.
extern "C" __global__ void begin_pull(u64 *control, u64 floor)
{
    if (thread_of_grid() != 0) return;
    if (floor < control[FLOOR]) control[FLOOR] = floor;
    forget_queued(control);
}

extern "C" __global__ void pull(const i64 *begin, const i64 *end, const Arc *arcs, u64 *state,
                                Entry *within, u64 room, u64 *control)
{
    __shared__ Entry held[WARPS * HELD];
    pull_rows(begin, end, arcs, state, within, room, control, control, control + ARCS,
              held_by_warp(held), 0, (i64)control[ROWS], (i32)threads_of_grid());
}

extern "C" __global__ void plan_sweep(u64 *control)
{
    if (thread_of_grid() != 0) return;
    control[RUN] = !control[OVERFLOW];
    if (control[RUN]) begin_sweep(control);
}

// Another sweep is worth it only where the host starts one: where it `follows`.
extern "C" __global__ void sweep(u64 *state, Entry *queues, const Entry *within, u64 *control,
                                 bool follows)
{
    __shared__ Entry held[WARPS * HELD];
    if (!control[RUN]) return;
    sweep_arcs(state, queues, within, {}, control, control, control + ARCS, held_by_warp(held),
               (i32)threads_of_grid());
    if (!last_of_grid(control)) return;
    control[RUN] = follows && sweeps_again(control);
    if (control[RUN]) begin_sweep(control);
}
