// Kernel 1 on a device: count, scatter, sort and dedupe the rows of a CSR.
//
// An arc is a neighbour and the bits of a weight, 4 bytes each (Narrow) or 8 (Wide). Weights are not
// negative, so the bits of a float order like it. No weight has all bits set: that marks what goes.
//
// A row is sorted by one block: by neighbour, so that parallel arcs lie side by side and all but
// the lightest are marked; then by weight, which brings the marked ones to its end. Up to a tile of
// arcs is sorted in shared memory (bitonic); longer rows are tiles merged in pairs, each arc finding
// its place by a search in the other tile, back and forth between the row and spare room.

#include "grid.cuh"
#include "arcs.cuh"

template <class Arc>
struct ByNeighbour {
    static __device__ bool before(const Arc &a, const Arc &b)
    {
        return a.adj != b.adj ? a.adj < b.adj : a.weight < b.weight;
    }
};
template <class Arc>
struct ByWeight {
    static __device__ bool before(const Arc &a, const Arc &b)
    {
        return a.weight != b.weight ? a.weight < b.weight : a.adj < b.adj;
    }
};

// Adds up the arcs of each vertex; self loops are none. src, dst i64 (m,), degree (n,).
extern "C" __global__ void count_arcs(const i64 *src, const i64 *dst, i64 m, bool forward,
                                      bool backward, u64 *degree)
{
    for (i64 e = thread_of_grid(); e < m; e += threads_of_grid()) {
        i64 u = src[e], v = dst[e];
        if (u == v) continue;
        if (forward) atomicAdd(degree + u, (u64)1);
        if (backward) atomicAdd(degree + v, (u64)1);
    }
}

// Writes every arc where its row's cursor points. label i32 (n,), cursor (n,) by label.
template <class Arc>
__device__ inline void scatter(const i64 *src, const i64 *dst, const typename Arc::Word *weight,
                               i64 m, bool forward, bool backward, const i32 *label, u64 *cursor,
                               Arc *arcs)
{
    typedef typename Arc::Word Word;
    for (i64 e = thread_of_grid(); e < m; e += threads_of_grid()) {
        i32 u = label[src[e]], v = label[dst[e]];
        if (u == v) continue;
        if (forward) arcs[atomicAdd(cursor + u, (u64)1)] = Arc{(Word)v, weight[e]};
        if (backward) arcs[atomicAdd(cursor + v, (u64)1)] = Arc{(Word)u, weight[e]};
    }
}

// Sorts `count` arcs in shared memory; the tile holds the next power of two of them.
template <class Arc, class Order>
__device__ inline void sort_tile(Arc *tile, i32 count)
{
    const typename Arc::Word last = ~(typename Arc::Word)0;
    i32 size = 1;
    while (size < count) size *= 2;
    for (i32 i = count + threadIdx.x; i < size; i += blockDim.x) tile[i] = Arc{last, last};
    for (i32 run = 2; run <= size; run *= 2) {
        for (i32 step = run / 2; step > 0; step /= 2) {
            __syncthreads();
            for (i32 i = threadIdx.x; i < size / 2; i += blockDim.x) {
                i32 low = 2 * (i & ~(step - 1)) + (i & (step - 1)), high = low + step;
                Arc a = tile[low], b = tile[high];
                if (Order::before(b, a) == ((low & run) == 0)) {
                    tile[low] = b;
                    tile[high] = a;
                }
            }
        }
    }
    __syncthreads();
}

// How many arcs of run[0 .. count) come before `arc`; those equal to it, too, with `ties`.
template <class Arc, class Order>
__device__ inline i64 arcs_before(const Arc *run, i64 count, const Arc &arc, bool ties)
{
    i64 low = 0;
    while (low < count) {
        i64 middle = (low + count) / 2;
        bool before = ties ? !Order::before(arc, run[middle]) : Order::before(run[middle], arc);
        if (before) low = middle + 1;
        else count = middle;
    }
    return low;
}

// Merges sorted runs of `width` arcs in pairs. Of equal arcs those of the left run come first.
template <class Arc, class Order>
__device__ inline void merge_runs(const Arc *from, Arc *to, i64 count, i64 width)
{
    for (i64 i = threadIdx.x; i < count; i += blockDim.x) {
        i64 run = i / width, start = (run ^ 1) * width;
        Arc arc = from[i];
        i64 place = i;
        if (start < count) {
            i64 size = count - start < width ? count - start : width;
            bool right = run & 1;
            place = (run - right) * width + (i - run * width);
            place += arcs_before<Arc, Order>(from + start, size, arc, right);
        }
        to[place] = arc;
    }
    __syncthreads();
}

// Sorts a row that is longer than a tile; `spare` has room for it.
template <class Arc, class Order, i32 TILE>
__device__ inline void sort_long(Arc *row, Arc *spare, i64 count, Arc *tile)
{
    for (i64 start = 0; start < count; start += TILE) {
        i32 size = (i32)(count - start < TILE ? count - start : TILE);
        for (i32 i = threadIdx.x; i < size; i += blockDim.x) tile[i] = row[start + i];
        __syncthreads();
        sort_tile<Arc, Order>(tile, size);
        for (i32 i = threadIdx.x; i < size; i += blockDim.x) row[start + i] = tile[i];
        __syncthreads();
    }
    Arc *from = row, *to = spare;
    for (i64 width = TILE; width < count; width *= 2) {
        merge_runs<Arc, Order>(from, to, count, width);
        Arc *other = from;
        from = to;
        to = other;
    }
    if (from != row) {
        for (i64 i = threadIdx.x; i < count; i += blockDim.x) row[i] = from[i];
        __syncthreads();
    }
}

// Marks all but the lightest of parallel arcs, in a row sorted by neighbour.
template <class Arc>
__device__ inline void mark_parallel(Arc *row, i64 count)
{
    for (i64 i = 1 + threadIdx.x; i < count; i += blockDim.x)
        if (row[i].adj == row[i - 1].adj) row[i].weight = ~(typename Arc::Word)0;
    __syncthreads();
}

// Writes how many arcs come before the marked ones, in a row sorted by weight.
template <class Arc>
__device__ inline void write_kept(const Arc *row, i64 count, i64 *kept)
{
    const typename Arc::Word marked = ~(typename Arc::Word)0;
    if (count == 0 && threadIdx.x == 0) *kept = 0;
    for (i64 i = threadIdx.x; i < count; i += blockDim.x)
        if (row[i].weight != marked && (i + 1 == count || row[i + 1].weight == marked))
            *kept = i + 1;
}

// Sorts the rows first .. last - 1 that have least .. most arcs; a block takes one at a time.
// indptr i64 (n + 1,); spare: room for the arcs of these rows; kept i64 (last - first,), written;
// tile (TILE,): shared memory.
template <class Arc, i32 TILE>
__device__ inline void sort_rows(const i64 *indptr, i64 first, i64 last, i64 least, i64 most,
                                 Arc *arcs, Arc *spare, i64 *kept, Arc *tile)
{
    for (i64 r = first + blockIdx.x; r < last; r += gridDim.x) {
        i64 count = indptr[r + 1] - indptr[r];
        if (count < least || count > most) continue;
        Arc *row = arcs + indptr[r];
        if (count > TILE) {
            Arc *room = spare + (indptr[r] - indptr[first]);
            sort_long<Arc, ByNeighbour<Arc>, TILE>(row, room, count, tile);
            mark_parallel(row, count);
            sort_long<Arc, ByWeight<Arc>, TILE>(row, room, count, tile);
            write_kept(row, count, kept + (r - first));
        } else {
            for (i32 i = threadIdx.x; i < count; i += blockDim.x) tile[i] = row[i];
            __syncthreads();
            sort_tile<Arc, ByNeighbour<Arc>>(tile, (i32)count);
            mark_parallel(tile, count);
            sort_tile<Arc, ByWeight<Arc>>(tile, (i32)count);
            write_kept(tile, count, kept + (r - first));
            for (i32 i = threadIdx.x; i < count; i += blockDim.x) row[i] = tile[i];
        }
        __syncthreads();
    }
}

// Copies the arcs kept of the rows first .. last - 1 to `spare`, without gaps.
// starts i64 (last - first + 1,): where each row starts there.
template <class Arc>
__device__ inline void pack_rows(const i64 *indptr, i64 first, i64 last, const i64 *starts,
                                 const Arc *arcs, Arc *spare)
{
    i64 total = starts[last - first];
    for (i64 k = thread_of_grid(); k < total; k += threads_of_grid()) {
        i64 low = 0, high = last - first;  // starts[low] <= k < starts[high]
        while (high - low > 1) {
            i64 middle = (low + high) / 2;
            if (starts[middle] <= k) low = middle;
            else high = middle;
        }
        spare[k] = arcs[indptr[first + low] + (k - starts[low])];
    }
}

// Levels of a breadth-first search from `start` until `enough` vertices are found; one block.
// seen: zeros, a bit a vertex; queue (enough,); levels (1,), written: `most` of them at most;
// found: shared memory.
template <class Arc>
__device__ inline void count_levels(const i64 *indptr, const Arc *arcs, i64 start, i32 enough,
                                    i64 most, u32 *seen, i64 *queue, i64 *levels, i32 *found)
{
    if (blockIdx.x > 0) return;
    if (threadIdx.x == 0) {
        *found = 1;
        queue[0] = start;
        seen[start / 32] |= 1u << (start % 32);
    }
    __syncthreads();
    i64 level = 0;
    i32 done = 0, last = 1;
    while (done < last && last < enough && level < most) {
        level++;
        for (; done < last; done++) {
            i64 end = indptr[queue[done] + 1];
            for (i64 k = indptr[queue[done]] + threadIdx.x; k < end; k += blockDim.x) {
                i64 v = (i64)arcs[k].adj;
                u32 bit = 1u << (v % 32);
                if (atomicOr(seen + v / 32, bit) & bit) continue;
                i32 place = atomicAdd(found, 1);
                if (place >= enough) break;
                queue[place] = v;
            }
        }
        __syncthreads();
        last = *found;
        __syncthreads();
    }
    if (threadIdx.x == 0) *levels = level;
}

// Copies every `step`th weight, from the first on. weight (count,), written.
template <class Arc>
__device__ inline void sample_weights(const Arc *arcs, i64 step, i64 count,
                                      typename Arc::Word *weight)
{
    for (i64 i = thread_of_grid(); i < count; i += threads_of_grid())
        weight[i] = arcs[i * step].weight;
}

#define KERNELS_OF(Arc, suffix, size)                                                              \
    extern "C" __global__ void scatter_##suffix(                                                   \
        const i64 *src, const i64 *dst, const Arc::Word *weight, i64 m, bool forward,              \
        bool backward, const i32 *label, u64 *cursor, Arc *arcs)                                   \
    {                                                                                              \
        scatter(src, dst, weight, m, forward, backward, label, cursor, arcs);                      \
    }                                                                                              \
    extern "C" __global__ void sort_short_rows_##suffix(                                           \
        const i64 *indptr, i64 first, i64 last, i64 most, Arc *arcs, i64 *kept)                    \
    {                                                                                              \
        __shared__ Arc tile[64];                                                                   \
        if (most > 64) most = 64;                                                                  \
        sort_rows<Arc, 64>(indptr, first, last, 0, most, arcs, arcs, kept, tile);                  \
    }                                                                                              \
    extern "C" __global__ void sort_rows_##suffix(                                                 \
        const i64 *indptr, i64 first, i64 last, i64 least, i64 most, Arc *arcs, Arc *spare,        \
        i64 *kept)                                                                                 \
    {                                                                                              \
        __shared__ Arc tile[size];                                                                 \
        sort_rows<Arc, size>(indptr, first, last, least, most, arcs, spare, kept, tile);           \
    }                                                                                              \
    extern "C" __global__ void pack_rows_##suffix(                                                 \
        const i64 *indptr, i64 first, i64 last, const i64 *starts, const Arc *arcs, Arc *spare)    \
    {                                                                                              \
        pack_rows(indptr, first, last, starts, arcs, spare);                                       \
    }                                                                                              \
    extern "C" __global__ void count_levels_##suffix(                                              \
        const i64 *indptr, const Arc *arcs, i64 start, i32 enough, i64 most, u32 *seen,            \
        i64 *queue, i64 *levels)                                                                   \
    {                                                                                              \
        __shared__ i32 found;                                                                      \
        count_levels(indptr, arcs, start, enough, most, seen, queue, levels, &found);              \
    }                                                                                              \
    extern "C" __global__ void sample_weights_##suffix(const Arc *arcs, i64 step, i64 count,       \
                                                       Arc::Word *weight)                          \
    {                                                                                              \
        sample_weights(arcs, step, count, weight);                                                 \
    }

KERNELS_OF(Narrow, 4, 2048)
KERNELS_OF(Wide, 8, 1024)
