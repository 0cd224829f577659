"""The sheet of a submission: what the Graph500 list shows and asks for, and what is missing.

Fields are filled from a result file; what only a person knows comes from a site file, else it is a
blank with its name. Below them stand the statistics of the specification (V2.0, section 9).
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from harness.console.errors import UsageError
from harness.console.escapes import shown
from harness.reports import text
from harness.reports.energy import energy_of
from harness.reports.lines import graph_size, size_text, spec_lines
from harness.reports.summary import summary_of
from harness.results.submission import failures, longest, submission_problems
from kernels import disk

Site = dict[str, dict[str, str]]

_BLANK = "____ ({name} in the site file)"
_MOST_LETTERS = 500


def template() -> str:
    """Return the site file that comes with the package: every name it may have, all empty."""
    folder = files("harness.commands").joinpath("templates")
    return folder.joinpath("site.toml").read_text(encoding="utf-8")


def read_site(path: str | os.PathLike[str]) -> Site:
    """Read a site file.

    Raises
    ------
    UsageError
        If it cannot be read, is not TOML, or has a name or a value that the template has not; the
        message names the file.
    """
    try:
        with disk.reading(path) as file:
            found = tomllib.loads(file.read().decode())
    except OSError as error:
        raise UsageError(f"--site-file {path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--site-file {path}: no TOML: {error}") from error
    known = tomllib.loads(template())
    for name, part in found.items():
        if name not in known or not isinstance(part, dict):
            allowed = ", ".join(f"[{each}]" for each in known)
            raise UsageError(f"--site-file {path}: {shown(name)} is no part of it; {allowed} are")
        for key, value in part.items():
            if key not in known[name]:
                raise UsageError(
                    f"--site-file {path}: [{name}] has no {shown(key)}; it has "
                    f"{', '.join(known[name])}"
                )
            if not _is_word(value):
                raise UsageError(
                    f"--site-file {path}: {name}.{key} must be a text on one line or a number, "
                    f"not {shown(value)}"
                )
    return {name: {key: str(v) for key, v in part.items()} for name, part in found.items()}


def _is_word(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= _MOST_LETTERS and "\n" not in value and "\r" not in value
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def sheet(result: dict[str, Any], site: Site | None = None) -> str:
    """Return the sheet of a result, ending in a newline; of an invalid one no figure is shown."""
    site = site or {}
    fields = list(_fields(result, site))
    width = max(len(name) for name, _ in fields) + 2
    lines = [f"Graph500 submission, kernel 3 (SSSP): {summary_of(result).title}", ""]
    lines += [f"{name + ':':<{width}}{value}" for name, value in fields]
    lines += ["", "What stands between this run and a submission:"]
    lines += [f"- {obstacle}" for obstacle in obstacles(result, fields)] or ["- nothing"]
    lines += ["", "Output, by the specification's names (V2.0, section 9):", ""]
    return "\n".join(lines) + "\n" + spec_lines(result)


def obstacles(result: dict[str, Any], fields: list[tuple[str, str]]) -> list[str]:
    """Return what is to be done or known before a result is submitted, a line for each."""
    summary = summary_of(result)
    found = [*submission_problems(result), *summary.warnings]
    blanks = [name for name, value in fields if value.startswith("____")]
    if blanks:
        found.append(f"left blank: {', '.join(blanks)}; fill in a site file (sssp template site)")
    return found


def _fields(result: dict[str, Any], site: Site) -> Iterator[tuple[str, str]]:
    """Yield the name and the value of every field, in the order of the list's columns."""
    machine = result["machine"]
    nodes = max(1, len(text.hosts(result)))

    def asked(part: str, key: str, found: object = None) -> str:
        """What the site file says, else what the result says, else a blank."""
        said = site.get(part, {}).get(key, "").strip()
        if said and found and said != str(found):
            return f"{said} (the run found: {found})"
        return said or (str(found) if found else _BLANK.format(name=f"{part}.{key}"))

    yield "Machine", asked("machine", "name")
    yield "Vendor", asked("machine", "vendor")
    yield "Type", asked("machine", "type")
    yield "Processor", asked("machine", "processor", machine.get("cpu"))
    if machine.get("gpu") or site.get("machine", {}).get("accelerator"):
        yield "Accelerator", asked("machine", "accelerator", machine.get("gpu"))
    yield "Interconnect", asked("machine", "interconnect", "none, one node" if nodes == 1 else None)
    yield "Site", asked("site", "institution")
    yield "Location", asked("site", "location")
    yield "Country", asked("site", "country")
    yield "Contact", asked("site", "contact")
    yield "Year", asked("site", "year")
    yield "Application", asked("site", "application")
    yield "Usage", asked("site", "usage")
    yield "Nodes", asked("machine", "nodes", nodes)
    yield "Cores", asked("machine", "cores", _of_all(machine.get("cores"), nodes))
    yield "Memory", asked("machine", "memory", _memory(machine.get("memory_bytes"), nodes))
    yield "Implementation", _implementation(result)
    scale, edgefactor = graph_size(result)
    yield "Scale", scale or f"none, a graph from a file: {size_text(result)}"
    if edgefactor:
        yield "Edge factor", edgefactor
    yield "GTEPS (SSSP, harmonic mean)", _gteps(result)
    yield "Construction time", f"{longest(result, 'construction_seconds'):.6g} s"
    yield "Ranks x threads", f"{result['num_mpi_processes']} x {result['solver']['threads'] or 1}"
    yield "Date of the run", result["started"]
    yield "Power", _power(result, asked("power", "watts"), site)


def _of_all(cores: int | None, nodes: int) -> int | None:
    return None if not cores else cores * nodes


def _memory(size: int | None, nodes: int) -> str | None:
    return None if not size else text.size(size * nodes)


def _implementation(result: dict[str, Any]) -> str:
    parts = [f"sssp-bench {result['versions'].get('sssp-bench') or '(unknown version)'}"]
    if result["commit"]:
        parts.append(f"commit {text.commit(result)}")
    return ", ".join([*parts, text.engine(result)])


def _gteps(result: dict[str, Any]) -> str:
    teps = summary_of(result).teps
    if teps is None:
        return "none: invalid" if failures(result) else "none: no search ran"
    return f"{teps.harmonic_mean / 1e9:.6g} (standard error {teps.harmonic_stddev / 1e9:.2g})"


def _power(result: dict[str, Any], watts: str, site: Site) -> str:
    """Power of the whole system, which only a meter outside knows; beside it what counters say."""
    how = site.get("power", {}).get("how", "").strip()
    if not watts.startswith("____"):
        watts = f"{watts} W" + (f", {how}" if how else "")
    energy = energy_of(result)
    if energy is None:
        return watts
    return f"{watts}; component energy, not of the system: {energy.watts:.4g} W"
