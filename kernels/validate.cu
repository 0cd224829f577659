// Check an answer against the edge list, on a device; kernels/validate.py does it on the host.
//
// A pass over the vertices (check_vertices), the parents followed by doubling (follow_parents), a
// pass over the edges (mark_edges) and a tally of its marks (tally_marks). Nothing here knows how
// an answer was made, and no answer, however wrong, is used as an index before it was looked at.
// Threads write to one place only the same value, or by an atomic operation whose outcome does not
// depend on their order. What the rules mean, and their source: harness/validation/host.py.

#include "grid.cuh"

template <class T>
struct Limits;
template <>
struct Limits<float> {
    static __device__ float infinity() { return __uint_as_float(0x7F800000u); }
    static __device__ float largest() { return __uint_as_float(0x7F7FFFFFu); }
};
template <>
struct Limits<double> {
    static __device__ double infinity() { return __longlong_as_double(0x7FF0000000000000ll); }
    static __device__ double largest() { return __longlong_as_double(0x7FEFFFFFFFFFFFFFll); }
};

// A distance that is a number, neither negative nor infinite. False for NaN.
template <class T>
__device__ inline bool is_distance(T x)
{
    return x >= 0 && x - x == 0;
}

// Counts what breaks a rule, and remembers the smallest of it: tally is u64 (count, first).
struct Faults {
    u64 count, first;
    __device__ Faults() : count(0), first(~0ull) {}
    __device__ void note(i64 v)
    {
        count++;
        if ((u64)v < first) first = (u64)v;
    }
    __device__ void add_to(u64 *tally) const
    {
        if (count == 0) return;
        atomicAdd(tally, count);
        atomicMin(tally + 1, first);
    }
};

// Rule 1. dist (n,), parent i64 (n,): any values. tally u64 (2,); reached u64 (1,), added to.
template <class T>
__device__ inline void check_vertices(const T *dist, const i64 *parent, i64 n, i64 root, u64 *tally,
                                      u64 *reached)
{
    Faults faults;
    u64 numbers = 0;
    for (i64 v = thread_of_grid(); v < n; v += threads_of_grid()) {
        T x = dist[v];
        i64 p = parent[v];
        bool number = is_distance(x);
        bool unreached = x > 0 && !number;  // inf, as NaN is not above 0
        bool faulty = p < 0 || p >= n || !number;
        if (v == root) faulty = !(x == 0) || p != root;
        else if (p == -1) faulty = !unreached;
        if (faulty) faults.note(v);
        numbers += number;
    }
    faults.add_to(tally);
    if (numbers) atomicAdd(reached, numbers);
}

// Writes `dist` as U; what is not a distance becomes inf, what is too large for U its largest
// number, so that the vertex stays reached; 2^53 - 1 where sums are of integers, as float64 does not
// hold every larger one.
template <class T, class U>
__device__ inline void clean_distances(const T *dist, i64 n, bool integers, U *dist_checked)
{
    const U infinity = Limits<U>::infinity();
    const double largest = integers ? 9007199254740991.0 : (double)Limits<U>::largest();
    for (i64 v = thread_of_grid(); v < n; v += threads_of_grid()) {
        T x = dist[v];
        dist_checked[v] = !is_distance(x) ? infinity : (double)x > largest ? (U)largest : (U)x;
    }
}

// Rule 2. Where the parents of each vertex lead in one step: the root stays, -1 is astray.
extern "C" __global__ void first_ancestors(const i64 *parent, i64 n, i64 root, i32 *ancestor)
{
    for (i64 v = thread_of_grid(); v < n; v += threads_of_grid()) {
        i64 p = parent[v];
        ancestor[v] = v == root ? (i32)root : p >= 0 && p < n ? (i32)p : -1;
    }
}

// Twice as many steps, or more; moving i32 (1,) is set where a vertex is not home or astray yet.
// Neighbours may have taken their steps already: an ancestor's ancestor is one all the same.
extern "C" __global__ void follow_ancestors(i64 n, i64 root, volatile i32 *ancestor, i32 *moving)
{
    for (i64 v = thread_of_grid(); v < n; v += threads_of_grid()) {
        i32 a = ancestor[v];
        if (a < 0 || a == root) continue;
        a = ancestor[a];
        ancestor[v] = a;
        if (a >= 0 && a != root) *moving = 1;
    }
}

// Vertices with a parent from which the parents do not lead to the root.
extern "C" __global__ void tally_astray(const i64 *parent, const i32 *ancestor, i64 n, i64 root,
                                        u64 *tally)
{
    Faults faults;
    for (i64 v = thread_of_grid(); v < n; v += threads_of_grid())
        if (parent[v] != -1 && ancestor[v] != root) faults.note(v);
    faults.add_to(tally);
}

__device__ inline bool are_vertices(i64 u, i64 v, i64 n)
{
    return u >= 0 && u < n && v >= 0 && v < n;
}

// One direction of an edge: mark v relaxable where it improves v or reaches it, else tight where it
// comes from v's parent and gives v's distance exactly.
template <class T>
__device__ inline void mark_arc(i64 u, i64 v, T du, T dv, T w, const i64 *parent,
                                unsigned char *tight, unsigned char *relaxable)
{
    const T infinity = Limits<T>::infinity();
    T through = du + w;
    if (!(through <= dv)) return;
    if (through < dv || (du < infinity && dv == infinity)) relaxable[v] = 1;
    else if (parent[v] == u) tight[v] = 1;
}

// Walks a slice of edges, both ways unless directed. counts u64 (3,), added to: edges in reach
// without self loops, self loops in reach, what is no edge. The rest as in kernels/validate.py.
template <class T>
__device__ inline void mark_edges(const i64 *src, const i64 *dst, const T *weight, i64 m, i64 n,
                                  bool directed, const T *dist, const i64 *parent,
                                  unsigned char *tight, unsigned char *relaxable, u64 *counts)
{
    const T infinity = Limits<T>::infinity();
    u64 others = 0, self_loops = 0, faults = 0;
    for (i64 e = thread_of_grid(); e < m; e += threads_of_grid()) {
        i64 u = src[e], v = dst[e];
        T w = weight[e];
        if (!are_vertices(u, v, n) || !is_distance(w)) {
            faults++;
            continue;
        }
        T du = dist[u], dv = dist[v];
        bool reached = du < infinity || (dv < infinity && !directed);
        self_loops += reached && u == v;
        others += reached && u != v;
        mark_arc(u, v, du, dv, w, parent, tight, relaxable);
        if (!directed) mark_arc(v, u, dv, du, w, parent, tight, relaxable);
    }
    if (others) atomicAdd(counts, others);
    if (self_loops) atomicAdd(counts + 1, self_loops);
    if (faults) atomicAdd(counts + 2, faults);
}

// Counts as mark_edges does, where `reached` (n,) is all that is known.
extern "C" __global__ void count_edges(const i64 *src, const i64 *dst, i64 m, i64 n, bool directed,
                                       const bool *reached, u64 *counts)
{
    u64 others = 0, self_loops = 0, faults = 0;
    for (i64 e = thread_of_grid(); e < m; e += threads_of_grid()) {
        i64 u = src[e], v = dst[e];
        if (!are_vertices(u, v, n)) {
            faults++;
        } else if (reached[u] || (reached[v] && !directed)) {
            self_loops += u == v;
            others += u != v;
        }
    }
    if (others) atomicAdd(counts, others);
    if (self_loops) atomicAdd(counts + 1, self_loops);
    if (faults) atomicAdd(counts + 2, faults);
}

// Rules 3 to 6, from the marks of all edges: tallies u64 (3, 2), added to: reached vertices whose
// distance no edge from their parent gives (rule 3, where there is no such edge, or 4), improvable
// ones (5), and unreached ones that an edge leads to (6).
// dist (n,): the answer as it was given; dist_checked (n,): what the edges were walked with.
template <class T, class U>
__device__ inline void tally_marks(const T *dist, const U *dist_checked, const i64 *parent, i64 n,
                                   i64 root, const unsigned char *tight,
                                   const unsigned char *relaxable, u64 *tallies)
{
    const U infinity = Limits<U>::infinity();
    Faults wrong, improvable, cut_off;
    for (i64 v = thread_of_grid(); v < n; v += threads_of_grid()) {
        bool reached = dist_checked[v] < infinity;
        bool exact = tight[v] && (double)dist_checked[v] == (double)dist[v];
        if (v != root && parent[v] >= 0 && parent[v] < n && reached && !exact) wrong.note(v);
        if (relaxable[v] && reached) improvable.note(v);
        if (relaxable[v] && dist[v] > 0 && !is_distance(dist[v])) cut_off.note(v);
    }
    wrong.add_to(tallies);
    improvable.add_to(tallies + 2);
    cut_off.add_to(tallies + 4);
}

#define KERNELS_OF_DIST(T, t)                                                                      \
    extern "C" __global__ void check_vertices_##t(const T *dist, const i64 *parent, i64 n,         \
                                                  i64 root, u64 *tally, u64 *reached)              \
    {                                                                                              \
        check_vertices(dist, parent, n, root, tally, reached);                                     \
    }                                                                                              \
    extern "C" __global__ void mark_edges_##t(                                                     \
        const i64 *src, const i64 *dst, const T *weight, i64 m, i64 n, bool directed,              \
        const T *dist, const i64 *parent, unsigned char *tight, unsigned char *relaxable,          \
        u64 *counts)                                                                               \
    {                                                                                              \
        mark_edges(src, dst, weight, m, n, directed, dist, parent, tight, relaxable, counts);      \
    }

#define KERNELS_OF_BOTH(T, t, U, u)                                                                \
    extern "C" __global__ void clean_distances_##t##_##u(const T *dist, i64 n, bool integers,      \
                                                           U *dist_checked)                        \
    {                                                                                              \
        clean_distances(dist, n, integers, dist_checked);                                          \
    }                                                                                              \
    extern "C" __global__ void tally_marks_##t##_##u(                                              \
        const T *dist, const U *dist_checked, const i64 *parent, i64 n, i64 root,                  \
        const unsigned char *tight, const unsigned char *relaxable, u64 *tallies)                  \
    {                                                                                              \
        tally_marks(dist, dist_checked, parent, n, root, tight, relaxable, tallies);               \
    }

KERNELS_OF_DIST(float, f4)
KERNELS_OF_DIST(double, f8)
KERNELS_OF_BOTH(float, f4, float, f4)
KERNELS_OF_BOTH(float, f4, double, f8)
KERNELS_OF_BOTH(double, f8, float, f4)
KERNELS_OF_BOTH(double, f8, double, f8)
