"""Archives that do not hold a graph: one GraphError that names file, array and value."""

from __future__ import annotations

import os
import pickle
import zipfile

import numpy as np
import pytest
import scipy.sparse
from graph_files import put, refusal

from graphs import GraphError, read_graph
from graphs.edges import check_edges

NONE = dict.fromkeys(("src", "dst", "weight"), np.empty(0, np.int64))
OURS = {"src": [0, 1], "dst": [1, 2], "weight": [0.5, 2.0], "n": 3, "directed": True}
CSR = {"format": b"csr", "shape": [3, 3], "data": [0.5], "indices": [1], "indptr": [0, 1, 1, 1]}
BEYOND_INT64 = np.array([1, 2**63], np.uint64)
ARCHIVES = {
    "no weights": (OURS, {"weight": None}, ": array 'weight' is missing; found src, dst, n, dire"),
    "no ids": (OURS, {"src": None}, ": array 'src' is missing; found dst, weight, n, directed"),
    "float ids": (OURS, {"src": [0.0, 1.0]}, ": array 'src' must hold integers, got dtype float6"),
    "text ids": (OURS, {"dst": ["a", "b"]}, ": array 'dst' must hold integers, got dtype <U1"),
    "truth ids": (OURS, {"dst": [True, False]}, ": array 'dst' must hold integers, got dtype boo"),
    "2-d ids": (OURS, {"dst": [[1, 2]]}, ": array 'dst' has shape (1, 2); 1-dimensional is right"),
    "2-d weights": (OURS, {"weight": [[1, 2]]}, ": array 'weight' has shape (1, 2); 1-dimension"),
    "lengths": (OURS, {"dst": [1]}, ": src, dst and weight differ in length: (2, 1, 2)"),
    "negative id": (OURS, {"src": [0, -1]}, ": edge 1: src=-1 is not in 0..2"),
    "id n": (OURS, {"dst": [0, 3]}, ": edge 1: dst=3 is not in 0..2"),
    "huge id": (
        OURS,
        {"dst": BEYOND_INT64, "n": None},
        "'dst' holds 9223372036854775808",
    ),
    "largest id": (
        OURS,
        {"src": [0, 2**63 - 1], "n": None},
        "'src' holds 9223372036854775807; at m",
    ),
    "negative weight": (OURS, {"weight": [1, -2]}, ": edge 1: weight -2 is not allowed; weights"),
    "nan": (OURS, {"weight": [1, np.nan]}, ": edge 1: weight nan is not allowed; weights must be"),
    "infinity": (
        OURS,
        {"weight": np.array([1, np.inf], "f4")},
        "edge 1: weight inf is not allowed",
    ),
    "complex": (OURS, {"weight": [1, 2j]}, ": weights must be float32, float64 or integers, got d"),
    "long double": (OURS, {"weight": np.ones(2, "g")}, ": weights must be float32, float64 or int"),
    "beyond int64": (
        OURS,
        {"weight": BEYOND_INT64},
        "weight 9223372036854775808 is too",
    ),
    "objects": (
        OURS,
        {"weight": np.array([1, None])},
        ": array 'weight' cannot be read: Object ar",
    ),
    "n 0": (OURS, {**NONE, "n": 0}, ": a graph needs at least one vertex, got n=0"),
    "no edges": (OURS, {**NONE, "n": None}, ": no edges, and no 'n' that says how many vert"),
    "n too small": (OURS, {"n": 2}, ": edge 1: dst=2 is not in 0..1"),
    "n negative": (OURS, {"n": -3}, ": a graph needs at least one vertex, got n=-3"),
    "n a float": (OURS, {"n": 3.0}, ": 'n' must be one integer, got 3.0"),
    "n many": (OURS, {"n": [3, 3]}, ": 'n' must be one integer, got an array of shape (2,)"),
    "directed 2": (OURS, {"directed": 2}, ": 'directed' must be true or false, got 2"),
    "directed text": (OURS, {"directed": "no"}, ": 'directed' must be one integer, got 'no'"),
    "other keys": ({}, {"a": 1, "b": 2}, ": holds a, b; a graph is either the arrays src, dst, we"),
    "rectangular": (CSR, {"shape": [3, 4]}, ": a matrix of shape 3 x 4 is no graph; it must be sq"),
    "cubic": (CSR, {"shape": [3, 3, 3]}, ": a matrix of shape 3 x 3 x 3 is no graph; it must be"),
    "no rows": (
        CSR,
        {"shape": [0, 0], "indptr": [0], "data": [], "indices": np.empty(0, int)},
        "n=0",
    ),
    "matrix negative": (CSR, {"data": [-0.5]}, ": edge 0: weight -0.5 is not allowed; weights"),
    "matrix complex": (CSR, {"data": [2j]}, ": weights must be float32, float64 or integers, got"),
    "matrix objects": (CSR, {"data": np.array([None])}, ": array 'data' cannot be read: Object"),
    "float indices": (
        CSR,
        {"indices": [1.0]},
        ": array 'indices' must hold integers, got dtype fl",
    ),
    "column 3": (CSR, {"indices": [3]}, ": not a valid csr matrix: indices must be < 3"),
    "column -1": (CSR, {"indices": [-1]}, ": not a valid csr matrix: indices must be >= 0"),
    "column 2^32": (CSR, {"indices": [2**32]}, ": not a valid csr matrix: indices must be < 3"),
    "rows fall": (
        CSR,
        {"indptr": [0, 10**9, 0, 0]},
        ": array 'indptr' must start with 0 and never",
    ),
    "rows cut": (CSR, {"indptr": [0, 1, 1]}, ": not a valid csr matrix: index pointer size 3 sho"),
    "no columns": (CSR, {"indices": None}, ": array 'indices' is missing; found format, shape, da"),
    "no such form": (CSR, {"format": b"lil"}, ": matrix format 'lil' is not known; known are csr"),
}


@pytest.mark.parametrize("case", ARCHIVES)
def test_a_bad_archive_is_refused_by_key_and_value(tmp_path, case):
    good, changes, wanted = ARCHIVES[case]
    arrays = {key: value for key, value in {**good, **changes}.items() if value is not None}
    np.savez(tmp_path / "g.npz", **arrays)
    assert wanted in refusal(tmp_path / "g.npz")


@pytest.mark.parametrize("good", [OURS, CSR], ids=["ours", "scipy"])
def test_the_archives_which_the_bad_ones_vary_are_graphs(tmp_path, good):
    np.savez(tmp_path / "g.npz", **good)
    assert read_graph(tmp_path / "g.npz").n == 3


def test_a_matrix_with_entries_outside_is_refused_in_every_form(tmp_path):
    coo = {"format": b"coo", "shape": [3, 3], "data": [0.5], "row": [1], "col": [3]}
    np.savez(tmp_path / "coo.npz", **coo)
    assert "not a valid coo matrix" in refusal(tmp_path / "coo.npz")
    bsr = {"format": b"bsr", "shape": [4, 4], "data": np.ones((1, 2, 2)), "indices": [2]}
    np.savez(tmp_path / "bsr.npz", **bsr, indptr=[0, 1, 1])
    assert "not a valid bsr matrix" in refusal(tmp_path / "bsr.npz")


class Loaded:
    """Unpickling this would leave a trace."""

    def __reduce__(self):
        return os.mkdir, ("unpickled",)


def test_nothing_is_ever_unpickled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put(tmp_path, "g.npz", pickle.dumps(Loaded()))
    refusal("g.npz")
    hidden = np.empty(1, object)
    hidden[0] = Loaded()
    np.savez("g.npz", src=[0], dst=[1], weight=hidden)
    assert "allow_pickle=False" in refusal("g.npz")
    assert not os.path.exists("unpickled")


def test_a_file_that_is_no_archive_or_half_of_one_is_refused(tmp_path):
    np.savez(tmp_path / "good.npz", **OURS)
    good = (tmp_path / "good.npz").read_bytes()
    assert "a damaged .npz archive" in refusal(put(tmp_path, "half.npz", good[: len(good) // 2]))
    assert ": not an .npz archive" in refusal(put(tmp_path, "text.npz", "0 1 2\n"))
    np.save(tmp_path / "one.npy", [1, 2])
    one = put(tmp_path, "one.npz", (tmp_path / "one.npy").read_bytes())
    assert ": not an .npz archive" in refusal(one)
    with zipfile.ZipFile(tmp_path / "zip.npz", "w") as archive:
        archive.writestr("src", "no array")
    assert ": 'src' is no array" in refusal(tmp_path / "zip.npz")


def test_archives_of_scipy_changed_anywhere_do_not_crash(tmp_path):
    matrix = scipy.sparse.random(6, 6, 0.4, format="csr", rng=np.random.default_rng(1))
    scipy.sparse.save_npz(tmp_path / "g.npz", matrix, compressed=False)
    good = (tmp_path / "g.npz").read_bytes()
    rng = np.random.default_rng(2)
    for at in rng.integers(0, len(good), 300).tolist():
        changed = put(tmp_path, "h.npz", good[:at] + bytes([good[at] ^ 0x41]) + good[at + 1 :])
        try:
            check_edges(read_graph(changed))
        except GraphError as error:
            assert str(error).startswith(str(changed))
