"""A schema of its own: every object is in it, nothing outside of it matters, and two of them are two installations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import sqlalchemy as sa

import vibecore
from tests.bootstrap.story import PASSWORD, SETTINGS, signed_in, told
from vibecore.bootstrap.migrations import current, downgrade
from vibecore.domain.errors import AuthenticationFailed, NotMigrated

OBJECTS = """
SELECT kind, name FROM (
    SELECT 'relation ' || relkind::text, relname::text, relnamespace FROM pg_class
    UNION ALL SELECT 'type', typname::text, typnamespace FROM pg_type
    UNION ALL SELECT 'function', proname::text, pronamespace FROM pg_proc
    UNION ALL SELECT 'constraint', conname::text, connamespace FROM pg_constraint
) AS objects (kind, name, namespace)
WHERE namespace = :schema::regnamespace
ORDER BY kind COLLATE "C", name COLLATE "C"
"""
SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"


@pytest.fixture
def database(bare_url: str) -> Iterator[sa.Connection]:
    """A look at the empty database from outside."""
    address = sa.make_url(bare_url).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(address, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection


def objects(connection: sa.Connection, schema: str) -> list[tuple[str, str]]:
    statement = sa.text(OBJECTS.replace(":schema::", "CAST(:schema AS text)::"))
    return [(row.kind, row.name) for row in connection.execute(statement, {"schema": schema})]


def test_every_object_is_in_the_schema(bare_url: str, database: sa.Connection) -> None:
    """Tables, enums, functions, views and alembic_version: the same as in the default schema, and there nothing."""
    nothing = objects(database, "public")
    vibecore.migrate(bare_url, schema="house")
    inside = objects(database, "house")
    assert objects(database, "public") == nothing
    assert set(database.exec_driver_sql(SCHEMAS).scalars()) == {"public", "house"}
    with vibecore.connect(bare_url, schema="house", settings=SETTINGS) as vibe:
        told(vibe)
    assert objects(database, "public") == nothing
    assert objects(database, "house") == inside
    vibecore.migrate(bare_url)
    assert objects(database, "public") == inside
    assert {"alembic_version", "users", "user_role", "calculate_project_quality", "mv_system_health"} <= {
        name for _, name in inside
    }


def test_two_installations_in_one_database_are_two(bare_url: str, database: sa.Connection) -> None:
    """Beside a third in the default schema: one person in one, another in the other, and each tells its whole story."""
    with ExitStack() as stack:
        stories = []
        for schema in ("one", "two", None):
            vibecore.migrate(bare_url, schema=schema)
            vibe = stack.enter_context(vibecore.connect(bare_url, schema=schema, settings=SETTINGS))
            with pytest.raises(AuthenticationFailed):
                assert vibe.auth.login(email="ada@example.org", password=PASSWORD).actor
            stories.append(told(vibe))
            assert vibecore.check(bare_url, schema=schema) == []
        assert stories[0] == stories[1] == stories[2]
        for schema in ("one", "two", "public"):
            rows = (
                f'SELECT count(*) FROM "{schema}".{table}' for table in ("users", "projects", "archived_deployments")
            )
            assert [database.exec_driver_sql(statement).scalar() for statement in rows] == [1, 1, 1]


def test_removing_one_installation_leaves_the_other(bare_url: str, database: sa.Connection) -> None:
    """Downgrading, and dropping the schema as a whole."""
    for schema in ("one", "two", "three"):
        vibecore.migrate(bare_url, schema=schema)
    with vibecore.connect(bare_url, schema="three", settings=SETTINGS) as vibe:
        signed_in(vibe)
        downgrade(bare_url, "base", schema="one")
        database.exec_driver_sql("DROP SCHEMA two CASCADE")
        assert [current(bare_url, schema=schema) for schema in ("one", "two", "three")] == [None, None, "V7"]
        signed_in(vibe, "grace")
    for schema in ("one", "two"):
        with pytest.raises(NotMigrated):
            vibecore.connect(bare_url, schema=schema, settings=SETTINGS)


@pytest.mark.parametrize("schema", ["select", "_", "a" * 63, "user"])
def test_any_allowed_name_works(schema: str, bare_url: str) -> None:
    """Reserved words and the longest name too."""
    vibecore.migrate(bare_url, schema=schema)
    with vibecore.connect(bare_url, schema=schema, settings=SETTINGS) as vibe:
        told(vibe)


# Objects with the names of ours and of what we use, which do what they should not.
TRAPS = """
CREATE SCHEMA trap;
CREATE TYPE trap.user_role AS ENUM ('nobody');
CREATE TYPE trap.project_status AS ENUM ('nothing');
CREATE TYPE trap.deployment_status AS ENUM ('nothing');
CREATE TABLE trap.users (id integer);
CREATE TABLE trap.projects (id integer);
CREATE TABLE trap.files (id integer);
CREATE TABLE trap.audit_logs (id integer);
CREATE TABLE trap.alembic_version (version_num text);
INSERT INTO trap.alembic_version VALUES ('V0');
CREATE VIEW trap.v_recent_activity AS SELECT 1 AS one;
CREATE FUNCTION trap.archive_old_records(integer, timestamptz) RETURNS integer LANGUAGE sql AS 'SELECT 1/0';
CREATE FUNCTION trap.refresh_analytics(timestamptz) RETURNS integer LANGUAGE sql AS 'SELECT 1/0';
CREATE FUNCTION trap.project_quality_inputs(uuid) RETURNS integer LANGUAGE sql AS 'SELECT 1/0';
CREATE FUNCTION trap.uuid_generate_v4() RETURNS uuid LANGUAGE sql AS 'SELECT NULL::uuid';
CREATE FUNCTION trap.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT ''-infinity''::timestamptz';
CREATE FUNCTION trap.strpos(text, text) RETURNS integer LANGUAGE sql AS 'SELECT 0';
CREATE FUNCTION trap.substr(text, integer) RETURNS text LANGUAGE sql AS 'SELECT ''''';
"""


@pytest.mark.parametrize("path", ["trap, public", "trap, pg_temp", "nowhere", ""], ids=repr)
def test_a_hostile_search_path_does_not_matter(path: str, bare_url: str, database: sa.Connection) -> None:
    """Neither for migrations nor for any service; of the session's path, nothing is changed for good."""
    vibecore.migrate(bare_url, schema="house")
    with vibecore.connect(bare_url, schema="house", settings=SETTINGS) as vibe:
        expected = told(vibe)
    database.exec_driver_sql(TRAPS)
    name = sa.make_url(bare_url).database
    setting = f'ALTER DATABASE "{name}" SET search_path = {path or repr("")}'
    database.exec_driver_sql(setting)
    vibecore.migrate(bare_url, schema="safe")
    address = sa.make_url(bare_url).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(address, pool_size=1, max_overflow=0)
    with vibecore.connect(engine=engine, schema="safe", settings=SETTINGS) as vibe:
        assert told(vibe) == expected
        with engine.begin() as connection:
            assert (connection.exec_driver_sql("SHOW search_path").scalar() or "").strip('"') == path
            inside = vibe.joined(connection)
            ada = inside.auth.login(email="ada@example.org", password=PASSWORD).actor
            assert inside.projects.page(ada).items
    assert vibecore.check(bare_url, schema="safe") == []
    engine.dispose()


def test_without_a_schema_the_search_path_decides(bare_url: str, database: sa.Connection) -> None:
    """The first schema on it that exists, for migrations and services alike."""
    database.exec_driver_sql("CREATE SCHEMA first")
    database.exec_driver_sql(
        f'ALTER DATABASE "{sa.make_url(bare_url).database}" SET search_path = nowhere, first, public'
    )
    vibecore.migrate(bare_url)
    with vibecore.connect(bare_url, settings=SETTINGS) as vibe:
        told(vibe)
    assert database.exec_driver_sql("SELECT count(*) FROM first.users").scalar() == 1
