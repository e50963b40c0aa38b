"""Bringing a database to the schema this version needs, and telling how a live one differs from it.

Everything runs on a plain connection of its own. `url` is a `postgresql://` URL; `schema` is the PostgreSQL schema
that holds every object, made if it does not exist (None: the first of the connection's search path).

All functions raise InvalidValue for a wrong `url`, `schema` or `revision`, StoreUnavailable if the server cannot be
reached and StoreRejected if it refuses a statement; then nothing was changed.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vibecore.domain.errors import InvalidValue, StoreRejected, StoreUnavailable, VibecoreError

if TYPE_CHECKING:
    import sqlalchemy as sa
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from sqlalchemy.exc import DBAPIError

    from vibecore.repositories.postgres.check import Drift

OLDEST_SERVER: Final = 150000
CONNECT_SECONDS: Final = 10
"""Until an unreachable server is given up, unless the URL has a `connect_timeout`."""

_SCHEMA: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}", re.ASCII)
_LOCK: Final = 0x76696265_636F7265
"""Key of the advisory lock that one migrator at a time holds in a database."""
_ONE_AT_A_TIME: Final = threading.Lock()
"""Alembic keeps the running migration in module-level proxies, so threads of one process take turns."""


def migrate(url: str, *, schema: str | None = None, revision: str = "head") -> str:
    """Upgrade to `revision` in one transaction and return the revision that the database is then at.

    A database that is there already, or further, is left as it is. Concurrent migrators wait for each other.
    """
    known = _revisions()
    if revision not in {*known, "head"}:
        raise InvalidValue("revision", f"must be head or one of {', '.join(known)}")
    with _ONE_AT_A_TIME, _connected(url) as connection:
        home = _prepare(connection, schema)
        at = _current(connection, home)
        if revision == "head" or at is None or known.index(at) < known.index(revision):
            from alembic import command

            command.upgrade(_config(connection, home), revision)
        return _current(connection, home) or ""


def downgrade(url: str, revision: str, *, schema: str | None = None) -> str | None:
    """Go back to `revision` in one transaction, deleting what later ones made; "base" leaves nothing but the schema.

    Returns the revision that the database is then at. A database that is there already, or behind, is left as it is.
    """
    known = _revisions()
    if revision not in {*known, "base"}:
        raise InvalidValue("revision", f"must be base or one of {', '.join(known)}")
    with _ONE_AT_A_TIME, _connected(url) as connection:
        home = _prepare(connection, schema)
        at = _current(connection, home)
        if at is not None and (revision == "base" or known.index(at) > known.index(revision)):
            from alembic import command

            command.downgrade(_config(connection, home), revision)
        if revision == "base":
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS {_quoted(connection, home)}.alembic_version")
        return _current(connection, home)


def current(url: str, *, schema: str | None = None) -> str | None:
    """The revision that the database is at; None if it was never migrated."""
    with _connected(url, read_only=True) as connection:
        return _current(connection, _home(connection, schema))


def head() -> str:
    """The newest revision, the one that this version needs."""
    return _revisions()[-1]


def check(url: str, *, schema: str | None = None) -> list[Drift]:
    """Every difference between the database and the declared schema; empty if there is none. Changes nothing.

    Tables, views and functions that are not vibecore's are drift only where `schema` is given: a schema of its own.
    Without it they are taken for the application's.
    """
    from vibecore.repositories.postgres.check import Drift
    from vibecore.repositories.postgres.check import check as compare

    with _connected(url, read_only=True) as connection:
        home = _home(connection, schema)
        at = _stamp(connection, home)
        drifts = [] if at == head() else [Drift("revision", "alembic_version", head(), at)]
        return drifts + compare(connection, home, own=schema is not None)


@contextmanager
def _connected(url: str, *, read_only: bool = False) -> Iterator[sa.Connection]:
    import sqlalchemy as sa
    from sqlalchemy.exc import DBAPIError

    address = _address(url)
    engine = sa.create_engine(
        address,
        poolclass=sa.NullPool,
        connect_args={} if "connect_timeout" in address.query else {"connect_timeout": CONNECT_SECONDS},
        isolation_level="REPEATABLE READ" if read_only else "READ COMMITTED",
        execution_options={"postgresql_readonly": read_only},
    )
    try:
        with _opened(engine) as connection, connection.begin():
            yield connection
    except DBAPIError as error:
        raise _translated(error) from error


def _opened(engine: sa.Engine) -> sa.Connection:
    from sqlalchemy.exc import DBAPIError

    try:
        return engine.connect()
    except DBAPIError as error:
        refusal = _translated(error)
    except UnicodeError as error:
        refusal = StoreUnavailable(f"the database cannot be reached: {error}")
    # Out here, for the driver's error holds the password, and would be the context of one raised above.
    raise refusal


def _address(url: str) -> sa.URL:
    from vibecore.repositories.postgres.engine import engine_url

    return engine_url(url)


def _translated(error: DBAPIError) -> VibecoreError:
    sqlstate: str | None = getattr(error.orig, "sqlstate", None)
    if error.connection_invalidated or sqlstate is None or sqlstate[:2] == "08" or sqlstate in {"57P01", "57P03"}:
        # The driver's first line names host, port and cause; it holds no password.
        lines = str(error.orig).strip().splitlines() or ["the connection broke"]
        return StoreUnavailable(f"the database cannot be reached: {lines[0]}")
    return StoreRejected(sqlstate)


def _home(connection: sa.Connection, schema: str | None) -> str:
    """The name of the schema that holds, or will hold, the objects."""
    if schema is None:
        found = connection.exec_driver_sql("SELECT current_schema()").scalar()
        if found is None:
            raise InvalidValue("schema", "is not given and the search path names none that exists")
        return str(found)
    if not isinstance(schema, str) or not _SCHEMA.fullmatch(schema):
        raise InvalidValue("schema", "must be 1 to 63 of a-z, 0-9 and _, not starting with a digit")
    if schema.startswith("pg_") or schema == "information_schema":
        raise InvalidValue("schema", "is reserved by PostgreSQL")
    return schema


def _prepare(connection: sa.Connection, schema: str | None) -> str:
    """Take the lock, see that the server can hold the schema, make it if need be and set the search path to it."""
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    version, encoding = connection.exec_driver_sql(
        "SELECT current_setting('server_version_num')::integer, current_setting('server_encoding')"
    ).one()
    if version < OLDEST_SERVER:
        raise InvalidValue("url", "names a server older than PostgreSQL 15")
    if encoding != "UTF8":
        raise InvalidValue("url", f"names a database in {encoding}; the encoding must be UTF8")
    home = _home(connection, schema)
    # Looked up first: CREATE SCHEMA IF NOT EXISTS asks for the right to create even where the schema exists.
    if not connection.exec_driver_sql("SELECT 1 FROM pg_namespace WHERE nspname = %s", (home,)).first():
        connection.exec_driver_sql(f"CREATE SCHEMA {_quoted(connection, home)}")
    # The functions keep this path. pg_temp is named last, else it would come first.
    connection.exec_driver_sql("SELECT set_config('search_path', quote_ident(%s) || ', pg_temp', true)", (home,))
    return home


def _quoted(connection: sa.Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote_identifier(name)


def _current(connection: sa.Connection, home: str) -> str | None:
    found = _stamp(connection, home)
    if found is not None and found not in _revisions():
        raise InvalidValue(
            "schema", f"{home} is at revision {found[:40]!r}: another application's, or a newer vibecore's"
        )
    return found


def _stamp(connection: sa.Connection, home: str) -> str | None:
    from alembic.migration import MigrationContext

    context = MigrationContext.configure(connection, opts={"version_table_schema": home})
    return context.get_current_revision()


def _revisions() -> list[str]:
    """All revisions, oldest first."""
    return [script.revision for script in reversed(list(_scripts().walk_revisions()))]


def _scripts() -> ScriptDirectory:
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_config())


def _config(connection: sa.Connection | None = None, schema: str | None = None) -> Config:
    from alembic.config import Config

    config = Config(attributes={"connection": connection, "schema": schema})
    config.set_main_option("script_location", str(_folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _folder() -> Path:
    """Where the migrations are: inside the package in a wheel, beside `src/` in a checkout."""
    package = Path(__file__).parents[1]
    for folder in (package / "_migrations", package.parents[1] / "migrations"):
        if (folder / "env.py").is_file():
            return folder
    raise FileNotFoundError("the installation of vibecore lacks its migrations")
