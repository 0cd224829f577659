"""The rows a search walks on a device: a graph as kernel 1 leaves it there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from graphs.forest import DeviceForest
from graphs.rows import CSR

if TYPE_CHECKING:
    from kernels.device import Device

WEIGHTS = {"float32": np.float32, "uint32": np.uint32, "float64": np.float64}


@dataclass(frozen=True)
class DeviceRows:
    """The arcs of one direction, on a device; see kernels.groups.Rows.

    indptr   int64 (n + 1,)
    arcs     uint64 words: (arcs,), weight bits above and neighbour below, for weights of 32 bits;
             (arcs, 2), neighbour and weight bits, for float64
    kind     arithmetic of the weights
    """

    indptr: Any
    arcs: Any
    kind: str

    @property
    def adj(self) -> Any:
        if self.kind == "float64":
            return self.arcs[:, 0].view(np.int64)
        return self.arcs.view(np.int32)[::2]

    @property
    def weight(self) -> Any:
        if self.kind == "float64":
            return self.arcs.reshape(-1).view(np.float64)[1::2]
        return self.arcs.view(WEIGHTS[self.kind])[1::2]


@dataclass(frozen=True)
class DeviceCSR(CSR):
    """A graph as kernel 1 leaves it on a device.

    `out` and `incoming` are `DeviceRows`; local_id and global_id are arrays on the device as well,
    degree_positive and the sample on the host.
    """

    out: Any
    incoming: Any
    device: Device
    forest: DeviceForest | None = field(default=None, kw_only=True)  # type: ignore[assignment]

    def _widened(self, rows: Any) -> Any:
        xp = self.device.xp
        arcs = xp.empty((len(rows.arcs), 2), np.uint64)
        arcs[:, 0] = rows.adj
        arcs[:, 1] = rows.weight.astype(np.float64).view(np.uint64)
        return DeviceRows(rows.indptr, arcs, "float64")
