"""Second factors in a user's settings: enrolling an authenticator, switching it off, recovery codes; and their keys."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Final, TypeVar
from uuid import UUID

from vibecore.domain.actors import Actor
from vibecore.domain.changes import Rows, diff
from vibecore.domain.errors import (
    AuthenticationFailed,
    InvalidTransition,
    NotFound,
    UnreadableSecret,
)
from vibecore.domain.filters import field
from vibecore.domain.logins import Renewed
from vibecore.domain.paging import Page
from vibecore.domain.permissions import Action
from vibecore.domain.rules import plain_text
from vibecore.domain.second_factors import Confirmed, Enrolment, KeyRotation, RecoveryCodes, SecondFactor
from vibecore.domain.sessions import Session
from vibecore.domain.users import USERS, User
from vibecore.repositories.unit_of_work import Batch, UnitOfWork
from vibecore.services import enrolling, factors, issuing, mailing
from vibecore.services.credentials import SignedIn, account_meant, check_recent, signed_in, standing
from vibecore.services.factors import WrongCode
from vibecore.services.mail.messages import MailPurpose
from vibecore.services.scoped import check_id, check_optional_id
from vibecore.services.tries import Counters, demand, forget
from vibecore.services.webhooks import reseal_webhooks
from vibecore.services.work import Service, allowed

R = TypeVar("R")

CHANGE: Final = Action.CREDENTIALS_CHANGE
_SEALED: Final = ~field("two_factor_secret").missing()
_AT_ONCE: Final = 200
"""Users whose secrets are read at a time while keys are rotated."""


class SecondFactorService(Service):
    """`vibe.second_factors`. What changes one's own second factor needs a session whose user proved who they are within
    `policy.reauthentication` (ReauthenticationRequired otherwise), and is told by mail to a confirmed address."""

    def status(self, actor: Actor, *, user_id: UUID | None = None) -> SecondFactor:
        """The second factor of one's own account, or of another for an administrator.

        Raises NotFound (kind "user"), PermissionDenied; InvalidValue, also for `user_id` left out by who has no
        account.
        """
        wanted = check_optional_id("user_id", user_id)

        def run(tx: UnitOfWork) -> SecondFactor:
            key = account_meant(actor, Action.PROFILE_READ, wanted)
            with tx.batch() as batch:
                found = batch.add(tx.users.find, key)
                left = batch.add(tx.recovery_codes.count, key)
            user = found.value
            if user is None:
                raise NotFound("user", key)
            pending = user.two_factor_secret is not None and not user.two_factor_enabled
            return SecondFactor(enabled=user.two_factor_enabled, pending=pending, recovery_codes=left.value)

        return self._work.read(actor, run)

    def enrol(self, actor: Actor) -> Enrolment:
        """A new secret for an authenticator; nothing is asked at logins before `confirm`. A second call replaces it.

        Raises InvalidTransition where a second factor is on, NotConfigured without a key to encrypt secrets with,
        AuthenticationFailed where the session has ended, PermissionDenied, ReauthenticationRequired.
        """

        def run(tx: UnitOfWork) -> Enrolment:
            account = self._recent(tx, actor, enabled=False)
            user_id = account.user.id
            waiting, shown = enrolling.begun(self._effects, account.user)
            event = self._work.event(
                tx,
                actor,
                "auth.second_factor.begun",
                resource_type="user",
                resource_id=user_id,
                changes=diff(USERS, account.user, waiting),
            )
            with tx.batch() as batch:
                batch.add(tx.users.update, waiting)
                batch.add(tx.audit.append, event)
            return shown

        return self._work.write(actor, run)

    def confirm(self, actor: Actor, *, code: str) -> Confirmed:
        """The first code of the authenticator switches the second factor on: recovery codes, and this session as one
        with two factors, which ends sooner. All other sessions end.

        Raises AuthenticationFailed for a wrong code, LoginThrottled after too many; InvalidTransition where none is
        being enrolled; PermissionDenied, ReauthenticationRequired.
        """

        def change(tx: UnitOfWork, batch: Batch, user: User, session: Session) -> Callable[[], Confirmed]:
            updated = batch.add(tx.users.update, user)
            codes = enrolling.new_codes(self._effects, tx, batch, user)
            issued = issuing.renew(self._effects, tx, batch, user, session, proven=True, second_factor=True)
            issuing.end_others(tx, batch, session)
            return lambda: Confirmed(recovery_codes=codes, renewed=issued.renewed(updated.value, actor.ip_address))

        return self._with_code(actor, code, _ENABLED, change)

    def disable(self, actor: Actor, *, code: str) -> Renewed:
        """The second factor off, by a code of it or a recovery code. This session goes on, all others end.

        Raises AuthenticationFailed for a wrong code, LoginThrottled after too many; InvalidTransition where none is on;
        PermissionDenied, ReauthenticationRequired.
        """

        def change(tx: UnitOfWork, batch: Batch, user: User, session: Session) -> Callable[[], Renewed]:
            updated = batch.add(tx.users.update, user)
            enrolling.drop_codes(tx, batch, user)
            issued = issuing.renew(self._effects, tx, batch, user, session, proven=True, second_factor=False)
            issuing.end_others(tx, batch, session)
            return lambda: issued.renewed(updated.value, actor.ip_address)

        return self._with_code(actor, code, _DISABLED, change)

    def new_recovery_codes(self, actor: Actor, *, code: str) -> RecoveryCodes:
        """Other recovery codes, by a code of the authenticator or one of them; all from before are void.

        Raises AuthenticationFailed for a wrong code, LoginThrottled after too many; InvalidTransition without a second
        factor; PermissionDenied, ReauthenticationRequired.
        """

        def change(tx: UnitOfWork, batch: Batch, user: User, session: Session) -> Callable[[], RecoveryCodes]:
            batch.add(tx.users.update, user)
            codes = enrolling.new_codes(self._effects, tx, batch, user)
            return lambda: RecoveryCodes(codes=codes)

        return self._with_code(actor, code, _REPLACED, change)

    def reset(self, actor: Actor, user_id: UUID) -> None:
        """For whoever lost authenticator and recovery codes, by an administrator who has made sure who is asking: the
        second factor off, all sessions ended. No effect where none is on or being enrolled.

        Raises NotFound, PermissionDenied, and ReauthenticationRequired for an administrator.
        """
        key = check_id("user_id", user_id)

        def run(tx: UnitOfWork) -> None:
            allowed(actor, Action.USERS_MANAGE)
            account = standing(tx, actor, CHANGE, key)
            check_recent(self._effects.policy, account, actor, CHANGE, tx.now)
            user = account.user
            if user.two_factor_secret is None and not user.two_factor_enabled:
                return
            without = enrolling.disabled(user)
            event = self._work.event(
                tx,
                actor,
                "auth.second_factor.reset",
                resource_type="user",
                resource_id=key,
                changes=diff(USERS, user, without),
                rows=issuing.ENDED | enrolling.DROPPED,
            )
            with tx.batch() as batch:
                batch.add(tx.users.update, without)
                enrolling.drop_codes(tx, batch, user)
                issuing.end_all(tx, batch, key)
                batch.add(tx.audit.append, event)
            mailing.notify(self._work, MailPurpose.SECOND_FACTOR_CHANGED, user, tx.now, change=enrolling.SWITCHED_OFF)

        self._work.write(actor, run)

    def rotate_keys(self, actor: Actor) -> KeyRotation:
        """Encrypt every secret, those of webhooks too, with the newest key, so that an older one can be taken away; in
        steps, each permanent by itself. A secret that no key opens stays as it is and is counted.

        Raises PermissionDenied, NotConfigured; TransactionError inside `transaction` and `atomic`.
        """
        self._work.permit(actor, Action.MAINTAIN)
        self._work.refuse_inside("rotate_keys")
        cursor: str | None = None
        resealed = unchanged = unreadable = 0
        while True:
            page = self._sealed(actor, cursor)
            for user in page.items:
                found = self._reseal(actor, user)
                resealed += found is True
                unchanged += found is False
                unreadable += found is None
            cursor = page.next_cursor
            if cursor is None:
                break
        of_users = resealed
        for found in reseal_webhooks(self._work, actor):
            resealed += found is True
            unchanged += found is False
            unreadable += found is None
        report = KeyRotation(resealed=resealed, unchanged=unchanged, unreadable=unreadable)
        details = dataclasses.asdict(report)
        numbers = {"users": of_users, "notification_webhooks": resealed - of_users}
        rows: Rows = {table: {"updated": number} for table, number in numbers.items() if number}
        self._work.write(
            actor,
            lambda tx: tx.audit.append(
                self._work.event(tx, actor, "maintenance.keys_rotated", details=details, rows=rows)
            ),
        )
        return report

    def _with_code(
        self,
        actor: Actor,
        code: str,
        change: _Change,
        apply: Callable[[UnitOfWork, Batch, User, Session], Callable[[], R]],
    ) -> R:
        """`apply`, once the code is right and used up, in the same unit, to the user as they are to be stored. What it
        returns is asked after the batch."""
        plain_text("code", code)
        enabled = change.enabled
        user_id = self._work.read(actor, lambda tx: self._recent(tx, actor, enabled)).user.id
        counted = Counters(self._effects).factor(user_id)
        demand(self._work, counted)

        def run(tx: UnitOfWork) -> R:
            account = self._recent(tx, actor, enabled)
            proven = factors.proof(self._effects, account.user, code, tx.now)
            if proven is None or (proven.recovery is not None and not enabled):
                raise WrongCode
            user = factors.spend(tx, self._effects, account.user, proven)
            user = change.of_user(user)
            event = self._work.event(
                tx,
                actor,
                change.event,
                resource_type="user",
                resource_id=user_id,
                changes=diff(USERS, account.user, user),
                rows=change.rows,
            )
            with tx.batch() as batch:
                result = apply(tx, batch, user, account.session)
                batch.add(tx.audit.append, event)
            mailing.notify(self._work, MailPurpose.SECOND_FACTOR_CHANGED, user, tx.now, change=change.notice)
            return result()

        try:
            done = self._work.write(actor, run)
        except WrongCode:
            self._work.aside(
                lambda tx: tx.audit.append(
                    self._work.event(tx, actor, "auth.second_factor.failed", details={"change": change.event})
                )
            )
            raise AuthenticationFailed from None
        forget(self._work, counted.id)
        return done

    def _recent(self, tx: UnitOfWork, actor: Actor, enabled: bool) -> SignedIn:
        """The actor's account and session. Raises as the methods above say."""
        account = signed_in(tx, actor, CHANGE, recent=self._effects.policy)
        user = account.user
        if enabled and not user.two_factor_enabled:
            raise InvalidTransition("user", "no second factor", "changed", "none is on")
        if not enabled and user.two_factor_enabled:
            raise InvalidTransition("user", "second factor", "enrolled", "one is on already")
        return account

    def _sealed(self, actor: Actor, cursor: str | None) -> Page[User]:
        return self._work.read(
            actor, lambda tx: tx.users.page(where=_SEALED, order_by="created_at", limit=_AT_ONCE, cursor=cursor)
        )

    def _reseal(self, actor: Actor, user: User) -> bool | None:
        """Whether the secret was encrypted anew; None for one that cannot be read."""
        box = self._effects.box

        def run(tx: UnitOfWork) -> bool:
            # The account as it is now: an enrolment, or a login, may have changed it since the page was read.
            now = tx.users.find(user.id)
            if now is None or now.two_factor_secret is None or not box.outdated(now.two_factor_secret):
                return False
            tx.users.update(dataclasses.replace(now, two_factor_secret=box.reseal(now.id, now.two_factor_secret)))
            return True

        assert user.two_factor_secret is not None
        try:
            # Most are up to date: nothing is asked of the store for them.
            return box.outdated(user.two_factor_secret) and self._work.write(actor, run)
        except UnreadableSecret:
            return None


@dataclasses.dataclass(frozen=True, slots=True)
class _Change:
    """A change: what the audit trail and the mail call it, which rows it concerns, and what the user is afterwards.

    `enabled`: whether a second factor has to be on before.
    """

    event: str
    notice: str
    rows: Rows
    of_user: Callable[[User], User]
    enabled: bool = True


_ENABLED: Final = _Change(
    "auth.second_factor.enabled",
    enrolling.SWITCHED_ON,
    issuing.RENEWED_ALONE | enrolling.REPLACED,
    enrolling.enabled,
    enabled=False,
)
_DISABLED: Final = _Change(
    "auth.second_factor.disabled",
    enrolling.SWITCHED_OFF,
    issuing.RENEWED_ALONE | enrolling.DROPPED,
    enrolling.disabled,
)
_REPLACED: Final = _Change("auth.recovery_codes.replaced", enrolling.NEW_CODES, enrolling.REPLACED, lambda user: user)
