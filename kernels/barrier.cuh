// A barrier of all blocks of a cooperative launch.

// Naps of some nanoseconds between looks at a barrier: one at first, more where the others take long.
#define NAP 64
#define MOST_NAPS 16

// What the threads of a block share at a barrier: does this block plan, what all were told, and how
// many barriers of the grid there were, which begins as TURN / 4.
struct Meeting {
    bool last;
    u32 told;
    u64 turn;
};

// All threads of `blocks` blocks, one or the whole grid, wait for each other, and see what the others
// have written. Before any goes on, the block that comes last plans; what its first thread returns
// from that, 0 to 3, all are told. Nobody need look at words for it, which the fastest block may
// already change.
template <class Plan>
__device__ inline u32 barrier(u64 *control, u64 blocks, Meeting &meeting, Plan plan)
{
    __syncthreads();
    if (threadIdx.x == 0) {
        __threadfence();
        meeting.last = blocks == 1 || atomicAdd(control + BARRIER, 1ull) + 1 == blocks;
        __threadfence();
    }
    __syncthreads();
    bool last = meeting.last;
    u32 planned = 0;
    if (last) planned = plan();
    if (threadIdx.x == 0) {
        u64 turn = blocks > 1 ? ++meeting.turn : 0;
        if (last && blocks > 1) {
            *(volatile u64 *)(control + BARRIER) = 0;
            __threadfence();
            *(volatile u64 *)(control + TURN) = 4 * turn + planned;
        }
        u64 told = 4 * turn + planned;
        for (i32 naps = 1; !last; naps += naps < MOST_NAPS ? naps : 0) {
            told = fresh(control + TURN);
            if (told / 4 == turn) break;
            for (i32 i = 0; i < naps; i++) __nanosleep(NAP);
        }
        meeting.told = (u32)(told % 4);
        __threadfence();
    }
    __syncthreads();
    return meeting.told;
}
