"""One exchange of an asynchronous connection with its server, and how it is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any, Final, Generic, TypeVar

import psycopg

T = TypeVar("T")

PAUSES: Final = (0.005, 0.01, 0.02, 0.05, *(0.1,) * 50)
"""Seconds between two requests to stop."""
_REQUEST_SECONDS: Final = 5.0
_LAST_SECONDS: Final = 1.0


class Exchange(Generic[T]):
    """What is awaited for an answer of the server. `interrupt` makes it end early, for whoever awaits it."""

    def __init__(self, connection: psycopg.AsyncConnection[Any], work: Coroutine[Any, Any, T]) -> None:
        self._connection = connection
        self._work = work

    def __await__(self) -> Generator[Any, Any, T]:
        return self._work.__await__()

    def close(self) -> None:
        """For an exchange that nobody awaits after all: nothing was sent."""
        self._work.close()

    async def interrupt(self, task: asyncio.Task[Any]) -> None:
        """Ask the server to stop until `task`, which awaits the exchange, is done. After some seconds, or where the
        server cannot be asked, cancel it; where it is not done even then, a second cancellation ends it.

        Once is not enough: the server forgets a request that overtakes the statement. And none must be on its way when
        this returns, or it would meet a later statement. psycopg asks once when a task is cancelled inside a statement,
        and gives up the connection if that was forgotten: then the server goes on.
        """
        for pause in PAUSES:
            try:
                await self._connection.cancel_safe(timeout=_REQUEST_SECONDS)
            except psycopg.Error:
                break
            await asyncio.wait([task], timeout=pause)
            if task.done():
                return
        task.cancel()
        await asyncio.wait([task], timeout=_LAST_SECONDS)
