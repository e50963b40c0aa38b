"""Stores from what `connect` was given: a URL, an application's engine, or nothing."""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote_to_bytes, urlsplit

from vibecore.bootstrap.settings import Settings
from vibecore.domain.errors import InvalidValue, NotMigrated
from vibecore.domain.paging import Cursors
from vibecore.services.effects import Clock

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from vibecore.repositories.postgres.embedded import Server
    from vibecore.repositories.postgres.store import PostgresStore
    from vibecore.repositories.unit_of_work import Store

SCHEMES: Final = ("memory", "postgresql", "postgres", "postgresql+psycopg", "embedded")


@dataclass(frozen=True, slots=True)
class Opened:
    """A store and what has to be closed after it."""

    store: Store
    closers: tuple[Callable[[], None], ...] = field(default=())


def default_url(settings: Settings) -> str:
    """`VIBECORE_DATABASE_URL`, which InvalidValue names if it is wrong; else the embedded server in the data folder."""
    if settings.database_url is not None:
        return _checked(settings.database_url.get_secret_value())
    from platformdirs import user_data_path

    folder = settings.data_folder or user_data_path("vibecore", appauthor=False) / "server"
    return f"embedded://{quote(os.fsencode(folder.absolute()))}"


def _checked(url: str) -> str:
    try:
        match scheme_of(url):
            case "memory":
                _check_memory(url)
            case "embedded":
                embedded_folder(url)
            case _:
                from vibecore.repositories.postgres.engine import engine_url

                engine_url(url)
    except InvalidValue as error:
        reason = error.reason
    else:
        return url
    raise InvalidValue("VIBECORE_DATABASE_URL", reason)


def _check_memory(url: str) -> None:
    if url != "memory://":
        raise InvalidValue("url", "must be exactly memory://")


def scheme_of(url: object) -> str:
    """The scheme of a URL that `connect` knows; InvalidValue (field `url`) for any other."""
    if type(url) is not str or not url:
        raise InvalidValue("url", f"must be text, not {type(url).__name__}" if type(url) is not str else "is empty")
    scheme = url.partition("://")[0]
    if "://" not in url or scheme not in SCHEMES:
        raise InvalidValue("url", "must begin with memory://, postgresql:// or embedded://")
    return scheme


def embedded_folder(url: str) -> Path:
    """The folder of an `embedded:///absolute/path` URL; percent signs escape, as in other URLs."""
    parts = urlsplit(url)
    if parts.netloc or not parts.path.startswith("/") or len(parts.path) < 2 or parts.query or parts.fragment:
        raise InvalidValue("url", "must be embedded:///absolute/path")
    # Bytes, for a folder's name need not be text in any encoding.
    folder = os.fsdecode(unquote_to_bytes(os.fsencode(parts.path)))
    if "\0" in folder:
        raise InvalidValue("url", "must be embedded:///absolute/path")
    return Path(folder)


def cursors(settings: Settings) -> Cursors:
    """Cursors signed with a key made from the settings' secret key, or with a random one."""
    # By HMAC and not from a Keyring: everybody who connects needs it, and cryptography takes 25 ms to load.
    secrets = settings.secret_keys() or (os.urandom(32),)
    current, *previous = (hmac.digest(secret, b"vibecore/v1/cursors", "sha256") for secret in secrets)
    return Cursors(current, tuple(previous))


def open_memory(url: str, settings: Settings, clock: Clock) -> Opened:
    """A new, empty database in this process."""
    from vibecore.repositories.memory.store import MemoryStore

    _check_memory(url)
    return Opened(MemoryStore(clock, cursors(settings)))


def memory_database(settings: Settings) -> Callable[[Clock], Store]:
    """A new, empty database in this process, as a function that makes stores on it: as if from several processes."""
    from vibecore.repositories.memory.database import Database
    from vibecore.repositories.memory.store import MemoryStore

    database, signer = Database(), cursors(settings)
    return lambda clock: MemoryStore(clock, signer, database)


def embedded_server(folder: Path, *, version: int | None = None, durable: bool = True) -> Server:
    """The embedded server in `folder`, with databases to be made; `version` None takes the newest."""
    from vibecore.repositories.postgres.embedded import DEFAULT_VERSION, start

    return start(folder, version=DEFAULT_VERSION if version is None else version, durable=durable)


def check_engine(engine: object) -> None:
    """InvalidValue unless it is an Engine of SQLAlchemy with psycopg 3 that does not need an event loop."""
    from sqlalchemy.engine import Engine

    if not isinstance(engine, Engine) or engine.dialect.driver != "psycopg" or engine.dialect.is_async:
        raise InvalidValue("engine", "must be an Engine of SQLAlchemy with psycopg 3 (postgresql+psycopg), not async")


def postgres_engine(url: str, settings: Settings) -> Engine:
    """The pool of connections to `url` that the settings ask for."""
    from vibecore.repositories.postgres.engine import make_engine

    return make_engine(url, pool_size=settings.pool_size, connect_timeout=settings.connect_timeout)


def server_url(url: str, schema: str | None) -> tuple[str, tuple[Callable[[], None], ...]]:
    """The PostgreSQL URL behind `url`. An embedded server is started and, being private to vibecore, migrated."""
    if scheme_of(url) != "embedded":
        return url, ()
    from vibecore.bootstrap.migrations import migrate
    from vibecore.repositories.postgres.embedded import start

    server = start(embedded_folder(url))
    try:
        migrate(server.url, schema=schema)
    except BaseException:
        server.close()
        raise
    return server.url, (server.close,)


def open_postgres(url: str, settings: Settings, clock: Clock, schema: str | None) -> Opened:
    """A database on a server, which must hold the schema that this version needs (NotMigrated)."""
    address, closers = server_url(url, schema)
    try:
        engine = postgres_engine(address, settings)
        return Opened(postgres_store(engine, settings, clock, schema, owned=True), closers)
    except BaseException:
        for close in closers:
            close()
        raise


def postgres_store(
    engine: Engine,
    settings: Settings,
    clock: Clock,
    schema: str | None,
    *,
    owned: bool,
) -> PostgresStore:
    """A store on `engine` after a look at the revision of its database."""
    from vibecore.bootstrap.migrations import head
    from vibecore.repositories.postgres.store import PostgresStore

    store = PostgresStore(engine, clock, cursors(settings), schema=schema, owned=owned)
    try:
        found = store.revision()
        if found != head():
            raise NotMigrated(found, head())
    except BaseException:
        store.close()
        raise
    return store
