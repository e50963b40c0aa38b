"""`python -m vibecore.testing.parity`: run the machine for a number of steps and say how many were made."""

from __future__ import annotations

import time
from typing import Annotated, Final

import typer
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from vibecore.testing.backends import MEMORY, Backends, names
from vibecore.testing.parity.machine import between

LENGTH: Final = 60
"""Steps of one example at most."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def run(
    steps: Annotated[int, typer.Option(min=1, help="Steps on each pair of backends.")] = 2_000,
    backend: Annotated[str, typer.Option(help="The backend to hold against memory; default: all there are.")] = "",
) -> None:
    """Drive memory and PostgreSQL with the same random calls and stop at the first difference."""
    chosen = [name for name in names() if name != MEMORY and backend in ("", name)]
    if not chosen:
        typer.echo(f"no backend is called {backend}; there are {', '.join(names())}", err=True)
        raise typer.Exit(2)
    with Backends() as backends:
        for name in chosen:
            machine = between(backends[MEMORY], backends[name])
            start = time.perf_counter()
            while machine.steps < steps:
                run_state_machine_as_test(machine, settings=_settings(steps - machine.steps))
                typer.echo(f"{name}: {machine.steps:,} of {steps:,} steps", err=True)
            seconds = time.perf_counter() - start
            typer.echo(f"{name}: {machine.steps:,} steps, no divergence, {seconds:.0f} s")


def _settings(missing: int) -> settings:
    return settings(
        max_examples=max(1, min(200, missing // 30)),
        stateful_step_count=LENGTH,
        deadline=None,
        database=None,
        print_blob=True,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )


if __name__ == "__main__":
    app()
