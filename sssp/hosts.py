"""Which machine a process runs on, whatever name its container gives it."""

from __future__ import annotations

import socket
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def machine_id() -> str:
    """Return what identifies a running system; the same in all of its containers."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return socket.gethostname()
