"""Version and devices of the CUDA driver, asked without CuPy.

Through ctypes, a handful of functions of libcuda.so.1, so that a machine without a driver is
recognised within a millisecond.
Source: CUDA driver API reference, sections 5.2 (initialization) to 5.5 (devices).
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

LIBRARY = "libcuda.so.1"
NO_DEVICE = 100
_MAJOR, _MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, _MINOR
_NAME_BYTES = 256


@dataclass(frozen=True)
class Gpu:
    """A device that the driver shows: its name and its compute capability."""

    name: str
    capability: tuple[int, int]


class DriverError(RuntimeError):
    """A call into the driver failed; `code` is its CUresult."""

    def __init__(self, code: int, text: str):
        super().__init__(f"{text} (error {code})")
        self.code = code


class Driver:
    """The driver's library.

    Raises
    ------
    OSError
        None can be loaded.
    """

    def __init__(self) -> None:
        self._library = ctypes.CDLL(LIBRARY)
        # A library of that name which lacks them is not a driver.
        for name in ("cuDriverGetVersion", "cuInit", "cuDeviceGetCount"):
            if not hasattr(self._library, name):
                raise OSError(f"{LIBRARY} has no function {name}")

    def version(self) -> tuple[int, int]:
        """The newest CUDA that the driver supports, such as (12, 4)."""
        number = self._asked("cuDriverGetVersion")
        return number // 1000, number % 1000 // 10

    def gpus(self) -> list[Gpu]:
        """The devices that this process may use; initializes the driver.

        Raises
        ------
        DriverError
            The driver cannot be initialized; `code` is NO_DEVICE where it shows no device.
        """
        self._call("cuInit", ctypes.c_uint(0))
        return [self._gpu(index) for index in range(self._asked("cuDeviceGetCount"))]

    def _gpu(self, index: int) -> Gpu:
        device = self._asked("cuDeviceGet", ctypes.c_int(index))
        name = ctypes.create_string_buffer(_NAME_BYTES)
        self._call("cuDeviceGetName", name, ctypes.c_int(_NAME_BYTES), ctypes.c_int(device))
        major, minor = (
            self._asked("cuDeviceGetAttribute", ctypes.c_int(attribute), ctypes.c_int(device))
            for attribute in (_MAJOR, _MINOR)
        )
        return Gpu(name.value.decode(errors="replace"), (major, minor))

    def _asked(self, function: str, *arguments: object) -> int:
        number = ctypes.c_int()
        self._call(function, ctypes.byref(number), *arguments)
        return number.value

    def _call(self, function: str, *arguments: object) -> None:
        code = getattr(self._library, function)(*arguments)
        if code:
            raise DriverError(code, f"{function}: {self._text(code)}")

    def _text(self, code: int) -> str:
        text = ctypes.c_char_p()
        explain = getattr(self._library, "cuGetErrorString", None)
        if explain is None or explain(ctypes.c_int(code), ctypes.byref(text)) or not text.value:
            return "failed"
        return text.value.decode(errors="replace")
