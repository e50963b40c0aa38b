"""What `connect` opens, form by form: the same story comes out of each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

import vibecore
from tests.bootstrap.story import PASSWORD, SETTINGS, signed_in, told
from vibecore.bootstrap.settings import Settings
from vibecore.bootstrap.stores import default_url, embedded_folder
from vibecore.domain.errors import InvalidValue, NotMigrated, StoreUnavailable
from vibecore.testing.effects import fixed_effects


@pytest.fixture
def folder() -> Any:
    """A short path: the embedded server keeps its socket there."""
    place = Path(mkdtemp(prefix="vcb-"))
    yield place / "server"
    rmtree(place)


def test_a_url_in_every_spelling_tells_the_story(url: str) -> None:
    """postgresql, postgres and postgresql+psycopg name the same database; memory gives the same answers."""
    rest = url.partition("://")[2]
    with vibecore.connect("memory://", settings=SETTINGS) as vibe:
        expected = told(vibe)
    with vibecore.connect(f"postgresql://{rest}", settings=SETTINGS) as vibe:
        assert told(vibe) == expected
    for scheme in ("postgres", "postgresql+psycopg"):
        with vibecore.connect(f"{scheme}://{rest}", settings=SETTINGS) as vibe:
            login = vibe.auth.login(email="ada@example.org", password=PASSWORD).authenticated
            assert [project.name for project in vibe.projects.page(login.actor).items] == ["engine"]


def test_memory_is_new_each_time() -> None:
    """Two installations in one process share nothing."""
    with (
        vibecore.connect("memory://", settings=SETTINGS) as one,
        vibecore.connect("memory://", settings=SETTINGS) as two,
    ):
        signed_in(one)
        signed_in(two)


def test_an_embedded_folder_keeps_what_was_written(folder: Path) -> None:
    """Started and migrated by `connect`, into a schema of its own if one is named; the same database next time."""
    url = f"embedded://{folder}"
    with vibecore.connect(url, settings=SETTINGS) as vibe:
        told(vibe)
    with (
        vibecore.connect(url, settings=SETTINGS) as vibe,
        vibecore.connect(url, schema="other", settings=SETTINGS) as other,
    ):
        assert vibe.auth.login(email="ada@example.org", password=PASSWORD).authenticated
        signed_in(other)


def test_without_a_url_the_environment_decides(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """VIBECORE_DATABASE_URL and the other variables; what is given to `connect` comes first."""
    vibecore.migrate(url, schema="ours")
    monkeypatch.setenv("VIBECORE_DATABASE_URL", url)
    monkeypatch.setenv("VIBECORE_DATABASE_SCHEMA", "ours")
    monkeypatch.setenv("VIBECORE_BCRYPT_COST", "4")
    with vibecore.connect() as vibe:
        signed_in(vibe)
    with vibecore.connect(url, schema="ours") as vibe:
        assert vibe.auth.login(email="ada@example.org", password=PASSWORD).authenticated
    with vibecore.connect(url, schema="public") as vibe:
        signed_in(vibe)
    with vibecore.connect("memory://") as vibe:
        signed_in(vibe)


def test_without_any_url_a_server_starts_in_the_data_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """VIBECORE_DATA_FOLDER names it; it is made with all folders above it."""
    monkeypatch.setenv("VIBECORE_DATA_FOLDER", str(folder / "of" / "ours"))
    with vibecore.connect() as vibe:
        signed_in(vibe)
    with vibecore.connect(f"embedded://{folder / 'of' / 'ours'}", settings=SETTINGS) as vibe:
        assert vibe.auth.login(email="ada@example.org", password=PASSWORD).authenticated


def test_the_data_folder_of_the_user_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """XDG_DATA_HOME on Linux, without anything being made by looking."""
    monkeypatch.setenv("XDG_DATA_HOME", "/nowhere/data")
    assert embedded_folder(default_url(Settings.load())) == Path("/nowhere/data/vibecore/server")


@pytest.mark.parametrize(
    "name", ["100% done", "a?b=c", "#1", "ünï cödé", "%41", "tab\tbed", b"\xff".decode("utf-8", "surrogateescape")]
)
def test_any_data_folder_has_a_url(name: str) -> None:
    """Signs that mean something in URLs, and names that are no text, are part of the name."""
    folder = Path("/srv") / name
    settings = SETTINGS.model_copy(update={"data_folder": folder})
    assert embedded_folder(default_url(settings)) == folder


def test_effects_are_used() -> None:
    """Ports that are given replace the real ones, on either backend's store."""
    effects = fixed_effects()
    with vibecore.connect("memory://", settings=SETTINGS, effects=effects) as vibe:
        ada = signed_in(vibe)
        before = vibe.projects.create(ada, name="engine")
        effects.clock.move(days=1)
        after = vibe.projects.update(ada, before.id, name="motor")
    assert (after.updated_at - before.updated_at).days == 1


# -- what cannot be opened


WRONG_URLS: list[Any] = [
    None,
    "",
    "postgresql",
    "mysql://host/db",
    "sqlite://",
    "postgresql+asyncpg://host/db",
    "POSTGRESQL://host/db",
    " memory://",
    "memory://x",
    "memory:",
    "embedded://",
    "embedded:///",
    "embedded://relative/folder",
    "embedded:///folder?x=1",
    "embedded:///folder#x",
    "embedded:///fol%00der",
    "postgresql://host:port/db",
    "postgresql://host/d\0b",
    "postgresql://ho\udc80st/db",
    "postgresql://ada:half@password@host/db",
    b"memory://",
    3,
    Path("/folder"),
]


@pytest.mark.parametrize("url", WRONG_URLS[1:], ids=repr)
def test_a_wrong_url_is_refused(url: Any) -> None:
    """The field is `url`, whatever is wrong with it."""
    with pytest.raises(InvalidValue) as caught:
        vibecore.connect(url, settings=SETTINGS)
    assert caught.value.field == "url"


@pytest.mark.parametrize("function", [vibecore.migrate, vibecore.check], ids=lambda function: function.__name__)
@pytest.mark.parametrize("url", [*WRONG_URLS, "memory://", "embedded:///folder"], ids=repr)
def test_migrations_refuse_the_same_urls(function: Callable[[Any], object], url: Any) -> None:
    """And those that are no PostgreSQL server's."""
    with pytest.raises(InvalidValue) as caught:
        function(url)
    assert caught.value.field == "url"


@pytest.mark.parametrize("schema", ["", "A", "a b", 'a"b', "1a", "a" * 64, "é", "a\n", "a.b", 3, b"a"], ids=repr)
def test_a_wrong_schema_is_refused_by_every_form(schema: Any, app_engine: sa.Engine, url: str) -> None:
    """On memory too, where it has no meaning: nobody finds out in production."""
    forms: list[Callable[[], object]] = [
        lambda: vibecore.connect("memory://", schema=schema, settings=SETTINGS),
        lambda: vibecore.connect(url, schema=schema, settings=SETTINGS),
        lambda: vibecore.connect(engine=app_engine, schema=schema, settings=SETTINGS),
        lambda: vibecore.connect("embedded:///nowhere", schema=schema, settings=SETTINGS),
        lambda: vibecore.migrate(url, schema=schema),
    ]
    for form in forms:
        with pytest.raises(InvalidValue) as caught:
            form()
        assert caught.value.field == "schema"


def _sqlite() -> object:
    return sa.create_engine("sqlite://")


def _asynchronous() -> object:
    return create_async_engine("postgresql+psycopg://host/db")


def _behind_the_asynchronous() -> object:
    return create_async_engine("postgresql+psycopg://host/db").sync_engine


@pytest.mark.parametrize("make", [_sqlite, _asynchronous, _behind_the_asynchronous, lambda: "postgresql://h/d"])
def test_other_engines_are_refused(make: Callable[[], Any]) -> None:
    """Before anything is asked of them."""
    with pytest.raises(InvalidValue) as caught:
        vibecore.connect(engine=make(), settings=SETTINGS)
    assert caught.value.field == "engine"


def test_a_url_and_an_engine_are_one_too_many(app_engine: sa.Engine) -> None:
    with pytest.raises(InvalidValue) as caught:
        vibecore.connect("memory://", engine=app_engine, settings=SETTINGS)
    assert caught.value.field == "engine"


def test_settings_and_effects_of_another_kind_are_refused() -> None:
    """A dictionary is no Settings."""
    wrong: Any = {}
    with pytest.raises(InvalidValue) as caught:
        vibecore.connect("memory://", settings=wrong)
    assert caught.value.field == "settings"
    with pytest.raises(InvalidValue) as caught:
        vibecore.connect("memory://", settings=SETTINGS, effects=wrong)
    assert caught.value.field == "effects"


def test_a_database_without_the_schema_says_what_to_do(bare_url: str) -> None:
    """NotMigrated: empty, then at an older revision, then at one that nobody knows; open once it is migrated."""
    steps: dict[str | None, Callable[[], object]] = {
        None: lambda: None,
        "V2": lambda: vibecore.migrate(bare_url, revision="V2"),
        "V999": lambda: _stamp(bare_url, "V999"),
    }
    for found, prepare in steps.items():
        prepare()
        with pytest.raises(NotMigrated) as caught:
            vibecore.connect(bare_url, settings=SETTINGS)
        assert (caught.value.found, caught.value.needed) == (found, "V7")
        assert str(caught.value) == (
            f"the database schema is {found or 'missing'}, V7 is needed: run `vibecore migrate`"
        )
        with pytest.raises(NotMigrated):
            vibecore.connect(bare_url, schema="elsewhere", settings=SETTINGS)
    _stamp(bare_url, "V2")
    vibecore.migrate(bare_url)
    with vibecore.connect(bare_url, settings=SETTINGS) as vibe:
        signed_in(vibe)


def _stamp(url: str, revision: str) -> None:
    engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"), poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :to"), {"to": revision})


def test_a_refused_connect_leaves_no_connection_behind(bare_url: str) -> None:
    """The pool goes with the error."""
    with pytest.raises(NotMigrated):
        vibecore.connect(bare_url, settings=SETTINGS)
    engine = sa.create_engine(sa.make_url(bare_url).set(drivername="postgresql+psycopg"), poolclass=sa.NullPool)
    with engine.connect() as connection:
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        deadline = 200
        while connection.exec_driver_sql(others).scalar():
            connection.exec_driver_sql("SELECT pg_sleep(0.01)")
            connection.rollback()
            deadline -= 1
            assert deadline, "a connection stayed"


# -- after closing


def test_a_closed_installation_is_unavailable_and_closes_again(url: str) -> None:
    """On both backends: StoreUnavailable, and closing once more is fine."""
    for address in ("memory://", url):
        vibe = vibecore.connect(address, settings=SETTINGS)
        ada = signed_in(vibe)
        vibe.close()
        vibe.close()
        for call in (partial(vibe.projects.page, ada), partial(vibe.projects.create, ada, name="x")):
            with pytest.raises(StoreUnavailable):
                call()


def test_closing_runs_every_closer_and_once(url: str) -> None:
    """Also behind one that fails."""
    vibe = vibecore.connect(url, settings=SETTINGS)
    ran: list[str] = []

    def fails() -> None:
        ran.append("fails")
        raise RuntimeError("no")

    vibe._closers = (lambda: ran.append("last"), fails)
    with pytest.raises(RuntimeError):
        vibe.close()
    vibe.close()
    assert ran == ["fails", "last"]


# -- memory's own


def test_a_fork_goes_its_own_way() -> None:
    """It has what was there, and neither side sees what the other does next."""
    with vibecore.connect("memory://", settings=SETTINGS) as vibe:
        ada = signed_in(vibe)
        project = vibe.projects.create(ada, name="engine")
        with vibe.fork() as fork:
            assert fork.projects.get(ada, project.id) == project
            fork.projects.update(ada, project.id, name="fork")
            vibe.projects.update(ada, project.id, name="original")
            signed_in(fork, "grace")
            assert fork.projects.get(ada, project.id).name == "fork"
        assert vibe.projects.get(ada, project.id).name == "original"
        signed_in(vibe, "grace")


def test_reset_empties() -> None:
    """As if newly opened, and its forks keep what they have."""
    with vibecore.connect("memory://", settings=SETTINGS) as vibe, vibe.fork() as before:
        signed_in(vibe)
        fork = vibe.fork()
        vibe.reset()
        signed_in(vibe)
        assert fork.auth.login(email="ada@example.org", password=PASSWORD).authenticated
        signed_in(before)


def test_only_memory_can_be_forked_and_reset(url: str, app_engine: sa.Engine) -> None:
    """And only PostgreSQL can be joined."""
    with vibecore.connect(url, settings=SETTINGS) as vibe, vibecore.connect("memory://", settings=SETTINGS) as memory:
        for call in (vibe.fork, vibe.reset):
            with pytest.raises(InvalidValue) as caught:
                call()
            assert caught.value.field == "url"
        with app_engine.connect() as connection, pytest.raises(InvalidValue) as caught:
            memory.joined(connection)
        assert caught.value.field == "connection"
