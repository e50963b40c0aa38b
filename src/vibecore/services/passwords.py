"""Passwords: changed by who knows the present one, or chosen anew with a link. Nobody sets somebody else's."""

from __future__ import annotations

import dataclasses
from typing import NoReturn
from uuid import UUID

from vibecore.domain.actors import Actor
from vibecore.domain.changes import diff
from vibecore.domain.errors import AuthenticationFailed, NotFound, SerializationConflict, Stale
from vibecore.domain.logins import Renewed
from vibecore.domain.passwords import check_new_password, presented_password
from vibecore.domain.permissions import Action
from vibecore.domain.rules import plain_text
from vibecore.domain.users import USERS, User
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services import links, mailing
from vibecore.services.blocklist import common_passwords
from vibecore.services.credentials import SignedIn, signed_in
from vibecore.services.issuing import ENDED, RENEWED_ALONE, end_all, end_others, renew
from vibecore.services.links import RESET
from vibecore.services.mail.messages import MailPurpose
from vibecore.services.tries import Counters, demand, forget
from vibecore.services.work import ATTEMPTS, Service, allowed_account


class PasswordService(Service):
    """`vibe.passwords`."""

    def change(self, actor: Actor, *, current: str, new: str) -> Renewed:
        """Replace the own password, knowing the present one. The session that asks goes on under another token, all
        others end; a notice goes to the account's address, if that is confirmed.

        Raises InvalidValue; PasswordRejected with every rule of the policy that `new` breaks, being `current` among
        them; LoginThrottled after too many wrong ones from this account's sessions; AuthenticationFailed for a wrong
        `current`, an ended session, a disabled account, and where the password was replaced meanwhile;
        PermissionDenied for API keys and for who is not signed in.
        """
        known = presented_password(current, "current")
        plain_text("new", new)
        counters = Counters(self._effects)
        proven: str | None = None
        hashed = ""
        for _ in range(ATTEMPTS):
            account = self._work.read(actor, lambda tx: signed_in(tx, actor, Action.CREDENTIALS_CHANGE))
            user = account.user
            chosen = self._accepted(new, user, current=known, field="new")
            if proven is None:
                demand(self._work, counters.proof(user.id))
                if not self._effects.runtime.offload(self._effects.hasher.verify, known, user.password_hash):
                    self._refuse(actor, "credentials")
                proven = user.password_hash
                hashed = self._effects.runtime.offload(self._effects.hasher.hash, chosen)
            elif user.password_hash != proven:
                self._refuse(actor, "replaced")
            try:
                return self._change(actor, account, hashed)
            except (Stale, NotFound):
                # The account or the session changed after it was read: nothing was written, look again.
                continue
        raise SerializationConflict

    def request_reset(self, *, email: str, ip_address: str | None = None) -> None:
        """Send a link with which a new password can be chosen, to the account with this address if there is one that
        can sign in. The answer, the work and what is written are the same where there is none.

        Raises InvalidValue; LoginThrottled for a client that asks too often. For one address too often is no error:
        no mail leaves.
        """
        links.request(self._work, RESET, email=email, ip_address=ip_address)

    def reset(self, *, token: str, password: str, ip_address: str | None = None) -> None:
        """Choose a new password with the token of a link. All sessions end, what tries counted begins anew, and a
        notice goes to the account's address. Nobody is signed in, and second factors are untouched.

        Raises InvalidValue; AuthenticationFailed for a token that is malformed, forged, used, expired, superseded by a
        change of password or address, or of a disabled account; PasswordRejected, after which the token still works.
        """
        visitor = Actor.anonymous(ip_address=ip_address)
        plain_text("password", password)
        link = links.came_back(RESET.purpose, token)
        lifetime = RESET.lifetime(self._effects.policy)
        hashed: str | None = None
        for _ in range(ATTEMPTS):
            user = links.believed(
                self._work, visitor, link, context=RESET.context, lifetime=lifetime, failed=RESET.failed
            )
            chosen = self._accepted(password, user, field="password")
            if hashed is None:
                hashed = self._effects.runtime.offload(self._effects.hasher.hash, chosen)
            try:
                self._reset(visitor, user, hashed)
            except (Stale, NotFound):
                # The account changed after it was read, perhaps by another use of the link: look again.
                continue
            return
        raise SerializationConflict

    def _change(self, actor: Actor, account: SignedIn, hashed: str) -> Renewed:
        """The new hash, if account and session are as they were read; else Stale or NotFound."""
        user, session = account.user, account.session

        def run(tx: UnitOfWork) -> Renewed:
            allowed_account(actor, Action.CREDENTIALS_CHANGE, user.id)
            after = dataclasses.replace(user, password_hash=hashed)
            event = self._work.event(
                tx,
                actor,
                "auth.password.changed",
                resource_type="user",
                resource_id=user.id,
                changes=diff(USERS, user, after),
                rows=RENEWED_ALONE,
            )
            with tx.batch() as batch:
                stored = batch.add(tx.users.update, after)
                issued = renew(self._effects, tx, batch, user, session, proven=True)
                end_others(tx, batch, session)
                batch.add(tx.audit.append, event)
            counters = Counters(self._effects)
            self._forget(counters.proof(user.id).id, counters.account(user.email_key).id)
            mailing.notify(self._work, MailPurpose.PASSWORD_CHANGED, user, tx.now)
            return issued.renewed(stored.value, actor.ip_address)

        return self._work.write(actor, run)

    def _reset(self, visitor: Actor, user: User, hashed: str) -> None:
        """The new hash, if the account is as it was read; else Stale or NotFound."""

        def run(tx: UnitOfWork) -> None:
            after = dataclasses.replace(user, password_hash=hashed)
            event = self._work.event(
                tx,
                visitor,
                "auth.password.reset",
                resource_type="user",
                resource_id=user.id,
                user_id=user.id,
                changes=diff(USERS, user, after),
                rows=ENDED,
            )
            with tx.batch() as batch:
                batch.add(tx.users.update, after)
                end_all(tx, batch, user.id)
                batch.add(tx.audit.append, event)
            self._forget(*Counters(self._effects).of_account(user))
            # The link came to that address: whoever used it reads its mails, confirmed before or not.
            mailing.notify(self._work, MailPurpose.PASSWORD_CHANGED, user, tx.now, confirmed=True)

        self._work.write(visitor, run)

    def _accepted(self, password: str, user: User, *, field: str, current: str | None = None) -> str:
        """A new password of this user in NFC; PasswordRejected."""
        return check_new_password(
            password,
            self._effects.policy,
            email=user.email,
            name=user.name,
            common=common_passwords(),
            current=current,
            field=field,
        )

    def _forget(self, *throttles: UUID) -> None:
        """After the commit: inside a transaction of the caller's, its rollback must not be waited for."""
        self._work.after_commit(lambda: forget(self._work, *throttles))

    def _refuse(self, actor: Actor, reason: str) -> NoReturn:
        """The row stays when a transaction around the call is rolled back."""
        details = {"reason": reason}
        self._work.aside(
            lambda tx: tx.audit.append(self._work.event(tx, actor, "auth.password.change.failed", details=details))
        )
        raise AuthenticationFailed
