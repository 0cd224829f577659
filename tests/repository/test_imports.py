"""The rules of the code: which package imports which, and what stays unloaded."""

from __future__ import annotations

import ast
import functools
import re
from graphlib import TopologicalSorter

import pytest
from markdown import PAGES, table
from repository import HOUSE, PACKAGES, label, run_python, sources

# What each package may import beside itself: the table of CONTRIBUTING.md.
ARROWS = {
    row["package"].strip("`"): tuple(re.findall(r"`([\w.]+)`", row["imports"]))
    for row in table(PAGES["CONTRIBUTING.md"], "package")
}
# The packages of harness, from the bottom: each may import those before it.
LAYERS = ("console", "machine", "job", "validation", "results", "benchmark", "peers", "reports",
          "commands")  # fmt: skip
OURS = (*PACKAGES, "results", "tests")
# Imported where they are used: one needs a GPU's driver, the other starts MPI.
NEVER_AT_MODULE_LEVEL = ("cupy", "cupyx", "mpi4py")


@functools.cache
def parsed(path):
    """The syntax tree of a file, which several tests read."""
    return ast.parse(path.read_text())


def imported_by(node, package):
    """The names a statement imports, or a call whose literal argument names a module."""
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=module, names=names, level=0):
            return [f"{module}.{alias.name}" for alias in names]
        case ast.ImportFrom(module=module, level=1):
            return [f"{package}.{module}"]
        case ast.ImportFrom(level=level) if level > 1:
            raise AssertionError(f"line {node.lineno}: a relative import over a package's top")
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[argument, *_]) if (
            name.endswith(("import_module", "__import__", "find_spec", "run_module"))
        ):
            start = argument.values[0] if isinstance(argument, ast.JoinedStr) else argument
            value = getattr(start, "value", None)
            return [value] if isinstance(value, str) else []
    return []


@functools.cache
def imports_of(path):
    """The names that a file imports, in functions and for types as well."""
    return {name for node in ast.walk(parsed(path)) for name in imported_by(node, path.parent.name)}


def is_for_types(node):
    """Is it a block that is never executed, `if TYPE_CHECKING:`?"""
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def runs_at_import(tree):
    """The nodes that are executed when the module is imported."""
    waiting = list(tree.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not is_for_types(node) and not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            waiting.extend(ast.iter_child_nodes(node))


def within(name, allowed):
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in allowed)


def arrows_against_the_table(tree, package):
    allowed = (package, *ARROWS[package])
    return [
        f"line {getattr(node, 'lineno', 0)}: {name}"
        for node in ast.walk(tree)
        for name in imported_by(node, package)
        if within(name, OURS) and not within(name, allowed)
    ]


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_follow_the_table(package):
    faults = {
        label(path): faults
        for path in sources(package)
        if (faults := arrows_against_the_table(parsed(path), package))
    }
    assert faults == {}


@pytest.mark.parametrize(
    ("package", "source"),
    [
        ("kernels", "import graphs"),
        ("kernels", "def f():\n    from sssp.import_check import HOUSE"),
        ("graphs", "import numpy, sssp.errors"),
        ("graphs", "def f(name):\n    return import_module(f'harness.{name}')"),
        ("sssp", "if x:\n    from harness import results"),
        ("harness", "from kernels import push"),
        ("harness", "from kernels.build import count"),
        ("harness", "import kernels"),
        ("sssp", "import tests.example_result"),
    ],
)
def test_an_arrow_against_the_table_is_seen(package, source):
    assert arrows_against_the_table(ast.parse(source), package)


@pytest.mark.parametrize(
    ("package", "source"),
    [
        ("kernels", "import numba, numpy\nfrom kernels.rng import jump"),
        ("harness", "from kernels import validate\nfrom kernels.validate import check"),
        ("sssp", "from graphs import CSR\nimport kernels.push"),
        ("graphs", "import graphsomething"),
    ],
)
def test_an_arrow_of_the_table_is_allowed(package, source):
    assert not arrows_against_the_table(ast.parse(source), package)


def modules_imported_by(module, types=False):
    """The modules of ours that a module of ours imports; with `types`, those for types too."""
    path = HOUSE / (module.replace(".", "/") + ".py")
    for_types = [] if types else [block for block in ast.walk(parsed(path)) if is_for_types(block)]
    names = imports_of(path) - {
        name
        for block in for_types
        for node in ast.walk(block)
        for name in imported_by(node, path.parent.name)
    }
    # "a.b.c" is the module a/b/c.py or a name in a/b.py
    modules = names | {name.rpartition(".")[0] for name in names}
    return {name for name in modules if (HOUSE / (name.replace(".", "/") + ".py")).is_file()}


def packages_of_harness(path):
    """The packages of harness that a module of it imports."""
    return {name.split(".")[1] for name in imports_of(path) if name.startswith("harness.")}


@pytest.mark.parametrize("layer", LAYERS)
def test_no_package_of_harness_imports_one_above_it(layer):
    below = LAYERS[: LAYERS.index(layer) + 1]
    faults = {
        label(path): found - set(below)
        for path in (HOUSE / "harness" / layer).glob("*.py")
        if (found := packages_of_harness(path)) - set(below)
    }
    assert faults == {}


def test_every_package_of_harness_has_its_layer():
    assert {path.parent.name for path in (HOUSE / "harness").glob("*/__init__.py")} == set(LAYERS)


def test_no_files_import_each_other_in_a_circle():
    """Neither in functions nor for types: each file can be read after those it imports."""
    modules = [
        path.relative_to(HOUSE).with_suffix("").as_posix().replace("/", ".")
        for package in PACKAGES
        for path in sources(package)
    ]
    order = TopologicalSorter({name: modules_imported_by(name, types=True) for name in modules})
    order.prepare()  # CycleError names them


@pytest.mark.parametrize("validator", ["harness.validation.host", "harness.validation.device"])
def test_the_validator_shares_no_code_with_the_solver(validator):
    waiting, seen = {validator}, set()
    while waiting:
        module = waiting.pop()
        seen.add(module)
        waiting |= modules_imported_by(module) - seen
    assert "kernels.validate" in seen
    assert {name for name in seen if within(name, ("sssp", "graphs.csr"))} == set()
    kernels = {name for name in seen if within(name, ("kernels",))}
    # How kernels are run and kept, of whatever kind.
    shared = {
        "kernels.threads",
        "kernels.errors",
        "kernels.cache",
        "kernels.compile",
        "kernels.compiling",
        "kernels.disk",
        "kernels.front_end",
        "kernels.linking",
        "kernels.parallel",
        "kernels.private_folder",
    }
    assert kernels == {"kernels.validate", "kernels.vertex_set"} | shared


@pytest.mark.parametrize("package", PACKAGES)
def test_cupy_and_mpi4py_are_imported_in_functions_only(package):
    for path in sources(package):
        names = [
            name for node in runs_at_import(parsed(path)) for name in imported_by(node, package)
        ]
        assert [name for name in names if within(name, NEVER_AT_MODULE_LEVEL)] == [], label(path)


def test_every_module_says_what_it_is():
    silent = [
        label(path)
        for package in PACKAGES
        for path in sources(package)
        if not ast.get_docstring(parsed(path))
    ]
    assert silent == []


HEAVY = ("numpy", "numba", "llvmlite", "scipy", "networkx", "mpi4py", "cupy", "tqdm")
LOADED = f"; import json, sys; print(json.dumps([m for m in {HEAVY} if m in sys.modules]))"


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_a_package_loads_neither_a_compiler_nor_numpy(package):
    assert run_python(f"import {package}{LOADED}") == []


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"]])
def test_help_and_version_load_neither_a_compiler_nor_numpy(arguments):
    assert run_python(f"import harness.cli; harness.cli.main({arguments}){LOADED}") == []
