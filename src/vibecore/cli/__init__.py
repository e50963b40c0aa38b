"""The command `vibecore`: what operators and the curious do without writing Python. docs/cli.md describes it.

Each module below holds the commands of one noun. They import what they need inside the command, so that
`vibecore --help` loads no database library.
"""

from __future__ import annotations

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line (None: the process's own arguments) and return its exit code; see `vibecore.cli.exits`."""
    from vibecore.cli.run import run

    return run(arguments)
