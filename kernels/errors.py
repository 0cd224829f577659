"""EngineError, which every package may raise: kernels cannot run in this process."""

from __future__ import annotations


class EngineError(RuntimeError):
    """An engine cannot run here, or not any more; the message says what is missing, what to do."""
