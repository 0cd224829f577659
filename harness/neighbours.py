"""Before anything else is imported: are the packages beside this one those of this program?

Importing `sssp` checks that (sssp.import_check). Where another package of the same name stands
before one of them, a command ends here, in one line.
"""

from __future__ import annotations

import sys

try:
    import sssp  # noqa: F401
except ImportError as error:
    sys.stderr.write(f"sssp: error: {error}\n")
    raise SystemExit(2) from None
