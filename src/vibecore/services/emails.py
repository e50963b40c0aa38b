"""Addresses: confirmed with a link, and changed with a link to the new one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime

from vibecore.domain import signed_tokens
from vibecore.domain.actors import Actor
from vibecore.domain.changes import diff
from vibecore.domain.errors import AuthenticationFailed, InvalidValue, NotFound, SerializationConflict, Stale
from vibecore.domain.permissions import Action
from vibecore.domain.profiles import Profile
from vibecore.domain.signed_tokens import Context, Purpose, SignedToken
from vibecore.domain.users import USERS, User, check_email, email_key
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services import links, mailing
from vibecore.services.credentials import signed_in
from vibecore.services.links import VERIFY
from vibecore.services.mail.messages import Mail, MailPurpose
from vibecore.services.tries import Counters, demand
from vibecore.services.work import ATTEMPTS, Service, allowed_account


class EmailService(Service):
    """`vibe.emails`."""

    def request_verification(self, *, email: str, ip_address: str | None = None) -> None:
        """Send a link that confirms this address, if it is of an account that can sign in and has not confirmed it. The
        answer, the work and what is written are the same where it is not.

        Raises InvalidValue; LoginThrottled for a client that asks too often. For one address too often is no error:
        no mail leaves.
        """
        links.request(self._work, VERIFY, email=email, ip_address=ip_address)

    def verify(self, *, token: str, ip_address: str | None = None) -> Profile:
        """Confirm an address with the token of a link. Nobody is signed in.

        Raises InvalidValue; AuthenticationFailed for a token that is malformed, forged, used, expired, of another
        address than the account has now, or of a disabled account.
        """
        visitor = Actor.anonymous(ip_address=ip_address)
        link = links.came_back(VERIFY.purpose, token)
        for _ in range(ATTEMPTS):
            user = self._believed(visitor, link, VERIFY.context, VERIFY.failed)
            try:
                return self._store(visitor, user, dataclasses.replace(user, email_verified=True), "auth.email.verified")
            except (Stale, NotFound):
                # The account changed after it was read, perhaps by another use of the link: look again.
                continue
        raise SerializationConflict

    def request_change(self, actor: Actor, *, new_email: str) -> None:
        """Send a link to `new_email` with which it becomes the own address. Whether somebody has it already shows in
        nothing: then no mail leaves.

        Raises InvalidValue, also where it is the address of the account, letter for letter; ReauthenticationRequired;
        AuthenticationFailed for an ended session and a disabled account; LoginThrottled when too much was sent to that
        address; PermissionDenied for API keys and for who is not signed in.
        """
        address = check_email(new_email, "new_email")
        key = email_key(address)
        action, policy = Action.CREDENTIALS_CHANGE, self._effects.policy
        user = self._work.read(actor, lambda tx: signed_in(tx, actor, action, recent=policy)).user
        if address == user.email:
            raise InvalidValue("new_email", "is the address of the account")
        demand(self._work, Counters(self._effects).mail(key))

        def run(tx: UnitOfWork) -> None:
            allowed_account(actor, Action.CREDENTIALS_CHANGE, user.id)
            event = self._work.event(
                tx, actor, "auth.email.change.requested", resource_type="user", resource_id=user.id
            )
            with tx.batch() as batch:
                found = batch.add(tx.users.find_by_email_key, key)
                batch.add(tx.audit.append, event)
            mail = self._letter(user, address, tx.now)
            if found.value is None or found.value.id == user.id:
                self._work.after_commit(lambda: self._effects.mailer.send(mail))

        self._work.write(actor, run)

    def change(self, *, token: str, ip_address: str | None = None) -> Profile:
        """Give an account the address that the token of a link names, confirmed; a notice goes to the one it had, if
        that was confirmed. Nobody is signed in, and sessions go on.

        Raises InvalidValue; AuthenticationFailed for a token that is malformed, forged, used, expired, of an account
        whose address has changed since, or of a disabled one; AlreadyExists where somebody has that address by now.
        """
        visitor = Actor.anonymous(ip_address=ip_address)
        link = links.came_back(Purpose.CHANGE_EMAIL, token)
        address = _address(link)

        def context(user: User) -> Context:
            return signed_tokens.change_context(email=user.email, new_email=address)

        for _ in range(ATTEMPTS):
            user = self._believed(visitor, link, context, "auth.email.change.failed")
            changed = dataclasses.replace(user, email=address, email_key=email_key(address), email_verified=True)
            try:
                return self._store(visitor, user, changed, "auth.email.changed")
            except (Stale, NotFound):
                # As in `verify`.
                continue
        raise SerializationConflict

    def _believed(self, visitor: Actor, link: SignedToken, context: Callable[[User], Context], failed: str) -> User:
        lifetime = self._effects.policy.verify_lifetime
        return links.believed(self._work, visitor, link, context=context, lifetime=lifetime, failed=failed)

    def _store(self, visitor: Actor, before: User, after: User, action: str) -> Profile:
        """`after`, if the account is still as it was `before`; else Stale or NotFound."""

        def run(tx: UnitOfWork) -> Profile:
            event = self._work.event(
                tx,
                visitor,
                action,
                resource_type="user",
                resource_id=before.id,
                user_id=before.id,
                changes=diff(USERS, before, after),
            )
            with tx.batch() as batch:
                stored = batch.add(tx.users.update, after)
                batch.add(tx.audit.append, event)
            if after.email != before.email:
                mailing.notify(self._work, MailPurpose.EMAIL_CHANGED, before, tx.now, new_email=after.email)
            return Profile.of(stored.value)

        return self._work.write(visitor, run)

    def _letter(self, user: User, new_email: str, now: datetime) -> Mail:
        """The mail with a link for `new_email`."""
        effects, purpose = self._effects, Purpose.CHANGE_EMAIL
        token = signed_tokens.sign(
            effects.keys.key(purpose),
            purpose,
            user_id=user.id,
            issued_at=now,
            context=signed_tokens.change_context(email=user.email, new_email=new_email),
            payload=new_email.encode(),
        )
        return effects.templates.compose(
            MailPurpose.CHANGE_EMAIL,
            to=new_email,
            public_url=effects.public_url,
            token=token,
            email=user.email,
            name=user.name,
            new_email=new_email,
            expires=now + effects.policy.verify_lifetime,
        )


def _address(link: SignedToken) -> str:
    """The new address, in the one form that is ever signed; AuthenticationFailed for anything else."""
    text = link.payload.decode(errors="replace")
    try:
        fine = check_email(text) == text and text.encode() == link.payload
    except InvalidValue:
        fine = False
    if not fine:
        raise AuthenticationFailed
    return text
