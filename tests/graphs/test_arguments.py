"""What callers hand in: converted where it is clear what is meant, else refused by name."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse
from repository import run_python

from graphs import EdgeList, GraphError, KroneckerStream, build_csr, kronecker, search_keys
from harness.validation.host import validate
from sssp import Graph, Solver, shortest_paths

SRC, DST, WEIGHT = np.array([0, 1, 0]), np.array([1, 2, 2]), np.array([2.0, 3.0, 9.0], np.float32)
GRAPH = EdgeList(SRC, DST, WEIGHT, 4)
DIST, PARENT = [0, 2, 5, np.inf], [0, 0, 1, -1]
MASK = [False, True, False]


class Series:
    """What pandas and others hand in: no array, but with a way to make one."""

    def __init__(self, values):
        self.values = values

    def __len__(self):
        return len(self.values)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype)


class Subclass(np.ndarray):
    pass


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    "convert",
    [
        list,
        tuple,
        np.ndarray.tolist,
        Series,
        read_only,
        lambda a: a.astype(a.dtype.newbyteorder(">")),
        lambda a: a.view(Subclass),
        lambda a: np.repeat(a, 3)[::3],
        lambda a: a[::-1].copy()[::-1],
        lambda a: a.astype("u8") if a.dtype.kind == "i" else a,
        lambda a: a.astype("u1") if a.dtype.kind == "i" else a.astype(np.float16),
        lambda a: a.astype("i2"),
        lambda a: a.astype(">u4"),
        lambda a: a.astype("f8") if a.dtype.kind == "f" else a.astype("i1"),
    ],
)
def test_edges_in_other_forms_are_the_same_graph(convert):
    edges = EdgeList(convert(SRC), convert(DST), convert(WEIGHT), np.int16(4), np.bool_(False))
    dist, parent = shortest_paths(edges, np.uint8(0), threads=np.int64(1))
    assert (dist.tolist(), parent.tolist()) == (DIST, PARENT)
    [verdict] = validate(edges, [(np.int32(0), dist, parent)])
    assert verdict.valid


def test_no_edges_may_be_empty_lists():
    dist, _ = shortest_paths(EdgeList([], [], [], 2), 1)
    assert dist.tolist() == [np.inf, 0]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"src": SRC[:, None]}, r"src has shape \(3, 1\)"),
        ({"dst": np.asmatrix(DST)}, r"dst has shape \(1, 3\)"),
        ({"weight": WEIGHT[None]}, r"weight has shape \(1, 3\)"),
        ({"weight": 1.0}, r"weight has shape \(\)"),
        ({"src": iter([0, 1, 0])}, r"src has shape \(\)"),
        ({"dst": "120"}, r"dst has shape \(\)"),
        ({"src": None}, r"src has shape \(\)"),
        ({"dst": scipy.sparse.csr_array([[1, 2, 2]])}, r"dst has shape \(\)"),
        ({"weight": [1, [2], 3]}, "weight is no array of numbers"),
        ({"src": np.ma.array(SRC, mask=MASK)}, "src is a masked array"),
        ({"dst": np.ma.array(DST)}, "dst is a masked array"),
        ({"weight": np.ma.array(WEIGHT, mask=MASK)}, "weight is a masked array"),
        ({"src": SRC.astype(float)}, "src must hold integers, got dtype float64"),
        ({"src": SRC > 0}, "src must hold integers, got dtype bool"),
        ({"dst": DST.astype(object)}, "dst must hold integers, got dtype object"),
        ({"dst": DST.astype("m8[s]")}, "dst must hold integers, got dtype timedelta64"),
        ({"dst": np.array([1, 2, 2**64 - 1], np.uint64)}, "edge 2: dst=18446744073709551615"),
        ({"dst": [1, 2, 2**64]}, "dst must hold integers, got dtype object"),
        ({"weight": WEIGHT.astype(object)}, "weights must be .* got dtype object"),
        ({"weight": WEIGHT.astype(complex)}, "weights must be .* got dtype complex128"),
        ({"weight": WEIGHT.astype(np.longdouble)}, "weights must be .*; convert them"),
        ({"weight": WEIGHT.astype("M8[s]")}, "weights must be .* got dtype datetime64"),
        ({"weight": np.zeros(3, "i4,f4")}, "weights must be .* got dtype"),
        ({"weight": ["1", "2", "3"]}, "weights must be .* got dtype <U1"),
        ({"n": 4.0}, "n=4.0 is not allowed"),
        ({"n": True}, "n=True is not allowed"),
        ({"n": "4"}, "n='4' is not allowed"),
        ({"n": None}, "n=None is not allowed"),
        ({"directed": "no"}, "directed='no' is not allowed"),
        ({"directed": None}, "directed=None is not allowed"),
    ],
)
@pytest.mark.parametrize(
    "use",
    [build_csr, lambda edges: shortest_paths(edges, 0), lambda e: validate(e, [(0, DIST, PARENT)])],
    ids=["build_csr", "shortest_paths", "validate"],
)
def test_what_is_no_edge_list_is_refused_by_name(use, wrong, message):
    with pytest.raises(GraphError, match=message):
        use(replace(GRAPH, **wrong))


@pytest.mark.parametrize("value", ["no", "", 0, 1, None, np.float64(0)], ids=repr)
def test_what_is_neither_true_nor_false_is_refused_by_name(value):
    matrix = scipy.sparse.csr_array([[0, 1.0], [1.0, 0]])
    calls = {
        "presolve": [
            build_csr,
            lambda edges, presolve: shortest_paths(edges, 0, presolve=presolve),
        ],
        "min_only": [
            lambda _, min_only: shortest_paths(matrix, [0, 1], min_only=min_only),
            lambda _, min_only: Graph(matrix).search([0, 1], min_only=min_only),
        ],
    }
    for name, uses in calls.items():
        for use in uses:
            with pytest.raises(GraphError, match=re.escape(f"{name}={value!r} is not allowed")):
                use(GRAPH, **{name: value})
    assert build_csr(GRAPH, presolve=np.True_).presolved


# With a name: its address differs from process to process, and names of tests must not.
SOME_OBJECT = pytest.param(object(), id="some object")
NO_WHOLE_NUMBERS = [True, np.True_, 1.0, -0.0, np.float32(1), np.array([1]), np.array(True), 1j]
NO_WHOLE_NUMBERS += ["1", None, np.timedelta64(1), np.datetime64(1, "s"), [1], np.ma.masked]
NO_WHOLE_NUMBERS += [np.zeros(1, "i4,f4")[0], Fraction(1), SOME_OBJECT]


@pytest.mark.parametrize("value", NO_WHOLE_NUMBERS, ids=repr)
def test_what_is_no_whole_number_is_refused_by_name(value):
    csr = build_csr(GRAPH)
    calls = {
        "root": [
            lambda: Solver(csr).search(value),
            lambda: validate(GRAPH, [(value, DIST, PARENT)]),
        ],
        "scale": [lambda: kronecker(value), lambda: KroneckerStream(value)],
        "edgefactor": [lambda: kronecker(3, value)],
        "seed": [lambda: kronecker(3, seed=(2, value)), lambda: kronecker(3, seed=value)],
        "first": [lambda: kronecker(3, first=value)],
        "n": [lambda: search_keys(value, np.ones(1, bool)), lambda: replace(GRAPH, n=value)],
    }
    if value is not None:
        calls["count"] = [lambda: kronecker(3, count=value)]
        calls["slice_edges"] = [lambda: KroneckerStream(3, slice_edges=value)]
        calls["threads"] = [lambda: Solver(csr, threads=value), lambda: build_csr(GRAPH, value)]
    for name, uses in calls.items():
        for use in uses:
            with pytest.raises(GraphError, match=name):
                use()


@pytest.mark.parametrize("root", [2, np.int8(2), np.uint64(2), np.array(2)], ids=repr)
def test_a_root_may_be_any_whole_number(root):
    assert shortest_paths(GRAPH, root)[0].tolist() == [5, 3, 0, np.inf]


@pytest.mark.parametrize("delta", [2, np.float16(2), np.float32(2), np.uint8(2), np.longdouble(2),
                                   Fraction(2), 5e-324, 1.7e308], ids=repr)  # fmt: skip
@pytest.mark.parametrize("dtype", ["f4", "f8", "i8"])
@pytest.mark.filterwarnings("error")
def test_any_number_above_zero_is_a_delta(delta, dtype):
    solver = Solver(build_csr(replace(GRAPH, weight=WEIGHT.astype(dtype))), delta=delta)
    assert solver.search(0).dist.tolist() == DIST
    assert isinstance(solver.choices["delta"], float)


@pytest.mark.parametrize(
    "delta",
    [0, -0.0, -1, np.nan, np.inf, 10**400, np.longdouble("1e4000"), True, np.True_, 1j, "2", [2.0],
     np.complex64(2), np.timedelta64(2), np.ma.masked, np.array([2.0, 3.0]), SOME_OBJECT],
    ids=repr,
)  # fmt: skip
@pytest.mark.filterwarnings("error")
def test_a_delta_that_is_none_is_refused_by_name(delta):
    with pytest.raises(GraphError, match="delta=.* is not allowed"):
        Solver(build_csr(GRAPH), delta=delta)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: build_csr("graph"), "str holds no edges"),
        (lambda: Solver(GRAPH), "EdgeList is no CSR; make one with graphs.build_csr"),
        (lambda: Solver(build_csr(GRAPH), ["cpu"]), r"engine=\['cpu'\] is not known"),
        (lambda: Solver(build_csr(GRAPH), np.array(["cpu", "x"])), "engine=.* is not known"),
        (lambda: shortest_paths(GRAPH, 0, output=["host"]), r"output=\['host'\] is not known"),
        (lambda: search_keys(4, np.ones(4, bool), rule=["spec"]), r"rule=\['spec'\] is not known"),
        (lambda: search_keys(3, np.ma.array([True] * 3, mask=MASK)), "eligible is a masked array"),
        (lambda: validate(GRAPH, [(0, np.ma.array(DIST), PARENT)]), "dist is a masked array"),
        (lambda: validate(GRAPH, [(0, DIST, np.ma.array(PARENT))]), "parent is a masked array"),
        (lambda: validate(GRAPH, [(0, [[1], [2, 3]], PARENT)]), "dist is no array of numbers"),
    ],
)
def test_other_arguments_are_refused_by_name(call, message):
    with pytest.raises(GraphError, match=message):
        call()


def matrix(**changed):
    given = scipy.sparse.csr_array([[0, 2.0, 9], [0, 0, 3], [0, 0, 0]])
    for name, value in changed.items():
        setattr(given, name, value)
    return given


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"data": np.ma.array([2.0, 9, 3], mask=MASK)}, "the matrix's data is a masked array"),
        ({"data": np.array([2, 9, 3], object)}, "got a matrix of dtype object"),
        ({"data": np.array([2, 9], float)}, "do not fit each other"),
        ({"data": np.array([2, 9, 3], np.longdouble)}, "weights must be .*; convert them"),
        ({"indices": np.array([1, 3, 2], np.int32)}, "do not fit each other"),
        ({"indices": np.array([1, -1, 2], np.int32)}, "do not fit each other"),
        ({"indptr": np.array([0, 2, 1, 3], np.int32)}, "do not fit each other"),
        ({"indptr": np.array([0, 2, 3], np.int32)}, "do not fit each other"),
    ],
)
def test_matrices_whose_arrays_are_none_are_refused(changed, message):
    with pytest.raises(GraphError, match=message):
        shortest_paths(matrix(**changed), 0)


@pytest.mark.parametrize("dtype", ["i1", "i8", ">i4", "u8"])
@pytest.mark.filterwarnings("ignore:indices array has")  # scipy's
def test_indices_of_a_matrix_may_be_of_any_integer_dtype(dtype):
    given = matrix(indices=np.array([1, 2, 2], dtype))
    assert shortest_paths(given, 0)[0].tolist() == [0, 2, 5]


@pytest.mark.slow
def test_without_the_compiler_the_variable_is_named():
    said = run_python(
        "import json, numpy as np\n"
        "from graphs import EdgeList, build_csr, kronecker\n"
        "from harness.validation.host import validate\n"
        "from sssp import EngineError, shortest_paths\n"
        "edges = EdgeList([0], [1], [1.0], 2)\n"
        "said = []\n"
        "for call in (lambda: kronecker(3), lambda: build_csr(edges),\n"
        "             lambda: shortest_paths(edges, 0),\n"
        "             lambda: validate(edges, [(0, [0.0, 1.0], [0, 0])])):\n"
        "    try:\n"
        "        call()\n"
        "    except EngineError as error:\n"
        "        said.append(str(error))\n"
        "print(json.dumps(said))",
        NUMBA_DISABLE_JIT="1",
    )
    assert len(said) == 4
    assert all("unset NUMBA_DISABLE_JIT" in line for line in said)
