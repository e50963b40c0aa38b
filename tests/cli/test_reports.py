"""Reports of other tools by the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.commands import Ran, vibecore
from tests.cli.conftest import PASSWORD
from tests.reports_data import result, sarif

REFUSED, USAGE = 1, 2


@pytest.fixture
def project(database: str, ada: str, tree: Path) -> str:
    """The id of a project with the files of `tree`."""
    made = vibecore("import", tree, "--new", "engine", "--email", ada, "--url", database, given=f"{PASSWORD}\n")
    return made.done().out.split()[-1]


def run(database: str, *arguments: str | Path, given: str = "") -> Ran:
    return vibecore(*arguments, "--url", database, given=given)


def test_sarif_in_and_out(database: str, project: str, tmp_path: Path) -> None:
    """From a file or standard input, to a file or standard output; what is skipped is listed and is no failure."""
    report = tmp_path / "report.sarif"
    report.write_bytes(sarif(result("clean.py", 1), result("../gone.py", 1)))
    told = run(database, "sarif", "import", "engine", report).done().out
    assert told.startswith("1 reviews by Tool, 0 of them clean: 1 warning, 0 suppressed")
    assert "  ../gone.py: leads out of the project\n" in told
    again = run(database, "sarif", "import", "engine", "-", "--json", given=report.read_text()).done().json
    assert again["project"] == {"id": project, "name": "engine"}
    assert (again["sarif"]["reviews"], again["sarif"]["skipped"][0]["place"]) == (1, 1)
    printed = run(database, "sarif", "export", "engine", "--reviewer", "Tool").done().json
    assert [run["tool"]["driver"]["name"] for run in printed["runs"]] == ["Tool"]
    out = tmp_path / "out.sarif"
    run(database, "sarif", "export", "engine", out, "--reviewer", "Tool").done()
    assert json.loads(out.read_bytes()) == printed
    assert "is there already" in run(database, "sarif", "export", "engine", out).refused(USAGE)
    run(database, "sarif", "export", "engine", out, "--overwrite", "--json").done()


def test_what_is_no_report_is_refused(database: str, project: str, tmp_path: Path) -> None:
    """One line that says why, and nothing recorded."""
    damaged = tmp_path / "damaged.sarif"
    damaged.write_bytes(sarif(result("clean.py", 1))[:-5])
    assert "cut off" in run(database, "sarif", "import", "engine", damaged).refused(USAGE)
    assert "no such file" in run(database, "sarif", "import", "engine", tmp_path / "none").refused(USAGE)
