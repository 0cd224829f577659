"""Kernels on plain arrays: generate, build, search, validate.

Importing this package sets up numba without importing it; the modules do that.

Threads that wait for each other should give their core away soon: the GNU OpenMP library, which
numba uses, lets them spin for milliseconds, and where other programs share the cores a search
then takes three to thirty times as long. The user's own OMP_WAIT_POLICY or GOMP_SPINCOUNT counts.
"""

from __future__ import annotations

import os

if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")
