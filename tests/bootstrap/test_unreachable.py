"""A server that cannot be reached: StoreUnavailable, soon, and without the password anywhere in the error."""

from __future__ import annotations

import socket
import traceback
from collections.abc import Callable, Iterator
from time import monotonic

import pytest
import sqlalchemy as sa

import vibecore
from tests.bootstrap.story import SETTINGS
from vibecore.domain.errors import InvalidValue, StoreUnavailable, VibecoreError

SECRET = "hunter2-of-ada"
HURRIED = SETTINGS.model_copy(update={"connect_timeout": 2})
SOON = 30.0
"""Seconds; the tests that wait for a timeout take two."""


def links(error: BaseException | None) -> Iterator[BaseException]:
    """The error and all behind it, shown in a traceback or not."""
    while error is not None:
        yield error
        if error.__context__ is not error.__cause__ and error.__cause__ is not None:
            yield from links(error.__cause__)
        error = error.__context__


def refused(call: Callable[[], object], kind: type[VibecoreError] = StoreUnavailable) -> VibecoreError:
    """The error of `call`, which says nothing of the secret."""
    began = monotonic()
    with pytest.raises(kind) as caught:
        call()
    assert monotonic() - began < SOON
    for each in links(caught.value):
        assert SECRET not in f"{each} {each!r} {each.args} {vars(each)}"
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    return caught.value


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


CALLS: list[Callable[[str], object]] = [
    lambda url: vibecore.connect(url, settings=HURRIED),
    lambda url: vibecore.migrate(f"{url}{'&' if '?' in url else '?'}connect_timeout=2"),
    lambda url: vibecore.check(f"{url}{'&' if '?' in url else '?'}connect_timeout=2"),
]
NAMES = ["connect", "migrate", "check"]


@pytest.mark.parametrize("call", CALLS, ids=NAMES)
def test_nobody_listens(call: Callable[[str], object], closed_port: int) -> None:
    """The message names host and port."""
    for url in (
        f"postgresql://ada:{SECRET}@127.0.0.1:{closed_port}/db",
        f"postgresql://127.0.0.1:{closed_port}/db?user=ada&password={SECRET}",
    ):
        assert str(closed_port) in str(refused(lambda url=url: call(url)))  # type: ignore[misc]


@pytest.mark.parametrize("call", CALLS, ids=NAMES)
def test_somebody_listens_and_does_not_answer(call: Callable[[str], object], silent_port: int) -> None:
    """Given up after `connect_timeout` seconds."""
    refused(lambda: call(f"postgresql://ada:{SECRET}@127.0.0.1:{silent_port}/db"))


@pytest.mark.parametrize("call", CALLS, ids=NAMES)
@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 64])
def test_no_such_host(call: Callable[[str], object], host: str) -> None:
    """Unknown ones and impossible ones."""
    refused(lambda: call(f"postgresql://ada:{SECRET}@{host}/db"))


@pytest.mark.parametrize("call", CALLS, ids=NAMES)
def test_the_server_does_not_let_us_in(call: Callable[[str], object], url: str) -> None:
    """An unknown user, and a database that does not exist."""
    parsed = sa.make_url(url)
    for wrong in (parsed.set(username="nobody", password=SECRET), parsed.set(database="no_such_database")):
        refused(lambda wrong=wrong: call(wrong.render_as_string(hide_password=False)))  # type: ignore[misc]


@pytest.mark.parametrize("call", CALLS, ids=NAMES)
def test_an_option_that_nobody_knows(call: Callable[[str], object], closed_port: int) -> None:
    """Named by its name alone."""
    error = refused(lambda: call(f"postgresql://ada:{SECRET}@127.0.0.1:{closed_port}/db?frobnicate={SECRET}"))
    assert "frobnicate" in str(error)


@pytest.mark.parametrize("call", CALLS, ids=NAMES)
@pytest.mark.parametrize("url", [f"postgresql://ada:{SECRET}@host:{SECRET}/db", f"postgresql://ada:x@{SECRET}@host/db"])
def test_a_url_that_cannot_be_read_is_not_quoted(call: Callable[[str], object], url: str) -> None:
    """Neither by us nor by the error that was behind it."""
    refused(lambda: call(url), InvalidValue)


def test_what_the_url_asks_for_comes_before_the_settings(url: str, silent_port: int) -> None:
    """`connect_timeout` and `application_name` in a URL are not overwritten."""
    patient = SETTINGS.model_copy(update={"connect_timeout": 3600})
    refused(lambda: vibecore.connect(f"postgresql://127.0.0.1:{silent_port}/db?connect_timeout=2", settings=patient))
    named = sa.make_url(url).update_query_dict({"application_name": "ours"}).render_as_string(hide_password=False)
    vibe = vibecore.connect(named, settings=SETTINGS)
    names = (
        "SELECT application_name FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"), poolclass=sa.NullPool)
    with vibe, engine.connect() as connection:
        assert set(connection.exec_driver_sql(names).scalars()) == {"ours"}


def test_an_engine_whose_server_is_gone(closed_port: int) -> None:
    """Shared, it is left as it was."""
    engine = sa.create_engine(f"postgresql+psycopg://ada:{SECRET}@127.0.0.1:{closed_port}/db")
    refused(lambda: vibecore.connect(engine=engine, settings=SETTINGS))
