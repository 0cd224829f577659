"""The record of `sssp peers`: one JSON file, raw figures only, and the table made of it.

The keys of the file, format 1; times are seconds:

    peers_schema          1
    status                "complete"; "invalid" where two answers differed
    graph, machine, versions, commit, dirty, argv, started
                          as in the result of a run (results/schema.json)
    generation_seconds    making or reading the edge list
    roots                 the searches' roots, in the order in which they were searched
    m, reached            edges (no self loops) and vertices that each of them reaches
    matrix_seconds        from our rows to the matrix that the peers get
    solvers               one for each row of the table, in the order of turns
        name              "sssp-bench", or a peer's
        version           null where it is not known
        threads           that a search may use
        parents           it finds predecessors, too
        choices           of sssp-bench: delta, switch and so on, as `solver` of a run; else null
        conversion_seconds
                          sssp-bench: kernel 1, from the edge list (null for all but the most
                          threads); scipy: `matrix_seconds`; others: from that matrix to their own
                          graph
        seconds           of each search, in the order of `roots`
        disagreements     a line for each root where its distances were not those of the first row
    one_shot              the public call on the matrix, building included; null if left out
        roots             the first few of `roots`
        calls             name, call and `seconds` for each of those roots

History of the format: 1, the first.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from harness.console.escapes import shown
from harness.results import record as results
from harness.results.record import ResultError
from harness.results.statistics import Summary, summarize

SCHEMA = 1
OURS = "sssp-bench"
PRESOLVED = f"{OURS} presolved"

_SECONDS = {"type": "array", "items": {"type": "number", "minimum": 0}}
_COUNTS = {"type": "array", "items": {"type": "integer", "minimum": 0}}
_LINES = {"type": "array", "items": {"type": "string"}}
_NUMBER_OR_NOT = {"type": ["number", "null"], "minimum": 0}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


# In the words of JSON Schema that harness.results.record knows.
_RULES = _object(
    peers_schema={"const": SCHEMA},
    status={"enum": ["complete", "invalid"]},
    graph={"$ref": "#/$defs/graph"},
    generation_seconds={"type": "number", "minimum": 0},
    roots=_COUNTS,
    m=_COUNTS,
    reached=_COUNTS,
    matrix_seconds={"type": "number", "minimum": 0},
    solvers={
        "type": "array",
        "items": _object(
            name={"type": "string"},
            version={"type": ["string", "null"]},
            threads={"type": "integer", "minimum": 1},
            parents={"type": "boolean"},
            choices={"type": ["object", "null"]},
            conversion_seconds=_NUMBER_OR_NOT,
            seconds=_SECONDS,
            disagreements=_LINES,
        ),
    },
    one_shot={"type": ["object", "null"]},
    machine={"$ref": "#/$defs/machine"},
    versions={"$ref": "#/$defs/versions"},
    commit={"type": ["string", "null"]},
    dirty={"type": ["boolean", "null"]},
    argv=_LINES,
    started={"type": "string"},
)
_ONE_SHOT = _object(
    roots=_COUNTS,
    calls={
        "type": "array",
        "items": _object(
            name={"type": "string"}, call={"type": "string"}, seconds=_SECONDS | {"minItems": 1}
        ),
    },
)


def write(record: dict[str, Any], directory: str | os.PathLike[str]) -> Path:
    """Write `record` as results are written, and return the new file's path."""
    return results.store(record, directory, "peers")


def is_peers(found: dict[str, Any]) -> bool:
    """Is it a record of `sssp peers`, not the result of a run?"""
    return "peers_schema" in found


def load(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a record.

    Raises
    ------
    ResultError
        If the file cannot be read, is no such record, or lacks or misspells a field.
    """
    return checked(results.read(path), path)


def checked(record: dict[str, Any], path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what was read from a file, found to be a record; raises what `load` does."""
    if record.get("peers_schema") != SCHEMA:
        raise ResultError(
            f"{path}: not a file of sssp peers in format {SCHEMA}, the one this version reads: "
            f"its peers_schema is {shown(record.get('peers_schema'))}"
        )
    for fault in _faults(record):
        raise ResultError(f"{path}: not a whole file of sssp peers: {fault}")
    return record


def _faults(record: dict[str, Any]) -> list[str]:
    found = list(results.faults(record, _RULES))
    if found:
        return found
    if record["one_shot"] is not None:
        found += results.faults(record["one_shot"], _ONE_SHOT, "one_shot")
    rows = record["solvers"]
    lists = {"m": record["m"], "reached": record["reached"]}
    lists |= {f"solvers[{i}].seconds": row["seconds"] for i, row in enumerate(rows)}
    count = len(record["roots"])
    found += [f"{name} must have {count} items" for name, x in lists.items() if len(x) != count]
    if count == 0 or not any(row["name"] == OURS for row in rows):
        found.append("roots and a solver named sssp-bench must be there")
    return found


def failures(record: dict[str, Any]) -> list[str]:
    """Return every disagreement; while there is one, no figure may be shown."""
    lines = [f"{row['name']}: {s}" for row in record["solvers"] for s in row["disagreements"]]
    if record["status"] == "invalid" and not lines:
        lines = ["the comparison is marked invalid; it does not say why"]
    return lines


def yardstick(record: dict[str, Any]) -> dict[str, Any]:
    """Return the row that ratios are to: sssp-bench on the most threads."""
    found = [row for row in record["solvers"] if row["name"] == OURS]
    return max(found, key=lambda row: row["threads"])


def times(row: dict[str, Any]) -> Summary:
    """Return the statistics of a row's seconds."""
    return summarize(row["seconds"])
