"""The figures of the pages are made again from their result files, and compared."""

from __future__ import annotations

import re
from statistics import fmean, median

import pytest
from markdown import PAGES, blocks, table, tables
from repository import HOUSE

from graphs.memory import ARC_BYTES, DeviceNeed, Need, device_search, gib
from harness.peers import record as peer_record
from harness.peers import table as peer_table
from harness.reports import report
from harness.results import record as results
from harness.results.statistics import summarize_teps

RESULTS = HOUSE / "results"
SCALING = PAGES["docs/SCALING.md"]


def runs(folder=RESULTS, engine="cpu"):
    """The result files of a folder, in the order of their start."""
    return [results.load(path) for path in sorted(folder.glob(f"2*-{engine}-*.json"))]


def seconds(run):
    return [search["seconds"] for search in run["searches"]]


def run_of_scale(scale):
    (run,) = [run for run in runs() if run["graph"]["scale"] == scale]
    return run


# README.md and docs/benchmark.md


def test_the_figures_of_one_process():
    made = []
    for run in sorted(runs(), key=lambda run: run["graph"]["scale"]):
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
    assert table(PAGES["docs/benchmark.md"], "validation s a search") == made


def test_the_searches_beside_scipy():
    records = [peer_record.load(path) for path in RESULTS.glob("2*-peers-*.json")]
    made = {}
    for record in records:
        rows = tables(peer_table.render(record))[0]
        ms = {(row["solver"], row["threads"]): f"{row['ms (median)']} ms" for row in rows}
        ratios = [line.rpartition(" ")[2] for line in peer_table.ratio_lines(record)]
        graph = record["graph"]
        name = f"Kronecker, scale {graph['scale']}" if graph["scale"] else graph["file"]
        ours = [ms[peer_record.OURS, threads] for threads in ("1", "2")]
        assert len(record["roots"]) == 16
        made[name] = [*ours, ms["scipy", "1"], *ratios]
    assert len(made) == len(records)
    shown = {
        row["graph"].replace("grid 2048 x 2048, integer weights 1..1000", "grid2048.npz"): [
            value for column, value in row.items() if column != "graph"
        ]
        for row in table(PAGES["README.md"], "SciPy")
    }
    assert shown == made


def test_the_sample_output_is_a_report_of_the_run_of_scale_18():
    (sample,) = blocks(PAGES["README.md"], "text")
    printed = iter(report.graph500_lines(run_of_scale(18)).splitlines())
    for line in sample.splitlines():
        assert line == "..." or line in printed  # in this order, as `in` reads on


def test_the_picture_is_drawn_from_the_results(tmp_path):
    pytest.importorskip("matplotlib")
    from harness.reports import plot

    records = [peer_record.load(path) for path in sorted(RESULTS.glob("2*-peers-*.json"))]
    assert plot.draw(runs(), records, tmp_path / "teps.svg")
    kept = (HOUSE / "docs/teps.svg").read_text()
    again = (tmp_path / "teps.svg").read_text()

    def words(svg):
        return re.findall(r">([^<]+)</text>", svg)

    def places(svg):
        return [float(number) for number in re.findall(r"(?<=[ \"])-?\d+\.\d+", svg)]

    def version(svg):
        return re.search(r"Matplotlib v[\d.]+", svg)[0]

    assert words(again) == words(kept)
    if version(again) == version(kept):  # another one may lay the same figure out anew
        assert places(again) == pytest.approx(places(kept), abs=0.01)


def test_the_memory_of_a_run_is_what_sssp_info_says():
    rows = table(PAGES["docs/benchmark.md"], "edge list made again")
    assert rows
    for row in rows:
        n = 2 ** int(row["scale"])
        needs = [Need(n, 16 * n, edges_kept=kept) for kept in (True, False)]
        made = [gib(need.total) for need in needs]
        assert [row["edge list kept"], row["edge list made again"]] == made, row["scale"]


# docs/CPU.md and docs/GPU.md


def test_the_arcs_that_a_search_looks_at():
    run = run_of_scale(20)
    arcs = run["graph"]["arcs"]
    looked_at = fmean(search["arcs"] for search in run["searches"])
    said = (
        f"of scale 20 ({arcs / 1e6:.1f} million arcs) looks at about {looked_at / 1e6:.1f} million "
        f"of them, {looked_at / arcs:.1%}".replace("%", " %")
    )
    assert said in PAGES["docs/CPU.md"]


def test_the_memory_of_a_device_is_what_is_planned():
    n = 2**27
    build, search = DeviceNeed(n, 16 * n), device_search(n, n, 32 * n, 4, 4)
    whole = build.construction - build.slice
    rows = {row[""]: row["bytes a vertex"] for row in table(PAGES["docs/GPU.md"], "bytes a vertex")}
    slices = int(rows["a slice of edges, at most 2^24 of them"].split()[0])
    for name, size in {
        "arcs, parallel ones counted, as they are dropped in place": build.arcs * ARC_BYTES[4],
        "**construction**": whole + slices * n,
        "arcs, row bounds, labels": build.rows,
        "states, queues, chunks of long rows, an answer of the engine's": sum(search),
    }.items():
        assert rows[name].strip("*") == str(round(size / n)), name
    numbers = [int(value.strip("*").split()[0]) for value in rows.values()]
    assert sum(numbers[:4]) == numbers[4]
    waiting, tree = numbers[7:9]
    assert numbers[5] + numbers[6] + 4 * waiting + tree == numbers[9]


# docs/SCALING.md


@pytest.fixture
def scaling(monkeypatch):
    monkeypatch.syspath_prepend(HOUSE / "benchmarks")
    import scaling

    return scaling


@pytest.mark.parametrize(
    ("folder", "timed"),
    [("scaling", True), ("scaling-two-nodes", True), ("scaling-counted", False)],
)
def test_the_tables_of_runs_over_ranks(scaling, folder, timed):
    found = scaling.load(RESULTS / folder)
    assert found
    if timed:
        assert scaling.times(found, RESULTS / folder) in SCALING
    assert scaling.counted(found) in SCALING


def test_the_pairs_of_one_process_and_two_ranks():
    found = runs(RESULTS / "scaling-pairs")
    one, two = (
        [1e3 * median(seconds(run)) for run in found if run["num_mpi_processes"] == ranks]
        for ranks in (1, 2)
    )
    ratios = [a / b for a, b in zip(one, two, strict=True)]
    rows = {row.pop("pair"): list(row.values()) for row in table(SCALING, "pair")}
    assert rows == {
        "one process, ms": [f"{ms:.1f}" for ms in one],
        "two ranks, ms": [f"{ms:.1f}" for ms in two],
        "ratio": [f"{ratio:.2f}" for ratio in ratios],
    }
    middle = f"{median(ratios):.2f}"
    assert f"The median of the ratios is {middle}." in SCALING
    benchmark = " ".join(PAGES["docs/benchmark.md"].split())
    assert f"The median of eight such pairs is {middle} of the speed of one process" in benchmark
    first = tables(SCALING)[0]
    process, ranks = (
        next(row for row in first if (row["scale"], row["ranks"]) == ("20", ranks))
        for ranks in ("1", "2")
    )
    assert (
        f"take {ranks['median search ms']} ms at scale 20 ({ranks['harmonic mean GTEPS']} GTEPS), "
        f"where one process with two threads took {process['median search ms']} ms"
    ) in benchmark


def test_how_much_the_model_predicts():
    for row in table(SCALING, "not in the model"):
        for nodes, times in zip(("one node", "two nodes"), tables(SCALING)[:2], strict=True):
            shares = [
                100 * float(run["model ms"]) / float(run["median search ms"])
                for run in times
                if run["ranks"] == row["ranks"]
            ]
            assert row[nodes] == f"{min(shares):.0f} to {max(shares):.0f} %"


def test_the_parts_of_what_is_sent():
    shares = {}
    for run in runs(RESULTS / "scaling-counted"):
        exchanges = [search["exchange"] for search in run["searches"]]
        total = sum(exchange["bytes"] for exchange in exchanges)
        for part in exchanges[0]["parts"]:
            sent = sum(exchange["parts"].get(part, 0) for exchange in exchanges)
            shares[part, run["num_mpi_processes"]] = f"{100 * sent / total:.0f}"
    requests = [int(share) for (part, _), share in shares.items() if part == "offers"]
    said = " ".join(SCALING.split())
    assert f"*Relax requests* are {min(requests)} to {max(requests)} % of the bytes" in said
    settled = shares["settled", 2], shares["settled", 16]
    assert "({} % of the bytes on 2 ranks, {} % on 16)".format(*settled) in said


def test_the_collectives_of_a_search():
    counted, as_two, of_one = (rows for rows in tables(SCALING) if "collectives" in rows[0])
    for rows, said in (
        (counted + as_two, "A search over nodes takes {} to {} collectives"),
        (of_one, "on one node it takes {} to {}."),
    ):
        found = [float(row["collectives"]) for row in rows]
        assert said.format(f"{min(found):.0f}", f"{max(found):.0f}") in " ".join(SCALING.split())


@pytest.mark.slow
def test_the_projection(scaling):
    import scaling_project

    (command,) = re.findall(r"scaling_project\.py (.*?)\n```", SCALING, re.S)
    asked = scaling_project._parser().parse_args(command.replace("\\\n", "").split())
    found = [run for run in scaling.load(HOUSE / asked.folder) if run["num_mpi_processes"] > 1]
    largest = max(found, key=lambda run: run["num_mpi_processes"])
    degrees = scaling_project.degrees_of(largest["graph"])
    counts = scaling_project.grown(scaling.counts_of(largest), degrees, asked.ranks, 2**asked.scale)
    between = scaling_project.Wires(asked.latency, asked.overhead, asked.bandwidth)
    made = scaling_project.seconds_table(counts, between, asked.arc_seconds)
    assert made in SCALING
    growth = scaling_project.bytes_table(
        [scaling.counts_of(run) for run in found], scaling.counts_of(largest), degrees
    )
    assert growth in SCALING
