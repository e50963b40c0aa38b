"""Exports by the command line: a tree comes back as it went in."""

from __future__ import annotations

import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.cli.commands import Ran, vibecore
from tests.cli.conftest import PASSWORD

REFUSED, USAGE = 1, 2


@pytest.fixture
def project(database: str, ada: str, tree: Path) -> str:
    """The id of a project with the files of `tree`."""
    made = vibecore("import", tree, "--new", "engine", "--email", ada, "--url", database, given=f"{PASSWORD}\n")
    return made.done().out.split()[-1]


def export(database: str, *arguments: str | Path) -> Ran:
    return vibecore("export", "engine", *arguments, "--url", database)


TEXTS = {".gitignore", "[red]bad.py", "clean.py", "docs/[bold]notes.md"}


def files_below(root: Path) -> set[str]:
    return {str(place.relative_to(root)) for place in root.rglob("*") if place.is_file()}


def test_a_tree_comes_back(database: str, project: str, tree: Path, tmp_path: Path) -> None:
    """Text byte for byte; what is withheld is listed, and no reason to fail."""
    out = tmp_path / "out"
    told = export(database, out).done().out
    assert files_below(out) == TEXTS
    for path in TEXTS:
        assert (out / path).read_bytes() == (tree / path).read_bytes()
    assert told.startswith("4 files created, 0 replaced, 0 unchanged")
    assert "  docs/latin.txt (5 bytes)\n" in told


def test_the_document_of_an_export(database: str, project: str, tmp_path: Path) -> None:
    """Counts, and every path that is not there."""
    found = export(database, tmp_path / "out", "--folder", "docs", "--json").done().json
    assert found["project"] == {"id": project, "name": "engine"}
    assert found["export"]["created"] == 1
    assert found["export"]["complete"] is False
    assert [file["path"] for file in found["export"]["withheld"]] == ["latin.txt"]
    again = export(database, tmp_path / "out", "--folder", "docs", "--json").done().json["export"]
    assert (again["created"], again["unchanged"], again["skipped"]) == (0, 1, [])


def test_what_stands_in_the_way_is_told(database: str, project: str, tmp_path: Path) -> None:
    """Exit code 1 and a line on stderr; `--overwrite` replaces it."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "clean.py").write_text("mine")
    ran = export(database, out)
    assert ran.code == REFUSED
    assert "  clean.py: is another file in the target\n" in ran.out
    assert ran.err.splitlines()[-1] == "vibecore: 1 entries could not be placed, with all below them"
    assert (out / "clean.py").read_text() == "mine"
    export(database, out, "--overwrite").done()
    assert (out / "clean.py").read_text() != "mine"


def test_archives_by_their_names(database: str, project: str, tmp_path: Path) -> None:
    """Or by `--form`, which outranks the name."""
    export(database, tmp_path / "a.zip").done()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert {name for name in archive.namelist() if not name.endswith("/")} == TEXTS
    for name, form in (("a.tar", ()), ("a.TGZ", ()), ("a.tar.gz", ()), ("packed", ("--form", "tar.gz"))):
        export(database, tmp_path / name, *form).done()
        with tarfile.open(tmp_path / name) as packed:
            assert {member.name for member in packed if member.isfile()} == TEXTS
    export(database, tmp_path / "b.zip", "--form", "folder").done()
    assert files_below(tmp_path / "b.zip") == TEXTS


def test_what_is_asked_for_wrongly(database: str, project: str, tmp_path: Path) -> None:
    """One line each, and nothing is written."""
    (tmp_path / "a.zip").write_text("")
    for arguments, code, line in (
        ((tmp_path / "out", "--form", "rar"), USAGE, "form: must be one of folder, zip, tar, tar.gz"),
        ((tmp_path / "a.zip",), USAGE, "target: exists already"),
        ((tmp_path / "a.zip", "--form", "folder"), USAGE, "target: is not a folder"),
        ((tmp_path / "out", "--folder", "nowhere"), REFUSED, "no such file: nowhere"),
        ((tmp_path / "out", "--folder", "clean.py"), USAGE, "folder: is a file"),
        (("",), USAGE, "target: cannot be a path"),
    ):
        assert export(database, *arguments).refused(code) == line
    assert not (tmp_path / "out").exists()
    assert os.path.getsize(tmp_path / "a.zip") == 0  # noqa: PTH202


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_an_archive_goes_in_as_it_came_out(database: str, project: str, tmp_path: Path, name: str) -> None:
    """By `import`, which takes archives as it takes folders."""
    export(database, tmp_path / name).done()
    into = ("--project", project, "--url", database, "--json")
    found = vibecore("import", tmp_path / name, *into, "--refuse-case-collisions").done().json["import"]
    assert (found["created"], found["updated"], found["unchanged"], found["skipped"]) == (0, 0, 4, [])
