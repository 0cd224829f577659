"""What a file measured, as searches that can be paired: a run's, or one solver's of `sssp peers`.

`identity` holds what has to be equal before times may be compared, `details` what may differ and
explain a difference: both as names and values in words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.peers import record as peer_record
from harness.reports.energy import Energy, energy_of
from harness.results.submission import MACHINE, differing_parts, incompleteness, longest, parts

# Of those that have to be equal, what distinguishes the configurations of a folder. The machine
# is none of them: the same configuration on another machine is a pair that is refused.
_CONFIGURATION = ("measured by", "graph", "seeds", "solver", "presolve")


@dataclass(frozen=True)
class Search:
    """One search: seconds, edges traversed, vertices reached, and the fingerprint of distances."""

    seconds: float
    m: int
    reached: int
    dist_digest: str | None


@dataclass(frozen=True)
class Measured:
    """The searches of one solver in one file.

    path          of the file
    identity      what has to be equal on both sides
    details       what may differ, and is named where it does
    searches      by root
    construction  seconds of kernel 1 (of another library, of its conversion); None if not measured
    memory        bytes at the peak of a process; None if not measured
    energy        of its components; None if not measured
    remarks       what a reader has to know of it, a clause each
    """

    path: str
    identity: dict[str, str]
    details: dict[str, str]
    searches: dict[int, Search]
    construction: float | None
    memory: int | None
    energy: Energy | None
    remarks: tuple[str, ...]

    @property
    def configuration(self) -> tuple[str, ...]:
        """What files of a folder are paired by: graph, seeds, solver, threads, ranks."""
        own = [self.identity[key] for key in _CONFIGURATION]
        return (*own, self.details["threads"], self.details["ranks"])

    @property
    def title(self) -> str:
        """The configuration in words."""
        identity, details = self.identity, self.details
        presolved = ", presolved" if identity["presolve"] == "yes" else ""
        return (
            f"{identity['graph']}, seeds {identity['seeds']}; {identity['solver']}{presolved}; "
            f"threads {details['threads']}, ranks {details['ranks']}"
        )


def measured(path: str, found: dict[str, Any]) -> list[Measured]:
    """Return what a file holds: one of a run, one for each solver of a file of `sssp peers`.

    Parameters
    ----------
    path : str
    found : dict
        As `harness.results.record.load` or `harness.peers.record.load` returns it, and valid.
    """
    if peer_record.is_peers(found):
        return [_of_peer(path, found, row) for row in found["solvers"]]
    return [_of_run(path, found)]


def _of_run(path: str, result: dict[str, Any]) -> Measured:
    solver, flags = result["solver"], result.get("flags", {})
    machines = {_machine(part["machine"]) for part in parts(result)}
    remarks = [*filter(None, [incompleteness(result)]), *differing_parts(result)]
    if not result["validated"]:
        remarks.append("not validated")
    return Measured(
        path,
        identity={
            "measured by": "sssp run",
            "graph": _graph(result["graph"]),
            "seeds": _seeds(result["graph"]["seed"] or flags.get("seed")),
            "machine": " then ".join(sorted(machines)),
            "solver": f"{peer_record.OURS} {solver['engine']}",
            "presolve": _yes(bool(solver.get("presolve"))),
        },
        details={
            **_origin(result),
            "threads": _word(solver["threads"]),
            "ranks": _word(result["num_mpi_processes"]),
            "threading layer": _word(solver["threading_layer"]),
            "--delta": _word(flags.get("delta")),
            "edges kept": _yes(result["edges_kept"]),
            "bounds of presolve": _word((solver.get("presolve") or {}).get("bounds")),
            "validated": _yes(result["validated"]),
            "MPI": _word(result.get("ranks", {}).get("library")),
        },
        searches={
            search["root"]: Search(
                search["seconds"], search["m"], search["reached"], search.get("dist_digest")
            )
            for search in result["searches"]
        },
        construction=longest(result, "construction_seconds"),
        memory=result.get("memory", {}).get("peak_bytes"),
        energy=energy_of(result),
        remarks=tuple(remarks),
    )


def _of_peer(path: str, record: dict[str, Any], row: dict[str, Any]) -> Measured:
    ours = row["name"] in (peer_record.OURS, peer_record.PRESOLVED)
    engine = f" {_word((row['choices'] or {}).get('engine'))}" if ours else ""
    columns = zip(record["roots"], row["seconds"], record["m"], record["reached"], strict=True)
    return Measured(
        path,
        identity={
            "measured by": "sssp peers",
            "graph": _graph(record["graph"]),
            "seeds": _seeds(record["graph"]["seed"]),
            "machine": _machine(record["machine"]),
            "solver": f"{peer_record.OURS if ours else row['name']}{engine}",
            "presolve": _yes(row["name"] == peer_record.PRESOLVED),
        },
        details={
            **_origin(record),
            "threads": _word(row["threads"]),
            "ranks": "1",
            "version of the solver": _word(row["version"]),
        },
        searches={root: Search(seconds, m, n, None) for root, seconds, m, n in columns},
        construction=row["conversion_seconds"],
        memory=None,
        energy=None,
        remarks=(),
    )


def _graph(graph: dict[str, Any]) -> str:
    if graph["scale"] is not None:
        return f"scale {graph['scale']}, edge factor {graph['edgefactor']:g}"
    kind = "directed" if graph["directed"] else "undirected"
    return (
        f"a file of {graph['n']} vertices, {graph['edges']} {kind} edges, {graph['weight_dtype']} "
        f"weights, SHA-256 {graph['sha256']}"
    )


def _seeds(seeds: Any) -> str:
    return " ".join(map(str, seeds)) if isinstance(seeds, list) else "unknown"


def _machine(machine: dict[str, Any]) -> str:
    return ", ".join(
        f"{machine[key]} cores" if key == "cores" else str(machine[key])
        for key in MACHINE
        if machine.get(key)
    )


def _origin(found: dict[str, Any]) -> dict[str, str]:
    """Return where and from what a file comes."""
    commit = f"{found['commit']}{' and changes' if found['dirty'] else ''}"
    versions = {name: version or "none" for name, version in found["versions"].items()}
    host = _word(found["machine"].get("hostname"))
    return {**versions, "commit": commit, "host": host}


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _word(value: Any) -> str:
    return "none" if value is None else str(value)
