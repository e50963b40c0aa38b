"""Accounts on the command line: what operators do with them, and what they are refused."""

from __future__ import annotations

import psycopg
import pytest

from tests.cli.commands import vibecore
from tests.cli.conftest import PASSWORD

REFUSED, USAGE = 1, 2
NOBODY = "00000000-0000-0000-0000-000000000000"
COMMANDS = ["list", "role", "disable", "enable", "delete"]


@pytest.fixture
def bob(database: str, ada: str) -> str:
    """The address of a second administrator, whose name could steer a terminal."""
    made = ("create-admin", "--email", "bob@example.org", "--name", "B\x1b[1mob", "--url", database)
    vibecore(*made, given=f"{PASSWORD}\n").done()
    return "bob@example.org"


def reasons(database: str, action: str) -> list[str | None]:
    """Why the system did something, None where a user did it; oldest first."""
    with psycopg.connect(database) as connection:
        found = connection.execute(
            "SELECT details ->> 'system_reason' FROM audit_logs WHERE action = %s ORDER BY created_at", (action,)
        )
        return [reason for (reason,) in found]


def secrets(database: str) -> list[str]:
    """What no output may hold."""
    with psycopg.connect(database) as connection:
        found = connection.execute("SELECT password_hash FROM users")
        return [PASSWORD, *(stored for (stored,) in found)]


def test_listing(database: str, ada: str, bob: str) -> None:
    """By address, a line for each, without a secret and without what could steer a terminal; by role; as JSON."""
    vibecore("users", "role", bob, "viewer", "--url", database).done()
    vibecore("users", "disable", bob, "--url", database).done()
    told = vibecore("users", "list", "--url", database).done()
    first, second = told.out.splitlines()
    assert first.startswith("ada@example.org  Ada  admin, never signed in, ")
    assert second.startswith("bob@example.org  B\\x1b[1mob  disabled, viewer, never signed in, ")
    document = vibecore("users", "list", "--json", "--url", database).done()
    assert [user["email"] for user in document.json["users"]] == [ada, bob]
    assert set(document.json["users"][0]) == {
        *("id", "email", "name", "role", "email_verified", "two_factor_enabled", "last_login_at", "disabled_at"),
        "created_at",
    }
    for secret in secrets(database):
        assert secret not in told.out + told.err + document.out + document.err
    assert len(vibecore("users", "list", "--role", "viewer", "--url", database).done().out.splitlines()) == 1
    assert vibecore("users", "list", "--role", "developer", "--json", "--url", database).done().json == {"users": []}


def test_the_life_of_an_account(database: str, ada: str, bob: str) -> None:
    """A role, disabled, enabled, unlocked and deleted, by address in whatever case or by id; the trail says by whom."""

    def run(*arguments: str) -> str:
        return vibecore(*arguments, "--url", database).done().out

    user_id = vibecore("users", "role", bob.upper(), "developer", "--json", "--url", database).done().json["id"]
    assert run("users", "disable", user_id) == f"{bob} is disabled ({user_id})\n"
    assert run("users", "enable", bob) == f"{bob} is enabled ({user_id})\n"
    assert run("unlock", bob) == f"{bob} is unlocked ({user_id})\n"
    assert run("users", "delete", bob) == f"{bob} is deleted ({user_id})\n"
    assert vibecore("users", "delete", bob, "--url", database).refused(REFUSED) == f"no such user: {bob}"
    assert vibecore("users", "delete", user_id, "--url", database).refused(REFUSED) == f"no such user: {user_id}"
    for action, command in (
        ("user.role.changed", "users role"),
        ("user.disabled", "users disable"),
        ("user.enabled", "users enable"),
        ("user.unlocked", "unlock"),
        ("user.deleted", "users delete"),
    ):
        assert reasons(database, action) == [f"vibecore {command}"]


def test_an_administrator_acts_as_themselves(database: str, ada: str, bob: str) -> None:
    """With --email and the password on standard input. Who is no administrator may not, nor who has it wrong."""
    as_ada = ("--email", ada, "--url", database)
    vibecore("users", "role", bob, "viewer", *as_ada, given=f"{PASSWORD}\n").done()
    assert reasons(database, "user.role.changed") == [None]
    as_bob = ("--email", bob, "--url", database)
    for arguments in (("users", "role", bob, "admin"), ("users", "delete", ada), ("users", "list"), ("unlock", ada)):
        assert vibecore(*arguments, *as_bob, given=f"{PASSWORD}\n").refused(REFUSED).startswith("not permitted: ")
        assert vibecore(*arguments, *as_ada, given="a guess\n").refused(REFUSED) == "authentication failed"
    vibecore("users", "delete", bob, *as_ada, given=f"{PASSWORD}\n").done()
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM sessions").fetchone() == (0,)


def test_the_last_administrator_stays(database: str, ada: str) -> None:
    """Each way ends with 1 and one line."""
    for arguments in (("role", ada, "developer"), ("disable", ada), ("delete", ada)):
        line = vibecore("users", *arguments, "--url", database).refused(REFUSED)
        assert line.startswith("user cannot go from admin to ")
        assert line.endswith(": the last administrator stays")
    assert vibecore("users", "role", ada, "admin", "--url", database).done()


def test_an_owner_of_projects_stays(database: str, ada: str, bob: str) -> None:
    """And so do the projects."""
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO projects (name, owner_id) SELECT 'engine', id FROM users WHERE email = %s", (bob,)
        )
    line = vibecore("users", "delete", bob, "--url", database).refused(REFUSED)
    assert line == "user cannot go from admin to deleted: owns projects"
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM projects").fetchone() == (1,)


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["users", "frob"], USAGE, "No such command 'frob'."),
        (["users", "role", "ada@example.org"], USAGE, "Missing argument 'ROLE'. Choose from: admin, developer, viewer"),
        (["users", "delete"], USAGE, "Missing argument 'USER'."),
        (["unlock"], USAGE, "Missing argument 'USER'."),
        (["unlock", "ada"], USAGE, "email: must look like name@example.org"),
        (["unlock", ""], USAGE, "email: must look like name@example.org"),
        (["users", "disable", "a b@c"], USAGE, "email: holds a space or a control character"),
        (["users", "enable", "nobody@example.org"], REFUSED, "no such user: nobody@example.org"),
        (["users", "role", NOBODY, "admin"], REFUSED, f"no such user: {NOBODY}"),
        (
            ["users", "list", "--email", "ada@example.org"],
            USAGE,
            "password: is expected as the first line of standard input",
        ),
    ],
)
def test_wrong_arguments(database: str, ada: str, arguments: list[str], code: int, line: str) -> None:
    """Unknown commands, missing arguments, what is no address, and whom nobody knows."""
    assert vibecore(*arguments, "--url", database).refused(code) == line


def test_a_role_that_does_not_exist(database: str, ada: str) -> None:
    """The line names those that do."""
    line = vibecore("users", "role", ada, "owner", "--url", database).refused(USAGE)
    for role in ("'ROLE'", "admin", "developer", "viewer"):
        assert role in line


def test_memory_has_no_users() -> None:
    """A database that ends with the command is refused, before a password is asked for."""
    for arguments in (["users", "list"], ["unlock", "ada@example.org", "--email", "ada@example.org"]):
        assert vibecore(*arguments, "--url", "memory://").refused(USAGE).startswith("url: memory:// begins empty")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_users_explains_itself(name: str) -> None:
    """With the options that all share; `vibecore users` lists the commands."""
    told = vibecore("users", name, "--help").done().out
    for option in ("--url", "--schema", "--json", "--email"):
        assert option in told
    assert name in vibecore("users").done().out
