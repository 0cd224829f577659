"""Which engines can run here, and which one a caller gets that names one or takes the best."""

from __future__ import annotations

from graphs.comm import Comm
from graphs.errors import GraphError
from sssp import cuda_missing
from sssp.cuda_tuning import CudaTuning
from sssp.errors import EngineError


def engines() -> dict[str, str | None]:
    """Engines by name; None where one can run here, else what is missing."""
    return {"cpu": None, "cuda": cuda_missing.missing()}


def check_engine(engine: str) -> str:
    """Return the name of the engine to use.

    Raises
    ------
    GraphError
        There is no engine of that name, or SSSP_CUDA_TUNING is not allowed.
    EngineError
        The engine asked for cannot run here.
    """
    known = engines()
    if not isinstance(engine, str) or engine not in ("auto", *known):
        raise GraphError(f"engine={engine!r} is not known; choose auto, {', '.join(known)}")
    name = engine
    if engine == "auto":
        name = "cuda" if known["cuda"] is None else "cpu"
    if known[name] is not None:
        raise EngineError(f"engine {name!r} cannot run here: {known[name]}")
    if name == "cuda":
        CudaTuning.from_environment()  # a fault in it is said before any work
    return name


def agreed_engine(engine: str, comm: Comm) -> str:
    """What `check_engine` says, for all ranks: with one that has no GPU, "auto" takes none.

    Collective; raises what `check_engine` does.
    """
    name = check_engine(engine)
    if engine == "auto" and not comm.allreduce_and(name == "cuda"):
        name = "cpu"
    return name


def check_output(output: str, engine: str) -> str:
    """Return where answers are to be; raise GraphError where that cannot be."""
    if not isinstance(output, str) or output not in ("host", "device"):
        raise GraphError(f"output={output!r} is not known; choose host or device")
    if output == "device" and engine == "cpu":
        raise GraphError("output='device' needs engine='cuda', not 'cpu'")
    return output


def device_engine(engine: str) -> str:
    """The engine where the rows are on a device; GraphError where another is asked for."""
    if not isinstance(engine, str) or engine not in ("auto", "cuda"):
        raise GraphError(f"engine={engine!r} cannot be: the graph is on a device; choose cuda")
    return "cuda"
