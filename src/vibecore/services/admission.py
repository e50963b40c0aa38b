"""The end of a login: the session that it opens, or the refusal, each with its rows, mails and tries."""

from __future__ import annotations

import dataclasses
from uuid import UUID

from vibecore.domain.actors import Actor
from vibecore.domain.changes import diff, others
from vibecore.domain.logins import Authenticated, Denied
from vibecore.domain.profiles import Profile, SessionInfo
from vibecore.domain.sessions import SESSIONS
from vibecore.domain.users import USERS, User
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services import enrolling, factors, issuing, mailing
from vibecore.services.enrolling import SWITCHED_ON
from vibecore.services.factors import Proof
from vibecore.services.mail.messages import MailPurpose
from vibecore.services.tries import Counters
from vibecore.services.visits import Visit
from vibecore.services.work import Work


class Admission:
    """What one visit ends in."""

    def __init__(self, work: Work, visit: Visit) -> None:
        self._work = work
        self._effects = work.effects
        self._visit = visit

    def session(
        self, user: User, proven: Proof | None, *, enrolled: bool = False, read: User | None = None
    ) -> Authenticated:
        """A session, if the account is as it was read, which `read` is where `user` differs already. Stale, NotFound;
        WrongCode for a recovery code that is not there."""
        visit, effects, work = self._visit, self._effects, self._work
        method = {} if proven is None else {"second_factor": proven.method}

        def run(tx: UnitOfWork) -> Authenticated:
            changed = dataclasses.replace(user, last_login_at=tx.now)
            if proven is not None:
                changed = factors.spend(tx, effects, changed, proven)
            if enrolled:
                changed = enrolling.enabled(changed)
            codes: tuple[str, ...] = ()
            with tx.batch() as batch:
                # First, for it compares the version: no session is made for a password that has been replaced.
                updated = batch.add(tx.users.update, changed)
                issued = issuing.open_session(
                    effects,
                    tx,
                    batch,
                    user,
                    second_factor=proven is not None,
                    ip_address=visit.visitor.ip_address,
                    device_info=visit.device,
                )
                if enrolled:
                    codes = enrolling.new_codes(effects, tx, batch, user)
                    row = work.event(
                        tx, visit.visitor, "auth.second_factor.enabled", user_id=user.id, rows=enrolling.REPLACED
                    )
                    batch.add(tx.audit.append, row)
                event = work.event(
                    tx,
                    visit.visitor,
                    "auth.login",
                    resource_type="session",
                    resource_id=issued.id,
                    user_id=user.id,
                    details=method,
                    changes=diff(SESSIONS, None, issued.opened),
                    others=others((user.id, diff(USERS, user if read is None else read, changed))),
                    rows={} if proven is None else proven.rows,
                )
                batch.add(tx.audit.append, event)
            self._tell(tx, user, enrolled=enrolled)
            return Authenticated(
                user=Profile.of(updated.value),
                actor=Actor.of_user(updated.value, session_id=issued.id, ip_address=visit.visitor.ip_address),
                token=issued.token,
                session=SessionInfo.of(issued.session.value),
                device_token=visit.device_token(effects, user, tx.now),
                recovery_codes=codes,
            )

        opened = work.write(visit.visitor, run)
        self._clear(user, with_factor=proven is not None)
        return opened

    def _tell(self, tx: UnitOfWork, user: User, *, enrolled: bool) -> None:
        """The mails of a login."""
        if enrolled:
            mailing.notify(self._work, MailPurpose.SECOND_FACTOR_CHANGED, user, tx.now, change=SWITCHED_ON)
        unknown = self._visit.known_for(self._effects, user.email_key, tx.now) is None
        if self._effects.policy.notice_of_new_device and unknown and user.last_login_at is not None:
            device = self._visit.device.get("agent")
            mailing.notify(
                self._work,
                MailPurpose.NEW_DEVICE,
                user,
                tx.now,
                ip_address=self._visit.visitor.ip_address or "unknown",
                device=device if isinstance(device, str) else "unknown",
            )

    def _clear(self, user: User, *, with_factor: bool) -> None:
        """After the last factor: the tries that led here count no more. Strangers' do, where the device was known."""
        known = self._visit.known_for(self._effects, user.email_key, self._effects.clock())
        counters = Counters(self._effects)
        own = counters.account(user.email_key) if known is None else counters.device(known.nonce)
        client = counters.client(self._visit.visitor.ip_address)

        def run(tx: UnitOfWork) -> None:
            with tx.batch() as batch:
                batch.add(tx.throttles.forget, own.id)
                if with_factor:
                    batch.add(tx.throttles.forget, counters.factor(user.id).id)
                if client is not None:
                    batch.add(tx.throttles.refund, client.id, client.limit)

        self._work.decide(run)

    def denied(self, user: User | None, action: str, reason: str, *, locked: bool = False) -> Denied:
        """The row stays when a transaction around the login is rolled back."""
        user_id = None if user is None else user.id

        def run(tx: UnitOfWork) -> None:
            self._append(tx, action, user_id, {"reason": reason})
            if locked:
                self._append(tx, "auth.account.locked", user_id, {})
                if user is not None:
                    mailing.notify(self._work, MailPurpose.ACCOUNT_LOCKED, user, tx.now)

        self._work.aside(run)
        return Denied()

    def note(self, user: User, action: str) -> None:
        """That the login came no further. The row stays, as that of a refusal does."""
        self._work.aside(lambda tx: self._append(tx, action, user.id, {}))

    def _append(self, tx: UnitOfWork, action: str, user_id: UUID | None, details: dict[str, object]) -> None:
        tx.audit.append(self._work.event(tx, self._visit.visitor, action, details=details, user_id=user_id))
