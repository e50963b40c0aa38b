"""The way from a password to a session: a state machine whose every exit is one of `vibecore.domain.logins`.

In this order, so that nobody learns which address has an account: tries are counted, the address is looked up, bcrypt
is computed (for nobody as long as for somebody), and only then does the state of the account matter. No session exists
before the last step, and none for a password that has been replaced meanwhile.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Final
from uuid import UUID

from vibecore.domain.actors import Actor
from vibecore.domain.errors import AuthenticationFailed, LoginThrottled, NotFound, SerializationConflict, Stale
from vibecore.domain.logins import (
    Authenticated,
    Challenge,
    Denied,
    EmailUnverified,
    EnrolmentRequired,
    Login,
    Throttled,
)
from vibecore.domain.profiles import Profile, SessionInfo
from vibecore.domain.rules import plain_text
from vibecore.domain.signed_tokens import SignedToken
from vibecore.domain.throttles import Taken
from vibecore.domain.users import User
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services import challenges, enrolling, factors, issuing
from vibecore.services.challenges import Wants
from vibecore.services.enrolling import SWITCHED_ON
from vibecore.services.factors import Proof, WrongCode
from vibecore.services.mail.messages import MailPurpose
from vibecore.services.tries import Counters, Tries, take
from vibecore.services.visits import Visit
from vibecore.services.work import ATTEMPTS, Work

_WRONG: Final = "credentials"


class SignIn:
    """One visit."""

    def __init__(self, work: Work, visit: Visit) -> None:
        self._work = work
        self._effects = work.effects
        self._counters = Counters(work.effects)
        self._visit = visit

    def with_password(self, email_key: str, password: str) -> Login:
        """A password in stored form for an address in its comparable one."""
        client = self._counters.client(self._visit.visitor.ip_address)
        if client is not None:
            taken = take(self._work, client)
            if not taken.allowed:
                return Throttled(retry_at=taken.retry_at)
        taken, last, user = self._count(email_key)
        if not taken.allowed:
            return Throttled(retry_at=taken.retry_at)
        proven: str | None = None
        for _ in range(ATTEMPTS):
            if user is None or user.password_hash != proven:
                if not self._matches(password, user):
                    return self._denied(user, "auth.login.failed", _WRONG, locked=last)
                assert user is not None
                proven = user.password_hash
            if user.disabled_at is not None:
                return self._denied(user, "auth.login.failed", "disabled")
            try:
                return self._admit(user, password)
            except (Stale, NotFound):
                # The account changed after it was read, perhaps its password: nothing was written, look again.
                user = self._work.read(self._visit.visitor, lambda tx: tx.users.find_by_email_key(email_key))
        raise SerializationConflict

    def with_code(self, challenge: str, code: str, wants: Wants = Wants.CODE) -> Login:
        """A challenge and a code: of the second factor that the account has, or of the one that is being enrolled."""
        plain_text("code", code)
        token = challenges.read_challenge(challenge, wants)
        if token is None:
            return Denied()
        user, now = self._challenged(token)
        if user is None:
            return Denied()
        for tries in (self._counters.challenge(token.nonce), self._counters.factor(user.id)):
            taken = take(self._work, tries)
            if not taken.allowed:
                return Throttled(retry_at=taken.retry_at)
        used = self._counters.used(token.nonce)
        marked = False
        for _ in range(ATTEMPTS):
            if user.disabled_at is not None:
                return self._denied(user, "auth.challenge.failed", "disabled")
            proven = factors.proof(self._effects, user, code, now)
            if proven is None or (wants is Wants.ENROLMENT and proven.recovery is not None):
                return self._denied(user, "auth.challenge.failed", "code")
            # Before anything is granted: of any number of right codes for one challenge one completes it.
            marked = marked or take(self._work, used).allowed
            if not marked:
                return self._denied(user, "auth.challenge.failed", "used")
            try:
                return self._open(user, proven, enrolled=wants is Wants.ENROLMENT)
            except WrongCode:
                self._work.decide(lambda tx: tx.throttles.refund(used.id, used.limit))
                return self._denied(user, "auth.challenge.failed", "code")
            except (Stale, NotFound):
                user, now = self._challenged(token)
                if user is None:
                    return Denied()
        raise SerializationConflict

    def challenged_user(self, challenge: str) -> User:
        """Whose enrolment this challenge demands. AuthenticationFailed, LoginThrottled."""
        token = challenges.read_challenge(challenge, Wants.ENROLMENT)
        user = None if token is None else self._challenged(token)[0]
        if token is None or user is None or user.disabled_at is not None:
            raise AuthenticationFailed
        taken = take(self._work, self._counters.challenge(token.nonce))
        if not taken.allowed:
            raise LoginThrottled(taken.retry_at)
        return user

    def _count(self, email_key: str) -> tuple[Taken, bool, User | None]:
        """One try, whether it is the last for good, and the user. A device whose own tries are used up for good counts
        as any other."""
        known = self._visit.known_for(self._effects, email_key, self._effects.clock())
        account = self._counters.account(email_key)
        if known is not None:
            found = self._counted(self._counters.device(known.nonce), email_key)
            if not found[0].exhausted:
                return found
        return self._counted(account, email_key)

    def _counted(self, tries: Tries, email_key: str) -> tuple[Taken, bool, User | None]:
        def run(tx: UnitOfWork) -> tuple[Taken, bool, User | None]:
            with tx.batch() as batch:
                taken = batch.add(tx.throttles.take, tries.id, tries.limit)
                state = batch.add(tx.throttles.find, tries.id)
                user = batch.add(tx.users.find_by_email_key, email_key)
            most, made = tries.limit.most, state.value
            return taken.value, most is not None and made is not None and made.tries >= most, user.value

        return self._work.decide(run)

    def _challenged(self, token: SignedToken) -> tuple[User | None, datetime]:
        """The user, if the challenge is good for them as they are now."""
        user, now = self._work.read(self._visit.visitor, lambda tx: (tx.users.find(token.user_id), tx.now))
        return (user if challenges.is_valid(self._effects, token, user, now) else None), now

    def _matches(self, password: str, user: User | None) -> bool:
        """Whether it is the user's password; as long for nobody. Outside any unit of work of its own."""
        offload, hasher = self._effects.runtime.offload, self._effects.hasher
        if user is None:
            offload(hasher.verify_nothing, password)
            return False
        return offload(hasher.verify, password, user.password_hash)

    def _admit(self, user: User, password: str) -> Login:
        """How far the right password comes. Stale or NotFound where the account changed after it was read."""
        policy, hasher = self._effects.policy, self._effects.hasher
        # Decided before anything is written, so that a hash that is out of date is replaced with what the login writes.
        if hasher.outdated(user.password_hash):
            fresh = self._effects.runtime.offload(hasher.hash, password)
            renewed = dataclasses.replace(user, password_hash=fresh)
        else:
            renewed = user
        if policy.require_verified_email and not user.email_verified:
            self._note(self._stored(renewed, user), "auth.login.unverified")
            return EmailUnverified()
        if user.two_factor_enabled:
            challenge, expires_at = self._challenge(self._stored(renewed, user), Wants.CODE)
            return Challenge(challenge=challenge, expires_at=expires_at)
        if user.role in policy.second_factor_roles:
            challenge, expires_at = self._challenge(self._stored(renewed, user), Wants.ENROLMENT)
            return EnrolmentRequired(challenge=challenge, expires_at=expires_at)
        return self._open(renewed, None)

    def _stored(self, renewed: User, user: User) -> User:
        """The account with its new hash written, if it has one."""
        if renewed is user:
            return user
        return self._work.write(self._visit.visitor, lambda tx: tx.users.update(renewed))

    def _challenge(self, user: User, wants: Wants) -> tuple[str, datetime]:
        now = self._effects.clock()
        challenge = challenges.make_challenge(self._effects, user, wants, now)
        self._note(user, "auth.login.challenged")
        return challenge, now + self._effects.policy.challenge_lifetime

    def _open(self, user: User, proven: Proof | None, *, enrolled: bool = False) -> Authenticated:
        """A session, if the account is as it was read. Stale, NotFound; WrongCode for a recovery code that
        is not there."""
        visit, effects, work = self._visit, self._effects, self._work
        method = {} if proven is None else {"second_factor": proven.method}

        def run(tx: UnitOfWork) -> Authenticated:
            changed = dataclasses.replace(user, last_login_at=tx.now)
            if proven is not None:
                changed = factors.spend(tx, effects, changed, proven)
            codes: tuple[str, ...] = ()
            with tx.batch() as batch:
                # First, for it compares the version: no session is made for a password that has been replaced.
                updated = batch.add(tx.users.update, enrolling.enabled(changed) if enrolled else changed)
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
                    row = work.event(tx, visit.visitor, "auth.second_factor.enabled", user_id=user.id)
                    batch.add(tx.audit.append, row)
                event = work.event(
                    tx,
                    visit.visitor,
                    "auth.login",
                    resource_type="session",
                    resource_id=issued.id,
                    user_id=user.id,
                    details=method,
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
            self._work.notify(MailPurpose.SECOND_FACTOR_CHANGED, user, tx.now, change=SWITCHED_ON)
        unknown = self._visit.known_for(self._effects, user.email_key, tx.now) is None
        if self._effects.policy.notice_of_new_device and unknown and user.last_login_at is not None:
            device = self._visit.device.get("agent")
            self._work.notify(
                MailPurpose.NEW_DEVICE,
                user,
                tx.now,
                ip_address=self._visit.visitor.ip_address or "unknown",
                device=device if isinstance(device, str) else "unknown",
            )

    def _clear(self, user: User, *, with_factor: bool) -> None:
        """After the last factor: the tries that led here count no more. Strangers' do, where the device was known."""
        known = self._visit.known_for(self._effects, user.email_key, self._effects.clock())
        counters = self._counters
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

    def _denied(self, user: User | None, action: str, reason: str, *, locked: bool = False) -> Denied:
        """The row stays when a transaction around the login is rolled back."""
        user_id = None if user is None else user.id

        def run(tx: UnitOfWork) -> None:
            self._append(tx, action, user_id, {"reason": reason})
            if locked:
                self._append(tx, "auth.account.locked", user_id, {})
                if user is not None:
                    self._work.notify(MailPurpose.ACCOUNT_LOCKED, user, tx.now)

        self._work.aside(run)
        return Denied()

    def _note(self, user: User, action: str) -> None:
        self._work.aside(lambda tx: self._append(tx, action, user.id, {}))

    def _append(self, tx: UnitOfWork, action: str, user_id: UUID | None, details: dict[str, object]) -> None:
        tx.audit.append(self._work.event(tx, self._visit.visitor, action, details=details, user_id=user_id))
