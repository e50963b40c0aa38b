"""Whatever is asked for wrongly gets one line on stderr and an exit code that docs/cli.md names."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from tests.cli.commands import command, environment, vibecore
from tests.cli.conftest import PASSWORD

REFUSED, USAGE, DATABASE = 1, 2, 3
SECRET = "geheimes-passwort"


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port on which nobody listens, kept from others."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["frob"], "No such command 'frob'."),
        (["--frob"], "No such option: --frob"),
        (["demo", "--frob"], "No such option: --frob"),
        (["demo", "a", "b"], "Got unexpected extra argument(s) (b)"),
        (["demo", "--url"], "Option '--url' requires an argument."),
        (["report"], "Missing argument 'PROJECT'."),
        (["import"], "Missing argument 'PATH'."),
        (["create-admin", "--name", "Ada"], "Missing option '--email'."),
        (
            ["maintain", "--archive-days", "-1"],
            "Invalid value for '--archive-days': Input should be greater than or equal to 0",
        ),
    ],
)
def test_wrong_usage(arguments: list[str], line: str) -> None:
    """Unknown commands and options, missing and surplus arguments, values of a wrong type."""
    assert vibecore(*arguments).refused(USAGE) == line


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("mysql://host/db", "url: must begin with memory://, postgresql:// or embedded://"),
        ("postgresql:/host/db", "url: must begin with memory://, postgresql:// or embedded://"),
        ("", "url: is empty"),
        ("memory://x", "url: must be exactly memory://"),
        ("embedded://relative/folder", "url: must be embedded:///absolute/path"),
        (f"postgresql://ada:{SECRET}@host:port/db", "url: is not a database URL"),
    ],
)
def test_a_wrong_url(tree: Path, url: str, line: str) -> None:
    """What it must look like is said; what it holds is not repeated."""
    assert vibecore("demo", tree, "--url", url).refused(USAGE) == line
    named = line.replace("url:", "VIBECORE_DATABASE_URL:")
    assert vibecore("demo", tree, variables={"VIBECORE_DATABASE_URL": url}).refused(USAGE) == named


@pytest.mark.parametrize("arguments", [["migrate"], ["check"], ["maintain"], ["report", "engine"]])
def test_memory_is_no_place_to_work_on(arguments: list[str]) -> None:
    """Only the demo makes sense on a database that ends with the command."""
    line = "url: memory:// begins empty and ends with this command; give a database that lasts"
    assert vibecore(*arguments, "--url", "memory://").refused(USAGE) == line


@pytest.mark.parametrize("arguments", [["demo"], ["import", "--new", "engine", "--email", "ada@example.org"]])
def test_a_folder_that_is_none(tmp_path: Path, arguments: list[str]) -> None:
    """A missing folder, a file, a name that no folder can have: said before any database is opened."""
    file = tmp_path / "file"
    file.write_text("")
    run = (*arguments, "--url", f"embedded://{tmp_path}/server")
    assert vibecore(*run, tmp_path / "gone").refused(USAGE) == f"path: no such folder: {tmp_path}/gone"
    reason = "is not a folder" if arguments == ["demo"] else "is neither a folder nor a zip or tar archive"
    assert vibecore(*run, file).refused(USAGE) == f"path: {reason}: {file}"
    assert vibecore(*run, file / "below").refused(USAGE) == f"path: no such folder: {file}/below"
    assert vibecore(*run, "x" * 5000).refused(USAGE).startswith("path: cannot be a folder: xxx")
    assert vibecore(*run, "").refused(USAGE) == "path: is empty"
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_with_an_undecodable_name(tmp_path: Path) -> None:
    """It is shown escaped."""
    vector = [*map(os.fsencode, command(["demo"])), os.fsencode(tmp_path) + b"/caf\xe9"]
    ran = subprocess.run(vector, capture_output=True, env=environment(), check=False)
    assert ran.returncode == USAGE
    assert ran.stderr.decode("ascii").splitlines() == [f"vibecore: path: no such folder: {tmp_path}/caf\\udce9"]


@pytest.mark.parametrize("arguments", [["migrate"], ["check"], ["maintain"], ["report", "engine"], ["demo"]])
def test_a_server_that_cannot_be_reached(closed_port: int, arguments: list[str]) -> None:
    """The line names host and port, and not the password."""
    url = f"postgresql://ada:{SECRET}@127.0.0.1:{closed_port}/vibe"
    line = vibecore(*arguments, "--url", url).refused(DATABASE)
    assert f"port {closed_port}" in line
    assert "Connection refused" in line
    assert SECRET not in line


@pytest.mark.parametrize("arguments", [["migrate"], ["check"], ["maintain"], ["report", "engine"], ["demo"]])
def test_a_wrong_database_password(database: str, arguments: list[str]) -> None:
    """It is the server's own answer that is passed on."""
    url = sa.make_url(database).set(password=SECRET).render_as_string(hide_password=False)
    line = vibecore(*arguments, "--url", url).refused(DATABASE)
    assert "password authentication failed" in line
    assert SECRET not in line


@pytest.mark.parametrize("arguments", [["migrate"], ["check"], ["demo"]])
def test_a_database_that_does_not_exist(database: str, arguments: list[str]) -> None:
    """As above."""
    url = sa.make_url(database).set(database="nowhere").render_as_string(hide_password=False)
    assert 'database "nowhere" does not exist' in vibecore(*arguments, "--url", url).refused(DATABASE)


@pytest.mark.parametrize("arguments", [["maintain"], ["report", "engine"], ["demo"]])
def test_a_database_that_is_not_migrated(new_database: Callable[[], str], arguments: list[str]) -> None:
    """What to do about it is part of the line; a stranger's database is not migrated unasked."""
    url = new_database()
    line = "the database schema is missing, V7 is needed: run `vibecore migrate`"
    assert vibecore(*arguments, "--url", url).refused(DATABASE) == line
    with psycopg.connect(url) as connection:
        assert connection.execute(
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        ).fetchone() == (0,)


def test_a_schema_name_that_is_not_allowed(database: str) -> None:
    """Names that would have to be quoted are refused."""
    line = "schema: must be 1 to 63 of a-z, 0-9 and _, not starting with a digit"
    assert vibecore("migrate", "--url", database, "--schema", 'x"; DROP TABLE users; --').refused(USAGE) == line


def test_a_revision_that_does_not_exist(database: str) -> None:
    """The line names those that do."""
    line = "revision: must be head or one of V1, V2, V3, V4, V5, V6, V7"
    assert vibecore("migrate", "--url", database, "--revision", "V99").refused(USAGE) == line


def test_a_folder_that_is_somebody_elses(tmp_path: Path) -> None:
    """The embedded server does not move into a folder that holds something."""
    (tmp_path / "thesis.txt").write_text("all of it")
    line = vibecore("demo", "--url", f"embedded://{tmp_path}").refused(DATABASE)
    assert line == f"{tmp_path}: is not empty and was not made by vibecore: name an empty or a new folder"
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


def test_checking_an_embedded_server_that_does_not_exist(tmp_path: Path) -> None:
    """A look makes nothing."""
    folder = tmp_path / "server"
    assert vibecore("check", "--url", f"embedded://{folder}").refused(USAGE) == f"url: no such folder: {folder}"
    assert not folder.exists()


def test_a_wrong_setting(tree: Path) -> None:
    """A variable of the environment that cannot be right is named."""
    line = vibecore("demo", tree, "--url", "memory://", variables={"VIBECORE_POOL_SIZE": "many"}).refused(USAGE)
    assert line.startswith("VIBECORE_POOL_SIZE: ")


def test_signing_in_as_somebody(database: str, ada: str, tree: Path) -> None:
    """A wrong password, an unknown address and no password at all; nothing is imported."""
    run = ("import", tree, "--new", "engine", "--url", database)
    assert vibecore(*run, "--email", ada, given=f"{SECRET}\n").refused(REFUSED) == "authentication failed"
    assert vibecore(*run, "--email", "b@example.org", given=f"{PASSWORD}\n").refused(REFUSED) == "authentication failed"
    line = "password: is expected as the first line of standard input"
    assert vibecore(*run, "--email", ada).refused(USAGE) == line
    assert vibecore(*run).refused(USAGE) == "email: a new project needs an owner: give --email"
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM projects").fetchone() == (0,)


def test_a_project_that_is_none(database: str, tree: Path) -> None:
    """By name and by id; and two ways to name one at once."""
    nobody = "00000000-0000-0000-0000-000000000000"
    assert vibecore("report", "engine", "--url", database).refused(REFUSED) == "no such project: engine"
    assert vibecore("report", nobody, "--url", database).refused(REFUSED) == f"no such project: {nobody}"
    assert vibecore("report", "a\0b".replace("\0", "\x1b"), "--url", database).refused(REFUSED) == (
        "no such project: a\\x1bb"
    )
    line = "project: give either --project or --new"
    assert vibecore("import", tree, "--url", database).refused(USAGE) == line
    assert vibecore("import", tree, "--project", "a", "--new", "b", "--url", database).refused(USAGE) == line


@pytest.mark.parametrize(
    ("email", "name", "password", "line"),
    [
        ("ada", "Ada", PASSWORD, "email: must look like name@example.org"),
        ("ada@example.org", "", PASSWORD, "name: is empty"),
        (
            "ada@example.org",
            "Ada",
            "short",
            "password: is shorter than 8 characters; is one of the most common passwords",
        ),
        ("ada@example.org", "Ada", "ada@example.org", "password: is the own e-mail address or name"),
    ],
)
def test_an_administrator_who_cannot_be(database: str, email: str, name: str, password: str, line: str) -> None:
    """Every rule of an account holds here as well."""
    made = ("create-admin", "--email", email, "--name", name, "--url", database)
    assert vibecore(*made, given=f"{password}\n").refused(USAGE) == line


def test_an_address_that_is_taken(database: str, ada: str) -> None:
    """In whatever case."""
    made = ("create-admin", "--email", ada.upper(), "--name", "Ada", "--url", database)
    line = vibecore(*made, given=f"{PASSWORD}\n").refused(REFUSED)
    assert line == "user with the same email_key exists"


def test_a_password_that_is_no_text(database: str) -> None:
    """Bytes that are no UTF-8 are refused, and not with a traceback."""
    vector = command(["create-admin", "--email", "ada@example.org", "--name", "Ada", "--url", database])
    ran = subprocess.run(vector, input=b"caf\xe9 au lait\n", capture_output=True, env=environment(), check=False)
    assert (ran.returncode, ran.stderr) == (USAGE, b"vibecore: password: holds a lone surrogate\n")
