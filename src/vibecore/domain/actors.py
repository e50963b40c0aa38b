"""Actors: who acts, with what rights, from where. The first argument of every service call."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from vibecore.domain.errors import InvalidValue
from vibecore.domain.rules import Text, Uuid, check_member, check_text
from vibecore.domain.users import User, UserRole


class ActorKind(StrEnum):
    ANONYMOUS = "anonymous"
    SESSION = "session"
    API_KEY = "api_key"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Made by `auth.login`, `auth.authenticate`, `Actor.anonymous` or `Actor.system`.

    `scopes` None means every right of the role; a set narrows it to the named actions (API keys).
    `ip_address` goes into audit rows, and so does `api_key_id`, by which `api_keys.authenticate` names the key;
    `reason` says why the system acts. Fields that do not go together are refused with InvalidValue: a signed-in user
    has an id and a role, nobody else has either, an API key has scopes, the system a reason, and only an API key has
    the id of one.
    """

    kind: ActorKind
    user_id: UUID | None = None
    role: UserRole | None = None
    scopes: frozenset[str] | None = None
    session_id: UUID | None = None
    api_key_id: UUID | None = None
    ip_address: str | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        check_member(ActorKind, "kind", self.kind)
        signed_in = self.kind in (ActorKind.SESSION, ActorKind.API_KEY)
        if signed_in:
            Uuid().check("user_id", self.user_id)
            check_member(UserRole, "role", self.role)
        elif self.user_id is not None or self.role is not None:
            raise InvalidValue("kind", f"{self.kind.value} goes with no user and no role")
        if (self.kind is ActorKind.API_KEY or self.scopes is not None) and type(self.scopes) is not frozenset:
            raise InvalidValue("scopes", "must be a frozenset")
        if self.api_key_id is not None and self.kind is not ActorKind.API_KEY:
            raise InvalidValue("api_key_id", f"does not go with {self.kind.value}")
        if self.kind is ActorKind.SYSTEM:
            Text(500, shortest=1).check("reason", self.reason)
        # In stored form: subclasses of text and ids must not travel on with the actor.
        for name in ("user_id", "session_id", "api_key_id"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, Uuid().check(name, getattr(self, name)))
        object.__setattr__(self, "ip_address", check_ip(self.ip_address))

    @classmethod
    def anonymous(cls, *, ip_address: str | None = None) -> Actor:
        """Somebody who has not signed in: reads public projects, nothing else."""
        return cls(kind=ActorKind.ANONYMOUS, ip_address=ip_address)

    @classmethod
    def system(cls, reason: str) -> Actor:
        """The application itself, for maintenance and set-up. May do everything; every use is audited with `reason`."""
        return cls(kind=ActorKind.SYSTEM, reason=reason)

    @classmethod
    def of_user(cls, user: User, *, session_id: UUID, ip_address: str | None = None) -> Actor:
        """The actor of a signed-in user."""
        return cls(
            kind=ActorKind.SESSION,
            user_id=user.id,
            role=user.role,
            session_id=session_id,
            ip_address=ip_address,
        )


def check_actor(actor: object) -> Actor:
    """`actor`, or InvalidValue: a service call without an actor is a programming error that must not pass."""
    if type(actor) is not Actor:
        raise InvalidValue("actor", f"must be an Actor, not {type(actor).__name__}")
    return actor


def check_ip(value: str | None) -> str | None:
    """An address as text of at most 50 characters; not parsed, since proxies write zones and ports."""
    if value is None:
        return None
    text = check_text("ip_address", value)
    if len(text) > 50:
        raise InvalidValue("ip_address", "is longer than 50 characters")
    return text
