"""Migrating: into any schema, up and down without a trace, once however many try, and all or nothing."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from vibecore.bootstrap.migrations import check, current, downgrade, head, migrate
from vibecore.domain.errors import InvalidValue, StoreRejected, StoreUnavailable
from vibecore.repositories.postgres._tables import metadata

EVERYTHING: Final = """
SELECT 'relation', n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
UNION ALL SELECT 'function', n.nspname, p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
UNION ALL SELECT 'type', n.nspname, t.typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
UNION ALL SELECT 'trigger', c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE NOT t.tgisinternal
UNION ALL SELECT 'extension', '', extname FROM pg_extension
UNION ALL SELECT 'comment', classoid::regclass::text, description FROM pg_description
"""


def everything(url: str) -> list[tuple[str, str, str]]:
    """All objects of the database but those that PostgreSQL keeps for large values."""
    with psycopg.connect(url) as session:
        return sorted(row for row in session.execute(EVERYTHING).fetchall() if not row[1].startswith("pg_toast"))


@pytest.mark.parametrize("schema", [None, "vibe"])
def test_up_down_and_up_again(database_url: str, schema: str | None) -> None:
    """Every revision can be reached and left from both sides, and the way back leaves nothing behind."""
    if schema:
        with psycopg.connect(database_url) as session:
            session.execute("CREATE SCHEMA vibe")
    before = everything(database_url)
    assert current(database_url, schema=schema) is None
    steps: dict[str, list[tuple[str, str, str]]] = {}
    for revision in ("V1", "V2", "V3", "V4", "V5", "V6", "V7"):
        assert migrate(database_url, schema=schema, revision=revision) == revision
        assert current(database_url, schema=schema) == revision
        steps[revision] = everything(database_url)
    assert check(database_url, schema=schema) == []
    for revision in ("V4", "V2", "V1"):
        assert downgrade(database_url, revision, schema=schema) == revision
        assert everything(database_url) == steps[revision]
    assert downgrade(database_url, "base", schema=schema) is None
    assert everything(database_url) == before
    assert migrate(database_url, schema=schema) == head() == "V7"
    assert everything(database_url) == steps["V7"]
    assert check(database_url, schema=schema) == []


def test_migrated_schema_equals_declared_schema(connection: sa.Connection) -> None:
    """Alembic, which compares in its own way, finds no difference from the declared tables either."""
    options = {
        "compare_type": True,
        "include_name": lambda name, kind, _: kind != "table" or not name.startswith("audit_logs_"),
    }
    context = MigrationContext.configure(connection, opts=options)
    assert compare_metadata(context, metadata()) == []


def test_migrating_again_changes_nothing(database_url: str) -> None:
    """A database at head, or further than asked, is left as it is."""
    migrate(database_url)
    before = everything(database_url)
    assert migrate(database_url) == "V7"
    assert migrate(database_url, revision="V1") == "V7"
    assert downgrade(database_url, "V7") == "V7"
    assert everything(database_url) == before


def test_schemas_of_one_database_are_apart(database_url: str) -> None:
    """Each schema has its own objects and its own revision, and nothing is made outside it."""
    migrate(database_url, schema="one")
    migrate(database_url, schema="two", revision="V1")
    assert current(database_url, schema="one") == "V7"
    assert current(database_url, schema="two") == "V1"
    assert current(database_url) is None
    assert not [name for kind, place, name in everything(database_url) if place == "public" and kind != "comment"]
    downgrade(database_url, "base", schema="two")
    assert check(database_url, schema="one") == []


def test_a_schema_whose_name_needs_quotes_can_be_the_default(database_url: str) -> None:
    """Without `schema`, everything lands in the first schema of the search path, whatever it is called."""
    with psycopg.connect(database_url) as session:
        session.execute('CREATE SCHEMA "Odd ""Name"""')
        session.execute(f'ALTER DATABASE {session.info.dbname} SET search_path TO "Odd ""Name""", public')
    assert migrate(database_url) == "V7"
    assert check(database_url) == []
    assert downgrade(database_url, "base") is None
    assert not [name for kind, place, name in everything(database_url) if place in {"public", 'Odd "Name"'}]


def test_concurrent_migrators_wait_for_each_other(database_url: str) -> None:
    """Threads and processes that migrate at once all end at head, and nobody fails."""
    program = (
        "import sys; from vibecore.bootstrap.migrations import migrate; print(migrate(sys.argv[1], schema='vibe'))"
    )
    command = [sys.executable, "-c", program, database_url]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda _: migrate(database_url, schema="vibe"), range(3))) == ["V7"] * 3
    assert [process.communicate(timeout=120)[0] for process in processes] == ["V7\n", "V7\n"]
    assert check(database_url, schema="vibe") == []


def test_nothing_is_printed(database_url: str, capfd: pytest.CaptureFixture[str]) -> None:
    """A library is silent: no line on standard output or standard error."""
    migrate(database_url)
    check(database_url)
    downgrade(database_url, "base")
    assert capfd.readouterr() == ("", "")


def test_a_failed_migration_leaves_nothing(database_url: str) -> None:
    """When an application's table is in the way, the error says so and nothing was made."""
    with psycopg.connect(database_url) as session:
        session.execute("CREATE TABLE cicd_pipelines (id integer)")
    before = everything(database_url)
    with pytest.raises(StoreRejected) as refused:
        migrate(database_url)
    assert refused.value.sqlstate == "42P07"
    assert everything(database_url) == before


def test_an_existing_uuid_generate_v4_is_used_and_kept(database_url: str) -> None:
    """Where uuid-ossp, or an operator, has provided the function, ours is not made, and theirs survives."""
    with psycopg.connect(database_url) as session:
        session.execute("CREATE FUNCTION uuid_generate_v4() RETURNS uuid LANGUAGE sql AS 'SELECT gen_random_uuid()'")
    before = everything(database_url)
    migrate(database_url)
    assert check(database_url) == []
    downgrade(database_url, "base")
    assert everything(database_url) == before


@pytest.mark.parametrize("version", ["b1946ac92492", "V99"])
def test_another_applications_revision_is_not_touched(database_url: str, version: str) -> None:
    """A stamp that is not ours, or of a newer version, is refused and named."""
    with psycopg.connect(database_url) as session:
        session.execute("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
        session.execute("INSERT INTO alembic_version VALUES (%s)", (version,))
    before = everything(database_url)
    for call in (migrate, current, lambda url: downgrade(url, "base")):
        with pytest.raises(InvalidValue, match=version) as refused:
            call(database_url)
        assert refused.value.field == "schema"
    assert everything(database_url) == before
    drift = check(database_url)[0]
    assert (drift.kind, drift.expected, drift.found) == ("revision", "V7", version)


@pytest.mark.parametrize(
    "schema", ["", "1a", "Vibe", "a-b", 'a"b', "a" * 64, "pg_x", "information_schema", "a\n", "é", 7]
)
def test_schema_names_are_checked(database_url: str, schema: Any) -> None:
    """Only plain lower-case names are taken, so that no name needs quotes anywhere."""
    for call in (migrate, current, check, lambda url, schema: downgrade(url, "base", schema=schema)):
        with pytest.raises(InvalidValue) as refused:
            call(database_url, schema=schema)
        assert refused.value.field == "schema"


@pytest.mark.parametrize("revision", ["V9", "base", "+1", "", "heads"])
def test_unknown_revisions_are_refused(database_url: str, revision: str) -> None:
    """A revision is one of the history; the error lists them."""
    with pytest.raises(InvalidValue, match="V1, V2, V3, V4, V5, V6") as refused:
        migrate(database_url, revision=revision)
    assert refused.value.field == "revision"
    with pytest.raises(InvalidValue, match="V1, V2, V3, V4, V5, V6"):
        downgrade(database_url, "head")


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://host/db", "sqlite://", "postgresql+asyncpg://host/db"])
def test_other_urls_are_refused(url: str) -> None:
    """Only PostgreSQL, only through the driver that vibecore uses."""
    with pytest.raises(InvalidValue) as refused:
        migrate(url)
    assert refused.value.field == "url"


def test_an_unreachable_server_is_named_without_its_password() -> None:
    """The error says what could not be reached, and keeps the secret."""
    with pytest.raises(StoreUnavailable) as refused:
        migrate("postgresql://someone:hunter2@127.0.0.1:1/nothing?connect_timeout=5")
    assert "127.0.0.1" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_database_in_another_encoding_is_refused(server_url: str) -> None:
    """VARCHAR(n) counts characters only where the server knows them."""
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(
            "CREATE DATABASE migrations_latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'"
        )
        try:
            url = sa.make_url(server_url).set(database="migrations_latin").render_as_string(hide_password=False)
            with pytest.raises(InvalidValue, match="LATIN1"):
                migrate(url)
            assert ("encoding", "database", "UTF8", "LATIN1") in [
                (drift.kind, drift.object, drift.expected, drift.found) for drift in check(url)
            ]
        finally:
            server.execute("DROP DATABASE migrations_latin WITH (FORCE)")
