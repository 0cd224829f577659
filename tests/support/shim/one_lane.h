// One block of one thread: it never waits for another one. Included by cuda_shim.h.
#pragma once

#define __shared__ static

struct ShimIndex { unsigned x, y, z; };
static const ShimIndex threadIdx = {0, 0, 0}, blockIdx = {0, 0, 0};
static const ShimIndex blockDim = {1, 1, 1}, gridDim = {1, 1, 1};

static inline void __syncthreads() {}
static inline void __syncwarp(unsigned = 1) {}
static inline void __threadfence() {}
static inline void __threadfence_block() {}
static inline void __threadfence_system() {}
static inline void __nanosleep(unsigned) {}
static inline int __syncthreads_or(int x) { return x; }
static inline int __syncthreads_and(int x) { return x; }
static inline int __syncthreads_count(int x) { return x != 0; }

static inline unsigned __activemask() { return 1; }
static inline unsigned __ballot_sync(unsigned, int x) { return x != 0; }
static inline int __any_sync(unsigned, int x) { return x != 0; }
static inline int __all_sync(unsigned, int x) { return x != 0; }
template <class T> T __shfl_sync(unsigned, T x, int, int = 1) { return x; }
template <class T> T __shfl_up_sync(unsigned, T x, unsigned, int = 1) { return x; }
template <class T> T __shfl_down_sync(unsigned, T x, unsigned, int = 1) { return x; }
template <class T> T __shfl_xor_sync(unsigned, T x, int, int = 1) { return x; }
template <class T> unsigned __match_any_sync(unsigned, T) { return 1; }

static inline void shim_maybe_yield() {}
