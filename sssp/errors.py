"""Errors of the solver."""


class EngineError(RuntimeError):
    """An engine asked for by name cannot run here; the message says what is missing."""
