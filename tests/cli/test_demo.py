"""The main job: what it shows is right, is the same on both backends, and can be repeated."""

from __future__ import annotations

import json
import sysconfig
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.cli.commands import same, same_document, vibecore
from vibecore.cli import main

# .gitignore, [red]bad.py, clean.py, docs/[bold]notes.md, docs/latin.txt, logo.png
FILES, TEXT_LINES = 6, 1 + 8 + 3 + 3


def test_memory_and_postgresql_show_the_same(tree: Path, database: str) -> None:
    """The same tree gives the same text on both backends, timings, ids and times of day aside."""
    memory = vibecore("demo", tree, "--url", "memory://").done()
    server = vibecore("demo", tree, "--url", database).done()
    assert same(memory.out) == same(server.out)
    for part in ("engine: 6 files", "Files by language", "Worst files", "Components", "Recent activity", "Deployments"):
        assert part in memory.out
    assert "How long it took" in memory.out


def test_memory_and_postgresql_give_the_same_document(tree: Path, database: str) -> None:
    """So does the JSON, whatever the backend."""
    memory = vibecore("demo", tree, "--url", "memory://", "--json").done()
    server = vibecore("demo", tree, "--url", database, "--json").done()
    assert same_document(memory.json) == same_document(server.json)


def test_the_figures_are_right(tree: Path) -> None:
    """Counted by hand: files, lines, what is skipped and why, the finding, the deployments and the score's parts."""
    found = vibecore("demo", tree, "--url", "memory://", "--json").done().json
    assert (found["files"]["files"], found["files"]["folders"], found["files"]["lines"]) == (FILES, 1, TEXT_LINES)
    assert found["import"]["created"] == FILES
    assert {one["path"]: one["reason"] for one in found["import"]["skipped"]} == {
        "__pycache__": "is excluded",
        "debug.log": "is ignored by .gitignore",
    }
    python = next(one for one in found["files"]["languages"] if one["language"] == "Python")
    assert (python["files"], python["lines"]) == (2, 11)
    assert sum(one["lines"] for one in found["files"]["languages"]) == TEXT_LINES
    assert (found["reviews"]["files"], found["reviews"]["lines"]) == (2, 11)
    assert [file["path"] for file in found["reviews"]["worst_files"]] == ["[red]bad.py"]
    assert found["reviews"]["worst_files"][0]["issues"] == found["review"]["issues"]
    assert found["review"]["issues"]["error"] + found["review"]["issues"]["critical"] >= 2
    assert [(one["version"], one["status"], one["rollback_of"] is not None) for one in found["deployments"]] == [
        ("1.0.0", "running", True),
        ("1.1.0", "rolled_back", False),
        ("1.0.0", "stopped", False),
    ]
    quality = found["quality"]
    assert {one["name"]: one["missing"] for one in quality["components"]} == {
        "security": None,
        "reliability": None,
        "maintainability": None,
        "coverage": "no coverage measured",
        "tests": "no tests executed",
        "delivery": None,
    }
    delivery = next(one for one in quality["components"] if one["name"] == "delivery")
    assert delivery["value"] == 66.67
    assert quality["lower"] <= quality["score"] <= quality["upper"]
    assert found["project"]["quality_score"] == quality["score"]
    gains = [one["gain"] for one in quality["advice"]]
    assert gains == sorted(gains, reverse=True)
    assert [event["action"] for event in found["activity"]][-3:] == ["reviews.run", "files.imported", "project.created"]
    assert {event["user"] for event in found["activity"]} == {"Demo"}
    assert set(found["seconds"]) >= {"import", "review", "deploy and roll back", "score"}


def test_the_default_is_the_standard_library_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a path it is the library of the running Python, without what pip put beside it."""
    for name in ("abc.py", "json/tool.py", "site-packages/other.py", "dist-packages/other.py", "__pycache__/abc.pyc"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x = 1\n")
    asked: list[str] = []

    def get_path(name: str) -> str:
        asked.append(name)
        return str(tmp_path)

    monkeypatch.setattr(sysconfig, "get_path", get_path)
    assert main(["demo", "--url", "memory://", "--json"]) == 0
    assert asked == ["stdlib"]
    found = json.loads(capsys.readouterr().out)
    assert found["files"]["files"] == 2
    assert {one["path"] for one in found["import"]["skipped"]} == {"site-packages", "dist-packages", "__pycache__"}


def test_it_runs_twice_on_its_own_server_and_can_be_looked_at_again(tree: Path, tmp_path: Path) -> None:
    """From nothing: the folder is made, the server started, migrated, used and stopped; the second run adds to it."""
    folder = tmp_path / "data folder"
    variables = {"VIBECORE_DATA_FOLDER": str(folder)}
    first = vibecore("demo", tree, "--json", variables=variables).done()
    assert list(first.json["seconds"])[:3] == ["start PostgreSQL", "migrate", "open the platform"]
    assert not (folder / "data" / "postmaster.pid").exists()
    second = vibecore("demo", tree, variables=variables).done()
    again = second.err.splitlines()[-1].rpartition("vibecore report ")[2]
    assert again != first.json["project"]["id"]
    for project in (first.json["project"]["id"], again):
        shown = vibecore("report", project, "--json", variables=variables).done().json
        assert same_document(shown["files"]) == same_document(first.json["files"])
        assert shown["quality"] == first.json["quality"]


def test_a_schema_of_its_own_is_used(tree: Path, new_database: Callable[[], str]) -> None:
    """With --schema nothing is written elsewhere."""
    url = new_database()
    vibecore("migrate", "--url", url, "--schema", "vibe").done()
    vibecore("demo", tree, "--url", url, "--schema", "vibe").done()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM vibe.files").fetchone() == (FILES + 1,)
        assert connection.execute("SELECT to_regclass('public.files')").fetchone() == (None,)


def test_no_account_is_left_that_somebody_could_use(tree: Path, database: str) -> None:
    """The password is told to nobody, the session ends, and the account may do no more than any developer."""
    ran = vibecore("demo", tree, "--url", database).done()
    assert "password" not in (ran.out + ran.err).lower()
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT name, role::text FROM users").fetchall() == [("Demo", "developer")]
        assert connection.execute("SELECT count(*) FROM sessions").fetchone() == (0,)


def test_results_and_messages_go_to_different_streams(tree: Path) -> None:
    """Steps are told on stderr, so that stdout is the result alone; names with markup are shown as they are."""
    ran = vibecore("demo", tree, "--url", "memory://").done()
    assert [line.split("  ")[0] for line in ran.err.splitlines()] == [
        "open the platform",
        "register and sign in",
        "create a project",
        "import",
        "review",
        "deploy and roll back",
        "score",
        "gather the figures",
    ]
    assert "6 files" in ran.err
    assert "[red]bad.py" in ran.out
    assert "\x1b" not in ran.out + ran.err


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_any_encoding_of_the_output_will_do(tree: Path, encoding: str) -> None:
    """A terminal that lacks a character costs that character, not the command."""
    (tree / "größe-大.py").write_text('eval("1")\n')
    ran = vibecore("demo", tree, "--url", "memory://", variables={"PYTHONIOENCODING": encoding}).done()
    assert "7 files" in ran.out
    assert json.loads(vibecore("demo", tree, "--url", "memory://", "--json").done().out.encode("ascii"))


def test_what_names_hold_does_not_steer_the_terminal(tmp_path: Path) -> None:
    """An escape sequence in a folder's name is shown, not obeyed."""
    folder = tmp_path / "red\x1b[31m"
    folder.mkdir()
    (folder / "a.py").write_text("x = 1\n")
    ran = vibecore("demo", folder, "--url", "memory://").done()
    assert "\x1b" not in ran.out + ran.err
    assert "red\\x1b[31m: 1 files" in ran.out


def test_an_empty_folder_is_a_result_too(tmp_path: Path) -> None:
    """Nothing is reviewed and only delivery is measured: that is said, and is no failure."""
    empty = tmp_path / "empty"
    empty.mkdir()
    ran = vibecore("demo", empty, "--url", "memory://").done()
    assert "empty: 0 files, 0 lines" in ran.out
    assert "No file has been reviewed." in ran.out
    assert "no lines reviewed" in ran.out
