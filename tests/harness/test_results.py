"""Result files: the schema describes them, writing is all or nothing, loading never guesses."""

from __future__ import annotations

import copy
import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from example_result import example, from_file, ranked, resumed, search
from hypothesis import given
from hypothesis import strategies as st

from harness.results import record as results
from harness.results.record import ResultError, faults, load, schema, write
from harness.results.schema import whole

UNCHECKED = example(
    [search(valid=None, validate_seconds=None), search(valid=False, violations=["rule 1"])],
    status="invalid",
    check="networkx",
    commit=None,
    dirty=None,
)
VALIDATOR = jsonschema.Draft202012Validator(schema())


def nodes(value: Any, path: tuple = ()) -> Iterator[tuple]:
    """Yield the path of every value inside `value`."""
    pairs: Iterable = value.items() if isinstance(value, dict) else ()
    pairs = enumerate(value) if isinstance(value, list) else pairs
    for key, item in pairs:
        yield (*path, key)
        yield from nodes(item, (*path, key))


def changed(path: tuple, new: Any) -> dict[str, Any]:
    result = example([search(violations=["rule 1"])])
    inner = result
    for key in path[:-1]:
        inner = inner[key]
    if new is KeyError:
        del inner[path[-1]]
    else:
        inner[path[-1]] = new
    return result


NODES = list(nodes(changed(("schema",), 1)))
OPEN = ("machine", "versions", "flags")  # their keys may be there or not
NEW = ("flags", "dist_digest", "noise", "memory", "steps")  # not in the first files
REQUIRED = [
    path
    for path in NODES
    if isinstance(path[-1], str) and (len(path) == 1 or path[0] not in OPEN) and path[-1] not in NEW
    if path[:2] != ("steps", "seconds") or len(path) == 2
]


def described(rules: Any, path: str = "") -> Iterator[tuple[str, dict]]:
    """Yield name and rules of every property in the schema."""
    for name, part in rules.get("properties", {}).items():
        yield f"{path}.{name}", part
        yield from described(part, f"{path}.{name}")
    for name, part in rules.get("$defs", {}).items():
        yield from described(part, name)


# The schema


def test_schema_is_a_schema_and_describes_every_field():
    jsonschema.Draft202012Validator.check_schema(schema())
    fields = list(described(schema()))
    assert len(fields) > 45
    for name, part in fields:
        if "$ref" in part and "description" not in part:
            part = schema()["$defs"][part["$ref"].rpartition("/")[2]]
        assert part.get("description", "").endswith("."), name


@pytest.mark.parametrize(
    "result", [example(), example([]), UNCHECKED, from_file(), resumed(), ranked()]
)
def test_schema_accepts_a_whole_result(result):
    VALIDATOR.validate(result)
    assert list(faults(result, schema())) == []


@pytest.mark.parametrize("path", REQUIRED, ids=lambda path: ".".join(map(str, path)))
def test_schema_and_loading_reject_a_result_which_lacks_a_field(path, tmp_path):
    result = changed(path, KeyError)
    assert not VALIDATOR.is_valid(result)
    file = tmp_path / "broken.json"
    file.write_text(json.dumps(result))
    with pytest.raises(ResultError, match=re.escape(str(file))) as error:
        load(file)
    assert f"'{path[-1]}'" in str(error.value)


@pytest.mark.parametrize("path", NODES, ids=lambda path: ".".join(map(str, path)))
def test_our_check_agrees_with_a_schema_library(path):
    values = [None, True, -1, 0, 0.5, 2**63, "x", "cpu", [], [1, 2], [0.5, "x"], {}, {"a": 1}]
    for value in values:
        result = changed(path, value)
        found = list(faults(result, schema()))
        assert bool(found) != VALIDATOR.is_valid(result), (value, found)
        assert whole()(result) != bool(found), value


def test_our_check_knows_every_word_the_schema_uses():
    def words(rules):
        inner = [*rules.get("properties", {}).values(), *rules.get("$defs", {}).values()]
        inner += [rules[key] for key in ("items", "additionalProperties") if key in rules]
        return set(rules).union(*(words(part) for part in inner if isinstance(part, dict)))

    checked = {"$ref", "const", "enum", "type", "required", "properties", "additionalProperties"}
    checked |= {"items", "minItems", "maxItems", "pattern", "minimum", "maximum"}
    assert words(schema()) - checked == {"$schema", "$id", "$defs", "title", "description"}


def test_only_open_objects_take_further_keys():
    for path in [("new",), ("graph", "new"), ("searches", 0, "new")]:
        assert not VALIDATOR.is_valid(changed(path, 1))
        assert ["new" in fault for fault in faults(changed(path, 1), schema())] == [True]
    for name, value in [("machine", 1), ("solver", 1), ("versions", "1.0")]:
        assert VALIDATOR.is_valid(changed((name, "new"), value))
        assert not list(faults(changed((name, "new"), value), schema()))


def test_the_first_files_lack_what_came_later_and_are_read():
    old = example([search()])
    del old["flags"], old["memory"], old["steps"]
    del old["searches"][0]["dist_digest"], old["searches"][0]["noise"]
    VALIDATOR.validate(old)
    assert not list(faults(old, schema()))


@pytest.mark.parametrize("key", sorted(resumed()["resumed"][0]))
def test_a_resumed_part_lacks_nothing(key):
    result = resumed()
    del result["resumed"][0][key]
    assert not VALIDATOR.is_valid(result)
    assert [f"'{key}'" in fault for fault in faults(result, schema())] == [True]


@pytest.mark.parametrize(
    "path",
    [("ranks", "places"), ("ranks", "places", 1, "host"), ("searches", 3, "exchange", "bytes")],
)
def test_what_is_told_of_ranks_lacks_nothing(path):
    result = ranked()
    inner = result
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    assert not VALIDATOR.is_valid(result)
    assert list(faults(result, schema()))


def test_schema_is_found_from_another_folder_that_has_results_of_its_own(tmp_path):
    (tmp_path / "results" / "runs").mkdir(parents=True)
    program = "from harness.results.schema import schema; print(schema()['$id'])"
    home = str(Path(results.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": home},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "urn:sssp-bench:result:1\n"


# Writing


@pytest.mark.parametrize(
    "result", [example(), example([]), UNCHECKED, from_file(), resumed(), ranked()]
)
def test_what_was_written_is_loaded_unchanged(result, tmp_path):
    path = write(result, tmp_path / "deep" / "er")
    assert load(path) == result
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@given(st.lists(st.floats(0, allow_infinity=False), max_size=5))
def test_every_digit_of_a_time_is_kept(tmp_path_factory, seconds):
    result = example([search(seconds=value) for value in seconds])
    loaded = load(write(result, tmp_path_factory.mktemp("digits")))
    assert [s["seconds"] for s in loaded["searches"]] == seconds


def test_numpys_numbers_are_written_as_plain_ones(tmp_path):
    numbers = search(5, 0.25, 7)
    numbers |= {"root": np.int64(5), "seconds": np.float64(0.25), "valid": np.bool_(True)}
    assert load(write(example([numbers]), tmp_path)) == example([search(5, 0.25, 7)])


def test_a_file_has_one_line_a_search(tmp_path):
    lines = write(resumed(), tmp_path).read_text().splitlines()
    searches = [line for line in lines if '"root"' in line]
    assert [json.loads(line.rstrip(",")) for line in searches] == resumed()["searches"]
    keys = [line for line in lines if re.match(r' "\w+": ', line)]
    assert [line.split('"')[1] for line in keys] == list(resumed())


def test_a_name_has_the_time_the_graph_the_engine_and_the_number_of_ranks(tmp_path):
    stamp = r"20\d{6}T\d{6}Z"
    assert re.fullmatch(rf"{stamp}-s10-cpu-[0-9a-f]{{6}}\.json", write(example(), tmp_path).name)
    many = write(ranked(16), tmp_path).name
    assert re.fullmatch(rf"{stamp}-s10-cpu-16ranks-[0-9a-f]{{6}}\.json", many)
    road = write(from_file(file="../maps/road, north.gr.gz"), tmp_path)
    assert re.fullmatch(rf"{stamp}-road-north-cpu-[0-9a-f]{{6}}\.json", road.name)


def test_a_file_that_is_there_is_never_overwritten(tmp_path, monkeypatch):
    suffixes = iter(["aaaaaa", "1" * 16, "aaaaaa", "2" * 16, "bbbbbb", "3" * 16])
    monkeypatch.setattr(results.secrets, "token_hex", lambda n: next(suffixes))
    monkeypatch.setattr(results, "_stem", lambda graph, kind: "run")
    assert write(example(), tmp_path).name == "run-aaaaaa.json"
    assert write(example([]), tmp_path).name == "run-bbbbbb.json"
    assert load(tmp_path / "run-aaaaaa.json") == example()
    assert sorted(os.listdir(tmp_path)) == ["run-aaaaaa.json", "run-bbbbbb.json"]


def test_a_full_disk_leaves_nothing_behind(tmp_path):
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(ResultError, match=re.escape(str(tmp_path))):
            write(example(), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", ["fsync", "link"])
@pytest.mark.parametrize(
    ("fault", "raised", "message"),
    [
        (OSError(errno.ENOSPC, "No space left"), ResultError, "No space left"),
        (KeyboardInterrupt(), KeyboardInterrupt, None),
    ],
)
def test_a_fault_at_any_step_leaves_nothing_behind(
    tmp_path, monkeypatch, step, fault, raised, message
):
    def fail(*_, **__):
        raise fault

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(raised, match=message):
        write(example(), tmp_path)
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_is_named(tmp_path):
    file = tmp_path / "file"
    file.write_text("kept")
    with pytest.raises(ResultError, match=f"{re.escape(str(file))}: it is not a folder"):
        write(example(), file)
    with pytest.raises(ResultError, match="file/below"):
        write(example(), file / "below")
    assert file.read_text() == "kept"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_the_right_to_write_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ResultError, match="Permission denied"):
        write(example(), tmp_path)


@pytest.mark.parametrize("value", [float("inf"), float("nan"), {1, 2}])
def test_what_json_cannot_hold_is_refused_before_a_file_is_made(tmp_path, value):
    with pytest.raises(ResultError, match="JSON"):
        write(example(generation_seconds=value), tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_as_a_whole_or_not_at_all(tmp_path, monkeypatch):
    path = write(example([]), tmp_path)
    (tmp_path / f".{path.name}.tmp").write_text("left by a run that was killed")
    results.replace(example(), path)
    assert load(path) == example()

    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ResultError, match=f"{re.escape(str(path))} cannot be written: No space"):
        results.replace(example([]), path)
    assert load(path) == example()
    assert len(list(tmp_path.iterdir())) == 2


def test_a_growing_result_has_one_file_written_at_most_once_a_second(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(results, "monotonic", lambda: now[0])
    file = results.ResultFile(tmp_path)
    seen: list = []
    for now[0] in (0.5, 1.0, 1.5, 1.9, 2.5):
        file.keep_now_and_then(example([search()] * len(seen)))
        seen.append(load(file.path)["searches"] if file.path else None)
    assert [None if found is None else len(found) for found in seen] == [None, 1, 1, 1, 4]
    assert file.keep(example()) == file.path
    assert [entry.name for entry in tmp_path.iterdir()] == [file.path.name]
    assert load(file.path) == example()


# Loading


NO_RESULT = {
    "empty": (b"", "no JSON"),
    "text": (b"SCALE:    10\n", "no JSON"),
    "binary": (b"\xff\xfe\x00", "no JSON"),
    "deep": (b"[" * 200_000, "no JSON"),
    "cut short": (json.dumps(example()).encode()[:-1], "no JSON"),
    "NaN": (json.dumps(example()).replace("0.0625", "NaN").encode(), "NaN is no finite number"),
    "inf": (json.dumps(example()).replace("0.0625", "1e999").encode(), "1e999 is no finite number"),
    "list": (b"[1]", "no key 'schema'"),
    "other": (b'{"name": "graph"}', "no key 'schema'"),
    "bare": (b'{"schema": 1}', "lacks the key"),
    "newer": (json.dumps(example(schema=2)).encode(), "format 2; this version reads format 1"),
    "version true": (json.dumps(example(schema=True)).encode(), "of type integer, not true"),
    "version text": (json.dumps(example(schema="1")).encode(), "format '1'; this version reads"),
    "status": (json.dumps(example(status="done")).encode(), 'status must be one of "complete"'),
    "unknown key": (json.dumps(example(extra=1)).encode(), "has the unknown key 'extra'"),
}


@pytest.mark.parametrize("case", NO_RESULT)
def test_a_file_that_is_no_result_of_ours_is_named_with_its_fault(tmp_path, case):
    content, message = NO_RESULT[case]
    path = tmp_path / "some file.json"
    path.write_bytes(content)
    with pytest.raises(ResultError, match=re.escape(message)) as error:
        load(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_the_place_of_a_fault_is_named(tmp_path):
    result = copy.deepcopy(example())
    result["searches"][3]["seconds"] = "fast"
    path = tmp_path / "typo.json"
    path.write_text(json.dumps(result))
    with pytest.raises(ResultError, match=r'searches\[3\].seconds must be of type number, not "f'):
        load(path)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    for path in (tmp_path / "missing.json", tmp_path):
        with pytest.raises(ResultError, match=f"{re.escape(str(path))}: cannot be read"):
            load(path)
