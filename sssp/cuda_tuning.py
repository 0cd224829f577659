"""What a search on a device can be given: numbers that change how long it takes, not what it finds.

One record, `CudaTuning`. A solver takes it as an argument; without one, the environment says it as
SSSP_CUDA_TUNING="narrow=4096,ahead=4", with the defaults for all that is not named.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, fields

from graphs.errors import GraphError

VARIABLE = "SSSP_CUDA_TUNING"

# The least and the largest number that each field may be.
_RANGES: dict[str, tuple[float, float]] = {
    "narrow": (0, 2**31 - 1),
    "ahead": (1, 64),
    "sweeps": (1, 64),
    "wider": (1e-6, 1e6),
    "blocks": (1, 8),
    "one_launch": (0, 1),
}


def _allowed(name: str) -> str:
    """What a field may be, in words."""
    least, most = _RANGES[name]
    kind = "a number" if name == "wider" else "an integer"
    return f"{kind} from {least:g} to {most:.10g}"


@dataclass(frozen=True)
class CudaTuning:
    """How a device searches.

    narrow       entries that one block looks at in a round sooner than all blocks do
    ahead        rounds on all blocks to start before anything is read back, without one_launch
    sweeps       sweeps after a pull to start before anything is read back, without one_launch
    wider        how much wider buckets are than on the CPU, unless their width is given; counted at
                 scales 16 and 18, 4 takes 0.65 times the rounds and no more arcs, on grids 0.7
                 times, and 1.5 times the arcs
    blocks       blocks of 256 threads on a multiprocessor, at most
    one_launch   run all steps, a pull among them, in one cooperative launch: no launch and no
                 reading back between them, but a barrier of the grid's own between large ones; else
                 a launch for each of these

    Raises
    ------
    GraphError
        A number is not allowed; the message says which are.
    """

    narrow: int = 2048
    ahead: int = 8
    sweeps: int = 6
    wider: float = 4.0
    blocks: int = 8
    one_launch: bool = True

    def __post_init__(self) -> None:
        for name, (least, most) in _RANGES.items():
            value = getattr(self, name)
            allowed = (int, float) if name == "wider" else int
            if isinstance(value, allowed) and least <= value <= most:
                continue
            raise GraphError(f"CUDA tuning {name}={value!r} is not {_allowed(name)}")

    def __str__(self) -> str:
        """As SSSP_CUDA_TUNING takes it."""
        return ",".join(f"{name}={value:.10g}" for name, value in asdict(self).items())

    @classmethod
    def parse(cls, text: str) -> CudaTuning:
        """The tuning that a text of name=value parts, with commas between, describes.

        Raises
        ------
        GraphError
            A part is not name=value, a name is not known or stands twice, or a value is not
            allowed.
        """
        kinds = {field.name: type(field.default) for field in fields(cls)}
        given: dict[str, float] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, _, value = (side.strip() for side in part.partition("="))
            if name not in kinds or name in given:
                what = "stands twice" if name in given else "is not known"
                raise GraphError(
                    f"CUDA tuning {part!r}: {name!r} {what}; write name=value, of "
                    + ", ".join(kinds)
                )
            try:
                given[name] = float(value) if kinds[name] is float else int(value)
            except ValueError:
                what = f"{value!r} is not {_allowed(name)}"
                raise GraphError(f"CUDA tuning {part!r}: {what}") from None
        return cls(**given)  # type: ignore[arg-type]

    @classmethod
    def from_environment(cls) -> CudaTuning:
        """What SSSP_CUDA_TUNING says, or the defaults; errors name the variable."""
        try:
            return cls.parse(os.environ.get(VARIABLE, ""))
        except GraphError as error:
            raise GraphError(f"{VARIABLE}: {error}") from None

    def record(self) -> dict[str, object]:
        """The fields, for a result file."""
        return {**asdict(self), "one_launch": bool(self.one_launch)}
