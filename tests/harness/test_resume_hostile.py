"""--resume of a file that was changed by hand: a field is named, or the result is right."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterable
from functools import partial

import command
import pytest
from command import own_process

from harness.benchmark.resume import unfinished
from harness.cli import build_parser
from harness.commands.config import checked
from harness.console.errors import UsageError
from harness.results import record as results

sssp = command.sssp


@pytest.fixture(scope="module")
def incomplete(tmp_path_factory):
    """The file of a run of two searches of which only one is there."""
    folder = tmp_path_factory.mktemp("incomplete")
    job = own_process(
        *("run", "--scale", 5, "--roots", 2, "--threads", 1, "--output", folder, "--quiet"),
        afresh=True,
    )
    _, err = job.communicate(timeout=300)
    assert job.returncode == 0, err
    (path,) = folder.glob("*.json")
    result = json.loads(path.read_text())
    result.pop("energy", None)
    return result | {"status": "incomplete", "searches": result["searches"][:1]}


def fields(value, path=()):
    """The path of every value inside `value`."""
    pairs: Iterable = value.items() if isinstance(value, dict) else ()
    pairs = enumerate(value) if isinstance(value, list) else pairs
    for key, item in pairs:
        yield (*path, key)
        yield from fields(item, (*path, key))


def changed(result, path, new):
    result = copy.deepcopy(result)
    inner = result
    for key in path[:-1]:
        inner = inner[key]
    if new is KeyError:
        del inner[path[-1]]
    else:
        inner[path[-1]] = new
    return result


def run_parser():
    """The parser of `sssp run`."""
    actions = build_parser()._actions
    (commands,) = (a.choices for a in actions if isinstance(a.choices, dict))
    return commands["run"]


HUGE = int("9" * 400)
HOSTILE = [
    KeyError, None, True, False, 0, -1, 3, 16388, 10**9, 2**63, 2**64, 10**19, HUGE, 0.5, 1e308,
    float("nan"), float("-inf"), "", "x", "../x", "\x1b[2J", "\ud800", "a\nb", [], [1, 2],
    [[1], 2], ["a", "b"], {}, {"a": {"b": []}},
]  # fmt: skip


@pytest.mark.slow
def test_every_field_of_every_kind_is_refused_by_name_or_harmless(incomplete, tmp_path):
    """What passes the check asks for the very run that the file is of."""
    path, parser = tmp_path / "r.json", run_parser()
    right = {"scale": 5, "edgefactor": 16, "seed": [2, 3], "roots": 2, "threads": 1}
    passed = 0
    for field in fields(incomplete):
        # Of what only describes the machine a few will do.
        for value in HOSTILE[:: 10 if field[0] in ("machine", "versions", "argv") else 1]:
            path.write_text(json.dumps(changed(incomplete, field, value)))
            try:
                flags = unfinished(path, partial(checked, parser))["flags"]
            except (results.ResultError, UsageError) as error:
                assert str(error).startswith(f"{path}"), (field, value)
                assert "\n" not in str(error) and len(str(error)) < 1000, (field, value)
                continue
            passed += 1
            known = {name: flags.get(name) for name in right}
            assert known == right, (field, value)
            assert set(flags) <= set(incomplete["flags"]), (field, value)
    assert passed > 0


FATAL = [
    (("flags", "scale"), "5", "flags.scale: must be a whole number"),
    (("flags", "scale"), 62, "flags.scale is 62, but graph.scale 5"),
    (("flags", "edgefactor"), 2**31, "flags.edgefactor is 2147483648, but graph.edgefactor 16"),
    (("flags", "seed"), [2, "3"], "flags.seed: must be a whole number"),
    (("flags", "seed"), [2, 3, 4], "flags.seed: must be a list of 2"),
    (("flags", "roots"), "64", "flags.roots: must be"),
    (("flags", "roots"), 10**9, "flags.roots is 1000000000, but roots_requested 2"),
    (("flags", "threads"), 16388, "flags.threads: must be a whole number from 1 to 4096"),
    (("flags", "threads"), 10**9, "flags.threads: must be"),
    (("flags", "threads"), 4096, "flags.threads is 4096, but solver.threads 1"),
    (("flags", "keep_edges"), "yes", "flags.keep_edges: must be true or false"),
    (("flags", "engine"), "tpu", "flags.engine: must be one of auto, cpu, cuda"),
    (("flags", "delta"), [], "flags.delta: must be"),
    (("flags", "graph"), "g.gr", "flags.graph is 'g.gr', but graph.file null"),
    (("flags", "time_limit"), "1s", "flags.time_limit: no such key"),
    (("flags", "output"), "x", "flags.output: no such key"),
    (("flags", "log_dir"), "x", "flags.log_dir: no such key"),
    (("flags", "quiet"), True, "flags.quiet: no such key"),
    (("flags", "config"), "x", "flags.config: no such key"),
    (("flags", "\x1b[2J"), 1, r"flags.\x1b[2J: no such key"),
    (("flags", "validate"), False, "flags.validate is False, but searches[0].valid True"),
    (("searches", 0, "valid"), None, "flags.validate is True, but searches[0].valid None"),
    (("solver", "engine"), "tpu", "solver.engine: must be one of"),
    (("searches", 0, "m"), 10**6, "searches[0].m is 1000000, at most 512 is possible"),
    (("searches", 0, "m_with_self_loops"), 10**6, "searches[0].m_with_self_loops is 1000000"),
    (("searches", 0, "reached"), 33, "searches[0].reached is 33, at most 32 is possible"),
    (("searches", 0, "reached"), 0, "searches[0].reached is 0"),
    (("searches", 0, "root"), 32, "searches[0].root is 32, at most 31"),
    (("searches", 0, "valid"), False, "searches[0] is invalid, but status incomplete"),
    (("searches", 0, "seconds"), HUGE, "is too large a number"),
    (("roots_requested",), 0, "flags.roots is 2, but roots_requested 0"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value", "said"), FATAL)
def test_a_changed_file_ends_in_one_line_and_is_as_it_was(
    incomplete, sssp, tmp_path, field, value, said
):
    path = tmp_path / "r.json"
    path.write_text(json.dumps(changed(incomplete, field, value)))
    before = path.read_text()
    assert sssp("run", "--resume", "r.json", "--quiet").refused("r.json: ", said)
    assert path.read_text() == before
    assert os.listdir(tmp_path) == ["r.json"]


def test_the_only_file_that_is_written_is_the_one_that_was_named(incomplete, sssp, tmp_path):
    (tmp_path / "precious").write_text("kept")
    for key in ("resume", "output", "log_dir", "log-dir", "config"):
        found = changed(incomplete, ("flags", key), str(tmp_path / "precious"))
        (tmp_path / "r.json").write_text(json.dumps(found))
        assert sssp("run", "--resume", "r.json", "--quiet").refused(f"r.json: flags.{key}")
    assert sorted(os.listdir(tmp_path)) == ["precious", "r.json"]
    assert (tmp_path / "precious").read_text() == "kept"


def test_the_unchanged_file_is_resumed_through_a_link_which_stays_one(incomplete, sssp, tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "r.json").write_text(json.dumps(incomplete))
    (tmp_path / "link.json").symlink_to("kept/r.json")
    assert sssp("run", "--resume", "link.json", "--quiet").status == 0
    assert os.readlink(tmp_path / "link.json") == "kept/r.json"
    after = results.load(tmp_path / "kept" / "r.json")
    assert after["status"] == "complete" and len(after["searches"]) == 2
    assert sorted(os.listdir(tmp_path)) == ["kept", "link.json"]


DEEP = {"r.json": "[" * 100_000, "c.toml": f"scale = {'[' * 2000}{']' * 2000}"}


@pytest.mark.parametrize("name", DEEP)
def test_lists_in_lists_in_lists_are_one_line(sssp, tmp_path, name):
    (tmp_path / name).write_text(DEEP[name])
    flag = "--resume" if name == "r.json" else "--config"
    assert sssp("run", flag, name).refused(f"{name}: not a")
