// Many steps of a search in one launch: by one block while they are small, else by all of them.
//
// A step is what a kernel of push.cu or pull.cu does. After each, all blocks wait for each other, and
// the last to come says what the next one is (STEP). A launch ends where the next step is for the
// other kind, and that one goes on there: `rounds` leaves steps that are large, `wide`, a cooperative
// launch, rounds that are small once no pull is to come.

#include "push.cuh"
#include "pull.cuh"

// Blocks of `wide` that registers are to let on a multiprocessor; Volta would spill some for three.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 750
#define RESIDENT 2
#else
#define RESIDENT 3
#endif

// What the threads of a block share.
struct Block {
    u64 words[WORDS];
    u64 bins[BINS];
    bool last;
};

// What a pull needs beside what a push does: rows of incoming arcs, room for arcs within reach, and
// a sum for each bin, zero.
#define PULL_SEARCH                                                                              \
    const i64 *in_begin, const i64 *in_end, const Arc *in_arcs, Entry *within, u64 room, u64 *left

// All threads of the grid wait for each other, and see what the others have written; before any goes
// on, the block that comes last plans. `turn` counts. More than one block needs a cooperative launch.
template <class Plan>
__device__ inline void barrier(u64 *control, u64 &turn, bool &last, Plan plan)
{
    __syncthreads();
    if (threadIdx.x == 0) {
        __threadfence();
        last = gridDim.x == 1 || atomicAdd(control + BARRIER, 1ull) + 1 == gridDim.x;
        __threadfence();
    }
    __syncthreads();
    if (last) {
        plan();
        __syncthreads();
    }
    turn++;
    if (threadIdx.x == 0) {
        if (last && gridDim.x > 1) {
            *(volatile u64 *)(control + BARRIER) = 0;
            __threadfence();
            *(volatile u64 *)(control + TURN) = turn;
        }
        while (!last && fresh(control + TURN) != turn) __nanosleep(64);
        __threadfence();
    }
    __syncthreads();
}

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

// What comes after the step that all blocks have done? One thread. Where `weighs`, rounds that push
// rows to their end are weighed, if they have more rows than that.
__device__ inline void plan_step(u64 *words, bool pulls, u64 weighs)
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
    if (control[STEP] == PUSH && step != WEIGH_ROUND && !control[EARLY] &&
        control[NEAR_COUNT] > weighs)
        control[STEP] = WEIGH_ROUND;
}

__device__ inline void run_step(SEARCH, PULL_SEARCH, Block &block, Entry *held)
{
    const u64 *words = block.words;
    switch (words[STEP]) {
    case SPLIT: split_round(state, queues, words, control, held); break;
    case WEIGH_ROUND: weigh_round(begin, end, queues, words, control); break;
    case PUSH: push_round(begin, end, arcs, state, queues, hubs, words, control, held); break;
    case HUBS: push_chunks(begin, arcs, state, queues, hubs, words, control, held); break;
    case WEIGH:
        weigh_rows(begin, end, state, queues, words, (Dist)words[BELOW], left, block.bins);
        break;
    case LIST: list_unfinished(state, queues, words, control); break;
    case PULL:
        pull_rows(in_begin, in_end, in_arcs, state, within, room, words, control, held,
                  (i64)words[PULL_FROM], (i64)words[PULL_TO]);
        break;
    case SWEEP: sweep_arcs(state, queues, within, words, control, held); break;
    default: break;
    }
}

// Wait for the others, plan, and look at what comes next.
__device__ inline void next_step(u64 *control, u64 *left, bool pulls, u64 weighs, Block &block,
                                 u64 &turn)
{
    barrier(control, turn, block.last, [&] {
        if (block.words[STEP] == WEIGH)
            choose_bin(control, block.words[BELOW], left, block.bins);
        else if (threadIdx.x == 0)
            plan_step(control, pulls, weighs);
    });
    take(block.words, control, SETTLED);
}

// One block, as long as steps have at most `widest` entries, and rounds that push rows to their ends
// four times as many arcs. What is left of a round is for the kernels of push.cu, or for `wide`.
extern "C" __global__ void __launch_bounds__(512, 1)
    rounds(SEARCH, PULL_SEARCH, u64 widest, bool pulls)
{
    __shared__ Block block;
    __shared__ Entry held[2 * WARPS * HELD];
    u64 turn = 0;
    take(block.words, control, WORDS);
    while (block.words[STEP] != STOP) {
        u64 step = block.words[STEP];
        bool heavy = step == PUSH && block.words[NEAR_ARCS] > 4 * widest;
        if (step != PLAN && (heavy || width(block.words) > widest)) break;
        run_step(begin, end, arcs, state, queues, hubs, control, in_begin, in_end, in_arcs, within,
                 room, left, block, held_by_warp(held));
        next_step(control, left, pulls, widest / 16, block, turn);
    }
}

// All blocks, until nothing is left to do; without a pull to come, until a round has at most `narrow`
// entries, but the first step is for this launch. After a pull rows are pushed to their ends: so many
// entries would have too many arcs for one block.
extern "C" __global__ void __launch_bounds__(256, RESIDENT)
    wide(SEARCH, PULL_SEARCH, u64 narrow, bool pulls)
{
    __shared__ Block block;
    __shared__ Entry held[WARPS * HELD];
    take(block.words, control, WORDS);
    u64 turn = block.words[TURN];
    bool first = true;
    while (block.words[STEP] != STOP) {
        bool last_rounds = !pulls || block.words[PULLED];
        bool of_a_round = block.words[STEP] <= PUSH;
        u64 few = block.words[PULLED] ? narrow / 16 : narrow;
        if (!first && last_rounds && of_a_round && width(block.words) <= few) break;
        first = false;
        run_step(begin, end, arcs, state, queues, hubs, control, in_begin, in_end, in_arcs, within,
                 room, left, block, held_by_warp(held));
        next_step(control, left, pulls, ~0ull, block, turn);
    }
}
