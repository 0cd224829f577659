// A barrier of all blocks of a cooperative launch.

// Nanoseconds between looks at a barrier: at first, and at most where the others take long.
#define LEAST_SLEEP 64
#define MOST_SLEEP 512

// All threads of `blocks` blocks, one or the whole grid, wait for each other, and see what the others
// have written; before any goes on, the block that comes last plans. `turn` counts barriers of the
// grid, and begins as the word TURN is. `last` is shared by a block.
template <class Plan>
__device__ inline void barrier(u64 *control, u64 blocks, u64 &turn, bool &last, Plan plan)
{
    __syncthreads();
    if (threadIdx.x == 0) {
        __threadfence();
        last = blocks == 1 || atomicAdd(control + BARRIER, 1ull) + 1 == blocks;
        __threadfence();
    }
    __syncthreads();
    if (last) {
        plan();
        __syncthreads();
    }
    if (blocks == 1) return;
    turn++;
    if (threadIdx.x == 0) {
        if (last) {
            *(volatile u64 *)(control + BARRIER) = 0;
            __threadfence();
            *(volatile u64 *)(control + TURN) = turn;
        }
        u32 sleep = LEAST_SLEEP;
        while (!last && fresh(control + TURN) != turn) {
            __nanosleep(sleep);
            if (sleep < MOST_SLEEP) sleep *= 2;
        }
        __threadfence();
    }
    __syncthreads();
}
