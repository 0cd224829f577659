"""The page of a report: whole, offline, without a script; what a file holds is text in it."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import sys
from html import escape
from html.parser import HTMLParser
from xml.etree.ElementTree import Element

import pytest
from command import sssp, stored  # noqa: F401
from example_peers import record
from example_result import example, from_file, ranked, resumed, search

from harness.reports import page, sketches
from harness.reports.page import render_page
from harness.results import record as results
from harness.results.statistics import summarize_teps

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
BROKEN = "rule 4: 2 edges"
INVALID = example(
    [search(seconds=0.125), search(9, 0.5, valid=False, violations=[BROKEN])], status="invalid"
)
HOSTILE = (
    "<script>alert(1)</script>",
    "</style><script>alert(2)</script>",
    "</title><img src=x onerror=alert(3)>",
    '" onload="a',
    "$\\frac{",
    "\x1b[2J\x07\u202etxt.exe\udcff",
    "x" * 5000,
    "var(--ink) #010203 &lt;b&gt; ]]> -->",
)


class Page(HTMLParser):
    """The elements of a page and the text that it shows."""

    def __init__(self, content):
        super().__init__()
        self.elements, self.text, self.hidden = [], "", 0
        self.feed(content.decode() if isinstance(content, bytes) else content)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.hidden += tag in ("style", "title")

    def handle_endtag(self, tag):
        self.hidden -= tag in ("style", "title")

    def handle_data(self, data):
        self.text += "" if self.hidden else f"{data} "

    def links(self):
        return [attrs["href"] for tag, attrs in self.elements if tag == "a"]


def rendered(*found, peers=()):
    named = [(f"{i}.json", one) for i, one in enumerate(found)]
    return render_page(named, [(f"p{i}.json", one) for i, one in enumerate(peers)])


def with_steps(result):
    steps = {"searches": 8, "seconds": {"push": 0.125, "pull": 0.0625, "answer": 0.25}}
    return result | {"steps": steps}


@pytest.fixture
def undrawn(monkeypatch):
    """Pages without pictures, which take a moment each."""
    monkeypatch.setattr(sketches, "can_draw", lambda: False)


# What it says


def test_the_verdict_comes_first_with_the_figure_its_error_and_the_claim():
    text = Page(rendered(example())).text
    teps = summarize_teps([s["seconds"] for s in example()["searches"]], [16239] * 64)
    order = [
        "Valid: 64 of 64 searches validated",
        f"{teps.harmonic_mean / 1e3:.4g} kTEPS",
        f"± {teps.harmonic_stddev:.4g} TEPS",
        "May be submitted",
        "Searches in run order",
    ]
    places = [text.index(words) for words in order]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (example([search()] * 8), "Not a submission: only 8 searches ran, 64 are asked for"),
        (example([search(valid=None)] * 64), "0 of 64 searches validated"),
        (example([search()] * 2, status="incomplete"), "2 of 2 searches validated; 64 were asked"),
        (example([], status="incomplete"), "Not a submission: incomplete: 0 of 64"),
        (
            example([search(1, 0.25), search(2, 5.0)]),
            "the machine was shared: root 2 took 20 times",
        ),
        (example(dirty=True), "tracked files differed from the commit"),
        (from_file(), "the graph comes from a file"),
    ],
)
@pytest.mark.usefixtures("undrawn")
def test_what_weakens_a_figure_is_said_beside_it(result, words):
    assert words in Page(rendered(result)).text


@pytest.mark.usefixtures("undrawn")
def test_a_page_has_every_fact_of_a_run():
    ranks = ranked(2) | {"solver": example()["solver"] | {"presolve": {
        "hub": None, "kept_edges": 791, "bounds": "owners", "seconds": {"rows": 0.5}}}}  # fmt: skip
    ranks["machine"] |= {"gpu": "GH200", "gpu_driver": "570.1", "cores_online": 4}
    part = {"machine": "node1", "name": "package-0", "idle_joules": 1.0, "joules": 8.0}
    energy = {"label": "component energy", "idle_seconds": 1.0, "seconds": 2.0, "loops": 1}
    text = Page(rendered(ranks | {"energy": energy | {"components": [part]}})).text
    for fact in (
        "Model | 3000", "2 of 4 for the run", "16 GiB", "GH200", "570.1", "MPICH Version: 5.0.2",
        "node1", "0123456789abcdef0123456789abcdef01234567", "2025-06-01T12:00:00Z",
        "sssp run --scale 10", "yes: 791 edges kept, all: it does not pay", "1 GiB", "512 MiB",
        "each at the owner of its vertex", "22% of a search", "1.25 times the mean", "4 W", "16 s",
        "62.5 ms", "4 KiB", "0.1.0",
    ):  # fmt: skip
        assert fact in text, fact


def test_an_invalid_run_shows_what_failed_and_no_rate():
    text = Page(rendered(INVALID)).text
    assert "Invalid: 1 of 2 searches gave a wrong answer" in text
    assert f"search 1 (root 9): {BROKEN}" in text
    assert not re.search(r"\d+(\.\d+)? ?[kMGT]?TEPS", text)


@pytest.mark.slow
def test_several_runs_are_compared_over_scales_with_their_peers():
    text = Page(rendered(example(), example([search()] * 8), INVALID, peers=[record()])).text
    assert "TEPS against scale" in text
    assert "sssp-bench, 2 threads (8 to 64 searches, some not a submission)" in text
    assert "scipy (2 searches)" in text
    assert "sssp-bench, 2 threads, beside others (2 searches)" in text
    assert "Other libraries in turn, scale 10, 2 roots" in text


@pytest.mark.usefixtures("undrawn")
def test_a_graph_of_a_file_does_not_stand_under_graph500():
    assert "Graph500 kernel 3, single" in Page(rendered(example())).text
    assert "Graph500 kernel 3, single" not in Page(rendered(example(), from_file())).text


@pytest.mark.parametrize("result", [example(), from_file(), ranked(), resumed(), INVALID])
@pytest.mark.usefixtures("undrawn")
def test_the_raw_file_is_in_the_page(result):
    (link,) = Page(rendered(result)).links()
    kind, _, data = link.partition(",")
    assert kind == "data:application/json;base64"
    assert base64.b64decode(data) == results.text(result)
    assert json.loads(base64.b64decode(data)) == json.loads(json.dumps(result))


# What it is


@pytest.mark.slow
def test_a_page_needs_nothing_and_runs_nothing():
    for content in (rendered(example(), ranked(), peers=[record()]), rendered(INVALID)):
        found = Page(content)
        assert {tag for tag, _ in found.elements} & {"script", "iframe", "object", "img"} == set()
        for tag, attributes in found.elements:
            for name, value in attributes.items():
                assert not name.startswith("on"), (tag, name)
                if name in ("href", "src"):
                    assert value.startswith(("data:", "#")), (tag, value)
        assert not re.search(r"url\((?!#)|@import", content.decode())
        assert "default-src 'none'" in content.decode()


@pytest.mark.slow
def test_ids_are_there_once_and_lead_somewhere():
    content = rendered(with_steps(example()), with_steps(ranked())).decode()
    ids = [attributes["id"] for _, attributes in Page(content).elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:href="|url\()#([\w-]+)', content)) <= set(ids)


@pytest.mark.slow
def test_pictures_have_the_colours_of_the_page_and_no_others():
    content = rendered(with_steps(example()), ranked(), peers=[record()]).decode()
    pictures = content[content.index("</style>") :]
    pictures = re.sub(r"base64,[^\"]*", "", pictures)
    assert "var(--series-0)" in pictures
    assert re.findall(r"(?:fill|stroke|color): (?!none|var\(--)[^;\"]+", pictures) == []


@pytest.fixture(scope="module")
def plain():
    """The tags of a page of ordinary results."""
    content = rendered(with_steps(ranked()), INVALID, peers=[record()])
    return {tag for tag, _ in Page(content).elements}


@pytest.mark.slow
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_whatever_a_file_holds_is_shown_and_never_run(text, plain, monkeypatch):
    for name in ("in_run_order", "in_sorted_order"):  # no text of the file is in these
        monkeypatch.setattr(sketches, name, lambda *_: Element("svg"))
    result = from_file(file=text)
    result["searches"][1] = search(valid=False, violations=[text])
    result["machine"] |= {"cpu": text, "gpu": text, "hostname": text, "system": text}
    result["solver"] |= {"engine": text, "threading_layer": text}
    result |= {"argv": [text], "commit": text, "versions": {text: text}}
    valid = result | {
        "searches": example()["searches"],
        "steps": {"searches": 1, "seconds": {text: 1}},
    }
    valid |= {"ranks": {"library": text, "places": [{"host": text, "threads": 1, "cores": text}]}}
    peers = record()
    peers["solvers"][2] |= {"name": text, "version": text}
    content = render_page([(text, result), (text, valid)], [(text, peers)])
    found = Page(content)
    assert {tag for tag, _ in found.elements} <= plain
    assert not [name for _, attributes in found.elements for name in attributes if name[:2] == "on"]
    decoded = content.decode()
    assert all(c.isprintable() or c in "\n\t" for c in decoded)
    if text.isprintable() and len(text) < 100:
        assert text in " ".join(found.text.split())


def test_a_page_of_many_searches_stays_small():
    none = {"involuntary_switches": 0, "steal_seconds": None, "load": None}
    many = example([search(i, 0.25 + i % 7, noise=none) for i in range(3000)])
    content = rendered(many).decode()
    assert "The first 256; the raw file has all 3000" in content
    assert len(re.sub(r"base64,[^\"]*", "", content)) < 500_000


# The command


def test_the_command_writes_a_page_and_says_so(sssp, stored, tmp_path):  # noqa: F811
    names = stored(example(), record())
    done = sssp("report", *names, "--format", "html", "--output", "a.html")
    assert (done.status, done.out) == (0, "") and "wrote a.html" in done.err
    assert (tmp_path / "a.html").read_bytes().startswith(b"<!DOCTYPE html>")
    (name,) = stored(INVALID)
    done = sssp("report", name, "--format", "html", "--output", "b.html")
    assert done.status == 1 and (tmp_path / "b.html").exists()
    assert sssp("report", name, "--format", "html").refused("needs --output FILE.html")


def test_without_matplotlib_the_page_says_that_it_has_no_pictures(
    sssp,  # noqa: F811
    stored,  # noqa: F811
    tmp_path,
    monkeypatch,
):
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert not sketches.can_draw()
    done = sssp("report", *stored(example(), example()), "--format", "html", "--output", "a.html")
    assert done.status == 0 and page.NO_PICTURES in done.err
    found = Page((tmp_path / "a.html").read_text())
    assert page.NO_PICTURES in found.text and "Valid: 64 of 64" in found.text
    assert "svg" not in {tag for tag, _ in found.elements}


# In a browser

# Pages in frames of two widths; all their tables are opened, and what sticks out is counted.
FRAMES = """<!DOCTYPE html><title>waiting</title><body>
<script>
const out = (node, right) => node.getBoundingClientRect().right > right + 1;
const measured = frame => {
  const page = frame.contentDocument, root = page.documentElement;
  page.querySelectorAll("details").forEach(details => { details.open = true; });
  const texts = [...page.querySelectorAll("svg text")];
  const edge = text => text.closest(".card").getBoundingClientRect().right;
  return [frame.contentWindow.innerWidth, root.scrollWidth,
          texts.filter(text => out(text, edge(text))).length, texts.length];
};
addEventListener("load", () => {
  document.title = JSON.stringify([...document.querySelectorAll("iframe")].map(measured));
});
</script>
"""


def browsed(path):
    """What the browser made of a page, and what it complained of."""
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1600,900",
         "--enable-logging=stderr", "--dump-dom", f"file://{path}"],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_a_browser_shows_a_page_without_overflow_or_complaint(tmp_path):
    hostile = from_file(file="<script>alert(1)</script>" + "x" * 300)
    hostile["machine"]["cpu"] = "<img src=x onerror=alert(1)>"
    content = rendered(
        with_steps(ranked(2)), example(), hostile, INVALID, peers=[record()]
    ).decode()
    path = tmp_path / "page.html"
    path.write_text(content)
    shown, complaints = browsed(path)
    assert complaints == [] and "Valid: 64 of 64 searches validated" in shown
    frames = [
        f'<iframe style="width: {width}px; border: 0" srcdoc="{escape(content)}"></iframe>'
        for width in (390, 1400)
    ]
    path.write_text(FRAMES + "".join(frames))
    shown, complaints = browsed(path)
    assert complaints == []
    found = json.loads(re.search(r"<title>(\[.*?\])</title>", shown)[1])
    for (inner, scrolled, outside, texts), width in zip(found, (390, 1400), strict=True):
        assert inner == width >= scrolled and outside == 0 and texts > 50
