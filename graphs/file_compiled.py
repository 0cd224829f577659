"""Blocks of lines through the compiled walk of kernels/lines.py."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphs.file_words import Layout, Table
from kernels.lines import Edges, Form, parse
from kernels.threads import available_cores, check_threads_run

_MOST_THREADS = 8  # more would wait for the one that reads the file


def walker(layout: Layout, last_id: int) -> tuple[Callable[[bytes], Table], int]:
    """Return what reads a block, and on how many threads at once it is worth it."""
    check_threads_run(1)
    lead = layout.lead[0] if layout.lead else 0
    comma = ord(",") if layout.comma else 0
    comment, comment2 = layout.comments[0], layout.comments[-1]
    form = Form(lead, comma, comment, comment2, layout.columns, layout.first_id, last_id)
    return lambda block: _walk(block, form), min(available_cores(), _MOST_THREADS)


def _walk(block: bytes, form: Form) -> Table:
    text = np.frombuffer(block, np.uint8)
    lines = block.count(b"\n")
    src, dst, whole, end = (np.empty(k, np.int64) for k in (lines, lines, lines, 1))
    real = np.empty(lines)
    if form.columns < 2:
        dst[:] = 0
    if form.columns < 3:
        whole[:] = 0
    out = Edges(src, dst, whole, real, end)
    count, stopped, first_real, first_large = parse(text, text.ctypes.data, form, out)
    weight = whole if max(first_real, first_large) < 0 else real
    # What was made for comments is given back.
    columns = [c[:count].copy() if count < 0.9 * lines else c[:count] for c in (src, dst, weight)]
    offsets = [None if at in (-1, len(block)) else at for at in (stopped, first_real, first_large)]
    return Table(columns[0], columns[1], columns[2], offsets[0], offsets[1], offsets[2])
