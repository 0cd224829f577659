"""Shared: runs in this process, and whether their results are what the schema says."""

from __future__ import annotations

import functools
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
    validator().validate(json.loads(json.dumps(result)))


@functools.cache
def validator():
    """The schema's; to check the schema itself, as `jsonschema.validate` does, takes 0.1 s."""
    import jsonschema  # not everywhere where tests of a GPU run

    return jsonschema.Draft202012Validator(schema())


def schema():
    return json.loads((HOUSE / "results" / "schema.json").read_text())
