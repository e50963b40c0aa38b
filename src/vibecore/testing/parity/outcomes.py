"""Outcomes of calls, and when two are the same: equal values of equal types, or equal errors with equal facts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vibecore.domain.errors import VibecoreError


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call gave: a value, or an error by its type and its facts."""

    value: Any = None
    error: type[VibecoreError] | None = None
    facts: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        return f"{self.value!r}" if self.error is None else f"{self.error.__name__} {dict(self.facts or {})}"


def outcome(call: Callable[[], Any]) -> Outcome:
    """Run `call`. Errors that vibecore does not raise on purpose are bugs and pass through."""
    try:
        return Outcome(call())
    except VibecoreError as error:
        return Outcome(None, type(error), error.facts)


def difference(a: Any, b: Any, place: str = "") -> str | None:
    """Where two values differ, in words; None if nothing tells them apart, be it type, order or time zone."""
    if type(a) is not type(b):
        return f"{place}: {type(a).__name__} {a!r} is not {type(b).__name__} {b!r}"
    if isinstance(a, Outcome):
        return difference(_parts(a), _parts(b), place)
    if dataclasses.is_dataclass(a) and not isinstance(a, type):
        names = [field.name for field in dataclasses.fields(a)]
        return _first((getattr(a, name), getattr(b, name), f"{place}.{name}") for name in names)
    if isinstance(a, dict):
        if list(a) != list(b):
            return f"{place}: keys {list(a)} are not {list(b)}"
        return _first((a[key], b[key], f"{place}[{key!r}]") for key in a)
    if isinstance(a, (list, tuple)):
        if len(a) != len(b):
            return f"{place}: {len(a)} items are not {len(b)}: {a!r} against {b!r}"
        return _first((x, y, f"{place}[{i}]") for i, (x, y) in enumerate(zip(a, b, strict=True)))
    if isinstance(a, datetime) and a.tzinfo is not b.tzinfo:
        return f"{place}: time zone {a.tzinfo!r} is not {b.tzinfo!r}"
    if a != b or repr(a) != repr(b):
        return f"{place}: {a!r} is not {b!r}"
    return None


def _parts(outcome: Outcome) -> tuple[Any, ...]:
    return (None if outcome.error is None else outcome.error.__name__, dict(outcome.facts or {}), outcome.value)


def _first(pairs: Any) -> str | None:
    return next((found for a, b, place in pairs if (found := difference(a, b, place)) is not None), None)
