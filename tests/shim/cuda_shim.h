// Enough of CUDA for g++ to compile our .cu files: one block of one thread, one lane a warp.
//
// A kernel is an ordinary function; barriers and fences do nothing, an atomic operation is a plain
// one. What this cannot show: races, missing fences and barriers, lanes that diverge. Included by
// -include, with -DLANES=1.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __shared__ static
#define __forceinline__ inline
#define __launch_bounds__(...)

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

#define SHIM_ATOMIC(name, result) \
    template <class T, class U> T name(T *at, U value) { T old = *at; *at = (T)(result); return old; }
SHIM_ATOMIC(atomicAdd, old + value)
SHIM_ATOMIC(atomicSub, old - value)
SHIM_ATOMIC(atomicMin, (T)value < old ? (T)value : old)
SHIM_ATOMIC(atomicMax, (T)value > old ? (T)value : old)
SHIM_ATOMIC(atomicOr, old | value)
SHIM_ATOMIC(atomicAnd, old & value)
SHIM_ATOMIC(atomicExch, value)
#undef SHIM_ATOMIC
template <class T, class U, class V> T atomicCAS(T *at, U expected, V value)
{
    T old = *at;
    if (old == (T)expected) *at = (T)value;
    return old;
}

template <class T> T __ldg(const T *at) { return *at; }
template <class T> T __ldcg(const T *at) { return *at; }
template <class T> T __ldcs(const T *at) { return *at; }
template <class T> T __ldcv(const T *at) { return *at; }
template <class T, class U> void __stcg(T *at, U value) { *at = (T)value; }
template <class T, class U> void __stcs(T *at, U value) { *at = (T)value; }

static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
static inline int __clz(int x) { return x ? __builtin_clz((unsigned)x) : 32; }
static inline int __clzll(long long x) { return x ? __builtin_clzll((unsigned long long)x) : 64; }
static inline int __ffs(int x) { return __builtin_ffs(x); }
static inline int __ffsll(long long x) { return __builtin_ffsll(x); }
static inline unsigned __brev(unsigned x)
{
    unsigned y = 0;
    for (int i = 0; i < 32; i++) y |= (x >> i & 1u) << (31 - i);
    return y;
}
static inline unsigned long long __brevll(unsigned long long x)
{
    return (unsigned long long)__brev((unsigned)x) << 32 | __brev((unsigned)(x >> 32));
}
static inline unsigned __umulhi(unsigned x, unsigned y)
{
    return (unsigned)((unsigned long long)x * y >> 32);
}
static inline unsigned long long __umul64hi(unsigned long long x, unsigned long long y)
{
    return (unsigned long long)((unsigned __int128)x * y >> 64);
}

template <class To, class From> static To shim_bits(From x)
{
    static_assert(sizeof(To) == sizeof(From), "sizes differ");
    To y;
    std::memcpy(&y, &x, sizeof y);
    return y;
}
static inline unsigned __float_as_uint(float x) { return shim_bits<unsigned>(x); }
static inline int __float_as_int(float x) { return shim_bits<int>(x); }
static inline float __uint_as_float(unsigned x) { return shim_bits<float>(x); }
static inline float __int_as_float(int x) { return shim_bits<float>(x); }
static inline long long __double_as_longlong(double x) { return shim_bits<long long>(x); }
static inline double __longlong_as_double(long long x) { return shim_bits<double>(x); }

template <class T, class U> auto min(T x, U y) -> decltype(x + y) { return x < y ? x : y; }
template <class T, class U> auto max(T x, U y) -> decltype(x + y) { return x > y ? x : y; }
