"""Accounts: the one way in which a user comes into being, and who changes what their own is signed in with."""

from __future__ import annotations

from datetime import datetime

from vibecore.domain.actors import Actor, ActorKind
from vibecore.domain.errors import AuthenticationFailed, NotFound
from vibecore.domain.passwords import check_new_password
from vibecore.domain.permissions import Action
from vibecore.domain.profiles import Profile
from vibecore.domain.users import USERS, User, UserRole, check_email, email_key
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services import links
from vibecore.services.blocklist import common_passwords
from vibecore.services.credentials import Standing, check_recent, is_alive, own_session, standing
from vibecore.services.work import Work, allowed, allowed_account


def make_account(
    work: Work,
    actor: Actor,
    action: Action,
    *,
    email: str,
    password: str,
    name: str,
    role: UserRole,
    event: str,
    verified: bool = False,
) -> Profile:
    """A new user, if `actor` may do `action`; audited as `event`. The password is hashed before the unit of work.

    Unless the address counts as `verified`, a link to confirm it goes there after the commit.

    Raises PermissionDenied, InvalidValue, PasswordRejected, AlreadyExists (the address is taken, in whatever case).
    """
    work.permit(actor, action)
    address = check_email(email)
    title: str = USERS.column("name").check(name)
    policy = work.effects.policy
    plain = check_new_password(password, policy, email=address, name=title, common=common_passwords())
    effects = work.effects
    password_hash = effects.runtime.offload(effects.hasher.hash, plain)

    def run(tx: UnitOfWork) -> Profile:
        allowed(actor, action)
        user = User(
            id=effects.ids(),
            email=address,
            email_key=email_key(address),
            password_hash=password_hash,
            name=title,
            role=role,
            email_verified=verified,
            created_at=tx.now,
            updated_at=tx.now,
        )
        row = work.event(
            tx,
            actor,
            event,
            resource_type="user",
            resource_id=user.id,
            details={"role": role.value},
            user_id=user.id if actor.kind is ActorKind.ANONYMOUS else None,
        )
        with tx.batch() as batch:
            stored = batch.add(tx.users.insert, user)
            batch.add(tx.audit.append, row)
        if not verified:
            links.send_within_limit(work, links.letter(work, links.VERIFY, stored.value, tx.now))
        return Profile.of(stored.value)

    return work.write(actor, run)


def asking(work: Work, actor: Actor, action: Action, *, recent: bool = False) -> Standing:
    """The account and the session of a user who asks to do `action` with the own account. One round trip.

    Raises PermissionDenied; AuthenticationFailed where the session has ended or the account is disabled or gone;
    where it has to be `recent`, ReauthenticationRequired; InvalidValue for the system, which has no account.
    """

    def run(tx: UnitOfWork) -> tuple[Standing, datetime] | None:
        allowed_account(actor, action, actor.user_id)
        user_id, _ = own_session(actor)
        try:
            return standing(tx, actor, action, user_id), tx.now
        except NotFound:
            return None

    found = work.read(actor, run)
    if found is None:
        raise AuthenticationFailed
    account, now = found
    if account.user.disabled_at is not None or not is_alive(account.own(), now):
        raise AuthenticationFailed
    if recent:
        check_recent(work.effects.policy, account, actor, action, now)
    return account
