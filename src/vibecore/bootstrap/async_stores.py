"""Stores for the async face. Making one waits for nothing but an embedded server; `check` then needs the loop."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vibecore.bootstrap import stores
from vibecore.bootstrap.settings import Settings
from vibecore.domain.errors import InvalidValue, NotMigrated
from vibecore.services.effects import Clock

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from vibecore.repositories.unit_of_work import Store

Await = Callable[[Any], Any]
"""How code inside a greenlet waits for a coroutine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchecked:
    """A store whose database may not hold the schema it needs. `check` tells: NotMigrated, StoreUnavailable."""

    store: Store
    check: Callable[[], None]
    closers: tuple[Callable[[], None], ...] = ()

    def close(self) -> None:
        """End the use of the embedded server; blocks. The store is closed on its loop, before."""
        with ExitStack() as stack:
            for close in self.closers:
                stack.callback(close)


def on_url(url: str, settings: Settings, clock: Clock, schema: str | None, await_: Await) -> Unchecked:
    """A store at `url`; an embedded server is started and migrated, which blocks."""
    if stores.scheme_of(url) == "memory":
        return Unchecked(store=stores.open_memory(url, settings, clock).store, check=lambda: None)
    address, closers = stores.server_url(url, schema)
    with ExitStack() as undo:
        for close in closers:
            undo.callback(close)
        from vibecore.repositories.postgres.engine import make_async_engine

        engine = make_async_engine(address, pool_size=settings.pool_size, connect_timeout=settings.connect_timeout)
        made = _on_engine(engine, settings, clock, schema, await_, owned=True, closers=closers)
        undo.pop_all()
    return made


def on_engine(engine: AsyncEngine, settings: Settings, clock: Clock, schema: str | None, await_: Await) -> Unchecked:
    """A store that shares an application's engine."""
    from sqlalchemy.ext.asyncio import AsyncEngine

    if not isinstance(engine, AsyncEngine) or engine.dialect.driver != "psycopg":
        raise InvalidValue("engine", "must be an AsyncEngine of SQLAlchemy with psycopg 3 (postgresql+psycopg)")
    return _on_engine(engine, settings, clock, schema, await_, owned=False)


def _on_engine(
    engine: AsyncEngine,
    settings: Settings,
    clock: Clock,
    schema: str | None,
    await_: Await,
    *,
    owned: bool,
    closers: tuple[Callable[[], None], ...] = (),
) -> Unchecked:
    from vibecore.bootstrap.migrations import head
    from vibecore.repositories.postgres.store import PostgresStore

    needed = head()
    store = PostgresStore(
        engine.sync_engine, clock, stores.cursors(settings), schema=schema, await_=await_, owned=owned
    )

    def check() -> None:
        found = store.revision()
        if found != needed:
            raise NotMigrated(found, needed)

    return Unchecked(store=store, check=check, closers=closers)
