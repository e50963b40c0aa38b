"""Sessions: who is signed in, from which device, until when."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Final

from vibecore.domain.fields import Id, IpAddress, Moment
from vibecore.domain.json import EMPTY_OBJECT, JsonObject
from vibecore.domain.rules import Json, Text
from vibecore.domain.schema import Index, Reference, Table, Unique, updated_index


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A signed-in device. `token` is the SHA-256 of the session token in hexadecimal, never the token."""

    id: Id
    user_id: Id
    token: Annotated[str, Text(500, shortest=1)] = field(repr=False)
    device_info: Annotated[JsonObject, Json()] = EMPTY_OBJECT
    ip_address: IpAddress | None = None
    expires_at: Moment
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
