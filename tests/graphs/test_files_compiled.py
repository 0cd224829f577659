"""The compiled walk over lines says the same as the reading line by line, whatever they hold."""

from __future__ import annotations

import io
import random

import numpy as np
import pytest
from graph_files import put
from hypothesis import given, settings
from hypothesis import strategies as st

from graphs import GraphError, file_lines, file_text, read_graph
from graphs.file_compiled import walker
from graphs.file_lines import _by_line
from graphs.file_words import Layout

LAYOUTS = (
    Layout("a u v w", b"c", lead=b"a", first_id=1),
    Layout("u v w", b"#%"),
    Layout("u v", b"#%", comma=True),
    Layout("u v w time", b"%", first_id=1),
    Layout("id", b"#"),
)
WORDS = st.sampled_from(
    [
        "a",
        "c",
        "#",
        "%",
        "0",
        "1",
        "2",
        "-1",
        "+1",
        "-0",
        "1.5",
        ".5",
        "5.",
        ".",
        "1e3",
        "1e-3",
        "1e400",
        "-1e-400",
        "1E+2",
        "e",
        "0x5",
        "1_0",
        "nan",
        "inf",
        "a1",
        "9223372036854775807",
        "9223372036854775806",
        "9223372036854775808",
        "99999999999999999999",
        "0.1234567890123456789",
        "9007199254740993",
        "9007199254740993e0",
        "1e22",
        "1e23",
        "123456789e-22",
        "0.000000000000000000000000000001",
        "4.9e-324",
        "2.4703282292062327e-324",
        "1.7976931348623159e308",
        "²",
        ",",
        "2,3",
        "2,",
    ]
)
GAPS = st.sampled_from([" ", "\t", "  ", ",", " , ", "\v", "\f"])
LINES = st.lists(st.tuples(WORDS, GAPS), max_size=5).map(
    lambda parts: "".join(word + gap for word, gap in parts).rstrip(" ")
)


def same(block: bytes, layout: Layout) -> None:
    walk, _ = walker(layout, 2**63 - 2)
    ours, theirs = walk(block), _by_line(block, layout, 2**63 - 2)
    for name in ("src", "dst", "weight"):
        one, two = getattr(ours, name), getattr(theirs, name)
        assert one.dtype == two.dtype
        assert one.tolist() == two.tolist(), (name, block)
    for name in ("stopped", "real", "large"):
        assert getattr(ours, name) == getattr(theirs, name), (name, block)


@pytest.mark.slow
@settings(max_examples=300)
@given(st.lists(LINES, max_size=6), st.sampled_from(LAYOUTS))
def test_any_lines_are_read_alike(lines, layout):
    same("".join(line + "\n" for line in lines).encode("latin-1"), layout)


@settings(max_examples=300)
@given(st.floats(0, allow_infinity=False), st.sampled_from(["r", ".17e", ".3f", ".20f"]))
def test_a_weight_is_the_float64_that_is_nearest(weight, form):
    text = repr(weight) if form == "r" else format(weight, form)
    walk, _ = walker(LAYOUTS[1], 9)
    assert walk(f"0 1 {text}\n".encode()).weight.tolist() == [float(text)]


def test_many_digits_are_the_float64_that_is_nearest():
    draw = random.Random(3)
    texts = [f"{draw.randrange(10**d)}e{draw.randrange(-40, 40)}" for d in range(1, 25)] * 20
    walk, _ = walker(LAYOUTS[1], 9)
    block = "".join(f"0 1 {text}\n" for text in texts).encode()
    assert walk(block).weight.tolist() == [float(text) for text in texts]


@pytest.mark.parametrize("bad", [None, 0, 1000, 29_999])
def test_blocks_on_threads_come_back_in_order(tmp_path, monkeypatch, bad):
    monkeypatch.setattr(file_text, "BLOCK", 5000)
    lines = [f"{u} {u + 1} {u % 7}" for u in range(30_000)]
    if bad is not None:
        lines[bad] = "1 2 -3"
    path = put(tmp_path, "g.wel", "\n".join(lines))
    if bad is None:
        edges = read_graph(path)
        assert edges.src.tolist() == list(range(30_000))
        assert edges.weight.tolist() == [u % 7 for u in range(30_000)]
    else:
        with pytest.raises(GraphError, match=f", line {bad + 1}: weight -3"):
            read_graph(path)


def test_a_small_file_waits_for_no_compiler(tmp_path, monkeypatch):
    path = put(tmp_path, "g.el", "0 1 2\n" * 1000)

    def refuse(*arguments):
        raise AssertionError("compiled")

    monkeypatch.setattr("graphs.file_compiled.walker", refuse)
    assert read_graph(path).m == 1000
    monkeypatch.setattr(file_lines, "COMPILED_FROM", 100)
    with pytest.raises(AssertionError, match="compiled"):
        read_graph(path)


def test_what_was_read_is_reported(tmp_path):
    path = put(tmp_path, "g.el", "0 1 2\n" * 1000)
    seen: list[int] = []
    read_graph(path, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == path.stat().st_size


def test_a_line_without_end_is_read_no_further_than_a_line_may_be():
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1) -> bytes:
            self.given += size
            return b"7" * size

    stream = Endless()
    with pytest.raises(GraphError, match="line 1: is longer than"):
        list(file_text.Text("g", stream).blocks())  # type: ignore[arg-type]
    assert stream.given <= 2 * file_text.BLOCK


def test_weights_of_a_whole_file_agree_on_their_kind(tmp_path, monkeypatch):
    monkeypatch.setattr(file_lines, "COMPILED_FROM", 0)
    path = put(tmp_path, "g.el", "0 1 9007199254740993\n0 1 99999999999999999999\n0 1 .5\n")
    weight = read_graph(path).weight
    assert weight.tolist() == [float(9007199254740993), 1e20, 0.5]
    assert weight.dtype == np.float64
