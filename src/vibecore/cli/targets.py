"""Which database a command works on, and how it is opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vibecore.cli.exits import printable
from vibecore.domain.errors import InvalidValue

if TYPE_CHECKING:
    from vibecore.bootstrap.vibe import Vibe
    from vibecore.cli.progress import Steps


def address(url: str | None) -> str:
    """`url`, or where `vibecore.connect()` goes; InvalidValue for a scheme that it does not know."""
    from vibecore.bootstrap import stores
    from vibecore.bootstrap.settings import Settings

    chosen = stores.default_url(Settings.load()) if url is None else url
    stores.scheme_of(chosen)
    return chosen


def lasting(url: str | None) -> str:
    """`address`, but not the memory: what a command writes there ends with it."""
    chosen = address(url)
    if chosen.startswith("memory://"):
        raise InvalidValue("url", "memory:// begins empty and ends with this command; give a database that lasts")
    return chosen


def home(schema: str | None) -> str | None:
    """The schema that is named, or the environment's."""
    from vibecore.bootstrap.settings import Settings

    return Settings.load().database_schema if schema is None else schema


def shown(url: str) -> str:
    """`url` without password and options."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


@contextmanager
def opened(url: str, schema: str | None) -> Iterator[Vibe]:
    """The installation at `url`, closed with the block."""
    from vibecore.bootstrap.connect import connect

    with connect(url, schema=schema) as vibe:
        yield vibe


@contextmanager
def opened_in_steps(url: str, schema: str | None, steps: Steps) -> Iterator[Vibe]:
    """`opened`, telling what takes how long."""
    from vibecore.bootstrap import migrations, stores
    from vibecore.bootstrap.connect import connect

    with ExitStack() as stack:
        if stores.scheme_of(url) == "embedded":
            with steps.step("start PostgreSQL"):
                server = stack.enter_context(stores.embedded_server(stores.embedded_folder(url)))
            with steps.step("migrate") as step:
                step.at(1, f"at {migrations.migrate(server.url, schema=home(schema))}")
        with steps.step("open the platform") as step:
            vibe = stack.enter_context(connect(url, schema=schema))
            step.at(1, printable(shown(url)))
        yield vibe


@contextmanager
def server(url: str, *, make: bool) -> Iterator[str]:
    """The PostgreSQL URL behind `url`; an embedded server runs while the block lasts, as it is: not migrated.

    A folder that does not exist is refused (InvalidValue), unless `make`.
    """
    from vibecore.bootstrap import stores

    if stores.scheme_of(url) != "embedded":
        yield url
        return
    folder = stores.embedded_folder(url)
    if not make and not folder.exists():
        raise InvalidValue("url", f"no such folder: {folder}")
    with stores.embedded_server(folder) as running:
        yield running.url
