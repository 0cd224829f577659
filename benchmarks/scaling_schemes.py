"""Three ways to pull on ranks, on the same graph and roots.

In use: hubs pull first and all ranks that see them get updates; of other vertices, the ranks that
subscribe. Without hubs first. And updates of all vertices to all ranks that see them.

    mpirun -n 4 python -m benchmarks.scaling_schemes --scale 18

Prints, for each way, the median of the milliseconds of a search and the bytes that all ranks sent
in one, by what they were for (see sssp/exchange.py); and the bytes of relax requests if each
improvement was sent at once, not only the least of a round. Roots take turns.
"""

from __future__ import annotations

import statistics
import sys
from time import perf_counter

from benchmarks.flags import parser_of
from graphs import KroneckerStream, build_csr, search_keys
from graphs.comm import Traffic
from graphs.partition import share
from kernels.queues import OUT_AT, OUT_END, OUT_TAIL
from sssp import Solver
from sssp.cpu_rank import CPURankEngine
from sssp.loop import solve
from sssp.mpi_comm import world
from sssp.tuning import choose

# Hubs first? Ask?
SCHEMES = {"in use": (True, True), "no hubs first": (False, True), "updates to all": (True, False)}


class _Counting(CPURankEngine):
    """Counts what was found for ghosts, improvement by improvement."""

    improvements = 0

    def __init__(self, csr, comm, hubs_first, asks):
        super().__init__(csr, choose(csr), 1, comm.shared_zeros, asks)
        if not hubs_first:
            self.stages, self.hubs = [], 0

    def relax_requests(self):
        counters = self.queues.thread_counters
        unfilled = counters[:, OUT_END] - counters[:, OUT_AT]
        self.improvements += int(self.queues.control[OUT_TAIL] - unfilled.sum())
        return super().relax_requests()


def main() -> None:
    parser = parser_of("scaling_schemes", __doc__)
    parser.add_argument("--scale", type=int, default=16)
    parser.add_argument("--roots", type=int, default=16)
    asked = parser.parse_args()
    comm = world()
    if comm.size == 1:
        sys.exit("scaling_schemes.py: start it on several ranks, with mpirun -n P")
    mine = share(16 << asked.scale, comm.rank, comm.size)
    edges = KroneckerStream(asked.scale, first=mine.start, count=mine.stop - mine.start)
    csr = build_csr(edges, threads=1, comm=comm, together=False)
    keys = search_keys(csr.stats.n, csr.degree_positive, count=asked.roots, comm=comm)
    out = Solver(csr, "cpu", 1, comm=comm).new_answer()
    engines = {name: _Counting(csr, comm, *scheme) for name, scheme in SCHEMES.items()}
    found = {name: [one_search(engines[name], comm, int(keys[0]), out)] for name in SCHEMES}
    for name in SCHEMES:
        found[name].clear()
    for root in keys:
        for name, engine in engines.items():
            found[name].append(one_search(engine, comm, int(root), out))
    if comm.rank == 0:
        print(f"{comm.size} ranks, scale {asked.scale}, {len(keys)} roots")
        for name in SCHEMES:
            print(line(name, found[name]))


def one_search(engine, comm, root, out):
    """Search once; returns milliseconds, bytes by part, and those of requests sent one by one."""
    comm.traffic = Traffic()
    engine.improvements = 0
    comm.barrier()
    start = perf_counter()
    solve(engine, comm, root, out)
    comm.barrier()
    seconds = perf_counter() - start
    every = comm.allgather((comm.traffic.parts, 12 * engine.improvements))
    parts = {part: sum(one[part] for one, _ in every) for part in every[0][0]}
    return 1e3 * seconds, parts, sum(plain for _, plain in every)


def line(name, found):
    parts = {part: statistics.mean(one[part] for _, one, _ in found) for part in found[0][1]}
    words = ", ".join(f"{part} {size:.0f}" for part, size in parts.items())
    plain = statistics.mean(one for *_, one in found)
    return (
        f"{name}: {statistics.median(ms for ms, *_ in found):.1f} ms, "
        f"{sum(parts.values()):.0f} bytes ({words}; requests one by one {plain:.0f})"
    )


if __name__ == "__main__":
    main()
