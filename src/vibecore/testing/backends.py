"""The backends: the one list of what a test that holds everywhere must run on.

Memory and the embedded PostgreSQL 18 are always on it. `VIBECORE_TEST_POSTGRES_15`, `_16` and `_18` add servers (18:
replace the embedded one): the URL of a database on a server whose role may create databases, or the word `embedded`.
A server that cannot be reached is an error, never a reason to leave tests out.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from pydantic import SecretStr

from vibecore.bootstrap import migrations, stores
from vibecore.bootstrap.settings import Settings
from vibecore.domain.errors import StoreUnavailable
from vibecore.domain.tables import TABLES
from vibecore.repositories.unit_of_work import Store
from vibecore.services.effects import Clock

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

MEMORY: Final = "memory"
EMBEDDED: Final = "embedded"
SERVERS: Final = {f"postgres{version}": f"VIBECORE_TEST_POSTGRES_{version}" for version in (15, 16, 18)}
SETTINGS: Final = Settings(
    database_url=None,
    database_schema=None,
    secret_key=SecretStr("the key that tests sign cursors with"),
    previous_secret_keys=(),
    password_peppers={},
    pool_size=10,
    connect_timeout=10,
    bcrypt_cost=4,
    mail_url=None,
    mail_from=None,
    public_url=None,
    data_folder=None,
)
"""What tests run with, whatever the environment says."""


class Database(Protocol):
    """One database, at the schema of this version."""

    def store(self, clock: Clock) -> Store:
        """A store on it; several of them see each other's commits, as several processes would."""
        ...

    def empty(self) -> None:
        """Remove all rows. Raises AssertionError if a unit of work was left open."""
        ...


class Backend(Protocol):
    """Where databases for tests come from."""

    @property
    def name(self) -> str: ...

    def database(self) -> AbstractContextManager[Database]:
        """An empty database that nobody else uses while the block lasts."""
        ...

    def open(self, clock: Clock) -> AbstractContextManager[Store]:
        """A store on such a database, closed with the block."""
        ...

    def close(self) -> None:
        """Stop and remove what was started and made."""
        ...


def names(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The names of all backends; which ones there are is up to the environment."""
    return (MEMORY, *(name for name, variable in SERVERS.items() if name == "postgres18" or environment.get(variable)))


class Backends:
    """The backends by name, each started when it is first asked for, all closed together."""

    def __init__(self) -> None:
        self._started: dict[str, Backend] = {}

    def __getitem__(self, name: str) -> Backend:
        if name not in self._started:
            self._started[name] = start(name)
        return self._started[name]

    def close(self) -> None:
        with ExitStack() as stack:
            while self._started:
                stack.callback(self._started.popitem()[1].close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def start(name: str) -> Backend:
    """The backend called `name`; close it. StoreUnavailable and its like where its server is missing."""
    if name == MEMORY:
        return MemoryBackend()
    given = os.environ.get(SERVERS[name]) or EMBEDDED
    version = int(name.removeprefix("postgres"))
    return PostgresBackend(name, _embedded(version) if given == EMBEDDED else _Server(given), version)


class MemoryBackend:
    """Databases in this process."""

    name = MEMORY

    @contextmanager
    def database(self) -> Iterator[Database]:
        yield _MemoryDatabase()

    @contextmanager
    def open(self, clock: Clock) -> Iterator[Store]:
        with self.database() as database:
            store = database.store(clock)
            try:
                yield store
            finally:
                store.close()

    def close(self) -> None:
        """Nothing was started."""


class _MemoryDatabase:
    def __init__(self) -> None:
        self._make: Callable[[Clock], Store] = stores.memory_database(SETTINGS)

    def store(self, clock: Clock) -> Store:
        return self._make(clock)

    def empty(self) -> None:
        self._make = stores.memory_database(SETTINGS)


class PostgresBackend:
    """Databases on one server, copied from a migrated template and emptied for their next user.

    Emptying takes 2 ms and copying 40 ms, so that a database is kept when its user is done.
    """

    def __init__(self, name: str, server: _Server, version: int) -> None:
        self.name = name
        self._server = server
        self._prefix = f"vibecore_test_{os.getpid()}_{secrets.token_hex(4)}"
        self._made = 0
        self._free: list[PostgresDatabase] = []
        self._all: list[PostgresDatabase] = []
        try:
            found = server.version()
            assert found == version, f"{name} is a PostgreSQL {found}"
            self._template = self._create("template0")
            migrations.migrate(server.url_of(self._template))
        except BaseException:
            server.close()
            raise

    @contextmanager
    def database(self) -> Iterator[PostgresDatabase]:
        database = self._free.pop() if self._free else self._new()
        yield database
        # Not reached after an exception: what such a test left behind may be anything.
        database.empty()
        self._free.append(database)

    @contextmanager
    def open(self, clock: Clock) -> Iterator[Store]:
        with self.database() as database:
            store = database.store(clock)
            try:
                yield store
            finally:
                store.close()

    def fresh_url(self, *, migrated: bool = True) -> str:
        """The URL of a new database, for tests that change more than rows; it goes with the backend."""
        return self._server.url_of(self._create(self._template if migrated else "template0"))

    def close(self) -> None:
        with ExitStack() as stack:
            stack.callback(self._server.close)
            if self._server.lasting:
                for number in range(1, self._made + 1):
                    stack.callback(self._server.run, f'DROP DATABASE IF EXISTS "{self._prefix}_{number}" WITH (FORCE)')
            for database in self._all:
                stack.callback(database.engine.dispose)

    def _new(self) -> PostgresDatabase:
        database = PostgresDatabase(self._server.url_of(self._create(self._template)))
        self._all.append(database)
        return database

    def _create(self, template: str) -> str:
        self._made += 1
        name = f"{self._prefix}_{self._made}"
        self._server.run(f'CREATE DATABASE "{name}" TEMPLATE "{template}" ENCODING \'UTF8\'')
        return name


class PostgresDatabase:
    """A database on a server; `engine` is the pool that its stores share."""

    def __init__(self, url: str) -> None:
        self.engine: Engine = stores.postgres_engine(url, SETTINGS)

    def store(self, clock: Clock) -> Store:
        return stores.postgres_store(self.engine, SETTINGS, clock, None, owned=False)

    def empty(self) -> None:
        pool: Any = self.engine.pool
        assert pool.checkedout() == 0, "a unit of work was left open"
        with self.engine.connect() as connection:
            connection.exec_driver_sql(_EMPTY)


_EMPTY: Final = "\n".join(
    [
        "DO $$ BEGIN",
        *(f"DELETE FROM {table.name};" for table in reversed(TABLES)),
        "IF EXISTS (SELECT FROM analytics_refreshes) THEN",
        "DELETE FROM analytics_refreshes;",
        *(
            f"REFRESH MATERIALIZED VIEW mv_{view};"
            for view in ("daily_project_stats", "user_activity", "system_health")
        ),
        "END IF; END $$",
    ]
)


class _Server:
    """A server and its statements about databases; `lasting` unless it goes, with all that is on it, when closed."""

    def __init__(self, url: str, close: Callable[[], None] | None = None) -> None:
        self._url = url
        self.lasting = close is None
        self.close: Callable[[], None] = close or (lambda: None)

    def url_of(self, database: str) -> str:
        import sqlalchemy as sa

        return sa.make_url(self._url).set(database=database).render_as_string(hide_password=False)

    def run(self, statement: str) -> list[Any]:
        """One statement outside of a transaction, and its rows."""
        import sqlalchemy as sa
        from sqlalchemy.exc import OperationalError

        engine = stores.postgres_engine(self._url, SETTINGS)
        try:
            with engine.connect() as connection:
                result = connection.execute(sa.text(statement))
                return list(result) if result.returns_rows else []
        except OperationalError as error:
            raise StoreUnavailable(f"a server for tests: {error.orig}") from None
        finally:
            engine.dispose()

    def version(self) -> int:
        """The major version."""
        return int(self.run("SHOW server_version_num")[0][0]) // 10_000


def _embedded(version: int) -> _Server:
    folder = Path(tempfile.mkdtemp(prefix="vibecore-"))
    with ExitStack() as undo:
        undo.callback(shutil.rmtree, folder)
        server = stores.embedded_server(folder / "server", version=version, durable=False)
        undo.callback(server.close)
        return _Server(server.url, undo.pop_all().close)
