"""Sessions as they are opened, renewed and ended: what sign-in, passwords, second factors and roles share."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from vibecore.domain.actors import Actor
from vibecore.domain.changes import Rows
from vibecore.domain.filters import field
from vibecore.domain.json import JsonObject
from vibecore.domain.logins import Renewed
from vibecore.domain.policies import AuthPolicy
from vibecore.domain.profiles import SessionInfo
from vibecore.domain.sessions import Session, SupersededToken
from vibecore.domain.tokens import SECRET_BYTES, make_session_token, token_digest
from vibecore.domain.users import User, UserRole
from vibecore.repositories.unit_of_work import Batch, Pending, UnitOfWork
from vibecore.services.effects import Effects

ANY_SESSION: Final = ~field("id").missing()
ENDED: Final[Rows] = {"sessions": {"deleted": None}}
RENEWED: Final[Rows] = {"sessions": {"updated": 1}, "superseded_tokens": {"inserted": 1}}
RENEWED_ALONE: Final[Rows] = {"sessions": {"updated": 1, "deleted": None}, "superseded_tokens": {"inserted": 1}}
"""What an audit row tells of sessions that end, of one that is renewed, and of one that is while all others end."""


@dataclasses.dataclass(frozen=True, slots=True)
class Issued:
    """The token that a client gets, which the store never sees, and the session once the batch has run."""

    id: UUID
    token: str = dataclasses.field(repr=False)
    session: Pending[Session]
    opened: Session
    """The session as it is to be stored."""

    def renewed(self, user: User, ip_address: str | None) -> Renewed:
        """What the client is given."""
        session = self.session.value
        actor = Actor.of_user(user, session_id=session.id, ip_address=ip_address)
        return Renewed(token=self.token, session=SessionInfo.of(session), actor=actor)


def open_session(
    effects: Effects,
    tx: UnitOfWork,
    batch: Batch,
    user: User,
    *,
    second_factor: bool,
    ip_address: str | None,
    device_info: JsonObject,
) -> Issued:
    """A new session."""
    now = tx.now
    token = make_session_token(user.id, effects.tokens(SECRET_BYTES))
    absolute, idle = lifetimes(effects.policy, user.role, second_factor=second_factor)
    session = Session(
        id=effects.ids(),
        user_id=user.id,
        token=token_digest(token),
        device_info=device_info,
        ip_address=ip_address,
        expires_at=now + absolute,
        idle_expires_at=now + idle,
        authenticated_at=now,
        second_factor=second_factor,
        last_seen_at=now,
        created_at=now,
        updated_at=now,
    )
    return Issued(session.id, token, batch.add(tx.sessions.insert, session), session)


def lifetimes(policy: AuthPolicy, role: UserRole, *, second_factor: bool) -> tuple[timedelta, timedelta]:
    """How long a session lasts at most, and without use."""
    if second_factor or role is UserRole.ADMIN:
        return policy.strong_absolute, policy.strong_idle
    return policy.session_absolute, policy.session_idle


def seen(policy: AuthPolicy, user: User, session: Session, now: datetime) -> Session:
    """The session after a use of it at `now`."""
    _, idle = lifetimes(policy, user.role, second_factor=session.second_factor)
    return dataclasses.replace(session, last_seen_at=now, idle_expires_at=now + idle)


def renew(
    effects: Effects,
    tx: UnitOfWork,
    batch: Batch,
    user: User,
    session: Session,
    *,
    proven: bool = False,
    second_factor: bool | None = None,
) -> Issued:
    """The session in use under a new token, the old one kept as superseded; Stale where it has been renewed meanwhile.

    `proven`: its user has just proved who they are; `second_factor`: with two factors from now on, or no longer. When
    the session ends does not change, unless it becomes a stronger one, which ends sooner.
    """
    token = make_session_token(session.user_id, effects.tokens(SECRET_BYTES))
    after = dataclasses.replace(seen(effects.policy, user, session, tx.now), token=token_digest(token))
    if proven:
        after = dataclasses.replace(after, authenticated_at=tx.now)
    if second_factor is not None:
        after = dataclasses.replace(after, second_factor=second_factor)
        if second_factor and not session.second_factor:
            policy = effects.policy
            after = dataclasses.replace(
                after,
                expires_at=min(after.expires_at, tx.now + policy.strong_absolute),
                idle_expires_at=min(after.idle_expires_at, tx.now + policy.strong_idle),
            )
    stored = batch.add(tx.sessions.update, after)
    batch.add(
        tx.superseded_tokens.insert,
        SupersededToken(
            id=effects.ids(),
            user_id=session.user_id,
            session_id=session.id,
            token=session.token,
            created_at=tx.now,
            updated_at=tx.now,
        ),
    )
    return Issued(session.id, token, stored, after)


def end_others(tx: UnitOfWork, batch: Batch, session: Session) -> Pending[int]:
    """End every session of the user but this one."""
    return batch.add(tx.sessions.delete_where, session.user_id, field("id").ne(session.id))


def end_all(tx: UnitOfWork, batch: Batch, user_id: UUID) -> Pending[int]:
    """End every session of the user."""
    return batch.add(tx.sessions.delete_where, user_id, ANY_SESSION)
