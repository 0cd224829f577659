"""networkx finds the backend `sssp`, calls it where it should, and its own tests pass on it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
from repository import HOUSE, run_python, setup_cfg

from sssp.networkx_info import FUNCTIONS


@pytest.fixture
def installed(tmp_path):
    """Where Python finds the entry points of setup.cfg, whatever this checkout is installed as."""
    info = tmp_path / "sssp_bench-0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sssp-bench\nVersion: 0\n")
    points = setup_cfg()["options.entry_points"]
    (info / "entry_points.txt").write_text(
        "".join(f"[{group}]\n{points[group].strip()}\n" for group in points)
    )
    return os.pathsep.join([str(tmp_path), str(HOUSE)])


DISPATCHED = """
import json, logging, networkx as nx
from fractions import Fraction
logged = []
handler = logging.Handler()
handler.emit = lambda record: logged.append(record.getMessage())
logging.getLogger("networkx.utils.backends").addHandler(handler)
logging.getLogger("networkx.utils.backends").setLevel(logging.DEBUG)

def ran(call):
    logged.clear()
    answer = call()
    return [answer, any(line.startswith("Using backend 'sssp'") for line in logged),
            any(line.startswith("Using cached") for line in logged)]

nx.config.warnings_to_ignore.add("cache")
nx.config.backend_priority = ["sssp"]
graph = nx.path_graph(200)
negative = nx.path_graph(200, nx.DiGraph)
negative.add_edge(0, 1, weight=-1)
thirds = nx.path_graph(200)
nx.set_edge_attributes(thirds, Fraction(1, 3), "weight")
print(json.dumps([
    ran(lambda: nx.dijkstra_path_length(graph, 0, 199)),
    ran(lambda: nx.dijkstra_path_length(graph, 0, 198)),
    ran(lambda: nx.dijkstra_path_length(graph, 0, 3, weight=lambda u, v, d: 2)),
    ran(lambda: nx.bellman_ford_path_length(negative, 0, 3)),
    ran(lambda: nx.dijkstra_path_length(nx.path_graph(9), 0, 3)),
    ran(lambda: nx.dijkstra_path_length(nx.path_graph(9), 0, 3, backend="sssp")),
    ran(lambda: nx.has_path(graph, 0, 199)),
    ran(lambda: int(nx.dijkstra_path_length(thirds, 0, 3))),
    ran(lambda: int(nx.dijkstra_path_length(thirds, 0, 6))),
    "sssp : Shortest paths" in nx.dijkstra_path.__doc__,
]))
"""


@pytest.mark.slow
def test_networkx_calls_the_backend_where_it_can_and_should_run(installed):
    *answers, named = run_python(DISPATCHED, PYTHONPATH=installed)
    assert answers == [
        [199, True, False],
        [198, True, True],  # converted once
        [6, False, False],
        [1, False, False],
        [3, False, False],
        [3, True, False],
        [True, True, True],  # by shortest_path
        [1, False, False],
        [2, False, False],  # its conversion has failed before
    ]
    assert named


@pytest.mark.slow
def test_the_tests_of_networkx_pass_on_this_backend(installed, tmp_path):
    """And all functions that it has are called in them."""
    pytest.importorskip("networkx.algorithms.shortest_paths.tests")
    log = tmp_path / "calls.txt"
    (tmp_path / "count_calls.py").write_text(
        "import atexit, json, sssp.networkx_backend as backend\n"
        "called = set()\n"
        "def counted(name, run):\n"
        "    return lambda *args, **kwargs: called.add(name) or run(*args, **kwargs)\n"
        "for name in backend.FUNCTIONS:\n"
        "    setattr(backend, name, counted(name, getattr(backend, name)))\n"
        f"atexit.register(lambda: open({str(log)!r}, 'w').write(json.dumps(sorted(called))))\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "count_calls"]
    command += ["--rootdir", str(tmp_path), "--pyargs", "networkx.algorithms.shortest_paths"]
    asked = {"NETWORKX_TEST_BACKEND": "sssp", "NETWORKX_FALLBACK_TO_NX": "True"}
    environment = os.environ | {"PYTHONPATH": installed} | asked
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) > 100
    assert "failed" not in done.stdout and "xfailed" not in done.stdout
    assert json.loads(log.read_text()) == sorted(FUNCTIONS)
