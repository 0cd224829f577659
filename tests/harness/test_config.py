"""Flags from a TOML file: the same names, the command line wins, faults name file and key."""

from __future__ import annotations

import pytest
from command import in_process, only_result


@pytest.fixture
def configured(capsys, monkeypatch, tmp_path):
    """Run with the given configuration, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(text, *flags):
        (tmp_path / "c.toml").write_text(text)
        return in_process(capsys, "run", "--config", "c.toml", "--output", "out", *flags)

    return run


def test_a_file_sets_what_the_flags_set(configured):
    done = configured("""
        scale = 5
        edgefactor = 8
        seed = [5, 18446744073709551615]
        roots = 2
        delta = 1
        engine = "cpu"
        quiet = true
    """)
    assert done.status == 0
    assert "searches" not in done.err.replace("only 2 searches", "")
    result = only_result("out")
    graph = result["graph"]
    assert (graph["scale"], graph["edgefactor"], graph["seed"]) == (5, 8, [5, 2**64 - 1])
    assert len(result["searches"]) == 2
    assert result["solver"]["delta"] == 1.0


def test_the_command_line_wins(configured):
    done = configured("scale = 5\nroots = 2\nvalidate = false\n", "--roots", 3, "--validate")
    assert done.status == 0
    result = only_result("out")
    assert result["graph"]["scale"] == 5
    assert len(result["searches"]) == 3
    assert result["validated"] is True


def test_a_graph_on_the_command_line_replaces_that_of_the_file(configured, tmp_path):
    (tmp_path / "g.wel").write_text("0 1 0.5\n1 2 0.25\n")
    assert configured("scale = 5\nedgefactor = 4\n", "--graph", "g.wel").status == 0
    assert only_result("out")["graph"]["file"] == "g.wel"


def test_a_scale_on_the_command_line_replaces_the_files_graph(configured):
    assert configured('graph = "nowhere.gr"\nsymmetrize = true\n', "--scale", 5).status == 0
    assert only_result("out")["graph"]["scale"] == 5


@pytest.mark.parametrize("key", ["no-validate", "no_validate"])
def test_hyphens_and_underscores_are_one(configured, key):
    assert configured(f"scale = 5\nroots = 1\n{key} = true\n").status == 0
    assert only_result("out")["validated"] is False


FAULTS = [
    ("scael = 5", "scael", "no such key"),
    ('config = "d.toml"', "config", "no such key"),
    ("[run]\nscale = 5", "run", "no such key"),
    ('scale = "5"', "scale", "'5'"),
    ("scale = 5.0", "scale", "5.0"),
    ("scale = true", "scale", "True"),
    ("scale = 0", "scale", "got 0"),
    ("threads = -2", "threads", "-2"),
    (f"time-limit = '{'9' * 5000}:00'", "time-limit", "must be a time"),
    (f"time-limit = '{'9' * 400}'", "time-limit", "must be a time"),
    (f"scale = {'9' * 4000}", "scale", "a whole number"),
    (f"x = {'[' * 2000}{']' * 2000}", "not a TOML file"),
    (r'graph = "\u0000"', "graph", "can be a path"),
    (r'"\u001b[2J" = 1', r"\x1b[2J", "no such key"),
    ("delta = nan", "delta", "nan"),
    ('delta = "small"', "delta", "small"),
    ("seed = 5", "seed", "list of 2"),
    ("seed = [5]", "seed", "list of 2"),
    ("seed = [5, -1]", "seed", "-1"),
    ('engine = "tpu"', "engine", "tpu"),
    ("engine = []", "engine", "[]"),
    ("quiet = 1", "quiet", "true or false"),
    ('graph = ""', "graph", "''"),
    ("output = 7", "output", "7"),
    ("no-validate = true\nvalidate = true", "validate", "twice"),
    ("scale = ", "not a TOML file"),
    ('graph = "a.gr"\nscale = 5', "--scale", "--graph"),
]


@pytest.mark.parametrize("text, fragments", [(text, words) for text, *words in FAULTS])
def test_a_fault_names_file_and_key(configured, tmp_path, text, fragments):
    done = configured(text)
    assert done.refused(*fragments)
    if "--" not in fragments[0]:
        assert "c.toml: " in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["c.toml"]


def test_a_file_that_is_not_text_is_no_toml(configured, tmp_path, capsys):
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe\x00")
    assert in_process(capsys, "run", "--config", "b.toml").refused("b.toml", "not a TOML file")
