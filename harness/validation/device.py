"""Validate answers on a device, from edges that are made or kept there.

Rules, counts, arithmetic and words are those of harness/validation/host.py: an answer that breaks a
rule is brought to the host, edges slice by slice, and judged there again. Nothing of the solver is
used, and nothing of its rows.

Memory on the device beyond the answers: 6 bytes a vertex for the answer that is being checked
(marks and where parents lead), 2 for each that waits, and the distances once more where they have
another dtype than the graph's arithmetic, or are not distances.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from graphs.edges import DeviceEdges, EdgeList, check_edges
from harness.validation.answer_check import as_int64, as_sums_are, checked_answer
from harness.validation.chunks import arithmetic_of
from harness.validation.endpoints import Endpoints
from harness.validation.host import Validator
from harness.validation.verdict import RULES, Counts, Validation, Violation

Answer = tuple[int, Any, Any]
_SUFFIX = {4: "f4", 8: "f8"}
# What each tally is of. Rule 3, that a parent edge is not there at all, is left to the host.
_RULES = (1, 2, 4, 5, 6)


class DeviceAnswerCheck:
    """An answer on a device and its marks; see `harness.validation.answer_check.AnswerCheck`.

    Parameters
    ----------
    edges : DeviceEdges
    root, dist, parent
        The answer, on the device or on the host.
    """

    def __init__(self, edges: DeviceEdges, root: int, dist: Any, parent: Any):
        self.device, self.n = edges.device, edges.n
        self.xp = xp = edges.device.xp
        self.module = edges.device.module("validate.cu")
        self.root, self.dist, self.given_parent = _brought(edges, root, dist, parent)
        self.parent = as_int64(self.given_parent, self.n)
        self.sizes = np.int64(self.n), np.int64(self.root)
        arithmetic = arithmetic_of(edges.weight_dtype)
        self.given, self.used = _SUFFIX[self.dist.dtype.itemsize], _SUFFIX[arithmetic.itemsize]
        self.reached = xp.zeros(1, np.uint64)
        self.tallies = xp.zeros((len(_RULES), 2), np.uint64)
        self.tallies[:, 1] = self.n
        self._launch(
            f"check_vertices_{self.given}", self.dist, self.parent, *self.sizes, self.tallies[0],
            self.reached,
        )  # fmt: skip
        self.dist_checked = self._checked(edges.weight_dtype)
        self._check_tree()
        self.tight = xp.zeros(self.n, np.uint8)
        self.relaxable = xp.zeros(self.n, np.uint8)
        self.counts = xp.zeros(3, np.uint64)

    def _launch(self, kernel: str, *arguments: Any) -> None:
        """Start a kernel over the vertices."""
        self.module.launch(kernel, self.n, *arguments)

    def _checked(self, weight_dtype: np.dtype) -> Any:
        """The distances in the arithmetic of the graph, inf where there is none."""
        if as_sums_are(self.dist, weight_dtype) and not int(self.tallies[0, 0]):
            return self.dist
        dist_checked = self.xp.empty(self.n, arithmetic_of(weight_dtype))
        self._launch(
            f"clean_distances_{self.given}_{self.used}", self.dist, np.int64(self.n),
            np.bool_(np.dtype(weight_dtype).kind in "iub"), dist_checked,
        )  # fmt: skip
        return dist_checked

    def _check_tree(self) -> None:
        """Rule 2: follow all parents at once, twice as far each time, until they are home."""
        ancestor = self.xp.empty(self.n, np.int32)
        moving = self.xp.empty(1, np.int32)
        self._launch("first_ancestors", self.parent, *self.sizes, ancestor)
        for _ in range(self.n.bit_length()):
            moving.fill(0)
            self._launch("follow_ancestors", *self.sizes, ancestor, moving)
            if not int(moving[0]):
                break
        self._launch("tally_astray", self.parent, ancestor, *self.sizes, self.tallies[1])

    def walk(self, part: EdgeList, weight: Any) -> None:
        """Mark and count a slice of edges."""
        self.module.launch(
            f"mark_edges_{self.used}", part.m, part.src, part.dst, weight, np.int64(part.m),
            np.int64(self.n), np.bool_(part.directed), self.dist_checked, self.parent, self.tight,
            self.relaxable, self.counts,
        )  # fmt: skip

    def tally(self) -> None:
        """Rules 3 to 6, by what is marked."""
        self._launch(
            f"tally_marks_{self.given}_{self.used}", self.dist, self.dist_checked, self.parent,
            *self.sizes, self.tight, self.relaxable, self.tallies[2:],
        )  # fmt: skip

    def read(self) -> tuple[Counts, dict[int, tuple[int, int]]]:
        """What was counted, and the broken rules: how many vertices break each, the smallest."""
        others, self_loops, _ = (int(count) for count in self.device.to_host(self.counts))
        counts = Counts(others, others + self_loops, int(self.reached[0]))
        tallies = self.device.to_host(self.tallies).tolist()
        return counts, {
            rule: (count, first)
            for rule, (count, first) in zip(_RULES, tallies, strict=True)
            if count
        }

    def on_host(self) -> tuple[int, np.ndarray, np.ndarray]:
        """The answer as arrays of the host."""
        return self.root, *map(self.device.to_host, (self.dist, self.given_parent))


class DeviceValidator:
    """Validates answers to one graph on a device, as `harness.validation.host.Validator` on a host.

    Parameters
    ----------
    edges : DeviceEdges
        The graph as it was read or generated.
    """

    def __init__(self, edges: DeviceEdges):
        self.edges = edges

    def validate(self, answers: Iterable[Answer]) -> list[Validation]:
        """Check answers against all the rules, in one pass over the edges.

        Takes arrays of the device as well as of the host, returns and raises what
        `harness.validation.host.Validator.validate` does. A broken rule costs passes on the host.
        """
        checks = [DeviceAnswerCheck(self.edges, *answer) for answer in answers]
        if not checks:
            return []
        for part, weight in self._slices():
            for check in checks:
                check.walk(part, weight)
            if int(checks[0].counts[2]):
                self._refuse(part)
        return [self._judge(check) for check in checks]

    def count_m(self, answers: Iterable[Answer]) -> list[Counts]:
        """Count what each answer traversed, as `validate` does, but check no rule."""
        xp, module = self.edges.device.xp, self.edges.device.module("validate.cu")
        dists = [_brought(self.edges, *answer)[1] for answer in answers]
        marks = [(dist >= 0) & (dist < np.inf) for dist in dists]
        counts = [xp.zeros(3, np.uint64) for _ in marks]
        for part in self.edges.slices() if marks else ():
            for reached, found in zip(marks, counts, strict=True):
                module.launch(
                    "count_edges", part.m, part.src, part.dst, np.int64(part.m),
                    np.int64(self.edges.n), np.bool_(part.directed), reached, found,
                )  # fmt: skip
            if int(counts[0][2]):
                self._refuse(part)
        return [
            Counts(int(found[0]), int(found[0] + found[1]), int(xp.count_nonzero(reached)))
            for found, reached in zip(counts, marks, strict=True)
        ]

    def _slices(self) -> Iterator[tuple[EdgeList, Any]]:
        """The slices, each with its weights in the arithmetic of the graph."""
        arithmetic = arithmetic_of(self.edges.weight_dtype)
        for part in self.edges.slices():
            yield part, part.weight.astype(arithmetic, copy=False)

    def _refuse(self, part: EdgeList) -> None:
        """Raise GraphError for the first of a slice's edges that is not one."""
        to_host = self.edges.device.to_host
        src, dst, weight = (to_host(array) for array in (part.src, part.dst, part.weight))
        check_edges(EdgeList(src, dst, weight, self.edges.n))

    def _judge(self, check: DeviceAnswerCheck) -> Validation:
        check.tally()
        counts, broken = check.read()
        if not broken:
            return Validation(True, *counts, [])
        [found] = Validator(self.edges.on_host()).validate([check.on_host()])
        if not found.valid:
            return found
        # Never silent: what one of two judges takes for wrong is not right.
        detail = "found on the device, but not on the host; one of the two is at fault"
        violations = [
            Violation(rule, RULES[rule], count, first, detail)
            for rule, (count, first) in broken.items()
        ]
        return Validation(False, *counts, violations)


def _brought(edges: DeviceEdges, root: int, dist: Any, parent: Any) -> tuple[int, Any, Any]:
    """An answer on the device, as it was given; GraphError where it is not one."""
    device, endpoints = edges.device, Endpoints(edges.n)
    if not isinstance(dist, device.xp.ndarray):
        root, dist, parent = checked_answer(endpoints, root, dist, parent)
        dist, parent = device.to_device(dist), device.to_device(parent)
    else:
        # The checks are of dtypes and shapes; values are not looked at, so none is brought over.
        stand_ins = (_stand_in(array) for array in (dist, parent))
        root = checked_answer(endpoints, root, *stand_ins)[0]
        dist, parent = device.xp.ascontiguousarray(dist), device.xp.ascontiguousarray(parent)
    return root, dist, parent


def _stand_in(array: Any) -> np.ndarray:
    """An array of the host of the same shape and dtype, whose pages are never touched."""
    return np.empty(array.shape, array.dtype)
