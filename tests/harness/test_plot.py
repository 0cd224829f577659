"""sssp report --format png, svg: which points a plot shows, and that a picture comes of it."""

from __future__ import annotations

import json
import struct
import sys

import numpy as np
import pytest
from command import result_files, sssp, stored  # noqa: F401
from example_peers import presolved_rows, record
from example_result import example, from_file, search
from repository import run_python

from harness.reports import plot, report
from harness.reports.series import series_of
from harness.results.statistics import summarize_teps

pytest.importorskip("matplotlib")

INVALID = example([search(5, valid=False, violations=["rule 4"])], status="invalid")


def of_scale(scale, **changes):
    return example(graph=example()["graph"] | {"scale": scale, "n": 2**scale}, **changes)


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """Draw, and return the figure instead of a file: the axes of the means, of the searches."""

    def call(results, comparisons=()):
        kept = []
        monkeypatch.setattr(plot, "_save", lambda figure, path: kept.append(figure))
        assert plot.draw(list(results), list(comparisons), tmp_path / "a.png")
        return kept[0].axes

    return call


def legend(axes):
    return axes.get_legend_handles_labels()[1]


def points(axes):
    """The points that carry a marker, as (x, y)."""
    marked = [line for line in axes.lines if line.get_marker() not in ("", "None", None)]
    return [xy for line in marked for xy in zip(*line.get_data(), strict=True)]


# What is drawn


def test_a_point_is_the_harmonic_mean_that_the_report_prints():
    ((series,), result) = (series_of([example()], []), example())
    rates = summarize_teps([s["seconds"] for s in result["searches"]], [16239] * 64)
    assert series.points[0].mean == rates.harmonic_mean
    assert f"{series.points[0].mean:g}" in report.graph500_lines(result)
    assert len(series.points[0].rates) == 64


def test_runs_of_one_solver_make_a_line_over_the_scales():
    solver = example()["solver"] | {"threads": 1}
    results = [of_scale(14), of_scale(12), of_scale(13, solver=solver)]
    two, one = series_of(results, [])
    assert (two.label, [p.scale for p in two.points]) == ("sssp-bench, 2 threads", [12, 14])
    assert (one.label, [p.scale for p in one.points]) == ("sssp-bench, 1 thread", [13])


def test_what_is_not_alike_is_no_line():
    graph = example()["graph"] | {"edgefactor": 8}
    machine = example()["machine"] | {"cpu": "Another"}
    engine = example()["solver"] | {"engine": "cuda", "threads": None}
    others = [from_file(), example(graph=graph), example(solver=engine)]
    others += [example(num_mpi_processes=4), example(machine=machine)]
    labels = [series.label for series in series_of([example(), *others], [])]
    assert len(set(labels)) == 6
    for fragment in ("road, north.gr.gz", "edge factor 8", "cuda", "4 ranks", "Another, 2 cores"):
        assert sum(fragment in label for label in labels) == 1


def test_runs_and_comparisons_are_series_of_their_own():
    series = series_of([example()], [record()])
    turns = "beside others"
    assert [(s.label, s.ours, len(s.points)) for s in series] == [
        ("sssp-bench, 2 threads", True, 1),
        (f"sssp-bench, 2 threads, {turns}", True, 1),
        (f"sssp-bench, 1 thread, {turns}", True, 1),
        ("scipy", False, 1),
    ]


def test_presolved_rows_of_comparisons_are_ours_by_threads():
    series = series_of([], [record(solvers=presolved_rows())])
    assert [(s.label, s.ours, len(s.points)) for s in series] == [
        ("sssp-bench, 2 threads, presolved", True, 1),
        ("sssp-bench, 2 threads", True, 1),
        ("sssp-bench, 1 thread, presolved", True, 1),
        ("sssp-bench, 1 thread", True, 1),
        ("scipy", False, 1),
    ]


@pytest.mark.parametrize(
    ("results", "note"),
    [
        ([example()], "64 searches"),
        ([example([search()])], "1 search, not a submission"),
        ([example([search(valid=None)] * 64)], "64 searches, not validated, not a submission"),
        (
            [example(), example([search(valid=None)] * 8)],
            "8 to 64 searches, some not validated, some not a submission",
        ),
    ],
)
def test_the_legend_says_how_many_searches_and_what_a_figure_is_not(results, note, drawn):
    means, _ = drawn(results)
    assert means.get_legend_handles_labels()[1] == [f"sssp-bench, 2 threads ({note})"]


def test_a_line_passes_through_measured_points_only(drawn):
    slower = [example([search(seconds=s)] * 64) for s in (0.5, 0.25, 0.125, 1.0)]
    means, _ = drawn([*slower, of_scale(12)])
    measured = {(p.scale, p.mean) for s in series_of([*slower, of_scale(12)], []) for p in s.points}
    lines = [
        line for line in means.lines if line.get_linestyle() != "None" and len(line.get_xdata())
    ]
    for line in lines:
        found = list(zip(line.get_xdata(), line.get_ydata(), strict=True))
        assert len({scale for scale, _ in found}) == len(found) == 2
        assert set(found) <= measured


def test_a_graph_of_a_file_is_not_called_graph500():
    titles = [
        plot._figure(series_of(found, []), "").legends[0].get_title().get_text()
        for found in ([example()], [example(), from_file()], [from_file()])
    ]
    assert ["Graph500" in title for title in titles] == [True, False, False]


def test_labels_and_boxes_of_many_runs_keep_off_each_other():
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    runs = [example([search(seconds=s, valid=None)] * 3) for s in (0.01, 0.02, 0.04, 0.5, 3.0)]
    figure = plot._figure(series_of([*runs, from_file()] * 3, []), "")
    FigureCanvasAgg(figure).draw()
    _, right = figure.axes
    labels = sorted((t.get_window_extent() for t in right.get_yticklabels()), key=lambda b: b.y0)
    assert all(low.y1 <= high.y0 for low, high in zip(labels, labels[1:], strict=False))
    left, high = right.get_xlim()
    for box in right.patches:
        assert left < box.get_x() and box.get_x() + box.get_width() < high


def test_what_is_invalid_has_no_point():
    differing = record()
    differing["solvers"][2]["disagreements"] = ["root 3: 1 distances differ"]
    assert series_of([INVALID], [differing, record(status="invalid")]) == []


def test_searches_without_a_rate_are_left_out():
    nothing = [search(m=0), search(seconds=0.0)]
    assert series_of([example(nothing)], []) == []
    assert series_of([example([])], []) == []


def test_every_mean_and_every_search_is_in_the_picture(drawn):
    means, searches = drawn([of_scale(12), of_scale(14), from_file()])
    expected = {
        (p.scale, p.mean) for s in series_of([of_scale(12), from_file()], []) for p in s.points
    }
    assert expected <= set(points(means))
    assert (means.get_yscale(), means.get_xlabel()[:5]) == ("log", "scale")
    dots = [x for x, _ in points(searches)]
    rates = [s["m"] / s["seconds"] for s in example()["searches"]]
    assert sorted(dots) == sorted(3 * rates)
    labels = [tick.get_text() for tick in searches.get_yticklabels()]
    road = "2 threads, road, north.gr.gz"
    assert sorted(labels) == [road, "scale 12, 2 threads", "scale 14, 2 threads"]


def test_boxes_are_the_quartiles_of_the_report(drawn):
    _, searches = drawn([example()])
    (box,) = searches.patches
    s = example()["searches"]
    rates = summarize_teps([x["seconds"] for x in s], [x["m"] for x in s])
    edges = [box.get_x(), box.get_x() + box.get_width()]
    assert np.allclose(edges, [rates.firstquartile, rates.thirdquartile])


def test_other_libraries_are_hollow_and_only_on_the_left(drawn):
    means, searches = drawn([example()], [record()])
    handles, labels = means.get_legend_handles_labels()
    hollow = {
        label: h.get_markerfacecolor() == "white" for h, label in zip(handles, labels, strict=True)
    }
    assert hollow == {
        "sssp-bench, 2 threads (64 searches)": False,
        "sssp-bench, 2 threads, beside others (2 searches)": False,
        "sssp-bench, 1 thread, beside others (2 searches)": False,
        "scipy (2 searches)": True,
    }
    assert len(searches.get_yticklabels()) == 1


def test_comparisons_alone_show_all_their_searches(drawn):
    _, searches = drawn([], [record()])
    labels = [tick.get_text() for tick in searches.get_yticklabels()]
    assert labels == ["scale 10, 2 threads", "scale 10, 1 thread", "scale 10, scipy"]
    assert searches.get_xscale() == "log"


def test_long_names_leave_room_for_the_figures(drawn):
    machine = example()["machine"] | {"cpu": "A Processor With A Rather Long Name @ 2.00GHz"}
    results = [from_file(file="maps/" + "long-" * 20 + "name.gr"), example(machine=machine)]
    axes = drawn(results, [record()])
    figure = axes[0].figure
    figure.draw_without_rendering()
    (box,) = (part.get_window_extent() for part in figure.legends)
    assert box.x0 >= 0 and box.x1 <= figure.bbox.x1
    assert all(one.get_window_extent().width > 0.25 * figure.bbox.width for one in axes)


def test_a_run_without_validation_is_marked(drawn):
    unchecked = [search(valid=None, validate_seconds=None)] * 3
    _, searches = drawn([example(unchecked, validated=False)])
    assert "not validated" in searches.get_yticklabels()[0].get_text()


def test_more_series_than_colours_still_differ(drawn):
    solvers = [example()["solver"] | {"threads": t} for t in range(1, 17)]
    means, _ = drawn([example(solver=solver) for solver in solvers])
    handles = means.get_legend_handles_labels()[0]
    assert len({(h.get_color(), h.get_marker()) for h in handles}) == 16


# The command


PNG = ("--format", "png", "--output", "a.png")


def size(path):
    """Width and height of a PNG, from its first chunk."""
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n" and content[12:16] == b"IHDR"
    assert content[-8:-4] == b"IEND"
    return struct.unpack(">II", content[16:24])


def test_a_run_and_a_comparison_become_a_png(sssp, tmp_path):  # noqa: F811
    for argv in (("run", "--roots", 4), ("peers", "--roots", 2, "--with", "scipy")):
        assert sssp(*argv, "--scale", 5, "--output", "out", "--quiet").status == 0
    done = sssp("report", *result_files("out"), *PNG)
    assert done.status == 0 and done.out == ""
    assert "wrote a.png" in done.err and "not a submission" in done.err
    width, height = size(tmp_path / "a.png")
    assert width >= 1200 and height >= 600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "out"]


@pytest.mark.slow
def test_the_same_results_become_the_same_svg(sssp, stored, tmp_path):  # noqa: F811
    files = stored(example(), record())
    for name in ("a.svg", "b.svg"):
        assert sssp("report", *files, "--format", "svg", "--output", name).status == 0
    svg = (tmp_path / "a.svg").read_text()
    assert svg == (tmp_path / "b.svg").read_text()
    assert "</svg>" in svg and ">Every search</text>" in svg


def test_an_invalid_run_is_named_and_not_drawn(sssp, stored, tmp_path):  # noqa: F811
    done = sssp("report", *stored(INVALID, example()), *PNG)
    assert done.status == 1
    assert "0.json: invalid, no TEPS: search 0 (root 5): rule 4" in done.err
    assert size(tmp_path / "a.png")


def test_nothing_is_written_where_every_run_is_invalid(sssp, stored, tmp_path):  # noqa: F811
    done = sssp("report", *stored(INVALID, record(status="invalid")), *PNG)
    assert done.status == 1 and "a.png was not written" in done.err
    assert not (tmp_path / "a.png").exists()


def test_no_search_is_nothing_to_draw(sssp, stored):  # noqa: F811
    done = sssp("report", *stored(example([], status="incomplete")), *PNG)
    assert done.refused("no search to draw")


@pytest.mark.parametrize(
    ("argv", "fragment"),
    [
        (("--format", "png"), "needs --output FILE.png"),
        (("--format", "png", "--output", "a.jpg"), "must end in .png"),
        (("--format", "svg"), "needs --output FILE.svg"),
        (("--format", "svg", "--output", "a.png"), "must end in .svg"),
        (("--format", "png", "--output", "none/a.png"), "cannot be written"),
        (("--format", "csv", "--output", "a.png"), "goes with --format html, png"),
        (("--output", "a.png"), "goes with --format html, png"),
    ],
)
def test_an_output_that_cannot_be_is_refused(sssp, stored, argv, fragment):  # noqa: F811
    assert sssp("report", *stored(example()), *argv).refused(fragment)


def test_a_missing_matplotlib_is_named_with_what_to_install(sssp, stored, monkeypatch):  # noqa: F811
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    done = sssp("report", *stored(example()), *PNG)
    assert done.refused("--format png", "pip install 'sssp-bench[plot]'")


def test_a_picture_that_fails_leaves_the_old_one(sssp, stored, tmp_path, monkeypatch):  # noqa: F811
    from matplotlib.figure import Figure

    (tmp_path / "a.png").write_text("old")

    def fill_the_disk(self, file, **settings):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", fill_the_disk)
    names = stored(example())
    assert sssp("report", *names, *PNG).refused("a.png: No space left")
    assert (tmp_path / "a.png").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == [*names, "a.png"]


def test_text_reports_load_no_matplotlib(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(example()))
    code = (
        "import harness.cli, json, sys; "
        f"harness.cli.main(['report', {str(tmp_path / 'a.json')!r}]); "
        "print(json.dumps('matplotlib' in sys.modules))"
    )
    assert run_python(code) is False
