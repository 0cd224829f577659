"""Component energy: which counters are read, what is summed, and what reports make of it."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess

import command
import jsonschema
import pytest
from command import SMALL, only_result, result_files, wrong_distance
from example_result import example, search

from graphs.comm import SerialComm
from harness.benchmark import energy
from harness.benchmark.energy import RaplCounter, gpu_counters, measure, rapl_counters
from harness.console.progress import Progress
from harness.machine import nvml
from harness.machine.nvml import Nvml, NvmlError
from harness.reports.report import render
from harness.results.schema import faults, schema

sssp = command.sssp
spoil = command.spoil


def domain(folder, name, microjoules=0, most=1000):
    """Write a domain as the power capping framework shows it."""
    folder.mkdir(parents=True)
    for file, content in (
        ("name", name),
        ("energy_uj", microjoules),
        ("max_energy_range_uj", most),
    ):
        (folder / file).write_text(f"{content}\n")
    return folder


@pytest.fixture
def powercap(tmp_path, monkeypatch):
    """A machine of two packages; one has a domain of its memory."""
    monkeypatch.setattr(energy, "POWERCAP", tmp_path)
    (tmp_path / "intel-rapl").mkdir()
    domain(tmp_path / "intel-rapl:0", "package-0", 500)
    domain(tmp_path / "intel-rapl:0:0", "core")
    domain(tmp_path / "intel-rapl:0:1", "dram", 70)
    domain(tmp_path / "intel-rapl:1", "package-1")
    domain(tmp_path / "intel-rapl:2", "psys")
    domain(tmp_path / "intel-rapl-mmio:0", "package-0")
    return tmp_path


def test_packages_and_their_memory_are_read_and_nothing_twice(powercap):
    assert [c.name for c in rapl_counters()] == ["package-0", "dram of package-0", "package-1"]


def test_what_may_not_be_read_is_left_out(powercap):
    (powercap / "intel-rapl:0:1" / "energy_uj").unlink()
    (powercap / "intel-rapl:1" / "max_energy_range_uj").write_text("unknown")
    assert [c.name for c in rapl_counters()] == ["package-0"]
    shutil.rmtree(powercap / "intel-rapl:0")
    assert rapl_counters() == []


def test_without_the_framework_there_are_no_counters(tmp_path, monkeypatch):
    monkeypatch.setattr(energy, "POWERCAP", tmp_path / "none")
    assert rapl_counters() == []


def test_a_counter_goes_on_where_the_hardware_wraps_around(tmp_path):
    folder = domain(tmp_path / "intel-rapl:0", "package-0", 900_000, most=1_000_000)
    counter = RaplCounter(folder, "package-0")
    assert counter.joules() == 0
    for microjoules, joules in ((950_000, 0.05), (20_000, 0.12), (20_000, 0.12), (10_000, 1.11)):
        (folder / "energy_uj").write_text(str(microjoules))
        assert counter.joules() == pytest.approx(joules)


class Steady:
    """A component that takes `step` joules whenever it is read."""

    def __init__(self, name, step):
        self.name, self.step, self.total = name, step, 0.0

    def joules(self):
        self.total += self.step
        return self.total


class Searcher:
    """A solver that notes the roots it is asked for."""

    name = "cpu"

    def __init__(self, comm=None):
        self.comm = comm or SerialComm()
        self.roots = []

    def new_answer(self):
        return None

    def search(self, root, out):
        self.roots.append(root)


QUIET = Progress(quiet=True)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(energy, "IDLE_SECONDS", 0.01)
    monkeypatch.setattr(energy, "LOOP_SECONDS", 0.0001)


@pytest.fixture
def steady(monkeypatch, quick):
    monkeypatch.setattr(energy, "rapl_counters", lambda: [Steady("package-0", 2.0)])
    monkeypatch.setattr(energy, "gpu_counters", lambda names: [Steady(n, 5.0) for n in names])


def test_whole_loops_over_all_keys_are_measured_and_idle_apart(steady):
    solver = Searcher()
    found = measure(solver, [3, 1, 4], QUIET)
    assert found["loops"] >= 1
    assert solver.roots == [3, 1, 4] * found["loops"]
    (component,) = found["components"]
    assert component["idle_joules"] == 2.0
    assert component["joules"] == 2.0 * (3 * found["loops"] + 1)
    assert found["seconds"] > 0.0001 and found["idle_seconds"] > 0.01
    result = example() | {"energy": found}
    assert list(faults(result, schema())) == []
    jsonschema.validate(result, schema())


def test_nothing_is_said_where_nothing_can_be_read(quick, monkeypatch):
    monkeypatch.setattr(energy, "rapl_counters", list)
    solver = Searcher()
    assert measure(solver, [3, 1, 4], QUIET) is None
    assert solver.roots == []


def test_nothing_is_said_where_the_time_is_up(steady):
    solver = Searcher()
    assert measure(solver, [3, 1, 4], QUIET, is_late=lambda: len(solver.roots) >= 2) is None
    assert solver.roots == [3, 1]


def test_the_gpu_counts_where_the_engine_is_on_it(steady, monkeypatch):
    monkeypatch.setattr(energy, "bus_id", lambda: "0000:01:00.0")
    solver = Searcher()
    solver.name = "cuda"
    names = [component["name"] for component in measure(solver, [1], QUIET)["components"]]
    assert names == ["package-0", "0000:01:00.0"]


class Ranks(SerialComm):
    """One rank's comm, with what the others say put into its mouth."""

    def __init__(self, rank, seen, components):
        super().__init__(rank=rank, size=len(seen))
        self.answers = [seen, components]

    def allgather(self, value):
        answer = list(self.answers.pop(0))
        answer[self.rank] = value
        return answer

    def allreduce_or(self, value):
        return value


def test_of_the_ranks_of_a_machine_one_reads_all_its_gpus(steady, monkeypatch):
    monkeypatch.setattr(energy, "machine_id", lambda: "here")
    monkeypatch.setattr(energy, "bus_id", lambda: "gpu of rank 1")
    seen = [("there", "gpu of rank 0"), None, ("here", "gpu of rank 2")]
    of_others = [[{"machine": "there", "name": "x", "idle_joules": 1, "joules": 2}], None, []]
    solver = Searcher(Ranks(1, seen, of_others))
    solver.name = "cuda"
    names = [component["name"] for component in measure(solver, [1], QUIET)["components"]]
    assert names == ["x", "package-0", "gpu of rank 1", "gpu of rank 2"]


def test_another_rank_of_the_machine_reads_nothing(steady, monkeypatch):
    monkeypatch.setattr(energy, "machine_id", lambda: "here")
    seen = [("here", None), None]
    solver = Searcher(Ranks(1, seen, [["of rank 0"], None]))
    assert measure(solver, [1], QUIET)["components"] == ["of rank 0"]
    assert solver.roots


# NVML, by a library made of g++

LIBNVML = r"""
#include <cstring>
static int gpus[2];
extern "C" {
int nvmlInit_v2() { return 0; }
int nvmlSystemGetDriverVersion(char *text, unsigned bytes)
{
    std::strncpy(text, "550.54.15", bytes);
    return 0;
}
int nvmlDeviceGetHandleByPciBusId_v2(const char *name, void **gpu)
{
    if (std::strncmp(name, "0000:0", 6)) return 6;
    *gpu = gpus + (name[6] - '1');
    return 0;
}
int nvmlDeviceGetName(void *gpu, char *text, unsigned bytes)
{
    std::strncpy(text, gpu == gpus ? "First GPU" : "Another GPU", bytes);
    return 0;
}
int nvmlDeviceGetTotalEnergyConsumption(void *gpu, unsigned long long *millijoules)
{
    if (gpu != gpus) return 3;
    *millijoules = 5000000250ull;
    return 0;
}
int nvmlDeviceGetClockInfo(void *gpu, int kind, unsigned *clock)
{
    *clock = kind == 1 ? 1755 : 2619;
    return gpu != gpus;
}
int nvmlDeviceGetMaxClockInfo(void *gpu, int kind, unsigned *clock)
{
    *clock = kind == 1 ? 1980 : 2620;
    return gpu != gpus;
}
}
"""


@pytest.fixture
def libnvml(tmp_path, monkeypatch):
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    (tmp_path / "nvml.cpp").write_text(LIBNVML)
    library = tmp_path / "libnvidia-ml.so.1"
    subprocess.run(["g++", "-shared", "-fPIC", "-o", library, tmp_path / "nvml.cpp"], check=True)
    monkeypatch.setattr(nvml, "LIBRARY", str(library))


def test_nvml_tells_energy_clocks_and_driver(libnvml):
    library = Nvml()
    gpu = library.gpu("0000:01:00.0")
    assert library.driver() == "550.54.15"
    assert gpu.name() == "First GPU"
    assert gpu.joules() == 5000000.250
    assert gpu.clocks_mhz() == {
        "sm": 1755, "sm_most": 1980, "memory": 2619, "memory_most": 2620,
    }  # fmt: skip
    with pytest.raises(NvmlError, match="nvmlDeviceGetHandleByPciBusId_v2: 6"):
        library.gpu("0001:01:00.0")


def test_each_gpu_counts_once_and_those_without_a_counter_not_at_all(libnvml):
    names = ["0000:01:00.0", "0000:02:00.0", "0000:01:00.0", "0009:00:00.0"]
    assert [counter.name for counter in gpu_counters(names)] == ["First GPU"]


def test_without_nvml_no_gpu_counts(monkeypatch):
    monkeypatch.setattr(nvml, "LIBRARY", "libnvidia-ml-that-is-not-there.so.1")
    assert gpu_counters(["0000:01:00.0"]) == []


# Reports


def component(name, idle_joules, joules, machine="one"):
    return {"machine": machine, "name": name, "idle_joules": idle_joules, "joules": joules}


MEASURED = {
    "label": "component energy",
    "idle_seconds": 2.0,
    "seconds": 4.0,
    "loops": 10,
    "components": [component("package-0", 80.0, 500.0), component("dram of package-0", 20.0, 100)],
}
WITH_ENERGY = example([search(seconds=0.005, m=3_000_000)] * 64) | {"energy": MEASURED}


def test_markdown_shows_joules_watts_and_edges_a_joule_so_labelled():
    header, _, row = render([WITH_ENERGY], "markdown").splitlines()
    cells = dict(zip(header.split(" | "), row.split(" | "), strict=True))
    assert cells["component energy"] == (
        "60 J a loop, 150 W, idle 50 W, 3.2 MTEPS/W (package-0, dram of package-0)"
    )


def test_csv_has_the_measured_figures_and_what_follows_in_columns_of_their_own():
    rows = list(csv.DictReader(io.StringIO(render([example(), WITH_ENERGY], "csv"))))
    assert len({tuple(row) for row in rows}) == 1
    first, last = rows[0], rows[-1]
    figures = [first[name] for name in first if "energy" in name]
    assert len(figures) == 12 and set(figures) == {""}
    assert last["energy_components_name"] == "package-0; dram of package-0"
    assert [float(last[f"component_energy_{name}"]) for name in (
        "joules", "watts", "idle_watts", "MTEPS_per_watt",
    )] == [60, 150, 50, 3.2]  # fmt: skip


@pytest.mark.parametrize("form", ["graph500", "spec"])
def test_the_benchmarks_lines_are_the_same_with_energy_and_without(form):
    without = {key: value for key, value in WITH_ENERGY.items() if key != "energy"}
    assert render([WITH_ENERGY], form) == render([without], form)


@pytest.mark.parametrize("form", ["markdown", "csv"])
def test_reports_without_energy_do_not_mention_it(form):
    invalid = WITH_ENERGY | {"status": "invalid", "searches": [search(valid=False)]}
    for results in ([example()], [invalid]):
        assert "component" not in render(results, form)


def test_components_of_several_machines_are_summed_and_counted():
    far = [component("package-0", 80.0, 500.0, "two"), component("package-0", 20, 100.0, "one")]
    text = render([WITH_ENERGY | {"energy": MEASURED | {"components": far}}], "markdown")
    assert "60 J a loop, 150 W, idle 50 W, 3.2 MTEPS/W (package-0 of 2 machines)" in text


def test_the_example_is_a_result():
    assert list(faults(WITH_ENERGY, schema())) == []
    for wrong in (
        MEASURED | {"label": "energy"},
        MEASURED | {"components": []},
        MEASURED | {"watts": 150.0},
        {key: value for key, value in MEASURED.items() if key != "loops"},
    ):
        assert list(faults(WITH_ENERGY | {"energy": wrong}, schema()))


# A whole run


def test_a_run_keeps_what_was_measured_and_the_energy_can_be_left_out(sssp, steady):
    assert sssp(*SMALL).status == 0
    measured = only_result("out")["energy"]
    assert [part["name"] for part in measured["components"]] == ["package-0"]
    (path,) = result_files("out")
    assert "component energy" in sssp("report", path, "--format", "markdown").out
    assert "energy" not in sssp("report", path).out
    assert sssp(*SMALL[:-1], "without", "--no-energy").status == 0
    assert "energy" not in only_result("without")


def test_a_run_without_counters_says_nothing_of_energy(sssp):
    done = sssp(*SMALL)
    assert done.status == 0
    assert "energy" not in only_result("out")
    assert "energy" not in done.err


def test_an_invalid_run_measures_no_energy(sssp, spoil, steady):
    spoil(wrong_distance)
    assert sssp(*SMALL).status == 1
    assert "energy" not in only_result("out")
