"""Changes: what an audit row tells of a row's change, and what it must never tell."""

from __future__ import annotations

import dataclasses
from typing import Any
from uuid import UUID

import pytest

from vibecore.domain.changes import LONGEST_TOLD, diff, others
from vibecore.domain.files import FILES
from vibecore.domain.json import JsonObject
from vibecore.domain.projects import PROJECTS, Project, ProjectStatus
from vibecore.domain.tables import TABLES
from vibecore.domain.users import USERS, UserRole
from vibecore.testing.builders import build
from vibecore.testing.effects import START

PROJECT = Project(id=UUID(int=1), name="engine", owner_id=UUID(int=2), created_at=START, updated_at=START)


def told(**changes: Any) -> dict[str, object]:
    return diff(PROJECTS, PROJECT, dataclasses.replace(PROJECT, **changes))


def test_only_what_differs_is_told() -> None:
    """With its value before and after, as JSON has it."""
    assert told() == {}
    assert told(name="motor", status=ProjectStatus.REVIEW, file_count=3) == {
        "name": ["engine", "motor"],
        "status": ["planning", "review"],
        "file_count": [0, 3],
    }
    assert told(owner_id=UUID(int=3)) == {"owner_id": [str(UUID(int=2)), str(UUID(int=3))]}


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("name", "x" * LONGEST_TOLD, "x" * LONGEST_TOLD),
        ("name", "x" * (LONGEST_TOLD + 1), {"length": LONGEST_TOLD + 1}),
        ("description", "short", {"length": 5}),
        ("architecture", JsonObject({"token": "hunter2", "b": 1}), {"entries": 2}),
        ("tech_stack", JsonObject({"backend": ["Python"]}), {"backend": ["Python"]}),
        ("tech_stack", JsonObject({"backend": ["x" * 100] * 20}), {"entries": 1}),
        ("repository_url", "https://example.org/x.git", "https://example.org/x.git"),
        ("repository_url", "https://user:hunter2@example.org/x.git", {"length": 38}),
        ("repository_url", "https://example.org/x.git?token=hunter2", {"length": 39}),
        ("repository_url", "https://example.org/x.git#hunter2", {"length": 33}),
        ("repository_url", "https://[hunter2", {"length": 16}),
    ],
)
def test_what_is_long_or_may_hold_a_secret_is_told_by_size(field: str, value: object, shown: object) -> None:
    """Never by a digest, from which a short secret could be guessed."""
    (pair,) = told(**{field: value}).values()
    assert isinstance(pair, list)
    assert pair[1] == shown


def test_a_new_and_a_deleted_row_are_told_by_what_they_hold() -> None:
    """Empty fields say nothing; id, scope and timestamps stand in the audit row."""
    assert diff(PROJECTS, None, PROJECT) == {
        "name": [None, "engine"],
        "owner_id": [None, str(UUID(int=2))],
        "visibility": [None, "private"],
        "status": [None, "planning"],
        "file_count": [None, 0],
        "total_lines": [None, 0],
    }
    assert diff(PROJECTS, PROJECT, None)["name"] == ["engine", None]


def test_who_somebody_is_and_what_they_sign_in_with_is_never_told() -> None:
    user = build(USERS, role=UserRole.VIEWER, email="ada@example.org", name="Ada", password_hash="$2b$12$abc")
    shown = diff(USERS, None, user)
    assert shown["role"] == [None, "viewer"]
    for field in ("email", "email_key", "name", "password_hash"):
        assert shown[field] == [None, {"hidden": True}]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_what_repr_leaves_out_is_hidden_in_every_table(table: Any) -> None:
    """A new secret is kept out of the trail by the one mark that keeps it out of logs and tracebacks."""
    record = build(table)
    shown = diff(table, None, record)
    for field in dataclasses.fields(table.record):
        if not field.repr and field.name in shown:
            assert shown[field.name] == [None, {"hidden": True}]
    assert not {"id", "created_at", "updated_at", table.scope} & set(shown)


def test_other_rows_are_told_by_id() -> None:
    """Those of which nothing differs are left out."""
    file = build(FILES)
    assert others((file.id, {}), (PROJECT.id, told(name="motor"))) == {str(PROJECT.id): {"name": ["engine", "motor"]}}
