// The fibers of fibers.h: where they meet, and the loop that runs them.
#include "fibers.h"
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>
#include <ucontext.h>

ShimIndex threadIdx = {0, 0, 0}, blockIdx = {0, 0, 0}, blockDim = {1, 1, 1}, gridDim = {1, 1, 1};
unsigned long long shim_random;

extern "C" {
extern char __start_shim_shared[] __attribute__((weak));
extern char __stop_shim_shared[] __attribute__((weak));
}

// Where the lanes of a warp, or the threads of a block, wait for each other.
struct ShimMeeting {
    unsigned arrived = 0;
    unsigned long long round = 0;
    const char *what = nullptr;
    std::vector<unsigned> waiting;
    unsigned long long values[2][32];
};

// A fiber begins by its context; from then on jumps, which need no system call, lead from and to it.
struct ShimFiber {
    ucontext_t context;
    jmp_buf here;
    std::unique_ptr<char[]> stack;
    unsigned block, thread;
    bool begun, done;
};

static const size_t SHIM_STACK = 1 << 16;
static std::vector<std::unique_ptr<ShimFiber>> shim_fibers;
static std::vector<unsigned> shim_ready;
static std::vector<ShimMeeting> shim_warps, shim_blocks;
static std::vector<std::vector<char>> shim_memory;
static jmp_buf shim_main;
static unsigned shim_current, shim_loaded;
static char shim_fault[200];
static void (*shim_kernel)(long, long, long, long, long, long, long, long, long, long, long, long,
                           long, long, long, long, long, long, long, long);
static const long *shim_arguments;

static void shim_leave()
{
    if (!_setjmp(shim_fibers[shim_current]->here)) _longjmp(shim_main, 1);
}

static void shim_resume(ShimFiber &fiber)
{
    if (_setjmp(shim_main)) return;
    if (fiber.begun) _longjmp(fiber.here, 1);
    fiber.begun = true;
    setcontext(&fiber.context);
}

void shim_yield()
{
    shim_ready.push_back(shim_current);
    shim_leave();
}

// Wait until `size` threads have come for the same `what`; returns what each has brought.
static unsigned long long *shim_meet(ShimMeeting &meeting, unsigned size, unsigned place,
                                     const char *what, unsigned long long value)
{
    unsigned side = meeting.round & 1;
    if (meeting.arrived && meeting.what != what)
        snprintf(shim_fault, sizeof shim_fault, "threads meet at %s and at %s", meeting.what, what);
    meeting.what = what;
    if (place < 32) meeting.values[side][place] = value;
    if (++meeting.arrived == size) {
        meeting.arrived = 0;
        meeting.round++;
        shim_ready.insert(shim_ready.end(), meeting.waiting.begin(), meeting.waiting.end());
        meeting.waiting.clear();
    } else {
        meeting.waiting.push_back(shim_current);
        shim_leave();
    }
    return meeting.values[side];
}

unsigned long long *shim_warp(unsigned mask, const char *what, unsigned long long value)
{
    ShimFiber &me = *shim_fibers[shim_current];
    if (mask != (unsigned)((1ull << LANES) - 1))
        snprintf(shim_fault, sizeof shim_fault, "%s for some lanes alone", what);
    unsigned warp = me.block * (blockDim.x / LANES) + me.thread / LANES;
    return shim_meet(shim_warps[warp], LANES, me.thread % LANES, what, value);
}

void shim_block(const char *what)
{
    shim_meet(shim_blocks[shim_fibers[shim_current]->block], blockDim.x, 32, what, 0);
}

static void shim_enter()
{
    const long *a = shim_arguments;
    shim_kernel(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11], a[12],
                a[13], a[14], a[15], a[16], a[17], a[18], a[19]);
    shim_fibers[shim_current]->done = true;
    shim_leave();
}

static void shim_load(unsigned block)
{
    size_t size = __stop_shim_shared - __start_shim_shared;
    if (block == shim_loaded || !size) return;
    memcpy(shim_memory[shim_loaded].data(), __start_shim_shared, size);
    memcpy(__start_shim_shared, shim_memory[block].data(), size);
    shim_loaded = block;
}

// Run a kernel whose arguments are integers and pointers; returns what went wrong, or null.
extern "C" const char *shim_launch(void *kernel, const long *arguments, unsigned grid,
                                   unsigned block, unsigned long long seed)
{
    if (block % LANES) return "a block of incomplete warps";
    shim_kernel = (decltype(shim_kernel))kernel;
    shim_arguments = arguments;
    shim_random = seed;
    shim_fault[0] = 0;
    shim_loaded = 0;
    blockDim.x = block;
    gridDim.x = grid;
    shim_warps.assign(grid * (block / LANES), {});
    shim_blocks.assign(grid, {});
    shim_memory.assign(grid, std::vector<char>(__stop_shim_shared - __start_shim_shared));
    shim_ready.clear();
    for (unsigned i = 0; i < grid * block; i++) {
        if (i == shim_fibers.size()) {
            shim_fibers.emplace_back(new ShimFiber);
            shim_fibers[i]->stack.reset(new char[SHIM_STACK]);
        }
        ShimFiber &fiber = *shim_fibers[i];
        fiber.block = i / block;
        fiber.thread = i % block;
        fiber.begun = fiber.done = false;
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = fiber.stack.get();
        fiber.context.uc_stack.ss_size = SHIM_STACK;
        fiber.context.uc_link = nullptr;
        makecontext(&fiber.context, shim_enter, 0);
        shim_ready.push_back(i);
    }
    unsigned done = 0;
    while (done < grid * block && !shim_fault[0]) {
        if (shim_ready.empty()) return "threads wait for others that have ended";
        unsigned at = shim_draw((unsigned)shim_ready.size());
        shim_current = shim_ready[at];
        shim_ready[at] = shim_ready.back();
        shim_ready.pop_back();
        ShimFiber &fiber = *shim_fibers[shim_current];
        threadIdx.x = fiber.thread;
        blockIdx.x = fiber.block;
        shim_load(fiber.block);
        shim_resume(fiber);
        done += fiber.done;
    }
    return shim_fault[0] ? shim_fault : nullptr;
}
