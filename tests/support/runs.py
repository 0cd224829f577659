"""Shared: runs in this process, and whether their results are what the schema says."""

from __future__ import annotations

import json

from repository import HOUSE

from harness.benchmark.run import Settings, new_result, run
from harness.console.progress import Progress

QUIET = Progress(quiet=True)


def result_of(graph, **flags):
    settings = Settings(graph, **flags)
    result = new_result(settings, ["sssp", "run"])
    run(settings, result, QUIET)
    return result


def follows_schema(result):
    import jsonschema  # not everywhere where tests of a GPU run

    jsonschema.validate(json.loads(json.dumps(result)), schema())


def schema():
    return json.loads((HOUSE / "results" / "schema.json").read_text())
