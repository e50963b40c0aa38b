"""What a command prints: text for people or one JSON document on stdout, everything else on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import Enum
from uuid import UUID

from rich.console import Console

WIDTH = 120
"""Columns where the output is no terminal and COLUMNS does not say otherwise."""


def out() -> Console:
    """Where results go."""
    return _console(stderr=False)


def err() -> Console:
    """Where progress and messages go."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else WIDTH
    return Console(stderr=stderr, width=width, highlight=False, emoji=False, markup=False)


def write(text: str) -> None:
    """`text` to stdout as it is, in UTF-8; to a terminal with control characters escaped that could steer it."""
    if sys.stdout.isatty():
        text = "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


def emit(document: Mapping[str, object]) -> None:
    """One JSON document on stdout, in ASCII, so that no locale can spoil it."""
    print(json.dumps(document, default=_json, indent=2))  # noqa: T201


def _json(value: object) -> object:
    match value:
        case Decimal():
            return float(value)
        case UUID():
            return str(value)
        case date():
            return value.isoformat()
        case Enum():
            return value.value
        case Mapping():
            return dict(value)
        case _:
            raise TypeError(f"{type(value).__name__} has no JSON form")
