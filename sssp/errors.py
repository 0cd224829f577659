"""Errors of the solver."""

from kernels.errors import EngineError

__all__ = ["DeviceMemoryError", "EngineError"]


class DeviceMemoryError(EngineError):
    """The device has too little memory; the message says what is needed and what there is."""
