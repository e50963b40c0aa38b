"""Projects on the command line: their life, who may what, and what is refused in one line."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.cli.commands import Ran, vibecore
from tests.cli.conftest import PASSWORD

REFUSED, USAGE = 1, 2
NOBODY: Final = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def bob(database: str, ada: str) -> str:
    """The address of a second administrator, who can own projects."""
    made = ("create-admin", "--email", "bob@example.org", "--name", "Bob", "--url", database)
    vibecore(*made, given=f"{PASSWORD}\n").done()
    return "bob@example.org"


def projects(database: str, *arguments: str, email: str | None = None) -> Ran:
    who = () if email is None else ("--email", email)
    return vibecore("projects", *arguments, *who, "--url", database, given="" if email is None else f"{PASSWORD}\n")


def test_the_life_of_a_project(database: str, ada: str, bob: str) -> None:
    """Made, found, changed, archived, restored and handed on; each command tells it, as a line or as JSON."""
    made: Any = projects(database, "create", "engine", "--description", "steam", "--json", email=ada).done().json
    assert (made["name"], made["description"], made["status"], made["visibility"]) == (
        *("engine", "steam", "planning"),
        "private",
    )
    assert projects(database, "list").done().out == f"engine  planning, private, 0 files, {made['id']}\n"
    assert [
        each["id"] for each in projects(database, "list", "--search", "stea", "--json").done().json["projects"]
    ] == [made["id"]]
    assert projects(database, "list", "--status", "deployed", "--json").done().json == {"projects": []}
    shown = projects(database, "show", "engine").done().out.splitlines()
    assert {f"id: {made['id']}", "name: engine", "deployed_url: "} <= set(shown)
    changed = projects(
        *(database, "update", "engine", "--name", "motor", "--description", "", "--status", "in_progress"),
        *("--visibility", "team", "--derive-stack", "--json"),
    )
    stored = changed.done().json
    assert (stored["name"], stored["description"], stored["status"], stored["visibility"]) == (
        *("motor", None, "in_progress"),
        "team",
    )
    assert projects(database, "archive", "motor").done().out == f"motor is archived ({made['id']})\n"
    assert "archived and read-only" in projects(database, "update", "motor", "--name", "x").refused(REFUSED)
    assert projects(database, "restore", "motor").done().out == f"motor is in_progress ({made['id']})\n"
    given = projects(database, "transfer", "motor", bob, "--json", email=ada).done().json
    assert given["owner_id"] != made["owner_id"]
    who = projects(database, "members", "motor", "--json").done().json
    assert who["owner_id"] == given["owner_id"]
    assert [(each["user_id"], each["role"]) for each in who["members"]] == [(made["owner_id"], "admin")]
    lines = projects(database, "members", made["id"]).done().out.splitlines()
    assert lines[0] == f"{given['owner_id']}  owner"
    assert lines[1].startswith(f"{made['owner_id']}  admin, since ")
    back = projects(database, "transfer", "motor", made["owner_id"], "--leave", email=bob).done().out
    assert back == f"motor is owned by {made['owner_id']} ({made['id']})\n"
    assert projects(database, "members", "motor", "--json").done().json["members"] == []


def test_what_is_refused_is_told_in_one_line(database: str, ada: str) -> None:
    """With nothing on stdout, and nothing written."""
    assert "needs an owner" in projects(database, "create", "engine").refused(USAGE)
    projects(database, "create", "engine", email=ada).done()
    assert "nothing to change" in projects(database, "update", "engine").refused(USAGE)
    assert "no such project" in projects(database, "show", "nowhere").refused(REFUSED)
    assert "no such user" in projects(database, "transfer", "engine", NOBODY).refused(REFUSED)
    together = projects(database, "update", "engine", "--name", "motor", "--status", "deployed")
    assert "deployed" in together.refused(REFUSED)
    assert [each["name"] for each in projects(database, "list", "--json").done().json["projects"]] == ["engine"]


def test_without_a_command_help_is_shown() -> None:
    """Which names every command."""
    told = vibecore("projects").done().out
    for name in ("list", "show", "create", "update", "archive", "restore", "transfer", "members"):
        assert name in told
