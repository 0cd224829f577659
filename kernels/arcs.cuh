// Arcs as kernel 1 handles them: a neighbour and the bits of a weight, 4 bytes each or 8.

struct alignas(8) Narrow {
    typedef u32 Word;
    u32 adj, weight;
};
struct alignas(16) Wide {
    typedef u64 Word;
    u64 adj, weight;
};
