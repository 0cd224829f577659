"""Where a run's edges come from: the official generator, or somebody's file.

Both kinds of source answer the same: `plan` refuses early what cannot fit and returns what opens
the edges for a run, `load` makes them for no more than reading them, `describe` tells a result
file what they are.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

from harness.errors import MemoryRefused, UsageError
from harness.memory import BASE, Need, available, choose, gib

if TYPE_CHECKING:
    from graphs.edges import Edges


@dataclass(frozen=True)
class Opened:
    """Edges, the memory they were promised, and the seconds it took to make or read them."""

    edges: Edges
    need: Need
    seconds: float
    sha256: str | None = None

    def describe(self, **known: Any) -> dict[str, Any]:
        """Return the `graph` part of a result, the arcs not counted yet."""
        return {
            "scale": None,
            "seed": None,
            "n": int(self.edges.n),
            "edges": int(self.edges.m),
            "arcs": 0,
            "file": None,
            "sha256": self.sha256,
            "directed": bool(self.edges.directed),
            "weight_dtype": str(self.edges.weight_dtype),
            **known,
        }


@dataclass(frozen=True)
class OfficialGraph:
    """A graph of the official generator.

    scale, edgefactor   2**scale vertices, edgefactor * 2**scale edges
    seed                the generator's two seeds; the search keys come from them too
    keep                keep the edge list: True, False, or None for where it fits
    """

    scale: int
    edgefactor: int = 16
    seed: tuple[int, int] = (2, 3)
    keep: bool | None = None

    @property
    def edges(self) -> int:
        return self.edgefactor * 2**self.scale

    def __str__(self) -> str:
        return f"scale {self.scale}, edge factor {self.edgefactor}"

    def plan(self) -> Callable[[], Opened]:
        """Return what makes the edges; MemoryRefused, with the figures, if a run cannot fit."""
        need = self.need()
        return lambda: self._open(need)

    def need(self) -> Need:
        """Return what a run on it takes; MemoryRefused, with the figures, if that is too much."""
        try:
            return choose(2**self.scale, self.edges, keep=self.keep)
        except MemoryRefused as refusal:
            raise MemoryRefused(f"{self} does not fit: {refusal}; {self._largest()}") from None

    def _largest(self) -> str:
        """Say which scale would do."""
        for scale in range(self.scale - 1, 0, -1):
            with suppress(MemoryRefused):
                choose(2**scale, self.edgefactor * 2**scale, keep=self.keep)
                return f"scale {scale} fits"
        return "no scale fits"

    def _open(self, need: Need) -> Opened:
        start = perf_counter()
        edges = self._edges(need.edges_kept)
        return Opened(edges, need, perf_counter() - start if need.edges_kept else 0.0)

    def load(self) -> Edges:
        """Return the edges for no more than reading them; kept where they fit."""
        need = Need(2**self.scale, self.edges)
        return self._edges(BASE + need.edge_list + need.answer <= available().bytes)

    def _edges(self, kept: bool) -> Edges:
        from graphs.generator import KroneckerStream, kronecker

        make = kronecker if kept else KroneckerStream
        return make(self.scale, self.edgefactor, self.seed)

    def flags(self) -> dict[str, Any]:
        """Return the flags that name this graph."""
        return {
            "scale": self.scale,
            "edgefactor": self.edgefactor,
            "seed": [int(seed) for seed in self.seed],
            "keep_edges": self.keep,
        }

    def describe(self, opened: Opened) -> dict[str, Any]:
        return opened.describe(
            scale=self.scale, edgefactor=self.edgefactor, seed=[int(seed) for seed in self.seed]
        )


@dataclass(frozen=True)
class GraphFile:
    """A graph from a file, its format told by its suffix.

    path         the file
    symmetrize   make both directions of a directed file
    seed         for the search keys
    """

    path: str
    symmetrize: bool = False
    seed: tuple[int, int] = (2, 3)

    def __str__(self) -> str:
        return self.path

    def plan(self) -> Callable[[], Opened]:
        """Return what reads the edges, and then says whether a run fits.

        A file which is not there, or is larger than the memory, is refused at once.
        """
        self._refuse_early()
        return self._open

    def _refuse_early(self) -> None:
        try:
            size = os.stat(self.path).st_size
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be read: {error.strerror}") from error
        if os.path.isdir(self.path):
            raise UsageError(f"{self.path}: is a folder, not a graph file")
        there = available()
        if BASE + size > there.bytes:
            raise MemoryRefused(
                f"{self.path} does not fit: the file alone has {gib(size)}, "
                f"available are {gib(there.bytes)} ({there.limit})"
            )

    def _open(self) -> Opened:
        start = perf_counter()
        edges = self.load()
        seconds = perf_counter() - start
        weight_bytes = 8 if edges.weight_dtype.itemsize > 4 else 4
        resident = Need(edges.n, edges.m, weight_bytes).edge_list
        try:
            need = choose(edges.n, edges.m, weight_bytes=weight_bytes, keep=True, resident=resident)
        except MemoryRefused as refusal:
            raise MemoryRefused(f"{self} does not fit: {refusal}") from None
        with open(self.path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Opened(edges, need, seconds, digest)

    def load(self) -> Edges:
        """Read the edges, for no more than reading them."""
        from graphs.files import read_graph

        self._refuse_early()
        return read_graph(self.path, symmetrize=self.symmetrize)

    def flags(self) -> dict[str, Any]:
        """Return the flags that name this graph."""
        seed = [int(seed) for seed in self.seed]
        return {"graph": self.path, "symmetrize": self.symmetrize, "seed": seed}

    def describe(self, opened: Opened) -> dict[str, Any]:
        return opened.describe(edgefactor=opened.edges.m / opened.edges.n, file=self.path)


Source = OfficialGraph | GraphFile
