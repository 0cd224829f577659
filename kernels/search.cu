// Many steps of a search in one launch: by one block while they are small, else by all of them.
//
// A step is what a kernel of push.cu or pull.cu does. After each, the blocks that did it wait for each
// other, and the last to come says what the next one is (STEP). `search`, a cooperative launch, runs
// all steps to the end: the first block does small ones, and the others wait for the next large one.
// `rounds` is one block, and leaves steps that are large to kernels of their own.

#include "push.cuh"
#include "pull.cuh"
#include "barrier.cuh"

// Blocks of `search` that registers are to let on a multiprocessor; before Hopper, and for float64, the
// compiler would spill some for three.
#if defined(KIND_FLOAT64) || (defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 900)
#define RESIDENT 2
#else
#define RESIDENT 3
#endif

// What the threads of a block share.
struct Block {
    u64 words[WORDS];
    u64 bins[BINS];
    // Arcs that pulls and sweeps have looked at.
    u64 looked;
    Meeting meeting;
};

// What a pull needs beside what a push does: rows of incoming arcs, room for arcs within reach with
// that for marks behind it, and a sum for each bin, zero.
#define PULL_SEARCH                                                                              \
    const i64 *in_begin, const i64 *in_end, const Arc *in_arcs, Entry *within, u64 room, u64 *left

// Copy words for this block. They stay as they are for the whole step, but for those that it adds to.
__device__ inline void take(u64 *words, const u64 *control, i32 count)
{
    for (i32 i = threadIdx.x; i < count; i += blockDim.x) words[i] = fresh(control + i);
    __syncthreads();
}

// How much a step looks at: entries, or rows and arcs of a pull. Chunks count as many entries.
__device__ inline u64 width(const u64 *words)
{
    switch (words[STEP]) {
    case PLAN: return words[NEXT_COUNT];
    case HUBS: return 32 * words[HUB_COUNT];
    case WEIGH:
    case LIST: return words[NEXT_COUNT] + words[FAR_COUNT];
    case PULL: return words[ROWS];
    case SWEEP: return words[WITHIN_COUNT];
    default: return words[NEAR_COUNT] + words[SPARE_COUNT];
    }
}

// Is a step for one block: of at most `narrow` entries, and four times as many arcs where rows are
// pushed to their ends?
__device__ inline bool is_small(const u64 *words, u64 narrow)
{
    if (words[STEP] == PLAN) return true;
    bool heavy = words[STEP] == PUSH && words[NEAR_ARCS] > 4 * narrow;
    return !heavy && width(words) <= narrow;
}

// What comes after the step that is done? One thread. Rounds that push rows to their ends are weighed
// where it is not clear from their rows whether they are small.
__device__ inline void plan_step(u64 *words, bool pulls, u64 narrow)
{
    volatile u64 *control = words;
    u64 step = control[STEP];
    if (step == SPLIT || step == WEIGH_ROUND) {
        control[STEP] = PUSH;
        control[SPARE_COUNT] = 0;
    } else if (step == LIST) {
        control[STEP] = PUSH;
    } else if (step == PUSH && control[HUB_COUNT]) {
        control[STEP] = HUBS;
        control[NEAR_COUNT] = 0;
    } else if (control[QUIET]) {
        forget_queued(control);
        next_pull(control);
        control[STEP] = PULL;
    } else if (step == PULL && next_pull(control)) {
        control[STEP] = PULL;
    } else if (!control[OVERFLOW] && (step == PULL || (step == SWEEP && sweeps_again(control)))) {
        begin_sweep(control);
        control[STEP] = SWEEP;
    } else if (step == SWEEP) {
        control[STEP] = PLAN;
    } else {
        plan_round(control);
        if (control[STATUS] == SWITCH && pulls) control[STEP] = WEIGH;
    }
    u64 rows = control[NEAR_COUNT];
    if (control[STEP] == PUSH && step != WEIGH_ROUND && !control[EARLY] && rows > narrow / 16 &&
        rows <= narrow)
        control[STEP] = WEIGH_ROUND;
}

// Do a step by the first `threads` threads of the grid.
__device__ inline void run_step(SEARCH, PULL_SEARCH, Block &block, Entry *held, i32 threads)
{
    const u64 *words = block.words;
    Marks marks = {(u32 *)(within + room), (i64)words[ROWS], words[SWEEPS]};
    switch (words[STEP]) {
    case SPLIT: split_round(state, queues, words, control, held, threads); break;
    case WEIGH_ROUND: weigh_round(begin, end, queues, words, control, threads); break;
    case PUSH:
        push_round(begin, end, arcs, state, queues, hubs, words, control, held, threads);
        break;
    case HUBS: push_chunks(begin, arcs, state, queues, hubs, words, control, held, threads); break;
    case WEIGH:
        weigh_rows(begin, end, state, queues, words, (Dist)words[BELOW], left, block.bins, threads);
        break;
    case LIST: list_unfinished(state, queues, words, control, threads); break;
    case PULL:
        clear_marks(marks, threads);
        pull_rows(in_begin, in_end, in_arcs, state, within, room, words, control,
                  &block.looked, held, (i64)words[PULL_FROM], (i64)words[PULL_TO], threads);
        break;
    case SWEEP:
        clear_marks(marks, threads);
        sweep_arcs(state, queues, within, marks, words, control, &block.looked, held, threads);
        break;
    default: break;
    }
}

// What a block is told at a barrier: who does the next step, if there is one.
enum Next { ENDS, SMALL, LARGE };

// Look at what comes next; called by a whole block.
__device__ inline u32 look_ahead(const u64 *control, u64 narrow, Block &block)
{
    take(block.words, control, NEAR_ARCS + 1);
    if (block.words[STEP] == STOP) return ENDS;
    return is_small(block.words, narrow) ? SMALL : LARGE;
}

// All blocks meet where the first one has done small steps; says who does the next one. Who does it
// has its words.
__device__ inline u32 meet(u64 *control, u64 narrow, Block &block)
{
    u32 next = barrier(control, gridDim.x, block.meeting,
                       [&] { return look_ahead(control, narrow, block); });
    if (next == LARGE) take(block.words, control, NEAR_ARCS);
    return next;
}

// Wait for the other blocks that did the step, and plan; says who does the next one, as `meet`.
__device__ inline u32 next_step(u64 *control, u64 *left, bool pulls, u64 narrow, Block &block,
                                u64 blocks)
{
    u32 next = barrier(control, blocks, block.meeting, [&] {
        if (block.words[STEP] == WEIGH)
            choose_bin(control, block.words[BELOW], left, block.bins);
        else if (threadIdx.x == 0)
            plan_step(control, pulls, narrow);
        __syncthreads();
        return look_ahead(control, narrow, block);
    });
    if (blocks == 1) return next == SMALL ? next : meet(control, narrow, block);
    if (next == LARGE || blockIdx.x == 0) take(block.words, control, NEAR_ARCS);
    return next;
}

// One block, as long as steps are small. What is left of a round is for the kernels of push.cu.
extern "C" __global__ void __launch_bounds__(512, 1)
    rounds(SEARCH, PULL_SEARCH, u64 narrow, bool pulls)
{
    __shared__ Block block;
    __shared__ Entry held[2 * WARPS * HELD];
    take(block.words, control, WORDS);
    u32 next = look_ahead(control, narrow, block);
    while (next == SMALL) {
        run_step(begin, end, arcs, state, queues, hubs, control, in_begin, in_end, in_arcs, within,
                 room, left, block, held_by_warp(held), blockDim.x);
        next = next_step(control, left, pulls, narrow, block, 1);
    }
}

// All blocks, until nothing is left to do. The first step, PLAN, is small. While the first block does
// small steps, the others know nothing of the words, and wait to be told.
extern "C" __global__ void __launch_bounds__(256, RESIDENT)
    search(SEARCH, PULL_SEARCH, u64 narrow, bool pulls)
{
    __shared__ Block block;
    __shared__ Entry held[WARPS * HELD];
    if (threadIdx.x == 0) {
        block.meeting.turn = fresh(control + TURN) / 4;
        block.looked = 0;
    }
    take(block.words, control, WORDS);
    u32 next = SMALL;
    while (next != ENDS) {
        if (next == SMALL && blockIdx.x != 0) {
            next = meet(control, narrow, block);
            continue;
        }
        run_step(begin, end, arcs, state, queues, hubs, control, in_begin, in_end, in_arcs, within,
                 room, left, block, held_by_warp(held),
                 next == LARGE ? (i32)threads_of_grid() : (i32)blockDim.x);
        next = next_step(control, left, pulls, narrow, block, next == LARGE ? gridDim.x : 1);
    }
    if (threadIdx.x == 0 && block.looked) atomicAdd(control + ARCS, block.looked);
}
