"""Where a run's edges come from: the official generator, or a graph file.

Both kinds of source answer the same: `plan` refuses early what cannot fit and returns what opens
the edges for a run, `load` makes them for no more than reading them, `describe` gives a result
file what they are. Under several ranks each opens its part of the edges.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

from graphs.comm import Comm, SerialComm
from graphs.memory import BASE, Need, PresolvedNeed, gib
from harness.console.errors import MemoryRefused, UsageError
from harness.console.progress import Progress
from harness.machine.memory import available, available_to_each, choose
from kernels.disk import reading

if TYPE_CHECKING:
    from graphs.comm import Comm
    from graphs.edges import EdgeList, Edges


@dataclass(frozen=True)
class LoadedEdges:
    """Edges, the memory they were promised, and the seconds it took to make or read them.

    edges     this rank's part, or all
    need      counts the edges of the whole graph, too
    seconds   those of the slowest rank
    sha256    of the file they come from
    """

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
            "edges": int(self.need.edges),
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
    keep                keep the edge list: True, False, or None for what `choose` takes for best
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

    def plan(self, comm: Comm | None = None, presolve: bool = False) -> Callable[[], LoadedEdges]:
        """Return what makes the edges; MemoryRefused, with the figures, if a run cannot fit."""
        comm = comm or SerialComm()
        try:
            need = self.need(comm, presolve)
        except MemoryRefused as refusal:
            hint = "" if presolve else self._presolved_hint(comm)
            raise MemoryRefused(f"{refusal}{hint}") from None
        return lambda: self._open(need, comm)

    def _presolved_hint(self, comm: Comm) -> str:
        """Return that the graph fits with --presolve, for a refusal; nothing where it does not."""
        try:
            self.need(comm, presolve=True)
        except MemoryRefused:
            return ""
        return f"; with --presolve scale {self.scale} fits"

    def need(self, comm: Comm | None = None, presolve: bool = False) -> Need:
        """Return what a run on it takes; MemoryRefused, with the figures, if that is too much."""
        comm = comm or SerialComm()
        kind = PresolvedNeed if presolve else Need
        need = kind(2**self.scale, self.edges, ranks=comm.size)
        try:
            return choose(need, self.keep, smaller=True, comm=comm)
        except MemoryRefused as refusal:
            raise MemoryRefused(f"{self} does not fit: {refusal}") from None

    def _open(self, need: Need, comm: Comm) -> LoadedEdges:
        comm.barrier()
        start = perf_counter()
        edges = self._edges(need.edges_kept, comm)
        seconds = comm.allreduce_max(perf_counter() - start)
        return LoadedEdges(edges, need, seconds if need.edges_kept else 0.0)

    def load(self) -> Edges:
        """Return the edges for no more than reading them; kept where they fit."""
        need = Need(2**self.scale, self.edges)
        return self._edges(need.reading <= available().bytes, SerialComm())

    def _edges(self, kept: bool, comm: Comm) -> Edges:
        from graphs.generator import KroneckerStream, kronecker
        from graphs.partition import share

        mine = share(self.edges, comm.rank, comm.size)
        part = {"first": mine.start, "count": mine.stop - mine.start}
        make = kronecker if kept else KroneckerStream
        return make(self.scale, self.edgefactor, self.seed, **part)

    def flags(self) -> dict[str, Any]:
        """Return the flags that name this graph."""
        return {
            "scale": self.scale,
            "edgefactor": self.edgefactor,
            "seed": [int(seed) for seed in self.seed],
            "keep_edges": self.keep,
        }

    def describe(self, opened: LoadedEdges) -> dict[str, Any]:
        return opened.describe(
            scale=self.scale, edgefactor=self.edgefactor, seed=[int(seed) for seed in self.seed]
        )


@dataclass(frozen=True)
class GraphFile:
    """A graph from a file.

    path         the file
    symmetrize   make both directions of a directed file
    seed         for the search keys
    format       its format, None: by its name
    weights      "unit" or "random:SEED" for a file without weights
    progress     shows how much has been read
    """

    path: str
    symmetrize: bool = False
    seed: tuple[int, int] = (2, 3)
    format: str | None = None
    weights: str | None = None
    progress: Progress = field(default=Progress(quiet=True), compare=False)

    def __str__(self) -> str:
        return self.path

    def plan(self, comm: Comm | None = None, presolve: bool = False) -> Callable[[], LoadedEdges]:
        """Return what reads the edges, and then says whether a run fits.

        A file which is not there, or is larger than the memory, is refused at once.
        """
        comm = comm or SerialComm()
        self._refuse_early(comm)
        return lambda: self._open(comm)

    def _refuse_early(self, comm: Comm) -> int:
        """Return the bytes that the edges may take; UsageError if the file alone has more."""
        size = self._size()
        there = available_to_each(comm)
        if BASE + size > there.bytes:
            raise MemoryRefused(
                f"{self.path} does not fit: the file alone has {gib(size)}, "
                f"available are {gib(there.bytes)} ({there.limit})"
            )
        return there.bytes - BASE

    def _files(self) -> list[str]:
        from graphs.errors import GraphError
        from graphs.files import files_of

        try:
            return files_of(self.path, self.format)
        except GraphError:  # reading it says why, unless it is a folder or not there
            return [self.path]

    def _size(self) -> int:
        """Return the bytes of its files; UsageError if one cannot be read."""
        size = 0
        for path in self._files():
            try:
                with reading(path) as file:
                    size += os.fstat(file.fileno()).st_size
            except OSError as error:
                raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
        return size

    def _open(self, comm: Comm) -> LoadedEdges:
        from graphs.partition import part_of

        most_bytes = self._refuse_early(comm)
        comm.barrier()
        start = perf_counter()
        edges = self._read(most_bytes)
        whole = Need.of(edges, comm.size)
        if comm.size > 1:  # every rank reads all, as a text has no beginning for each
            edges = part_of(edges, comm.rank, comm.size)
        seconds = comm.allreduce_max(perf_counter() - start)
        try:
            need = choose(whole, keep=True, resident=whole.edge_list, comm=comm)
        except MemoryRefused as refusal:
            raise MemoryRefused(f"{self} does not fit: {refusal}") from None
        return LoadedEdges(edges, need, seconds, self._digest(comm))

    def _digest(self, comm: Comm) -> str:
        """Return the SHA-256 of the file; UsageError if not every rank has the same one."""
        whole = hashlib.sha256()
        for path in self._files():
            with reading(path) as file:
                hashlib.file_digest(file, lambda: whole)
        digest = whole.hexdigest()
        digests = comm.allgather(digest)
        for rank, other in enumerate(digests):
            if other != digests[0]:
                raise UsageError(f"{self.path}: another file on rank {rank} than on rank 0")
        return digest

    def load(self) -> Edges:
        """Read the edges, for no more than reading them."""
        return self._read(self._refuse_early(SerialComm()))

    def _read(self, most_bytes: int) -> EdgeList:
        from graphs.files import read_graph

        with self.progress.reading(self._size()) as read:
            return read_graph(
                self.path, self.symmetrize, most_bytes, self.format, self.weights, read
            )

    def flags(self) -> dict[str, Any]:
        """Return the flags that name this graph."""
        seed = [int(seed) for seed in self.seed]
        how = {"format": self.format, "weights": self.weights}
        return {"graph": self.path, "symmetrize": self.symmetrize, "seed": seed, **how}

    def describe(self, opened: LoadedEdges) -> dict[str, Any]:
        return opened.describe(edgefactor=opened.need.edges / opened.edges.n, file=self.path)


Source = OfficialGraph | GraphFile
