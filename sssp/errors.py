"""Errors of the solver."""


class EngineError(RuntimeError):
    """An engine asked for by name cannot run here; the message says what is missing."""


class DeviceMemoryError(EngineError):
    """The device has too little memory; the message says what is needed and what there is."""
