"""Both type checkers accept the typed usage files, except for the lines that say that they must not."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(path for path in Path(__file__).parent.glob("*.py") if not path.name.startswith("test_"))


def refused(path: Path) -> set[int]:
    """The numbers of the lines that carry an ignore."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return {number for number, line in enumerate(lines, 1) if re.search(r"# type: ignore\[", line)}


def run(*command: str) -> str:
    """What a checker of this environment says."""
    ran = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode in (0, 1), ran.stdout + ran.stderr
    return ran.stdout


def test_mypy_accepts_what_it_must_and_refuses_what_it_must() -> None:
    """Strict: an ignore on a line without that error is an error itself."""
    assert "Success" in (said := run("mypy", *map(str, FILES))), said


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_pyright_accepts_what_it_must_and_refuses_what_it_must(path: Path, tmp_path: Path) -> None:
    """Run without regard to the ignores: exactly their lines have errors."""
    configuration = tmp_path / "pyrightconfig.json"
    venv = Path(sys.prefix)
    settings = {
        "include": [str(path)],
        "extraPaths": [str(ROOT / "src"), str(ROOT)],
        "venvPath": str(venv.parent),
        "venv": venv.name,
        "typeCheckingMode": "strict",
        "enableTypeIgnoreComments": False,
        "reportUnusedExpression": False,
        "failOnWarnings": False,
    }
    configuration.write_text(json.dumps(settings), encoding="utf-8")
    said = json.loads(run("basedpyright", "--project", str(configuration), "--outputjson"))
    errors = [each for each in said["generalDiagnostics"] if each["severity"] == "error"]
    found = {each["range"]["start"]["line"] + 1: each["message"] for each in errors}
    assert said["summary"]["filesAnalyzed"] == 1
    assert set(found) == refused(path), found
