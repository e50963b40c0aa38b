"""The sample project that the reports in `tests/data/reports` are about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

DATA: Final = Path(__file__).parents[0] / "data" / "reports"
ROOT: Final = "/home/ci/engine"
FILES: Final = {
    file.name.removesuffix(".txt").replace("+", "/"): file.read_text(encoding="utf-8")
    for file in sorted((DATA / "sample").iterdir())
}


def sarif(*results: Any, rules: Any = (), tool: str = "Tool", **run: Any) -> bytes:
    """A log of one run."""
    driver = {"name": tool, "rules": list(rules)}
    return log({"tool": {"driver": driver}, "results": list(results), **run})


def log(*runs: Any) -> bytes:
    return json.dumps({"version": "2.1.0", "runs": list(runs)}).encode()


def result(uri: str = "src/pkg/maths.py", line: int | None = 2, column: int | None = None, **more: Any) -> Any:
    """A result at a place."""
    region = {key: value for key, value in (("startLine", line), ("startColumn", column)) if value is not None}
    place = {"artifactLocation": {"uri": uri}, **({"region": region} if region else {})}
    return {"ruleId": "R1", "message": {"text": "wrong"}, "locations": [{"physicalLocation": place}], **more}
