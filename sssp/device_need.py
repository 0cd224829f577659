"""Device memory that a search needs."""

from __future__ import annotations

from dataclasses import dataclass

CHUNK = 512  # arcs of a chunk of a long row, as in kernels/push.cu


@dataclass(frozen=True)
class DeviceNeed:
    """Bytes on the device that a search needs beside the rows, array by array.

    For Graph500's graphs, n = 2^scale vertices and 32 n arcs at the most: 8 n + 64 n + 2 n + 12 n.

    state     distance and parent of each label
    queues    four queues of entries
    hubs      chunks of long rows, two for each CHUNK arcs at most
    answer    distance and parent in original ids
    """

    state: int
    queues: int
    hubs: int
    answer: int

    @staticmethod
    def of(
        labels: int, capacity: int, arcs: int, kind: str, several_ranks: bool = False
    ) -> DeviceNeed:
        """What a graph of this size needs, with room for `capacity` entries in a queue."""
        wide = kind == "float64"
        entry = 24 if wide else 16
        return DeviceNeed(
            state=labels * (16 if wide else 8),
            queues=(5 if several_ranks else 4) * entry * capacity,
            hubs=entry * hub_capacity(arcs),
            answer=labels * (8 + (4 if kind == "float32" else 8)),
        )

    @property
    def total(self) -> int:
        """The sum."""
        return self.state + self.queues + self.hubs + self.answer


def hub_capacity(arcs: int) -> int:
    """Chunks that rows of more than CHUNK arcs can have, over all rows."""
    return 2 * arcs // CHUNK + 1
