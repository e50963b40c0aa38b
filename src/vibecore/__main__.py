"""`python -m vibecore` is the command `vibecore`."""

from __future__ import annotations

import sys

from vibecore.cli import main

if __name__ == "__main__":
    sys.exit(main())
