"""Containment in JSON columns is found through their GIN indexes, in the statements that the repositories run."""

from __future__ import annotations

import dataclasses
from typing import Final
from uuid import UUID

import pytest
import sqlalchemy as sa

from vibecore.domain.filters import Filter, checked, field
from vibecore.domain.json import JsonObject
from vibecore.domain.projects import PROJECTS
from vibecore.domain.users import USERS
from vibecore.repositories.postgres._filters import Params, condition
from vibecore.repositories.postgres.store import PostgresStore
from vibecore.testing.builders import build, make

MANY: Final = 5000


@pytest.mark.parametrize(
    ("where", "index"),
    [
        (field("tech_stack").includes({"backend": ["Rust"]}), "idx_projects_tech_stack"),
        (field("architecture").includes({"layers": [{"name": "mill"}]}), "idx_projects_architecture"),
    ],
    ids=["tech_stack", "architecture"],
)
def test_containment_uses_the_index(store: PostgresStore, server: sa.Connection, where: Filter, index: str) -> None:
    """Among thousands of projects, of which few contain it; and it finds just these."""
    with store.begin() as tx:
        owner = make(tx, USERS)
        rows = [build(PROJECTS, id=UUID(int=10_000 + number), owner_id=owner.id) for number in range(MANY)]
        rows[7] = dataclasses.replace(
            rows[7],
            tech_stack=JsonObject({"backend": ["Python", "Rust"]}),
            architecture=JsonObject({"layers": [{"name": "store"}, {"name": "mill", "size": 1}]}),
        )
        tx.projects.insert_many(rows)
        tx.commit()
    server.execute(sa.text("ANALYZE projects"))
    wanted = checked(PROJECTS, where)
    assert wanted is not None
    params = Params()
    sql = condition(PROJECTS, wanted, "", params)
    with server.connection.cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute(f"EXPLAIN SELECT id FROM projects WHERE {sql}", params)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert index in plan
    assert "Seq Scan" not in plan
    with store.begin() as tx:
        assert [project.id for project in tx.projects.page(where=where).items] == [rows[7].id]
