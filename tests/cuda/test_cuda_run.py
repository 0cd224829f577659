"""`sssp run --engine cuda` on the host shim: from edges to verdict on the device, as on the CPU."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from command import SMALL, in_process
from devices import devices, gpu_device, shim_device, used_on_gpu
from runs import follows_schema, result_of

import sssp.cuda_missing
import sssp.solver
from graphs import EdgeList, KroneckerStream, build_csr, kronecker
from graphs.device_csr import build_device_csr
from graphs.device_edges import on_device
from graphs.device_memory import DEVICE_MOST_ANSWERS as MOST_ANSWERS
from harness.benchmark.source import GraphFile, OfficialGraph
from harness.console.errors import MemoryRefused
from harness.results.digest import device_digest, dist_digest
from harness.validation import device as device_validation
from harness.validation.device import DeviceValidator
from sssp import Solver

PER_VERTEX = 450  # bytes, at edge factor 16, construction included


@pytest.fixture
def device(monkeypatch):
    """The shim, in the place of the first GPU."""
    shim = shim_device()
    monkeypatch.setattr(sssp.cuda_missing, "missing", lambda: None)
    monkeypatch.setattr(sssp.solver, "device_for", lambda comm: shim)
    return shim


fingerprints = devices()


def told(result):
    """What a result says of its answers."""
    known = ("root", "m", "m_with_self_loops", "reached", "dist_digest", "valid", "violations")
    return [{key: search[key] for key in known} for search in result["searches"]]


@pytest.mark.parametrize("keep", [None, True, False])
def test_a_run_on_the_device_says_what_a_run_on_the_cpu_says(device, keep):
    graph = OfficialGraph(9, keep=keep)
    ours, theirs = (result_of(graph, engine=engine, roots=10) for engine in ("cuda", "cpu"))
    follows_schema(ours)
    assert ours["solver"]["engine"] == "cuda"
    assert ours["status"] == "complete" and all(s["valid"] for s in ours["searches"])
    assert ours["edges_kept"] is bool(keep), "edges are made anew unless told otherwise"
    assert (ours["regeneration_seconds"] > 0) is (not keep)
    assert told(ours) == told(theirs)
    assert ours["graph"] == theirs["graph"]


@pytest.mark.parametrize("keep", [True, False])
def test_a_presolved_run_on_the_device_finds_what_a_plain_one_does(device, keep):
    graph = OfficialGraph(9, keep=keep)
    ours = result_of(graph, engine="cuda", roots=6, presolve=True)
    follows_schema(ours)
    assert ours["solver"]["engine"] == "cuda"
    assert ours["solver"]["presolve"]["kept_edges"] < ours["graph"]["edges"] / 8
    assert told(ours) == told(result_of(graph, engine="cpu", roots=6))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_fingerprint_on_the_device_is_that_of_the_host(fingerprints, dtype):
    random = np.random.default_rng(4)
    dist = random.random(5000).astype(dtype)
    dist[::7] = np.inf
    dist[:6] = [0, -0.0, np.nan, np.finfo(dtype).smallest_subnormal, -1, np.finfo(dtype).max]
    ours = device_digest(fingerprints, fingerprints.to_device(dist))
    assert ours == dist_digest(dist)
    assert ours != device_digest(fingerprints, fingerprints.to_device(dist[::-1].copy()))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["les_miserables.npz", "netgen-2.gr", "karate.mtx"])
def test_a_graph_from_a_file_is_searched_on_the_device(device, name):
    graph = GraphFile(f"tests/data/{name}")
    settings = {"roots": 5, "check": "networkx"}
    ours = result_of(graph, engine="cuda", **settings)
    assert told(ours) == told(result_of(graph, engine="cpu", **settings))
    assert ours["solver"]["engine"] == "cuda" and ours["graph"]["sha256"]


def test_auto_takes_the_device(device):
    assert result_of(OfficialGraph(6), roots=2)["solver"]["engine"] == "cuda"


def test_an_answer_that_is_wrong_makes_the_run_invalid(device, monkeypatch):
    search = Solver.search

    def worse(self, root, out=None):
        answer = search(self, root, out=out)
        if self.csr.n == 2**6:
            answer.dist[answer.dist > 0] *= np.float32(1.5)
        return answer

    monkeypatch.setattr(Solver, "search", worse)
    result = result_of(OfficialGraph(6), engine="cuda", roots=2)
    assert result["status"] == "invalid"
    assert all("rule 4 (distance)" in " ".join(s["violations"]) for s in result["searches"])


def test_without_validation_the_edges_are_counted_all_the_same(device, monkeypatch):
    monkeypatch.delattr(device_validation.DeviceValidator, "validate")
    ours = result_of(OfficialGraph(7), engine="cuda", roots=3, validate=False)
    theirs = result_of(OfficialGraph(7), engine="cpu", roots=3, validate=False)
    assert told(ours) == told(theirs)


@pytest.mark.slow
def test_no_edges_cross_between_host_and_device(device, monkeypatch):
    crossed = []
    for name in ("to_host", "to_device"):
        cross = getattr(device, name)
        monkeypatch.setattr(
            device, name, lambda array, cross=cross: (crossed.append(array.nbytes), cross(array))[1]
        )
    result_of(OfficialGraph(14), engine="cuda", roots=1)
    assert max(crossed) < (16 << 14) * 4, "nothing of the size of an array of edges does"
    with_one = sum(crossed)
    crossed.clear()
    result_of(OfficialGraph(14), engine="cuda", roots=3)
    assert 0 < sum(crossed) - with_one < 1 << 12, "nor do answers: their fingerprints do"


@pytest.mark.slow
def test_a_run_takes_no_more_memory_than_allowed(device):
    scale = 16
    result_of(OfficialGraph(8), engine="cuda", roots=5)
    tracemalloc.start()
    try:
        result = result_of(OfficialGraph(scale), engine="cuda", roots=MOST_ANSWERS + 1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert result["status"] == "complete"
    assert peak <= PER_VERTEX << scale


@pytest.mark.parametrize(("keep", "presolve"), [(True, False), (False, False), (False, True)])
def test_nothing_is_compiled_while_a_clock_runs(device, monkeypatch, keep, presolve):
    from harness.benchmark.backend import DeviceBackend

    compiled = []
    build = DeviceBackend.build

    def noted(self, edges):
        compiled.append(set(device._modules))
        return build(self, edges)

    monkeypatch.setattr(DeviceBackend, "build", noted)
    result_of(OfficialGraph(9, keep=keep), engine="cuda", roots=2, presolve=presolve)
    assert len(compiled) > 1, "tiny graphs come before the official one"
    assert {file for file, *_ in compiled[-1]} >= {"generate.cu", "build.cu", "validate.cu"}
    assert ("presolve.cu",) in compiled[-1] or not presolve
    assert compiled[-1] == set(device._modules)


def test_scale_29_is_planned_presolved_in_80_gb(device):
    from harness.benchmark.backend import DeviceBackend

    device.memory = 80 * 10**9
    opened = DeviceBackend(device, presolve=True).plan(OfficialGraph(29))()
    assert opened.need.answers == MOST_ANSWERS and not opened.need.edges_kept
    with pytest.raises(MemoryRefused, match=r"scale 30, .* does not fit: .*; scale 29 fits"):
        DeviceBackend(device, presolve=True).plan(OfficialGraph(30))


@pytest.mark.parametrize("scale", range(22, 30))
def test_the_need_of_a_run_is_within_the_limit(device, scale):
    from harness.benchmark.backend import DeviceBackend

    device.memory = PER_VERTEX << scale
    opened = DeviceBackend(device).plan(OfficialGraph(scale))()
    assert opened.need.answers >= 2 and not opened.need.edges_kept


def test_a_graph_too_large_for_the_device_is_refused_before_any_work(
    device, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    device.memory = 30 << 30
    monkeypatch.setattr(device, "module", lambda *a, **k: pytest.fail("something was compiled"))
    done = in_process(capsys, "run", "--engine", "cuda", "--scale", 27, "--output", "out")
    assert done.refused(
        "scale 27, edge factor 16 does not fit: 134217728 vertices and 2147483648 edges need",
        "GiB of device memory, available are 30 GiB of 30 GiB (one CPU thread); ",
        "with --presolve it does; ",
        "scale 26 fits, or take --engine cpu",
    )
    assert not list(tmp_path.glob("out/*"))


def test_a_file_too_large_for_the_device_is_refused(device, capsys, tmp_path, monkeypatch):
    from command import HOUSE

    monkeypatch.chdir(tmp_path)
    device.memory = 1 << 20
    path = HOUSE / "tests" / "data" / "les_miserables.npz"
    done = in_process(capsys, "run", "--engine", "cuda", "--graph", path)
    assert done.status == 2
    assert "does not fit: 77 vertices and" in done.err and "of device memory" in done.err


def test_the_command_runs_on_the_device(device, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = in_process(capsys, *SMALL, "--engine", "cuda")
    assert done.status == 0, done.err
    assert float(done.figures["sssp harmonic_mean_TEPS"].strip("! ")) > 0


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint32"])
def test_rows_built_on_the_device_are_searched_there_to_the_bit(device, dtype, directed):
    made = kronecker(9)
    edges = EdgeList(made.src, made.dst, (made.weight * 1000).astype(dtype), made.n, directed)
    there = on_device(device, edges)
    ours = Solver(build_device_csr(there), engine="cuda", output="device")
    theirs = Solver(build_csr(edges), engine="cpu")
    roots = np.flatnonzero(ours.csr.degree_positive)[::40].tolist()
    answers = [ours.search(root) for root in roots]
    for root, answer in zip(roots, answers, strict=True):
        assert np.array_equal(answer.dist, theirs.search(root).dist)
    triples = [(r, a.dist, a.parent) for r, a in zip(roots, answers, strict=True)]
    assert all(verdict.valid for verdict in DeviceValidator(there).validate(triples))


@pytest.mark.gpu
@pytest.mark.parametrize("scale", [10, 18, 20])
def test_a_run_on_a_gpu_says_what_a_run_on_the_cpu_says(scale):
    graph = OfficialGraph(scale)
    ours, theirs = (result_of(graph, engine=engine) for engine in ("cuda", "cpu"))
    assert told(ours) == told(theirs) and len(ours["searches"]) == 64


@pytest.mark.gpu
def test_a_presolved_run_on_a_gpu_says_what_a_plain_one_on_the_cpu_says():
    graph = OfficialGraph(8)
    ours = result_of(graph, engine="cuda", presolve=True, roots=16)
    assert ours["solver"]["engine"] == "cuda" and ours["solver"]["presolve"]["hub"] is not None
    assert told(ours) == told(result_of(graph, engine="cpu", roots=16))


@pytest.mark.gpu
def test_a_run_on_a_gpu_takes_no_more_memory_than_allowed():
    with used_on_gpu() as used:
        result_of(OfficialGraph(22), engine="cuda", roots=MOST_ANSWERS + 1)
    assert 0 < max(used) <= PER_VERTEX << 22


@pytest.mark.gpu
def test_rows_on_a_gpu_are_searched_there():
    stream = KroneckerStream(16)
    csr = build_device_csr(on_device(gpu_device(), stream))
    answer = Solver(csr, output="device").search(int(np.argmax(csr.degree_positive)))
    assert hasattr(answer.dist, "__cuda_array_interface__")
