// Where a thread stands in its grid, and what the threads of a warp and of a block do together.
//
// Types are named by their size, as NVRTC brings no <cstdint>. A warp has LANES threads, a power of
// two up to 32: 32 on a GPU, 1 in the host shim, whose blocks have one thread and whose grids have
// one block. Block sizes are multiples of LANES. A function for a whole warp must be called by all
// of its lanes. kernels.device puts each header once into the text it compiles.

typedef int i32;
typedef long long i64;
typedef unsigned int u32;
typedef unsigned long long u64;

#ifndef LANES
#define LANES 32
#endif
#define ALL_LANES (LANES == 32 ? 0xFFFFFFFFu : (1u << (LANES & 31)) - 1u)

__device__ inline i64 thread_of_grid() { return (i64)blockIdx.x * blockDim.x + threadIdx.x; }
__device__ inline i64 threads_of_grid() { return (i64)gridDim.x * blockDim.x; }
__device__ inline i32 lane_of_warp() { return (i32)(threadIdx.x % LANES); }
__device__ inline i64 warp_of_grid() { return thread_of_grid() / LANES; }
__device__ inline i64 warps_of_grid() { return threads_of_grid() / LANES; }

// Sum over the lanes up to and including this one.
template <class T>
__device__ inline T warp_scan(T value)
{
    for (i32 step = 1; step < LANES; step *= 2) {
        T other = __shfl_up_sync(ALL_LANES, value, step, LANES);
        if (lane_of_warp() >= step) value += other;
    }
    return value;
}

// Sum over the lanes, in every one of them.
template <class T>
__device__ inline T warp_sum(T value)
{
    for (i32 step = LANES / 2; step > 0; step /= 2)
        value += __shfl_xor_sync(ALL_LANES, value, step, LANES);
    return value;
}

// Least value of the lanes, in every one of them.
template <class T>
__device__ inline T warp_min(T value)
{
    for (i32 step = LANES / 2; step > 0; step /= 2) {
        T other = __shfl_xor_sync(ALL_LANES, value, step, LANES);
        if (other < value) value = other;
    }
    return value;
}

// A place for each lane that wants one, in a list whose length is *tail: one atomic for the warp.
// Lanes that do not want one get a meaningless number.
__device__ inline u64 warp_reserve(u64 *tail, bool wanted)
{
    u32 lanes = __ballot_sync(ALL_LANES, wanted);
    u64 first = 0;
    if (lane_of_warp() == 0 && lanes) first = atomicAdd(tail, (u64)__popc(lanes));
    first = __shfl_sync(ALL_LANES, first, 0, LANES);
    return first + __popc(lanes & ((1u << lane_of_warp()) - 1u));
}
