"""`--resume FILE`: the remaining searches of a run that was stopped, and one whole result.

What the run was asked for comes from its file, checked as the command line is; flags given besides
must agree. Everything that a search depends on must be as it was: the graph to its last edge
(generator, seeds, or the digest of the file), the search keys, engine, threads, delta, presolve,
the number of ranks. The graph is constructed again, so a resumed result has a construction, a
machine and sources for each of its parts: the first part's at the top, the others' under `resumed`.
Reports take the longest construction, and say where machine or sources differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from harness.console.errors import UsageError
from harness.console.escapes import shown
from harness.results import record as results

# Of the graph, besides `arcs`: what must be as it was. The file may have moved.
_OF_THE_GRAPH = ("scale", "edgefactor", "seed", "n", "edges", "sha256", "directed", "weight_dtype")
# Of the solver: what its searches depend on.
_OF_THE_SOLVER = ("engine", "arithmetic", "delta", "switch", "threads")
# Changes no search: where the file lies (its content is compared), whether edges are kept, and
# whether energy is measured.
_FREE = ("graph", "keep_edges", "energy")


# Flags of the command that say nothing of what is run: they never come from the file.
OF_THIS_COMMAND = ("resume", "time_limit", "hang_limit", "output", "quiet", "log_dir")


def unfinished(path: str | Path, checked: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """Return the result of a run that was stopped, its flags as the command line gives them.

    Parameters
    ----------
    path : path
    checked : callable
        Takes values by the flags' names, what stands before a name in messages, and the flags that
        are refused; returns the values as the command line gives them, or raises UsageError.

    Raises
    ------
    ResultError
        If the file is not a result.
    UsageError
        If it is complete, invalid, contradicts itself, or does not say what the run was asked for;
        the field is named.
    """
    result = results.load(path)
    if result["status"] == "complete":
        raise UsageError(f"{path} is complete: nothing to resume")
    if result["status"] == "invalid":
        raise UsageError(f"{path} has an invalid search: no resumption makes it valid")
    if "flags" not in result:
        raise UsageError(f"{path} does not say what its run was asked for; run it anew")
    given = {name: value for name, value in result["flags"].items() if value is not None}
    flags = checked(given, f"{path}: flags.", OF_THIS_COMMAND)
    checked({"engine": result["solver"]["engine"]}, f"{path}: solver.")
    for fault in (*_disagreements(result, flags), *_impossible(result)):
        raise UsageError(f"{path}: {fault}: not as sssp run has left it; run it anew")
    unset = {name: None for name, value in result["flags"].items() if value is None}
    return {**result, "flags": unset | flags}


def _disagreements(result: dict[str, Any], flags: dict[str, Any]) -> Iterator[str]:
    """Yield where the file says one thing of its run as flags, and another as figures.

    Found here, before the flags make work that the figures do not promise.
    """
    graph, solver = result["graph"], result["solver"]
    said = {
        "roots": ("roots_requested", result["roots_requested"]),
        "check": ("check", result["check"]),
        "threads": ("solver.threads", solver["threads"]),
    }
    if flags.get("presolve", False) != ("presolve" in solver):
        yield (
            f"flags.presolve is {shown(flags.get('presolve'))}, but solver.presolve "
            f"{'there' if 'presolve' in solver else 'not there'}"
        )
    if graph["file"] is None:
        said |= {name: (f"graph.{name}", graph[name]) for name in ("scale", "edgefactor", "seed")}
        if "graph" in flags:
            yield f"flags.graph is {shown(flags['graph'])}, but graph.file null"
    elif "graph" not in flags:
        yield f"graph.file is {shown(graph['file'])}, but flags.graph not there"
    for name, (field, value) in said.items():
        if flags.get(name) != value and not (name == "threads" and value is None):
            yield f"flags.{name} is {shown(flags.get(name))}, but {field} {shown(value)}"
    validating = flags.get("validate", True)
    for i, search in enumerate(result["searches"]):
        if (search["valid"] is not None) != validating:
            yield f"flags.validate is {validating}, but searches[{i}].valid {search['valid']}"


def _impossible(result: dict[str, Any]) -> Iterator[str]:
    """Yield what no search on such a graph can have found."""
    n, edges = result["graph"]["n"], result["graph"]["edges"]
    if len(result["searches"]) > result["roots_requested"]:
        yield f"{len(result['searches'])} searches of {result['roots_requested']} asked for"
    for i, search in enumerate(result["searches"]):
        most = {"m": edges, "m_with_self_loops": edges, "reached": n, "root": n - 1}
        for name, limit in most.items():
            if search[name] > limit:
                yield f"searches[{i}].{name} is {search[name]}, at most {limit} is possible"
        if search["m"] > search["m_with_self_loops"]:
            yield f"searches[{i}].m is more than m_with_self_loops"
        if search["reached"] == 0:
            yield f"searches[{i}].reached is 0, but a root reaches itself"
        if search["valid"] is False or search["violations"]:
            yield f"searches[{i}] is invalid, but status incomplete"


def agreed(given: dict[str, Any], result: dict[str, Any], path: str | Path) -> dict[str, Any]:
    """Return the flags of the run that `result` is of.

    Parameters
    ----------
    given : dict
        The flags given besides; those which a run is asked for by must be the same.
    result : dict
        From `unfinished`.

    Raises
    ------
    UsageError
        If one differs; it is named, with both values.
    """
    asked = result["flags"]
    engine = result["solver"]["engine"]  # where auto was asked for, what was taken
    for name, value in given.items():
        same = value == asked.get(name) or (name == "engine" and value == engine)
        if not same and not (name in _FREE and name in asked):
            raise UsageError(
                f"{_flag(name, value)} does not go with --resume {path}: "
                f"{_had(name, asked.get(name))}"
            )
    flags = {**asked, **given, "engine": engine}
    return {name: value for name, value in flags.items() if value is not None}


def _flag(name: str, value: Any) -> str:
    """Return a flag as it is written on the command line."""
    word = name.replace("_", "-")
    if isinstance(value, bool):
        return f"--{word}" if value else f"--no-{word}"
    return f"--{word} {' '.join(map(str, value)) if isinstance(value, list) else value}"


def _had(name: str, value: Any) -> str:
    return f"that run has no --{name}" if value is None else f"that run has {_flag(name, value)}"


def check_ranks(result: dict[str, Any], size: int, path: str | Path) -> None:
    """Refuse another number of ranks than the run had."""
    had = result["num_mpi_processes"]
    if had != size:
        ranks = "1 rank" if had == 1 else f"{had} ranks"
        raise UsageError(f"{path} is of {ranks}, not {size}: resume it with as many")


def check_graph(result: dict[str, Any], found: dict[str, Any]) -> None:
    """Refuse another graph than the one that was searched.

    Raises
    ------
    UsageError
        If one of its properties differs; it is named, with both values.
    """
    for name in _OF_THE_GRAPH:
        if result["graph"][name] != found[name]:
            what = found["file"] or "the graph"
            raise UsageError(
                f"{what} is not the one that was searched: {name} is {found[name]}, "
                f"was {result['graph'][name]}"
            )


def check_construction(
    result: dict[str, Any], arcs: int, solver: dict[str, Any], keys: list[int]
) -> None:
    """Refuse rows, a solver or search keys other than those of the finished searches.

    Raises
    ------
    UsageError
        If they differ; the first difference is named.
    """
    if result["graph"]["arcs"] != arcs:
        raise UsageError(f"the graph has {arcs} arcs, had {result['graph']['arcs']}")
    for name in _OF_THE_SOLVER:
        if result["solver"].get(name) != solver.get(name):
            raise UsageError(
                f"the solver is not the one that searched: {name} is {solver.get(name)}, "
                f"was {result['solver'].get(name)}"
            )
    done = [search["root"] for search in result["searches"]]
    for i, root in enumerate(done):
        if i >= len(keys) or keys[i] != root:
            there = keys[i] if i < len(keys) else "none"
            raise UsageError(f"search {i} was from root {root}, but the key there is {there}")
