"""Python's cycle collector, kept out of what is timed, of imports and of what loads kernels.

It walks all objects each time that there are a quarter more; few of numba's are circles.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def gc_disabled() -> Iterator[None]:
    """Keep the collector out of a block, as timeit does."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
