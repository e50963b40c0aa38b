"""What calls about one account share: who it is, the session that asks, and whether its user proved it lately."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from vibecore.domain.actors import Actor, ActorKind
from vibecore.domain.errors import AuthenticationFailed, InvalidValue, NotFound, ReauthenticationRequired
from vibecore.domain.permissions import Action
from vibecore.domain.policies import AuthPolicy
from vibecore.domain.sessions import Session
from vibecore.domain.users import User
from vibecore.repositories.unit_of_work import Batch, UnitOfWork
from vibecore.services.work import allowed_account


@dataclass(frozen=True, slots=True)
class Standing:
    """An account, and the session of whoever asks; None where the actor is no session or the session has ended."""

    user: User
    session: Session | None

    def own(self) -> Session:
        """The session that asks. AuthenticationFailed once it has ended."""
        if self.session is None:
            raise AuthenticationFailed
        return self.session


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A user who can sign in, and the living session that they ask with."""

    user: User
    session: Session


def signed_in(tx: UnitOfWork, actor: Actor, action: Action, *, recent: AuthPolicy | None = None) -> SignedIn:
    """The actor's own account and session, once `actor` may do `action` with the account. One batch.

    Raises PermissionDenied; InvalidValue for the system, which has no session; AuthenticationFailed where the session
    has ended or the account is disabled or gone; ReauthenticationRequired where `recent` is given and its time for
    sensitive actions has passed since the user proved who they are.
    """
    allowed_account(actor, action, actor.user_id)
    user_id, session_id = own_session(actor)
    with tx.batch() as batch:
        found = batch.add(tx.users.find, user_id)
        opened = batch.add(tx.sessions.find, user_id, session_id)
    user, session = found.value, opened.value
    if user is None or user.disabled_at is not None or session is None or not is_alive(session, tx.now):
        raise AuthenticationFailed
    if recent is not None:
        check_recent(recent, Standing(user, session), actor, action, tx.now)
    return SignedIn(user, session)


def standing(tx: UnitOfWork, actor: Actor, action: Action, user_id: UUID) -> Standing:
    """One batch, once `actor` may do `action` with the account. Raises PermissionDenied, NotFound."""
    allowed_account(actor, action, user_id)
    with tx.batch() as batch:
        found = queue_standing(tx, batch, actor, user_id)
    return found()


def queue_standing(tx: UnitOfWork, batch: Batch, actor: Actor, user_id: UUID) -> Callable[[], Standing]:
    """`standing` without the permission, as a part of a batch; to be asked for after it. Raises NotFound then."""
    user = batch.add(tx.users.find, user_id)
    session = None
    if actor.kind is ActorKind.SESSION and actor.user_id is not None and actor.session_id is not None:
        session = batch.add(tx.sessions.find, actor.user_id, actor.session_id)

    def found() -> Standing:
        if user.value is None:
            raise NotFound("user", user_id)
        return Standing(user.value, None if session is None else session.value)

    return found


def check_recent(policy: AuthPolicy, account: Standing, actor: Actor, action: Action, now: datetime) -> None:
    """ReauthenticationRequired unless the user of the asking session proved who they are within
    `policy.reauthentication`; AuthenticationFailed where that session has ended. The system has nothing to prove."""
    if actor.kind is ActorKind.SYSTEM:
        return
    session = account.own()
    if not is_alive(session, now):
        raise AuthenticationFailed
    if session.authenticated_at + policy.reauthentication <= now:
        raise ReauthenticationRequired(action.value)


def is_alive(session: Session, now: datetime) -> bool:
    """Whether the session has neither reached its end nor been idle for too long."""
    return now < session.expires_at and now < session.idle_expires_at


def account_meant(actor: Actor, action: Action, user_id: UUID | None) -> UUID:
    """The account that a call names, or the actor's own where it leaves `user_id` out, once `actor` may do `action`
    with it. Raises PermissionDenied; InvalidValue (`user_id`) where it is left out by who has no account."""
    meant = actor.user_id if user_id is None else user_id
    allowed_account(actor, action, meant)
    if meant is None:
        raise InvalidValue("user_id", "is missing: the actor has no account")
    return meant


def own_session(actor: Actor) -> tuple[UUID, UUID]:
    """User and id of the session that the actor came with. InvalidValue for who has none."""
    if actor.user_id is None or actor.session_id is None:
        raise InvalidValue("actor", "has no session")
    return actor.user_id, actor.session_id
