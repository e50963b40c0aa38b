"""The command line as its users have it: a process, its exit code and what it prints."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

LONGEST: Final = 120
"""Seconds after which a command counts as hanging."""


@dataclass(frozen=True)
class Ran:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)

    def done(self) -> Ran:
        """This, if it succeeded."""
        assert self.code == 0, self
        return self

    def refused(self, code: int) -> str:
        """Its one line, if it ended with `code` and said nothing else."""
        lines = self.err.splitlines()
        assert self.code == code, self
        assert self.out == ""
        assert len(lines) == 1, self.err
        assert lines[0].startswith("vibecore: ")
        return lines[0].removeprefix("vibecore: ")


def environment(**variables: str) -> dict[str, str]:
    """The process's own, without what would steer vibecore or Rich."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("VIBECORE_") and name not in ("COLUMNS", "FORCE_COLOR", "PYTHONIOENCODING", "TERM")
    }
    return kept | variables


def command(arguments: Sequence[str | Path]) -> list[str]:
    """The argument vector of `vibecore` with these arguments."""
    return [sys.executable, "-m", "vibecore", *map(str, arguments)]


def vibecore(*arguments: str | Path, given: str = "", variables: Mapping[str, str] = {}) -> Ran:
    """Run `vibecore` with `given` on its standard input."""
    ran = subprocess.run(
        command(arguments),
        input=given,
        capture_output=True,
        text=True,
        timeout=LONGEST,
        env=environment(**variables),
        check=False,
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def same(text: str) -> str:
    """`text` without what differs between any two runs: ids, times of day and timings."""
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<id>", text)
    text = re.sub(r"\b\d\d:\d\d:\d\d\b", "<time>", text)
    return text.partition("How long it took")[0]


def same_document(value: Any, name: str = "") -> Any:
    """A JSON document without ids, times and timings; their places stay."""
    if isinstance(value, dict):
        return {key: same_document(item, key) for key, item in value.items() if key != "seconds"}
    if isinstance(value, list):
        return [same_document(item, name) for item in value]
    if name in ("id", "resource_id", "rollback_of", "at", "live_at", "completed_at"):
        return None if value is None else "..."
    return value
