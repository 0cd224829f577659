// The fingerprint of an answer's distances, on a device; harness/results/digest.py says what it is.

#include "grid.cuh"

// The finalizer of splitmix64.
__device__ inline u64 mixed(u64 x)
{
    x += 0x9E3779B97F4A7C15ull;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
}

// Adds up the hashes of vertex and distance of the reached. dist (n,): any values; sum u64 (1,).
template <class T>
__device__ inline void digest(const T *dist, i64 n, u64 *sum)
{
    u64 total = 0;
    for (i64 v = thread_of_grid(); v < n; v += threads_of_grid()) {
        double x = (double)dist[v] + 0.0;  // no -0.0
        if (x < __longlong_as_double(0x7FF0000000000000ll))
            total += mixed(mixed((u64)v) ^ (u64)__double_as_longlong(x));
    }
    total = warp_sum(total);
    if (lane_of_warp() == 0) atomicAdd(sum, total);
}

extern "C" __global__ void digest_4(const float *dist, i64 n, u64 *sum) { digest(dist, n, sum); }
extern "C" __global__ void digest_8(const double *dist, i64 n, u64 *sum) { digest(dist, n, sum); }
