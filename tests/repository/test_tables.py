"""The figures of the pages are made again from their result files, and compared."""

from __future__ import annotations

import base64
import json
import re
from statistics import fmean, median

import pytest
from markdown import PAGES, blocks, table, tables
from published import FOLDERS, MAKERS, RESULTS, TABLES, folder, seconds, shown
from repository import HOUSE

from benchmarks.scaling import WIRES
from benchmarks.scaling_wires import wires
from graphs.device_memory import DEVICE_MOST_ANSWERS, DeviceNeed, PresolvedDeviceNeed, device_search
from graphs.memory import ARC_BYTES, Need, PresolvedNeed, gib
from harness.reports import report
from harness.results.record import read

SAMPLE = HOUSE / "docs" / "report.html"
SCALING = PAGES["docs/SCALING.md"]


def run_of_scale(scale):
    (run,) = [run for run in folder("runs").runs if run["graph"]["scale"] == scale]
    return run


# results/ and its manifests


@pytest.mark.parametrize(("of", "entry"), TABLES)
def test_a_table_is_made_again_from_its_files(of, entry):
    assert shown(entry) == MAKERS[entry["rows"]](of)


def test_every_file_belongs_to_a_manifest():
    found = {path for path in RESULTS.rglob("*") if path.is_file()}
    found = {path for path in found if RESULTS / "runs" not in path.parents}
    known = [path for of in FOLDERS for path in (*of.files, of.path / "manifest.toml")]
    known += [path for of in FOLDERS for path in of.path.glob(WIRES.format("*"))]
    assert found == {*known, RESULTS / "README.md", RESULTS / "schema.json"}


@pytest.mark.parametrize("of", FOLDERS, ids=lambda of: of.path.name)
def test_a_manifest_says_what_its_files_say(of):
    assert of.files
    manifest = of.manifest
    assert set(manifest) <= {"commit", "machine", "commands", "table", "pictures", "graphs"}
    for path in of.files:
        found = read(path)
        assert (found["commit"], found["dirty"]) == (manifest["commit"], False), path.name
        ranks = found.get("num_mpi_processes", 1)
        assert (f"-{ranks}ranks-" in path.name) == (ranks > 1), path.name
    for path in of.path.glob(WIRES.format("*")):
        assert wires(json.loads(path.read_text())).bandwidth > 0
        assert path.name == WIRES.format(json.loads(path.read_text())["ranks"])


@pytest.mark.parametrize("of", FOLDERS, ids=lambda of: of.path.name)
def test_a_document_says_what_the_manifests_of_its_tables_say(of):
    for document in {entry["document"] for entry in of.manifest["table"]}:
        said = " ".join(PAGES[document].replace("\\\n", " ").split())
        assert of.manifest["machine"].lower() in said.lower()
        assert [command for command in of.manifest["commands"] if command not in said] == []


# README.md and docs/benchmark.md


def test_the_sample_output_is_a_report_of_the_run_of_scale_18():
    (sample,) = blocks(PAGES["README.md"], "text")
    printed = iter(report.graph500_lines(run_of_scale(18)).splitlines())
    for line in sample.splitlines():
        assert line == "..." or line in printed  # in this order, as `in` reads on


@pytest.mark.slow
def test_the_picture_is_drawn_from_the_results(tmp_path):
    pytest.importorskip("matplotlib")
    from harness.reports import plot

    picture = "docs/teps.svg"
    drawn = [of for of in FOLDERS if picture in of.manifest.get("pictures", ())]
    assert drawn == [folder("runs"), folder("peers")]
    assert plot.draw(folder("runs").runs, folder("peers").records, tmp_path / "teps.svg")
    kept = (HOUSE / picture).read_text()
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


def test_the_sample_page_is_of_a_published_run():
    (link,) = re.findall(r'href="data:application/json;base64,([^"]+)"', SAMPLE.read_text())
    raw = base64.b64decode(link)
    assert [of for of in FOLDERS if any(path.read_bytes() == raw for path in of.files)] == [
        of for of in FOLDERS if str(SAMPLE.relative_to(HOUSE)) in of.manifest.get("pictures", ())
    ]


def test_the_memory_of_a_run_is_what_sssp_info_says():
    rows = table(PAGES["docs/benchmark.md"], "edge list made again")
    assert rows
    for row in rows:
        n = 2 ** int(row["scale"])
        needs = [Need(n, 16 * n, edges_kept=kept) for kept in (True, False)]
        needs.append(PresolvedNeed(n, 16 * n, edges_kept=False))
        made = [gib(need.total) for need in needs]
        columns = ("edge list kept", "edge list made again", "the same presolved")
        assert [row[column] for column in columns] == made, row["scale"]


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


def test_the_memory_of_a_run_on_a_gpu_is_what_sssp_info_says():
    rows = table(PAGES["docs/GPU.md"], "on a GPU, presolved")
    assert rows
    for row in rows:
        n = 2 ** int(row["scale"])
        kinds = {"on a GPU": DeviceNeed, "on a GPU, presolved": PresolvedDeviceNeed}
        for column, kind in kinds.items():
            assert row[column] == gib(kind(n, 16 * n, edges_kept=False).total), row["scale"]
    need = PresolvedDeviceNeed(n, 16 * n, edges_kept=False, answers=DEVICE_MOST_ANSWERS)
    assert f"scale {row['scale']} fits a device of 80 GB" in PAGES["docs/GPU.md"]
    assert f"four answers waiting ({need.total / 1e9:.0f} GB)" in PAGES["docs/GPU.md"]
    assert (
        f"at its largest {(need.construction - need.slice) // n + 1} bytes" in PAGES["docs/GPU.md"]
    )


# docs/SCALING.md


def test_the_pairs_of_one_process_and_two_ranks():
    found = folder("pairs").runs
    one, two = (
        [median(seconds(run)) for run in found if run["num_mpi_processes"] == ranks]
        for ranks in (1, 2)
    )
    ratios = [a / b for a, b in zip(one, two, strict=True)]
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
    for run in folder("projected_bytes").runs:
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
