"""Accounts: the one way in which a user comes into being."""

from __future__ import annotations

from vibecore.domain.actors import Actor, ActorKind
from vibecore.domain.changes import diff
from vibecore.domain.passwords import check_new_password
from vibecore.domain.permissions import Action
from vibecore.domain.profiles import Profile
from vibecore.domain.users import USERS, User, UserRole, check_email, email_key
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services import links, mailing
from vibecore.services.blocklist import common_passwords
from vibecore.services.tries import Counters
from vibecore.services.work import Work, allowed


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
            changes=diff(USERS, None, user),
            user_id=user.id if actor.kind is ActorKind.ANONYMOUS else None,
        )
        with tx.batch() as batch:
            stored = batch.add(tx.users.insert, user)
            batch.add(tx.audit.append, row)
        if not verified:
            letter = links.letter(work, links.VERIFY, stored.value, tx.now)
            mailing.send_within(work, Counters(effects).mail(stored.value.email_key), letter)
        return Profile.of(stored.value)

    return work.write(actor, run)
