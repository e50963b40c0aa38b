"""Engines from URLs, and the connections they lend to units of work."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import psycopg
import sqlalchemy as sa
from psycopg import pq
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import ArgumentError, DBAPIError, InvalidRequestError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from vibecore.domain.errors import InvalidValue, StoreUnavailable, TransactionAborted
from vibecore.repositories.postgres._errors import translate
from vibecore.repositories.postgres._transaction import JOINED, OWN, Frame
from vibecore.repositories.postgres._wire import LoopWire, Statement, ThreadWire, Wire
from vibecore.repositories.unit_of_work import Mode

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

STATEMENTS: Final = 1000
"""Prepared statements that a connection of ours keeps; psycopg's own bound is 100."""
SCHEMA_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_NOT_IN_URLS: Final = re.compile("[\0\ud800-\udfff]")
_USED: Final = "vibecore used it"
"""Marks a driver connection, for as long as it lives, that a unit of work had before."""


def engine_url(url: str) -> URL:
    """`url` as SQLAlchemy takes it, with psycopg 3 as the driver; InvalidValue if it is not PostgreSQL's."""
    parsed = _parsed(url)
    if parsed is None:
        raise InvalidValue("url", "is not a database URL")
    if "@" in (parsed.host or ""):
        # Half a password would be taken for the host, and named in errors.
        raise InvalidValue("url", "holds more than one @: one in a user name or password is written %40")
    if parsed.drivername not in ("postgresql", "postgres", "postgresql+psycopg"):
        raise InvalidValue("url", "must begin with postgresql://")
    return parsed.set(drivername="postgresql+psycopg")


def _parsed(url: str) -> URL | None:
    """None if it cannot be read. The error is left behind, for it quotes pieces of the URL."""
    if type(url) is not str or _NOT_IN_URLS.search(url):
        return None
    try:
        return sa.make_url(url)
    except (ArgumentError, ValueError):
        return None


def make_engine(url: str, *, pool_size: int = 10, connect_timeout: int = 10) -> Engine:
    """An engine whose connections are in autocommit mode: units of work begin and end their own transactions.

    The pool grows to twice `pool_size` under load; `connect_timeout` is in seconds, one in the URL comes first.
    """
    address = engine_url(url)
    engine = sa.create_engine(address, **_options(address, pool_size, connect_timeout))
    event.listen(engine, "connect", _keep_statements)
    return engine


def make_async_engine(url: str, *, pool_size: int = 10, connect_timeout: int = 10) -> AsyncEngine:
    """As `make_engine`, for an event loop. Needs greenlet."""
    from sqlalchemy.ext.asyncio import create_async_engine

    address = engine_url(url)
    engine = create_async_engine(address, **_options(address, pool_size, connect_timeout))
    event.listen(engine.sync_engine, "connect", _keep_statements)
    return engine


def _keep_statements(connection: Any, record: Any) -> None:
    """Let a new connection keep more prepared statements than there are: dropping one takes a round trip of its own."""
    driver: Any = getattr(connection, "driver_connection", connection)
    driver.prepared_max = STATEMENTS


def _options(url: URL, pool_size: int, connect_timeout: int) -> dict[str, Any]:
    ours = {"connect_timeout": connect_timeout, "application_name": "vibecore"}
    # Connections come back without a transaction, see `PoolLine.give_back`: the pool has nothing to reset.
    return {
        "pool_reset_on_return": None,
        "isolation_level": "AUTOCOMMIT",
        "pool_size": pool_size,
        "max_overflow": pool_size,
        # What the URL asks for stands.
        "connect_args": {name: value for name, value in ours.items() if name not in url.query},
    }


def schema_prefix(schema: str | None) -> str:
    """What stands before every object's name."""
    if schema is None:
        return ""
    if type(schema) is not str or not SCHEMA_NAME.fullmatch(schema):
        raise InvalidValue("schema", "must be lower-case letters, digits and _, at most 63, not beginning with a digit")
    return f'"{schema}".'


class PoolLine:
    """Connections of an engine's pool, taken for one unit of work at a time."""

    frames: Mapping[Mode, Frame] = OWN

    def __init__(self, engine: Engine, await_: Callable[[Any], Any] | None = None) -> None:
        self._engine = engine
        self._await = await_
        self._pool: Any = None
        self._fairy: Any = None
        self._before = True
        self._pooled = False
        self._replaced = False

    def take(self) -> Wire:
        self._pool = self._engine.pool
        fairy = self._checked_out()
        try:
            wire = make_wire(fairy.driver_connection, self._await)
            self._before = wire.autocommit(True)
            settle(wire, "SET")
        except BaseException as error:
            fairy.invalidate()
            if isinstance(error, psycopg.Error):
                raise translate(error, broken=True) from None
            raise
        self._fairy = fairy
        self._pooled = bool(fairy.info.get(_USED))
        fairy.info[_USED] = True
        return wire

    def _checked_out(self) -> Any:
        try:
            return self._engine.raw_connection()
        except DBAPIError as error:
            refusal = unavailable(error.orig)
        except (psycopg.Error, UnicodeError) as error:
            # The latter for a name that no host can have.
            refusal = unavailable(error)
        except (PoolTimeout, InvalidRequestError) as error:
            refusal = StoreUnavailable(f"no connection is free: {error}")
        # Out here, for the driver's error holds the password, and would be the context of one raised above.
        raise refusal

    def give_back(self, wire: Wire) -> None:
        fairy, self._fairy = self._fairy, None
        # An engine that was disposed of has another pool; the one that lent this connection is never looked into again.
        if wire.broken or wire.status is not pq.TransactionStatus.IDLE or self._engine.pool is not self._pool:
            fairy.invalidate()
            return
        try:
            if not self._before:
                wire.autocommit(False)
        finally:
            fairy.close()

    @property
    def stale(self) -> bool:
        """One that we used before surely lay idle, and after a restart of the server all of those are dead. One that
        we see for the first time may be an application's: it is replaced once."""
        return self._pooled or not self._replaced

    def replace(self, wire: Wire) -> Wire:
        """Another connection for one that turned out to be broken before it did anything."""
        self._replaced = True
        self.give_back(wire)
        return self.take()


class JoinedLine:
    """The connection of an application that has a transaction of its own open."""

    frames: Mapping[Mode, Frame] = JOINED

    def __init__(self, connection: Connection, await_: Callable[[Any], Any] | None = None) -> None:
        self._connection = connection
        self._await = await_

    def take(self) -> Wire:
        if self._connection.closed:
            raise InvalidValue("connection", "is closed")
        driver = self._driver()
        if getattr(driver, "autocommit", False):
            raise InvalidValue("connection", "is in autocommit mode: it has no transaction to join")
        wire = make_wire(driver, self._await)
        if wire.status is pq.TransactionStatus.INERROR:
            # Asked first, for where no savepoint could be made there is none to go back to.
            raise TransactionAborted
        try:
            settle(wire, "SET LOCAL")
        except psycopg.Error as error:
            raise translate(error, broken=wire.broken) from None
        return wire

    def _driver(self) -> Any:
        try:
            if not self._connection.in_transaction():
                self._connection.begin()
            return self._connection.connection.driver_connection
        except DBAPIError as error:
            refusal = unavailable(error.orig)
        except InvalidRequestError:
            refusal = StoreUnavailable("the connection was lost: its transaction can only be rolled back")
        raise refusal

    def give_back(self, wire: Wire) -> None:
        """It stays the application's, which learns of its loss as if it had met it itself."""
        if wire.broken and not self._connection.closed:
            self._connection.invalidate()

    @property
    def stale(self) -> bool:
        """What was done on it before is the application's."""
        return False

    def replace(self, wire: Wire) -> Wire:
        return wire


def settle(wire: Wire, how: str) -> None:
    """Give the session the two settings that the driver needs to read what the server sends, where a database, a role
    or an application chose others; `how` is SET or SET LOCAL."""
    for name, value in (("DateStyle", "ISO"), ("client_encoding", "UTF8")):
        if not wire.parameter(name).startswith(value):
            wire.execute(Statement(f"{how} {name} TO '{value}'"))


def make_wire(driver: Any, await_: Callable[[Any], Any] | None) -> Wire:
    """The wire for a driver connection: asynchronous ones need `await_`, the greenlet's way to wait."""
    if isinstance(driver, psycopg.Connection):
        return ThreadWire(driver)
    if isinstance(driver, psycopg.AsyncConnection) and await_ is not None:
        return LoopWire(driver, await_)
    raise InvalidValue("engine", "must use psycopg 3 (postgresql+psycopg), asynchronous only with connect_async")


def unavailable(error: BaseException | None) -> StoreUnavailable:
    """StoreUnavailable with the driver's own words, which name host and cause but never the password."""
    words = str(error).strip().splitlines()
    return StoreUnavailable(f"cannot connect: {words[0] if words else type(error).__name__}")
