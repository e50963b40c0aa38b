"""Session tokens as clients present them: which session one stands for, that it is in use, and what gives a copy away.

A session has one token at a time. The one before it works for `rotation_grace` longer, for requests that are under
way. Whoever shows it later, the client or a thief, one of the two holds a copy: the session ends, whichever token it
has by then (RFC 9700, 4.14.2, on refresh tokens).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from vibecore.domain.actors import Actor
from vibecore.domain.changes import diff
from vibecore.domain.errors import AuthenticationFailed, NotFound, Stale
from vibecore.domain.policies import AuthPolicy
from vibecore.domain.rules import plain_text
from vibecore.domain.sessions import SESSIONS, Session
from vibecore.domain.tokens import parse_session_token
from vibecore.domain.users import User
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services import issuing
from vibecore.services.credentials import is_alive
from vibecore.services.work import Work


@dataclass(frozen=True, slots=True)
class Presented:
    """A living session, its user, and since when the token that was shown is not the session's any more."""

    session: Session
    user: User
    superseded_at: datetime | None = None

    def is_reused(self, policy: AuthPolicy, now: datetime) -> bool:
        """Whether the token was superseded too long ago for an honest client to show it."""
        return self.superseded_at is not None and self.superseded_at + policy.rotation_grace <= now


def read_token(token: str) -> tuple[UUID, str]:
    """User and digest that a token is looked up by. AuthenticationFailed if it is malformed; InvalidValue."""
    address = parse_session_token(plain_text("token", token))
    if address is None:
        raise AuthenticationFailed
    return address


def presented(tx: UnitOfWork, address: tuple[UUID, str]) -> Presented:
    """What a token stands for; one statement for the session's present one. AuthenticationFailed where it is unknown or
    its session has ended."""
    found = tx.sessions.find_by_token(*address)
    known = _superseded(tx, address) if found is None else Presented(*found)
    if known is None or not is_alive(known.session, tx.now):
        raise AuthenticationFailed
    return known


def _superseded(tx: UnitOfWork, address: tuple[UUID, str]) -> Presented | None:
    found = tx.superseded_tokens.find_by_token(*address)
    if found is None:
        return None
    token, user = found
    session = tx.sessions.find(user.id, token.session_id)
    return None if session is None else Presented(session, user, token.created_at)


def authenticated(work: Work, address: tuple[UUID, str], ip_address: str | None) -> Actor:
    """The actor of a token that works. AuthenticationFailed for any other."""
    visitor = Actor.anonymous(ip_address=ip_address)
    policy = work.effects.policy
    ended: list[UUID] = []

    def run(tx: UnitOfWork) -> tuple[Presented, bool]:
        found = presented(tx, address)
        if found.is_reused(policy, tx.now):
            return found, True
        if found.user.disabled_at is not None:
            raise AuthenticationFailed
        if found.superseded_at is None and _is_due(policy, found.session, tx.now):
            # Not as a part of a transaction around this call: each use of the session would collide with its others.
            work.after_commit(lambda: ended.extend(_noted(work, found)))
        return found, False

    found, reused = work.read(visitor, run)
    if reused:
        work.write(visitor, lambda tx: revoke_reused(work, tx, visitor, found))
    if reused or ended:
        raise AuthenticationFailed
    return Actor.of_user(found.user, session_id=found.session.id, ip_address=ip_address)


def _is_due(policy: AuthPolicy, session: Session, now: datetime) -> bool:
    return session.last_seen_at is None or session.last_seen_at + policy.seen_interval <= now


def _noted(work: Work, found: Presented) -> tuple[UUID, ...]:
    """Write that the session is in use, unless somebody else changed it; its id, if it has ended meanwhile."""
    policy = work.effects.policy
    try:
        work.aside(lambda tx: tx.sessions.update(issuing.seen(policy, found.user, found.session, tx.now)))
    except Stale:
        pass
    except NotFound:
        return (found.session.id,)
    return ()


def revoke_reused(work: Work, tx: UnitOfWork, visitor: Actor, found: Presented) -> None:
    """End the session of a token that was shown again, with every token it has and had; no effect once it has ended."""
    user_id, session_id = found.user.id, found.session.id
    session = tx.sessions.find(user_id, session_id)
    if session is None:
        return
    event = work.event(
        tx,
        visitor,
        "auth.session.reused",
        resource_type="session",
        resource_id=session_id,
        user_id=user_id,
        changes=diff(SESSIONS, session, None),
    )
    with tx.batch() as batch:
        batch.add(tx.sessions.delete, user_id, session_id)
        batch.add(tx.audit.append, event)
