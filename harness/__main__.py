"""`python -m harness`: the command `sssp` where it is not on the PATH."""

import sys

from harness.cli import main

if __name__ == "__main__":
    sys.exit(main())
