"""Facts about a run with their labels, by subject: searches, machine, graph, memory and so on."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

from harness.reports import text
from harness.reports.energy import energy_of
from harness.reports.lines import graph_size
from harness.reports.ranks import exchange_of
from harness.results import noise
from harness.results.statistics import TepsSummary, summarize
from harness.results.submission import longest, parts

Facts = list[tuple[str, str]]

_BOUNDS = {"copies": "copies on every rank", "owners": "each at the owner of its vertex"}


def groups(result: dict[str, Any], teps: TepsSummary | None) -> Iterator[tuple[str, Facts]]:
    """Yield subjects and their facts; `teps` is None where nothing may be derived."""
    yield "Searches", _of_searches(result, teps)
    yield "Machine", _of_machine(result)
    yield "Graph", _of_graph(result)
    yield "Solver", _of_solver(result)
    yield "Ranks", _of_ranks(result)
    yield "Construction", _of_construction(result)
    yield "Memory", _of_memory(result)
    yield "Component energy", _of_energy(result)
    yield "Noise", _of_noise(result)
    yield "Sources", _of_sources(result)


def _of_searches(result: dict[str, Any], teps: TepsSummary | None) -> Facts:
    if teps is None:
        return []
    seconds = summarize([search["seconds"] for search in result["searches"]])
    rates = {
        "harmonic mean": teps.harmonic_mean,
        "its standard error": teps.harmonic_stddev,
        "slowest": teps.min,
        "first quartile": teps.firstquartile,
        "median": teps.median,
        "third quartile": teps.thirdquartile,
        "fastest": teps.max,
    }
    checks = [s["validate_seconds"] for s in result["searches"] if s["validate_seconds"]]
    facts = [(name, text.teps(rate)) for name, rate in rates.items()]
    facts += [("median time", text.duration(seconds.median))]
    facts += [("shortest to longest", " to ".join(map(text.duration, (seconds.min, seconds.max))))]
    return facts + [("validation, median", text.duration(summarize(checks).median))] * bool(checks)


def _of_machine(result: dict[str, Any]) -> Facts:
    machine, hosts = result["machine"], text.hosts(result)
    memory = {key: machine.get(key) for key in ("memory_bytes", "gpu_memory_bytes")}
    sizes = {key: text.size(n) if isinstance(n, int) else None for key, n in memory.items()}
    return _known(
        ("nodes", str(max(1, len(hosts)))),
        (
            "host",
            ", ".join(hosts[:8]) + ("..." if len(hosts) > 8 else "") or machine.get("hostname"),
        ),
        ("processor", machine.get("cpu")),
        ("cores", _cores(machine)),
        ("memory", sizes["memory_bytes"]),
        ("GPU", machine.get("gpu")),
        ("GPU memory", sizes["gpu_memory_bytes"]),
        ("GPU driver", machine.get("gpu_driver")),
        ("CUDA of the driver", machine.get("gpu_driver_cuda")),
        ("CUDA of the runtime", machine.get("gpu_runtime_cuda")),
        ("system", machine.get("system")),
        ("architecture", machine.get("architecture")),
    )


def _cores(machine: dict[str, Any]) -> str | None:
    usable, online = machine.get("cores"), machine.get("cores_online")
    return f"{usable} of {online} for the run" if usable and online else usable


def _of_graph(result: dict[str, Any]) -> Facts:
    graph = result["graph"]
    scale, edgefactor = graph_size(result)
    seeds = " ".join(map(str, graph["seed"] or []))
    return _known(
        ("kind", f"Kronecker, seeds {seeds}" if graph["file"] is None else "from a file"),
        ("file", graph["file"]),
        ("SHA-256", graph["sha256"]),
        ("scale", scale),
        ("edge factor", edgefactor),
        ("vertices", str(graph["n"])),
        ("input edges", str(graph["edges"])),
        ("arcs stored", str(graph["arcs"])),
        ("edges are", "directed" if graph["directed"] else "undirected"),
        ("weights", graph["weight_dtype"]),
    )


def _of_solver(result: dict[str, Any]) -> Facts:
    solver = result["solver"]
    presolve = solver.get("presolve")
    kept = f"yes: {presolve['kept_edges']} edges kept" if presolve else "no"
    if presolve and presolve["hub"] is None:
        kept += ", all: it does not pay on this graph"
    return _known(
        ("engine", solver["engine"]),
        ("ranks", str(result["num_mpi_processes"])),
        ("threads of a rank", solver["threads"]),
        ("threading layer", solver["threading_layer"]),
        ("presolved", kept),
        ("bounds of presolve", _BOUNDS.get((presolve or {}).get("bounds", ""))),
        ("delta", f"{solver['delta']:.6g}" if solver["delta"] is not None else None),
        ("switch to pull at", _share(solver["switch"], "of the vertices")),
        ("arithmetic", solver.get("arithmetic")),
    )


def _share(value: float | None, of: str) -> str | None:
    return None if value is None else f"{value:.3g} {of}"


def _of_ranks(result: dict[str, Any]) -> Facts:
    facts = result.get("ranks")
    if facts is None:
        return []
    exchange = exchange_of(result)
    sent: Facts = []
    if exchange is not None:
        sent = [
            ("sent in a search", f"{text.size(exchange.bytes)}, {exchange.messages:.4g} messages"),
            ("time in calls to other ranks", f"{exchange.share:.0%} of a search"),
            ("share of the busiest rank", f"{exchange.load:.3g} times the mean"),
        ]
    groups = ("groups that share memory", facts.get("nodes"))
    where = ("MPI library", facts["library"]), groups, ("transport", facts.get("transport"))
    return _known(*where) + sent


def _of_construction(result: dict[str, Any]) -> Facts:
    names = {
        "generation_seconds": "generation, untimed",
        "construction_seconds": "construction (kernel 1)",
        "regeneration_seconds": "edges made again meanwhile, untimed",
    }
    facts = [
        (name, text.duration(longest(result, key)))
        for key, name in names.items()
        if longest(result, key) or key != "regeneration_seconds"
    ]
    presolve = result["solver"].get("presolve") or {"seconds": {}}
    facts += [
        (f"of it presolve: {name}", text.duration(s)) for name, s in presolve["seconds"].items()
    ]
    if len(parts(result)) > 1:
        facts.append(("longest of", text.count(len(parts(result)), "part")))
    return [*facts, ("edge list kept", "yes" if result["edges_kept"] else "no")]


def _of_memory(result: dict[str, Any]) -> Facts:
    memories = [part["memory"] for part in parts(result) if "memory" in part]
    facts: Facts = []
    for key, name in (
        ("promised_bytes", "promised to each process at most"),
        ("promised_device_bytes", "promised of the device at most"),
        ("peak_bytes", "used at the peak, by the largest process"),
    ):
        values = [memory[key] for memory in memories if memory[key] is not None]
        facts += [(name, text.size(max(values)))] if values else []
    return facts


def _of_energy(result: dict[str, Any]) -> Facts:
    energy = energy_of(result)
    if energy is None:
        return []
    return [
        ("components", energy.components),
        ("of a loop over all keys", f"{energy.joules:.4g} J"),
        ("while searching, idle included", f"{energy.watts:.4g} W"),
        ("idle, before", f"{energy.idle_watts:.4g} W"),
        ("MTEPS/W", f"{energy.mteps_per_watt:.4g}"),
    ]


def _of_noise(result: dict[str, Any]) -> Facts:
    steal, load = noise.steal(result), noise.highest_load(result)
    return _known(
        ("involuntary context switches", noise.switches(result)),
        ("stolen by the hypervisor", None if steal is None else f"{steal:.3g} s"),
        ("highest load average", None if load is None else f"{load:.3g}"),
    )


def _of_sources(result: dict[str, Any]) -> Facts:
    facts: Facts = []
    for i, part in enumerate(parts(result)):
        again = f", part {i + 1}" if i else ""
        clean = {True: "yes", False: "no", None: None}[part["dirty"]]
        facts += _known(
            (f"date{again}", part["started"]),
            (f"command line{again}", shlex.join(part["argv"])),
            (f"commit{again}", part["commit"]),
            (f"dirty{again}", clean),
        )
    return facts + _known(*result["versions"].items())


def _known(*facts: tuple[str, Any]) -> Facts:
    """Return the facts whose values are known, as text."""
    return [(label, str(value)) for label, value in facts if value not in (None, "")]
