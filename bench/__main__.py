"""`python -m bench`: every figure as a ratio against raw psycopg, measured in the same run on a fresh server."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from bench import imports, logs, repositories, services, sign_in, start
from bench.measure import Figure
from vibecore.bootstrap.stores import server_url


def figures(url: str) -> Iterator[Figure]:
    yield start.figure()
    yield from repositories.figures(url)
    yield from services.figures(url)
    yield from sign_in.figures(url)
    yield imports.figure(url)
    yield from logs.figures(url)


def main() -> None:
    console = Console()
    table = Table("figure", "vibecore", "reference", "ratio", "goal", "")
    with tempfile.TemporaryDirectory(prefix="vibecore-bench-") as folder:
        url, closers = server_url(f"embedded://{folder}/server", None)
        try:
            with console.status("measuring") as status:
                for figure in figures(url):
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
