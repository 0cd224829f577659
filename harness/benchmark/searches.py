"""The timed searches of a run, and the judgement of their answers.

A search is timed from just before its root is visited until distances and parents are in memory
(Graph500 specification V2.0, section 6.2); the arrays it fills are taken from the system before.
Several ranks begin together, and the last to end ends the search.
Where the edge list is kept, each answer is judged right after its search; else as many answers as
fit wait for one pass over the regenerated edges. Such a round is kept or lost as a whole.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

from graphs.comm import Comm, SerialComm
from graphs.partition import Partition
from harness.benchmark.backend import HostBackend
from harness.benchmark.checkpoint import Checkpoint
from harness.benchmark.collector import gc_disabled
from harness.benchmark.networkx_check import NetworkxCheck
from harness.benchmark.source import LoadedEdges
from harness.console.progress import Progress
from harness.job import heartbeat
from harness.machine import noise

if TYPE_CHECKING:
    import numpy as np

    from sssp.engine import Answer
    from sssp.solver import Solver


class Judge:
    """Says of answers whether they are right, and how many edges they traversed.

    Parameters
    ----------
    opened : LoadedEdges
        The edges to judge by.
    validating : bool
        Check the rules; else only count edges.
    check : str or None
        'networkx': compare with that, too.
    progress : Progress
        Reports every broken rule.
    comm : Comm, optional
        The ranks that judge together, each by its part of the edges.
    backend : HostBackend, optional
        Where the edges and the answers are.
    """

    def __init__(
        self,
        opened: LoadedEdges,
        validating: bool,
        check: str | None,
        progress: Progress,
        comm: Comm | None = None,
        backend: HostBackend | None = None,
    ):
        self.comm = comm or SerialComm()
        self.backend = backend or HostBackend(comm=comm)
        self.validator = self.backend.validator(opened.edges)
        self.first = Partition(opened.edges.n, self.comm.size).first(self.comm.rank)
        self.at_once = 1 if opened.need.edges_kept else opened.need.answers
        self.validating = validating
        edges = self.backend.edges_of(opened.edges)
        self.second_opinion = NetworkxCheck(edges) if check == "networkx" else None
        self.progress = progress

    def judge(self, records: list[dict[str, Any]], answers: list[Answer]) -> None:
        """Complete the records of some searches, in one pass over the edges."""
        triples = [(r["root"], a.dist, a.parent) for r, a in zip(records, answers, strict=True)]
        self.comm.barrier()
        start = perf_counter()
        judge = self.validator.validate if self.validating else self.validator.count_m
        verdicts: list[Any] = judge(triples)
        seconds = (perf_counter() - start) / len(records)
        for record, answer, verdict in zip(records, answers, verdicts, strict=True):
            record["m"] = int(verdict.m)
            record["m_with_self_loops"] = int(verdict.m_with_self_loops)
            record["reached"] = int(verdict.reached)
            record["dist_digest"] = self.backend.digest(answer.dist, self.first)
            if self.validating:
                record["valid"] = bool(verdict.valid)
                record["validate_seconds"] = seconds
                record["violations"] = [str(violation) for violation in verdict.violations]
            if self.second_opinion:
                dist = self.backend.on_host(answer.dist)
                against = self.second_opinion.disagreements(record["root"], dist)
                record["violations"] += against
                record["valid"] = False if against else record["valid"]
            for violation in record["violations"]:
                self.progress.warn(f"invalid search from root {record['root']}: {violation}")


def search_all(
    solver: Solver,
    keys: np.ndarray,
    judge: Judge,
    result: dict[str, Any],
    progress: Progress,
    checkpoint: Checkpoint,
) -> bool:
    """Search from every key that has no record in `result` yet, and put the judged records there.

    Returns whether all keys were searched: false where a pause stopped the run.
    """
    done = len(result["searches"])
    # New answers are filled, so that no search pays for the first use of their pages.
    buffers = [solver.new_answer() for _ in range(min(judge.at_once, len(keys) - done))]
    with progress.count(len(keys), "searches", done) as step:
        for first in range(done, len(keys), max(1, len(buffers))):
            if checkpoint.stops(result):
                return False
            records: list[dict[str, Any]] = []
            answers: list[Answer] = []
            for root, buffer in zip(keys[first : first + len(buffers)], buffers, strict=False):
                heartbeat.note(f"search {first + len(records) + 1} of {len(keys)}")
                record, answer = timed_search(solver, int(root), buffer)
                records.append(record)
                answers.append(answer)
            heartbeat.note(f"the judgement of search {first + len(records)} of {len(keys)}")
            judge.judge(records, answers)
            result["searches"] += records
            result["validated"] = judge.validating
            if any(record["valid"] is False for record in records):
                result["status"] = "invalid"
            for _ in records:
                step()
    return True


def timed_search(solver: Solver, root: int, out: Answer) -> tuple[dict[str, Any], Answer]:
    """Search once; return its record, not judged yet, and its answer."""
    comm = solver.comm
    before = noise.reading()
    with gc_disabled():
        comm.barrier()
        start = perf_counter()
        answer = solver.search(root, out=out)
        comm.barrier()
        seconds = perf_counter() - start
    noises = comm.allgather(noise.between(before, noise.reading()))
    record: dict[str, Any] = {
        "root": root,
        "seconds": seconds,
        "m": 0,
        "m_with_self_loops": 0,
        "reached": 0,
        "dist_digest": None,
        "valid": None,
        "validate_seconds": None,
        "phases": int(answer.phases),
        "arcs": int(answer.arcs),
        "noise": noise.of_all(noises),
        "violations": [],
    }
    if comm.size > 1:
        record |= _of_all_ranks(answer, comm)
    return record, answer


def _of_all_ranks(answer: Answer, comm: Comm) -> dict[str, Any]:
    """Return what the ranks have done together in a search: arcs, phases, exchange."""
    mine = answer.traffic
    sent = mine.messages, mine.bytes, mine.calls, mine.seconds, mine.parts
    of_ranks = comm.allgather((answer.arcs, answer.phases, *sent))
    arcs, phases, messages, size, calls, seconds, parts = zip(*of_ranks, strict=True)
    return {
        "arcs": sum(arcs),
        "phases": max(phases),
        "exchange": {
            "messages": sum(messages),
            "bytes": sum(size),
            "collectives": max(calls),
            "seconds": sum(seconds) / comm.size,
            "arcs_largest": max(arcs),
            "parts": {part: sum(one[part] for one in parts) for part in parts[0]},
        },
    }
