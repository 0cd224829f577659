// Enough of CUDA for g++ to compile our .cu files, where a kernel is an ordinary function.
//
// With -DLANES=1 it runs as one block of one thread: barriers and fences do nothing, an atomic
// operation is a plain one. What that cannot show: races, missing fences and barriers, lanes that
// diverge. With more lanes see fibers.h. Included by -include.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __forceinline__ inline
#define __launch_bounds__(...)

#if LANES > 1
#include "fibers.h"
#else
#include "one_lane.h"
#endif

#define SHIM_ATOMIC(name, result) \
    template <class T, class U> T name(T *at, U value) \
    { \
        shim_maybe_yield(); \
        T old = *at; \
        *at = (T)(result); \
        return old; \
    }
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
    shim_maybe_yield();
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
