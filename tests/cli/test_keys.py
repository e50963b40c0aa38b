"""API keys by the command line: made once, listed without secrets, revoked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

import vibecore as library
from tests.cli.commands import Ran, vibecore
from tests.cli.conftest import PASSWORD
from vibecore.domain.actors import ActorKind
from vibecore.domain.errors import AuthenticationFailed

REFUSED, USAGE = 1, 2


def as_ada(database: str, *arguments: str) -> Ran:
    return vibecore("keys", *arguments, "--email", "ada@example.org", "--url", database, given=f"{PASSWORD}\n")


def test_a_key_from_its_making_to_its_end(database: str, ada: str) -> None:
    """Alone on stdout, so that a shell can catch it; it works, shows up by its prefix, and is gone when revoked."""
    made = as_ada(database, "create", "--name", "ci", "--permission", "project.read", "--permission", "files.read")
    key = made.done().out.removesuffix("\n")
    assert key.startswith("vck_")
    assert len(key) == 92
    assert key not in made.err
    with library.connect(database) as vibe:
        actor = vibe.api_keys.authenticate(key)
        assert (actor.kind, actor.scopes) == (ActorKind.API_KEY, frozenset({"project.read", "files.read"}))
        listed = as_ada(database, "list").done().out
        for shown in (key[:20], "ci", "project.read", "never"):
            assert shown in listed
        assert key[21:] not in listed
        revoked = as_ada(database, "revoke", key[:20]).done()
        assert revoked.out == f"{key[:20]} is revoked (ci)\n"
        with pytest.raises(AuthenticationFailed):
            vibe.api_keys.authenticate(key)
    assert key[:20] not in as_ada(database, "list").done().out


def test_the_documents_of_keys(database: str, ada: str) -> None:
    """One form for all; only the first has the key."""
    made = (
        as_ada(database, "create", "--name", "ci", "--permission", "files.read", "--days", "30", "--json").done().json
    )
    key = made.pop("key")
    assert made["key_prefix"] == key[:20]
    assert (made["permissions"], made["last_used_at"]) == (["files.read"], None)
    left = datetime.fromisoformat(made["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=29) < left <= timedelta(days=30)
    assert as_ada(database, "list", "--json").done().json == {"keys": [made]}
    assert as_ada(database, "revoke", made["id"], "--json").done().json == made
    assert as_ada(database, "list", "--json").done().json == {"keys": []}


def test_the_system_acts_for_a_user(database: str, ada: str) -> None:
    """Named by address or id; the audit trail says who acted, for whom and by which command."""
    system = ("--user", ada, "--url", database)
    made = vibecore("keys", "create", "--name", "robot", *system, "--json").done().json
    assert made["permissions"] == []
    for user in (ada, made["user_id"]):
        assert len(vibecore("keys", "list", "--user", user, "--url", database, "--json").done().json["keys"]) == 1
    vibecore("keys", "revoke", made["id"], *system).done()
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            "SELECT action, user_id, details ->> 'system_reason', details ->> 'user_id' FROM audit_logs"
            " WHERE action LIKE 'auth.key.%' ORDER BY created_at"
        ).fetchall()
    assert rows == [
        ("auth.key.created", None, "vibecore keys create", made["user_id"]),
        ("auth.key.revoked", None, "vibecore keys revoke", made["user_id"]),
    ]


def test_what_is_asked_for_wrongly(database: str, ada: str) -> None:
    """One line, and no key."""
    system = ("--user", ada, "--url", database)
    run = ("keys", "create", "--name", "x")
    assert vibecore(*run, "--url", database).refused(USAGE) == "user: whose keys? give --user or --email"
    line = vibecore(*run, *system, "--permission", "everything").refused(USAGE)
    assert line.startswith("permissions: names an unknown action; there are: project.read, ")
    line = vibecore(*run, *system, "--permission", "keys.write").refused(USAGE)
    assert line == "permissions: names an action on credentials, which no key may do"
    assert vibecore("keys", "create", *system).refused(USAGE) == "Missing option '--name'."
    assert vibecore("keys", "revoke", *system).refused(USAGE) == "Missing argument 'KEY'."
    assert "--days" in vibecore(*run, *system, "--days", "0").refused(USAGE)
    assert vibecore(*run, "--user", "b@example.org", "--url", database).refused(REFUSED) == (
        "no such user: b@example.org"
    )
    for call in (("create", "--name", "x"), ("list",), ("revoke", "vck_")):
        ran = vibecore("keys", *call, "--email", ada, "--url", database, given="a guess\n")
        assert ran.refused(REFUSED) == "authentication failed"
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM api_keys").fetchone() == (0,)


def test_a_whole_key_is_not_repeated(database: str, ada: str) -> None:
    """Who revokes by the whole key is told that there is none by that name, and the line holds nothing of it."""
    key = as_ada(database, "create", "--name", "ci").done().out.strip()
    assert as_ada(database, "revoke", key).refused(REFUSED) == "no such api_key"


@pytest.mark.parametrize("name", ["list", "create", "revoke"])
def test_every_command_of_keys_explains_itself(name: str) -> None:
    """With the options that all commands share."""
    told = vibecore("keys", name, "--help").done().out
    for option in ("--user", "--email", "--url", "--schema", "--json"):
        assert option in told
    assert name in vibecore("keys", "--help").done().out
    assert "keys" in vibecore("--help").done().out
