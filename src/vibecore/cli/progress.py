"""Long work, told on stderr while it runs and timed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


class Step:
    """One step of the work; `at` tells how far it has come."""

    def __init__(self, progress: Progress | None, total: int | None) -> None:
        self._progress = progress
        self._task = None if progress is None else progress.add_task("", total=total, said="")
        self.said = ""

    def at(self, done: int, said: str) -> None:
        """`done` of the total so far; `said` is shown beside it, and stays when the step is done."""
        self.said = said
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=done, said=said)


class Steps:
    """The steps of one command. `seconds` holds what each finished one took."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str, *, total: int | None = None) -> Iterator[Step]:
        """Time the block. On a terminal it shows as it goes, with a bar where `total` is known; then one line stays."""
        start = time.perf_counter()
        if self._console.is_terminal:
            with self._bar(name, total) as progress:
                step = Step(progress, total)
                yield step
        else:
            step = Step(None, total)
            yield step
        self.seconds[name] = time.perf_counter() - start
        line = f"{name:<28} {self.seconds[name]:7.2f} s  {step.said}"
        self._console.print(line.rstrip(), soft_wrap=True)

    def _bar(self, name: str, total: int | None) -> Progress:
        bar = [BarColumn(bar_width=30)] if total else []
        return Progress(
            SpinnerColumn(),
            TextColumn(name),
            *bar,
            TimeElapsedColumn(),
            TextColumn("{task.fields[said]}", markup=False),
            console=self._console,
            transient=True,
        )
