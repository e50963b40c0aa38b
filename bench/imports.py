"""import_tree of the standard library against a raw COPY of the same rows."""

from __future__ import annotations

import sysconfig
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from psycopg.types.json import Jsonb

from bench.measure import Figure
from vibecore.bootstrap.connect import connect
from vibecore.domain.actors import Actor
from vibecore.domain.files import FILES

ROUNDS = 3


def figure(url: str) -> Figure:
    """Best of `ROUNDS` each, in turn: rows per second of the import over rows per second of the COPY."""
    source = Path(sysconfig.get_path("stdlib"))
    with connect(url) as vibe, psycopg.connect(url, autocommit=True) as raw:
        email = f"{uuid4().hex}@example.org"
        vibe.auth.register(Actor.anonymous(), email=email, password="correct horse battery staple", name="Ada")
        owner = vibe.auth.login(email=email, password="correct horse battery staple").actor
        ours, theirs, rows = [], [], 0
        for _ in range(ROUNDS):
            project = vibe.projects.create(owner, name="import")
            start = time.perf_counter()
            vibe.files.import_tree(owner, project.id, source)
            ours.append(time.perf_counter() - start)
            copied, elapsed = copy_again(raw, project.id, owner.user_id)
            theirs.append(elapsed)
            rows = copied
    mine, other = rows / min(ours), rows / min(theirs)
    return Figure(
        f"import_tree of {rows:,} rows", f"{mine:,.0f} rows/s", f"{other:,.0f} rows/s", mine / other, 0.6, at_least=True
    )


def copy_again(raw: psycopg.Connection[Any], project_id: Any, owner_id: Any) -> tuple[int, float]:
    """The same rows under another project through one text COPY in one transaction; (rows, seconds of the COPY)."""
    names = ", ".join(FILES.names)
    read = raw.execute(f"SELECT {names} FROM files WHERE project_id = %s ORDER BY path", (project_id,)).fetchall()
    other = uuid4()
    raw.execute("INSERT INTO projects (id, name, owner_id) VALUES (%s, 'copied', %s)", (other, owner_id))
    ids = {row[0]: uuid4() for row in read}
    at = {name: i for i, name in enumerate(FILES.names)}
    rows = []
    for row in read:
        values = list(row)
        values[at["id"]] = ids[row[0]]
        values[at["project_id"]] = other
        values[at["parent_id"]] = ids.get(row[at["parent_id"]])
        values[at["metadata"]] = Jsonb(row[at["metadata"]])
        rows.append(values)
    start = time.perf_counter()
    with raw.transaction(), raw.cursor().copy(f"COPY files ({names}) FROM STDIN") as copy:
        for values in rows:
            copy.write_row(values)
    return len(rows), time.perf_counter() - start
