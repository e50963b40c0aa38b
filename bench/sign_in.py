"""Telling who holds a session token, against raw psycopg reading the same two rows."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import psycopg

from bench.measure import Figure, paired
from vibecore.bootstrap.connect import connect
from vibecore.domain.actors import Actor
from vibecore.domain.sessions import SESSIONS
from vibecore.domain.tokens import parse_session_token
from vibecore.domain.users import USERS

PASSWORD = "correct horse battery staple"


def figures(url: str) -> Iterator[Figure]:
    """The ordinary call: the session's present token, its use noted within the last minute."""
    columns = [f"s.{name}" for name in SESSIONS.names] + [f"u.{name}" for name in USERS.names]
    sql = (
        f"SELECT {', '.join(columns)} FROM sessions s JOIN users u ON u.id = s.user_id "
        "WHERE s.user_id = %s AND s.token = %s"
    )
    with psycopg.connect(url, autocommit=True) as raw, connect(url) as vibe:
        email = f"{uuid4().hex}@example.org"
        vibe.auth.register(Actor.anonymous(), email=email, password=PASSWORD, name="Ada")
        token = vibe.auth.login(email=email, password=PASSWORD).authenticated.token
        address = parse_session_token(token)
        assert address is not None
        yield paired(
            "authenticating a session token",
            lambda: vibe.auth.authenticate(token),
            lambda: raw.execute(sql, address).fetchone(),
            goal=2,
            number=300,
        )
