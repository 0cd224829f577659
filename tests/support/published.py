"""Shared: the folders of results/, their manifests, and the tables of the docs made from them."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

import pytest
from markdown import PAGES, cells, section, tables
from repository import HOUSE

from benchmarks import (
    library,
    networkx_callers,
    scaling,
    scaling_core,
    scaling_core_model,
    scaling_project,
)
from harness.peers import record as peer_record
from harness.peers import table as peer_table
from harness.results import record as results
from harness.results.statistics import summarize_teps

RESULTS = HOUSE / "results"
Rows = list[dict[str, str]]


@dataclass(frozen=True)
class Folder:
    """A folder of results/ and what its manifest says."""

    path: Path
    manifest: dict[str, Any]

    @property
    def files(self) -> list[Path]:
        """The result files, in the order of their start."""
        return sorted(self.path.glob("2*.json"))

    @property
    def runs(self) -> list[dict[str, Any]]:
        return [results.load(path) for path in self.files]

    @property
    def records(self) -> list[dict[str, Any]]:
        """Those of `sssp peers`."""
        return [peer_record.load(path) for path in self.files]


FOLDERS = [
    Folder(path.parent, tomllib.loads(path.read_text()))
    for path in sorted(RESULTS.glob("*/manifest.toml"))
]


def folder(rows: str) -> Folder:
    """The only folder with a table that `rows` makes."""
    (found,) = (
        each for each in FOLDERS if rows in [table["rows"] for table in each.manifest["table"]]
    )
    return found


def shown(table: dict[str, Any]) -> Rows:
    """The table that an entry of a manifest names, as its document shows it."""
    found = tables(section(PAGES[table["document"]], table["heading"]))
    return found[table.get("number", 1) - 1]


def seconds(run: dict[str, Any]) -> list[float]:
    return [search["seconds"] for search in run["searches"]]


# What makes the rows of a table, by the name that manifests call it.


def runs(of: Folder) -> Rows:
    """A row for each run of one process with both cores."""
    made = []
    for run in sorted(of.runs, key=lambda run: run["graph"]["scale"]):
        teps = summarize_teps(seconds(run), [search["m"] for search in run["searches"]])
        checking = fmean(search["validate_seconds"] for search in run["searches"])
        assert len(run["searches"]) == 64 and run["solver"]["threads"] == 2
        made.append(
            {
                "scale": str(run["graph"]["scale"]),
                "generation s": f"{run['generation_seconds']:.3f}",
                "construction s": f"{run['construction_seconds']:.3f}",
                "median search ms": f"{1e3 * median(seconds(run)):.2f}",
                "harmonic mean GTEPS": f"{teps.harmonic_mean / 1e9:.3f}",
                "validation s a search": f"{checking:.3f}",
            }
        )
    return made


def peers(of: Folder) -> Rows:
    """A row for each graph that was searched in turn with SciPy."""
    made = []
    for record in of.records:
        rows = tables(peer_table.render(record))[0]
        ms = {(row["solver"], row["threads"]): f"{row['ms (median)']} ms" for row in rows}
        one, two = (line.rpartition(" ")[2] for line in peer_table.ratio_lines(record))
        graph = record["graph"]
        scale, file = graph["scale"], graph["file"]
        assert len(record["roots"]) == 16
        made.append(
            {
                "graph": f"Kronecker, scale {scale}" if scale else of.manifest["graphs"][file],
                "sssp-bench, 1 thread": ms[peer_record.OURS, "1"],
                "sssp-bench, 2 threads": ms[peer_record.OURS, "2"],
                "SciPy": ms["scipy", "1"],
                "ratio, 1 thread": one,
                "ratio, 2 threads": two,
            }
        )
    return made


def times(of: Folder) -> Rows:
    return cells(scaling.times(scaling.load(of.path), of.path).splitlines())


def counts(of: Folder) -> Rows:
    return cells(scaling.counted(scaling.load(of.path)).splitlines())


def pairs(of: Folder) -> Rows:
    """The milliseconds of one process beside two ranks, pair after pair."""
    found = of.runs
    one, two = (
        [1e3 * median(seconds(run)) for run in found if run["num_mpi_processes"] == ranks]
        for ranks in (1, 2)
    )
    lines = {
        "one process, ms": [f"{ms:.1f}" for ms in one],
        "two ranks, ms": [f"{ms:.1f}" for ms in two],
        "ratio": [f"{a / b:.2f}" for a, b in zip(one, two, strict=True)],
    }
    return [
        {"pair": name, **{str(pair): cell for pair, cell in enumerate(line, 1)}}
        for name, line in lines.items()
    ]


def projected(of: Folder) -> tuple[str, ...]:
    """The tables of the command of scaling_project that the manifest names."""
    (command,) = (line for line in of.manifest["commands"] if "scaling_project" in line)
    asked = scaling_project.parser().parse_args(shlex.split(command)[3:])
    assert HOUSE / (asked.presolved or asked.folder) == of.path
    return scaling_project.projection(scaling.load(HOUSE / asked.folder), asked)


def projected_seconds(of: Folder) -> Rows:
    return cells(projected(of)[0].splitlines())


def projected_bytes(of: Folder) -> Rows:
    return cells(projected(of)[1].splitlines())


def projected_presolved(of: Folder) -> Rows:
    return cells(projected(of)[2].splitlines())


def core_search(of: Folder) -> Rows:
    """What presolved searches send; the file's other table is what kernel 1 sends."""
    return scaling_core_model.tables_of(scaling_core.read(of.path))[0]


def core_kernel(of: Folder) -> Rows:
    return scaling_core_model.tables_of(scaling_core.read(of.path))[1]


def presolved(of: Folder) -> Rows:
    """A row for each scale: runs with --presolve beside those without."""
    by_scale: dict[int, dict[bool, Any]] = {}
    for run in of.runs:
        kinds = by_scale.setdefault(run["graph"]["scale"], {})
        kinds["presolve" in run["solver"]] = run
    made = []
    for scale, kinds in sorted(by_scale.items()):
        whole, fewer = kinds.get(False), kinds[True]
        teps = summarize_teps(seconds(fewer), [search["m"] for search in fewer["searches"]])
        kept = fewer["solver"]["presolve"]["kept_edges"] / fewer["graph"]["edges"]
        pairs = {"construction s": "-", "median search ms": "-", "ratio": "-"}
        if whole is not None:
            assert [s["root"] for s in whole["searches"]] == [s["root"] for s in fewer["searches"]]
            digests = [[s["dist_digest"] for s in run["searches"]] for run in kinds.values()]
            assert digests[0] == digests[1]
            pairs = {
                "construction s": f"{whole['construction_seconds']:.3f}",
                "median search ms": f"{1e3 * median(seconds(whole)):.2f}",
                "ratio": f"{median(seconds(whole)) / median(seconds(fewer)):.2f}",
            }
        made.append(
            {
                "scale": str(scale),
                "searches": str(len(fewer["searches"])),
                "edges kept": f"{100 * kept:.1f} %",
                "construction s": pairs["construction s"],
                "construction s, presolved": f"{fewer['construction_seconds']:.3f}",
                "median search ms": pairs["median search ms"],
                "median search ms, presolved": f"{1e3 * median(seconds(fewer)):.2f}",
                "ratio": pairs["ratio"],
                "harmonic mean GTEPS, presolved": f"{teps.harmonic_mean / 1e9:.3f}",
            }
        )
    return made


def presolved_in_short(of: Folder) -> Rows:
    """Kernel 1 and the median search of `presolved`, without and with --presolve."""
    names = {
        "scale": "scale",
        "construction s": "kernel 1, s",
        "construction s, presolved": "presolved, s",
        "median search ms": "search, ms",
        "median search ms, presolved": "presolved, ms",
        "ratio": "ratio",
    }
    return [{short: row[name] for name, short in names.items()} for row in presolved(of)]


def under_networkx(of: Folder) -> Rows:
    """A row for each library that searched a graph of networkx."""
    (path,) = of.files
    return cells(networkx_callers.table(results.read(path)).splitlines())


def first_calls(of: Folder) -> Rows:
    """The first call of a process, with nothing compiled and with everything."""
    (path,) = of.files
    return cells(library.first_answers(results.read(path)).splitlines())


def beside_scipy(of: Folder) -> Rows:
    """A row for each shape and type of weights: one call, and a search on rows, beside SciPy."""
    (path,) = of.files
    return cells(library.table(results.read(path)).splitlines())


MAKERS: dict[str, Callable[[Folder], Rows]] = {
    maker.__name__: maker
    for maker in (
        runs, peers, times, counts, pairs, presolved, presolved_in_short, projected_seconds,
        projected_bytes, projected_presolved, core_search, core_kernel, under_networkx,
        first_calls, beside_scipy,
    )
}  # fmt: skip
SLOW = ("projected_seconds", "projected_bytes", "projected_presolved")  # they generate a graph
TABLES = [
    pytest.param(
        each,
        table,
        id=f"{each.path.name}-{table['rows']}",
        marks=[pytest.mark.slow] if table["rows"] in SLOW else [],
    )
    for each in FOLDERS
    for table in each.manifest["table"]
]
