"""Short ways to ask what validation finds in one answer."""

from __future__ import annotations

import numpy as np

from graphs.edges import Edges
from harness.validation import RULES, Validation, validate


def verdict(edges: Edges, root: int, dist, parent) -> Validation:
    """Validate one answer; a plain list of distances takes the dtype of the weights."""
    if isinstance(dist, list):
        dist = np.array(dist, edges.weight_dtype if edges.weight_dtype.kind == "f" else float)
    [found] = validate(edges, [(root, dist, np.asarray(parent))])
    assert found.valid == (not found.violations)
    assert all(violation.name == RULES[violation.rule] for violation in found.violations)
    return found


def broken(edges: Edges, root: int, dist, parent) -> set[str]:
    """The names of the broken rules."""
    return {violation.name for violation in verdict(edges, root, dist, parent).violations}


def said(edges: Edges, root: int, dist, parent) -> list[str]:
    """The broken rules as a user reads them."""
    return [str(violation) for violation in verdict(edges, root, dist, parent).violations]
