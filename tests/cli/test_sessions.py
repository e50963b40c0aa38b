"""Sessions on the command line, and the keys of second factors."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from uuid import UUID

import psycopg
import pytest

import vibecore as library
from tests.cli.commands import vibecore
from tests.cli.conftest import PASSWORD
from vibecore.services.secretbox import SecretBox

REFUSED, USAGE = 1, 2
NOBODY = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def tokens(database: str, ada: str) -> list[str]:
    """Those of three sessions of Ada, whose device could steer a terminal."""
    with library.connect(database) as vibe:
        return [
            vibe.auth.login(
                email=ada, password=PASSWORD, ip_address="192.0.2.7", device_info={"agent": ["\x1b[1mx", 1]}
            ).authenticated.token
            for _ in range(3)
        ]


def test_sessions_are_listed_and_ended(database: str, ada: str, tokens: list[str]) -> None:
    """One, then all; no token and no digest is shown, and the trail says that it was the command."""
    told = vibecore("sessions", "list", ada, "--url", database).done()
    document = vibecore("sessions", "list", ada.upper(), "--json", "--url", database).done()
    found = document.json["sessions"]
    assert [line.split()[0] for line in told.out.splitlines()] == [session["id"] for session in found]
    assert len(found) == 3
    assert {session["ip_address"] for session in found} == {"192.0.2.7"}
    assert found[0]["device_info"] == {"agent": ["\x1b[1mx", 1]}
    with psycopg.connect(database) as connection:
        digests = [digest for (digest,) in connection.execute("SELECT token FROM sessions")]
    shown = told.out + told.err + document.out + document.err
    assert "\x1b" not in shown
    assert not [secret for secret in (*tokens, *digests) if secret in shown]

    one = found[1]["id"]
    ended = vibecore("sessions", "revoke", ada, one, "--url", database).done()
    assert ended.out == f"{ada}: 1 sessions ended\n"
    assert vibecore("sessions", "revoke", ada, one, "--url", database).refused(REFUSED) == f"no such session: {one}"
    rest = vibecore("sessions", "revoke", ada, "--all", "--json", "--url", database).done().json
    assert (UUID(rest["user_id"]).int > 0, rest["email"], rest["ended"]) == (True, ada, 2)
    assert vibecore("sessions", "list", ada, "--url", database).done().out == ""
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM sessions").fetchone() == (0,)
        reasons = connection.execute(
            "SELECT DISTINCT details ->> 'system_reason' FROM audit_logs WHERE action LIKE 'auth.session%'"
        )
        assert reasons.fetchall() == [("vibecore sessions revoke",)]


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["list"], USAGE, "Missing argument 'USER'."),
        (["list", "nobody@example.org"], REFUSED, "no such user: nobody@example.org"),
        (["revoke", "ada@example.org"], USAGE, "session: give either its id or --all"),
        (["revoke", "ada@example.org", NOBODY, "--all"], USAGE, "session: give either its id or --all"),
        (["revoke", "ada@example.org", "x"], USAGE, "session: is not the id of a session"),
        (["revoke", "ada@example.org", NOBODY], REFUSED, f"no such session: {NOBODY}"),
        (["revoke", NOBODY, "--all"], REFUSED, f"no such user: {NOBODY}"),
    ],
)
def test_wrong_sessions(database: str, ada: str, arguments: list[str], code: int, line: str) -> None:
    """Missing and contradicting arguments, what is no id, and what does not exist."""
    assert vibecore("sessions", *arguments, "--url", database).refused(code) == line


def test_sessions_of_somebody_else_are_not_reached(database: str, ada: str, tokens: list[str]) -> None:
    """By the id of a session under another user's name."""
    made = ("create-admin", "--email", "bob@example.org", "--name", "Bob", "--url", database)
    vibecore(*made, given=f"{PASSWORD}\n").done()
    one = vibecore("sessions", "list", ada, "--json", "--url", database).done().json["sessions"][0]["id"]
    line = vibecore("sessions", "revoke", "bob@example.org", one, "--url", database).refused(REFUSED)
    assert line == f"no such session: {one}"
    assert len(vibecore("sessions", "list", ada, "--url", database).done().out.splitlines()) == 3


def test_keys_are_rotated(database: str, ada: str) -> None:
    """A secret under an old key is encrypted anew; one whose key is gone is told by the exit code, and stays."""
    old, new, other = (urlsafe_b64encode(bytes([number]) * 32).decode() for number in (1, 2, 3))
    url = ("--url", database)

    def keys(*chosen: str) -> dict[str, str]:
        return {"VIBECORE_ENCRYPTION_KEYS": json.dumps(chosen)}

    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT id FROM users").fetchone()
        assert row is not None
        sealed = SecretBox([urlsafe_b64decode(old)]).seal(row[0], b"12345678901234567890")
        connection.execute("UPDATE users SET two_factor_enabled = true, two_factor_secret = %s", (sealed,))
    before = vibecore("rotate-keys", "--json", *url, variables=keys(new, old)).done().json
    assert before == {"resealed": 1, "unchanged": 0, "unreadable": 0}
    told = vibecore("rotate-keys", *url, variables=keys(new)).done()
    assert told.out == "0 secrets encrypted anew, 1 as before, 0 unreadable\n"
    lost = vibecore("rotate-keys", *url, variables=keys(other))
    assert (lost.code, lost.out) == (REFUSED, "0 secrets encrypted anew, 0 as before, 1 unreadable\n")
    assert lost.err == "vibecore: 1 secrets need a key that is not configured: keep every key until none does\n"
    assert vibecore("rotate-keys", *url, variables=keys(new)).done().out == told.out
