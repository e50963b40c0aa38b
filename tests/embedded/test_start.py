"""What `start` gives, and what it makes of the folders it is pointed at."""

from __future__ import annotations

import stat
import threading
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from tests.embedded.processes import alive, assert_stopped, run, scalar, server_pid
from vibecore.domain.errors import StoreUnavailable
from vibecore.repositories.postgres.embedded import (
    DEFAULT_VERSION,
    EmbeddedServerError,
    FolderRefused,
    Server,
    UnknownServerVersion,
    available_versions,
    start,
)


def socket_of(server: Server) -> Path:
    return Path(parse_qs(urlsplit(server.url).query)["host"][0]) / ".s.PGSQL.5432"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_wheel_brings_both_versions() -> None:
    """PostgreSQL 16 and 18 are there, and 18 is the default."""
    assert {16, 18} <= set(available_versions())
    assert DEFAULT_VERSION == 18


@pytest.mark.parametrize("version", available_versions())
def test_a_new_folder_holds_a_server_with_the_promised_settings(place: Path, version: int) -> None:
    """UTF-8, order by code point, UTC, checksums, durable, no TCP listener, and a role without special power."""
    with start(place / "new" / "folder", version=version) as server:
        assert server.version == version
        with psycopg.connect(server.url) as connection:
            assert connection.info.server_version // 10000 == version
            assert connection.info.dbname == "vibecore"
            settings: dict[str, str] = dict(connection.execute("SELECT name, setting FROM pg_settings"))
            role = connection.execute(
                "SELECT rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
            order = connection.execute("SELECT array_agg(x ORDER BY x) FROM unnest('{a,B,ä,Z}'::text[]) x").fetchone()
    assert role == (False, True)
    assert order == (["B", "Z", "a", "ä"],)
    assert {name: settings[name] for name in ("server_encoding", "TimeZone", "data_checksums")} == {
        "server_encoding": "UTF8",
        "TimeZone": "UTC",
        "data_checksums": "on",
    }
    assert settings["listen_addresses"] == ""
    assert [settings[name] for name in ("fsync", "synchronous_commit", "full_page_writes")] == ["on"] * 3


def test_not_durable_is_said_and_done(place: Path) -> None:
    """`durable=False` turns off all three safeguards of a crash, for this start only."""
    query = (
        "SELECT string_agg(setting, ',') "
        "FROM pg_settings WHERE name = ANY('{fsync,synchronous_commit,full_page_writes}')"
    )
    with start(place / "db", durable=False) as server:
        assert scalar(server.url, query) == "off,off,off"
    with start(place / "db") as server:
        assert scalar(server.url, query) == "on,on,on"


def test_closing_the_last_use_stops_the_server_and_keeps_the_data(place: Path) -> None:
    """The first of two uses leaves the server running; the second one ends it; the data is there at the next start."""
    folder = place / "db"
    first = start(folder, durable=False)
    second = start(folder)
    assert second.url == first.url
    pid = server_pid(folder)
    run(first.url, "CREATE TABLE kept AS SELECT 42 AS answer")
    first.close()
    first.close()
    assert alive(pid)
    assert scalar(second.url, "SELECT answer FROM kept") == 42
    second.close()
    assert_stopped(folder, pid)
    assert not socket_of(second).exists()
    with start(folder, durable=False) as again:
        assert scalar(again.url, "SELECT answer FROM kept") == 42
        assert server_pid(folder) != pid


def test_open_transactions_do_not_hold_up_the_stop(place: Path) -> None:
    """A connection left open is cut, and what it did not commit is gone."""
    with start(place / "db", durable=False) as server:
        run(server.url, "CREATE TABLE t (x int)")
        left_open = psycopg.connect(server.url)
        left_open.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(psycopg.OperationalError):
        left_open.execute("SELECT 1")
    left_open.close()
    with start(place / "db", durable=False) as server:
        assert scalar(server.url, "SELECT count(*) FROM t") == 0


@pytest.mark.parametrize(
    "name",
    ["with space", "größe-データ-🐘", "a,b", "quote\"'s", "per%20cent+plus&and=is?#", "$HOME;`id`\\", "x" * 150],
)
def test_any_folder_name_works(place: Path, name: str) -> None:
    """Whatever the name, the URL connects, the socket's address is short enough, and nothing stays behind."""
    with start(place / name, durable=False) as server:
        assert scalar(server.url, "SELECT current_database()") == "vibecore"
        socket = socket_of(server)
        assert socket.is_socket()
        assert len(str(socket).encode()) <= 107
        assert mode(socket.parent) == 0o700
    assert not socket.exists()
    assert socket.parent == place / name / "run" or not socket.parent.exists()


def test_the_version_that_made_the_folder_opens_it(place: Path) -> None:
    """A folder made by 16 is opened by 16 whatever is asked for."""
    start(place / "db", version=16, durable=False).close()
    with start(place / "db", version=18, durable=False) as server:
        assert server.version == 16
        assert str(scalar(server.url, "SHOW server_version")).startswith("16.")


def test_an_unknown_version_is_named(place: Path) -> None:
    """Neither an asked nor a found version without binaries is guessed at."""
    with pytest.raises(UnknownServerVersion, match="no PostgreSQL 9 ") as asked:
        start(place / "db", version=9)
    assert asked.value.version == 9
    assert asked.value.available == available_versions()
    assert not (place / "db" / "data").exists()
    (place / "db" / "data").mkdir()
    (place / "db" / "data" / "PG_VERSION").write_text("13\n")
    (place / "db" / "password").write_text("secret\n")
    with pytest.raises(UnknownServerVersion) as found:
        start(place / "db")
    assert found.value.version == 13
    assert isinstance(found.value, StoreUnavailable)


def test_a_folder_with_something_else_is_refused_untouched(place: Path) -> None:
    """A folder that is not empty and not ours keeps its content and its permissions."""
    folder = place / "photos"
    folder.mkdir(mode=0o755)
    (folder / "cat.jpg").write_bytes(b"meow")
    with pytest.raises(FolderRefused, match="not empty") as refused:
        start(folder)
    assert refused.value.folder == folder
    assert [path.name for path in folder.iterdir()] == ["cat.jpg"]
    assert mode(folder) == 0o755


def test_what_is_no_folder_is_refused(place: Path) -> None:
    """A file, a path below a file and a path with control characters get a reason."""
    (place / "file").write_text("text")
    for path, reason in (
        (place / "file", "is not a folder"),
        (place / "file" / "below", "cannot be used"),
        (place / "line\nbreak", "control characters"),
    ):
        with pytest.raises(FolderRefused, match=reason):
            start(path)


def test_an_empty_folder_is_taken_and_closed_to_others(place: Path) -> None:
    """The folder and its password are readable for their owner only."""
    folder = place / "db"
    folder.mkdir(mode=0o755)
    with start(folder, durable=False) as server:
        assert mode(folder) == 0o700
        assert mode(folder / "password") == 0o600
        assert mode(folder / "server.log") == 0o600
        assert (folder / "password").read_text().strip() not in repr(server)


def test_nobody_gets_in_without_the_password(place: Path) -> None:
    """A wrong password, no password and the superuser are all turned away."""
    with start(place / "db", durable=False) as server:
        password = (place / "db" / "password").read_text().strip()
        for url in (
            server.url.replace(password, "wrong"),
            server.url.replace(f":{password}", ""),
            server.url.replace("//vibecore:", "//postgres:"),
        ):
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(url, passfile="/nonexistent")


def test_other_databases_can_be_made_and_reached(place: Path) -> None:
    """The role makes databases from templates, and `url_of` names them whatever their characters."""
    with start(place / "db", durable=False) as server:
        run(server.url, "CREATE TABLE t AS SELECT 1 AS x")
        run(server.url_of("postgres"), 'CREATE DATABASE "a b/ü?" TEMPLATE vibecore')
        assert scalar(server.url_of("a b/ü?"), "SELECT x FROM t") == 1


def test_a_dropped_database_is_made_again(place: Path) -> None:
    """`start` promises the database, also when someone dropped it."""
    with start(place / "db", durable=False) as server:
        run(server.url_of("postgres"), "DROP DATABASE vibecore")
        start(place / "db").close()
        assert scalar(server.url, "SELECT current_database()") == "vibecore"


def test_a_lost_password_is_named(place: Path) -> None:
    """The data is not opened with a new password that cannot work; the file's return makes it usable again."""
    start(place / "db", durable=False).close()
    password = place / "db" / "password"
    kept = password.read_text()
    password.unlink()
    with pytest.raises(EmbeddedServerError, match="password is missing"):
        start(place / "db")
    password.write_text(kept)
    start(place / "db", durable=False).close()


def test_a_wrong_password_is_an_error_and_leaves_no_server(place: Path) -> None:
    """When the server turns us away, the error says so and the server is stopped again."""
    start(place / "db", durable=False).close()
    (place / "db" / "password").write_text("wrong\n")
    with pytest.raises(EmbeddedServerError, match="does not let us in"):
        start(place / "db", durable=False)
    assert not (place / "db" / "data" / "postmaster.pid").exists()


def test_a_server_that_cannot_start_says_why(place: Path) -> None:
    """The server's own words reach the error."""
    start(place / "db", durable=False).close()
    with (place / "db" / "data" / "postgresql.conf").open("a") as configuration:
        configuration.write("no_such_setting = 1\n")
    with pytest.raises(EmbeddedServerError, match="no_such_setting"):
        start(place / "db", durable=False)


def test_settings_in_the_environment_do_not_leak_in(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables meant for other PostgreSQL programs change neither the making nor the starting."""
    monkeypatch.setenv("PGDATA", str(place / "elsewhere"))
    monkeypatch.setenv("PGPORT", "6543")
    monkeypatch.setenv("LC_ALL", "xx_YY.UTF-8")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    folder = place / "db"
    server = start(folder, durable=False)
    assert (folder / "run" / ".s.PGSQL.5432").is_socket()
    assert not (place / "elsewhere").exists()
    assert scalar(server.url, "SHOW log_timezone") == "UTC"
    server.close()


def test_threads_share_one_server(place: Path) -> None:
    """Eight threads that open a new folder at once get the same server; it ends with the last of them."""
    folder = place / "db"
    together = threading.Barrier(8)
    servers: list[Server] = []

    def use() -> None:
        together.wait()
        servers.append(start(folder, durable=False))

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(servers) == 8
    assert len({server.url for server in servers}) == 1
    pid = server_pid(folder)
    for server in servers:
        assert alive(pid)
        server.close()
    assert_stopped(folder, pid)
