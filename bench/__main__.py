"""`python -m bench`: every figure as a ratio against raw psycopg, measured in the same run on a fresh server.

`python -m bench logins` measures one section; they are `SECTIONS`.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Final

from rich.console import Console
from rich.table import Table

from bench import imports, logins, logs, repositories, services, sign_in, start
from bench.measure import Figure
from vibecore.bootstrap.stores import server_url

SECTIONS: Final[dict[str, Callable[[str], Iterator[Figure]]]] = {
    "start": lambda url: iter((start.figure(),)),
    "repositories": repositories.figures,
    "services": services.figures,
    "sign_in": sign_in.figures,
    "logins": logins.figures,
    "imports": lambda url: iter((imports.figure(url),)),
    "logs": logs.figures,
}


def figures(url: str, chosen: list[str]) -> Iterator[Figure]:
    """Of the sections that are named, or of all."""
    for name in chosen or SECTIONS:
        yield from SECTIONS[name](url)


def main() -> None:
    console = Console()
    chosen = sys.argv[1:]
    if unknown := sorted(set(chosen) - set(SECTIONS)):
        sys.exit(f"no such section: {', '.join(unknown)}; there are: {', '.join(SECTIONS)}")
    table = Table("figure", "vibecore", "reference", "ratio", "goal", "")
    with tempfile.TemporaryDirectory(prefix="vibecore-bench-") as folder:
        url, closers = server_url(f"embedded://{folder}/server", None)
        try:
            with console.status("measuring") as status:
                for figure in figures(url, chosen):
                    sign = ">=" if figure.at_least else "<="
                    verdict = "[green]met" if figure.met else "[red]missed"
                    table.add_row(
                        figure.name,
                        figure.ours,
                        figure.reference,
                        f"{figure.ratio:.2f}",
                        f"{sign} {figure.goal}",
                        verdict,
                    )
                    status.update(f"measured: {figure.name}")
        finally:
            for close in closers:
                close()
    console.print(table)


if __name__ == "__main__":
    main()
