"""Paired timing: ours and the reference in turn, so that a drift of the machine hits both."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report. `ratio` is ours / reference; `goal` bounds it from above, or from below if `at_least`."""

    name: str
    ours: str
    reference: str
    ratio: float
    goal: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.ratio >= self.goal if self.at_least else self.ratio <= self.goal


def seconds(call: Callable[[], object], number: int) -> float:
    """Mean seconds of `number` calls in a row, the collector switched off as `timeit` does."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        start = time.perf_counter()
        for _ in range(number):
            call()
        return (time.perf_counter() - start) / number
    finally:
        if enabled:
            gc.enable()


def paired(
    name: str,
    ours: Callable[[], object],
    reference: Callable[[], object],
    *,
    goal: float,
    number: int,
    rounds: int = 15,
) -> Figure:
    """Median over `rounds` of the ratio of `number` calls each, after a warm-up that prepares statements."""
    seconds(ours, 20)
    seconds(reference, 20)
    ratios, mine, theirs = [], [], []
    for _ in range(rounds):
        a, b = seconds(ours, number), seconds(reference, number)
        mine.append(a)
        theirs.append(b)
        ratios.append(a / b)
    return Figure(
        name, micro(statistics.median(mine)), micro(statistics.median(theirs)), statistics.median(ratios), goal
    )


def micro(value: float) -> str:
    """Seconds as microseconds for people."""
    return f"{value * 1e6:,.2f} µs" if value < 1e-5 else f"{value * 1e6:,.0f} µs"
