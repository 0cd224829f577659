// The tentative distance and parent of each vertex, and the arithmetic of distances.
//
// For one of KIND_FLOAT32, KIND_UINT32 and KIND_FLOAT64; as kernels/tentative.py, which says more.
//
// A distance is handled as its bits, which order like the floats. 32-bit kinds keep one word per
// vertex, distance above and parent below, changed by one compare-and-swap that compares the
// distance alone: an atomic minimum of the whole word would let an equal distance change the
// parent, and over arcs of weight 0 parents could then form a cycle. float64 keeps two words,
// distance and parent; the top bit of the second is a lock, held for two stores.
//
// A plain read may be older than what another multiprocessor wrote since the kernel began. All of
// the search is right for old distances: they are larger, so a relaxation is tried in vain, or the
// vertex that improved is queued and relaxed again. Only `improve` decides, on the word itself.

#if defined(KIND_FLOAT64)
typedef u64 Dist;
typedef double Weight;
struct alignas(16) Arc { i64 adj; double weight; };
#define UNREACHED 0x7FF0000000000000ull
#elif defined(KIND_UINT32)
typedef u32 Dist;
typedef u32 Weight;
struct alignas(8) Arc { i32 adj; u32 weight; };
#define UNREACHED 0xFFFFFFFFu
#elif defined(KIND_FLOAT32)
typedef u32 Dist;
typedef float Weight;
struct alignas(8) Arc { i32 adj; float weight; };
#define UNREACHED 0x7F800000u
#else
#error "define KIND_FLOAT32, KIND_UINT32 or KIND_FLOAT64"
#endif

__device__ inline u64 fresh(const u64 *at) { return *(volatile const u64 *)at; }

#if defined(KIND_UINT32)

// Bits of the distance one arc further; integers stay at the top, which counts as infinite.
__device__ inline Dist plus(Dist dist, Weight weight)
{
    u64 sum = (u64)dist + weight;
    return sum < UNREACHED ? (Dist)sum : UNREACHED;
}
__device__ inline Dist bits_of(Weight weight) { return weight; }
__device__ inline Weight weight_of(Dist bits) { return bits; }
__device__ inline double value(Dist dist)
{
    return dist == UNREACHED ? __longlong_as_double(0x7FF0000000000000ll) : (double)dist;
}

#elif defined(KIND_FLOAT32)

__device__ inline Dist bits_of(Weight weight) { return __float_as_uint(weight); }
__device__ inline Weight weight_of(Dist bits) { return __uint_as_float(bits); }
__device__ inline float value(Dist dist) { return __uint_as_float(dist); }
__device__ inline Dist plus(Dist dist, Weight weight) { return bits_of(value(dist) + weight); }

#else

__device__ inline Dist bits_of(Weight weight) { return (Dist)__double_as_longlong(weight); }
__device__ inline Weight weight_of(Dist bits) { return __longlong_as_double((i64)bits); }
__device__ inline double value(Dist dist) { return weight_of(dist); }
__device__ inline Dist plus(Dist dist, Weight weight) { return bits_of(value(dist) + weight); }

#endif

#if defined(KIND_FLOAT64)

#define LOCK (1ull << 63)
__device__ inline Dist dist_of(const u64 *state, i64 vertex) { return state[2 * vertex]; }
__device__ inline i64 parent_of(const u64 *state, i64 vertex) { return (i64)state[2 * vertex + 1]; }

// Store both; for a thread that alone writes this vertex.
__device__ inline void put(u64 *state, i64 vertex, Dist dist, i64 parent)
{
    state[2 * vertex] = dist;
    state[2 * vertex + 1] = (u64)parent;
}

// Store both if `dist` is strictly smaller than what stands there; was it?
// The lock is taken and given back within one turn of the loop, and needs the lanes of a warp to
// be scheduled independently (sm_70 and later): a lane that waits must not hold up the holder.
__device__ inline bool improve(u64 *state, i64 vertex, Dist dist, i64 parent)
{
    u64 *pair = state + 2 * vertex;
    while (dist < fresh(pair)) {
        u64 word = fresh(pair + 1);
        if (word & LOCK) {
            __nanosleep(20);
        } else if (atomicCAS(pair + 1, word, word | LOCK) == word) {
            __threadfence();
            bool better = dist < fresh(pair);
            if (better) {
                *(volatile u64 *)pair = dist;
                word = (u64)parent;
            }
            __threadfence();
            atomicExch(pair + 1, word);
            return better;
        }
    }
    return false;
}

#else

__device__ inline Dist dist_of(const u64 *state, i64 vertex) { return (Dist)(state[vertex] >> 32); }
__device__ inline i64 parent_of(const u64 *state, i64 vertex) { return (i64)(u32)state[vertex]; }

// Store both; for a thread that alone writes this vertex.
__device__ inline void put(u64 *state, i64 vertex, Dist dist, i64 parent)
{
    state[vertex] = (u64)dist << 32 | (u32)parent;
}

// Store both if `dist` is strictly smaller than what stands there; was it?
__device__ inline bool improve(u64 *state, i64 vertex, Dist dist, i64 parent)
{
    u64 both = (u64)dist << 32 | (u32)parent;
    u64 old = state[vertex];
    while (dist < (Dist)(old >> 32)) {
        u64 seen = atomicCAS(state + vertex, old, both);
        if (seen == old) return true;
        old = seen;
    }
    return false;
}

#endif

typedef decltype(value((Dist)0)) Out;  // of an answer
