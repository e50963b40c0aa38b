"""Sessions: who is signed in, from which device, until when; and the tokens that a session had before."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Final

from vibecore.domain.fields import Flag, Id, IpAddress, Moment
from vibecore.domain.json import EMPTY_OBJECT, JsonObject
from vibecore.domain.rules import Json, Text
from vibecore.domain.schema import Index, Reference, Table, Unique, updated_index


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A signed-in device. `token` is the SHA-256 of the session token in hexadecimal, never the token.

    It ends at `expires_at` whatever its use, and at `idle_expires_at` unless it is used before. `authenticated_at` is
    when its user last proved who they are, `second_factor` whether with two factors.
    """

    id: Id
    user_id: Id
    token: Annotated[str, Text(500, shortest=1)] = field(repr=False)
    device_info: Annotated[JsonObject, Json()] = EMPTY_OBJECT
    ip_address: IpAddress | None = None
    expires_at: Moment
    idle_expires_at: Moment
    authenticated_at: Moment
    second_factor: Flag = False
    last_seen_at: Moment | None = None
    created_at: Moment
    updated_at: Moment


SESSIONS: Final = Table(
    Session,
    "sessions",
    "session",
    scope="user_id",
    uniques=(Unique("uq_sessions_token", ("user_id", "token")),),
    references=(Reference("fk_sessions_user", "user_id", "users"),),
    indexes=(Index("idx_sessions_expires", ("expires_at",)), updated_index("sessions")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SupersededToken:
    """A token that its session had until `created_at`, as digest. Who shows it later holds a copy."""

    id: Id
    user_id: Id
    session_id: Id
    token: Annotated[str, Text(500, shortest=1)] = field(repr=False)
    created_at: Moment
    updated_at: Moment


SUPERSEDED_TOKENS: Final = Table(
    SupersededToken,
    "superseded_tokens",
    "superseded_token",
    scope="user_id",
    uniques=(Unique("uq_superseded_tokens_token", ("user_id", "token")),),
    references=(
        Reference("fk_superseded_tokens_user", "user_id", "users"),
        Reference("fk_superseded_tokens_session", "session_id", "sessions"),
    ),
    indexes=(Index("idx_superseded_tokens_session", ("session_id",)), updated_index("superseded_tokens")),
)
