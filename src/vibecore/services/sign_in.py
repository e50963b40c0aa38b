"""The steps from a password to the end of a login: a state machine whose every exit is one of `vibecore.domain.logins`.

In this order, so that nobody learns which address has an account: tries are counted, the address is looked up, bcrypt
is computed (for nobody as long as for somebody), and only then does the state of the account matter. No session exists
before the last step, and none for a password that has been replaced meanwhile.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Final

from vibecore.domain.changes import diff
from vibecore.domain.errors import AuthenticationFailed, LoginThrottled, NotFound, SerializationConflict, Stale
from vibecore.domain.logins import (
    Challenge,
    Denied,
    EmailUnverified,
    EnrolmentRequired,
    Login,
    Throttled,
)
from vibecore.domain.rules import plain_text
from vibecore.domain.signed_tokens import SignedToken
from vibecore.domain.throttles import Taken
from vibecore.domain.users import USERS, User
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services import challenges, factors
from vibecore.services.admission import Admission
from vibecore.services.challenges import Wants
from vibecore.services.factors import WrongCode
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
        self._admission = Admission(work, visit)

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
                    return self._admission.denied(user, "auth.login.failed", _WRONG, locked=last)
                assert user is not None
                proven = user.password_hash
            if user.disabled_at is not None:
                return self._admission.denied(user, "auth.login.failed", "disabled")
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
                return self._admission.denied(user, "auth.challenge.failed", "disabled")
            proven = factors.proof(self._effects, user, code, now)
            if proven is None or (wants is Wants.ENROLMENT and proven.recovery is not None):
                return self._admission.denied(user, "auth.challenge.failed", "code")
            # Before anything is granted: of any number of right codes for one challenge one completes it.
            marked = marked or take(self._work, used).allowed
            if not marked:
                return self._admission.denied(user, "auth.challenge.failed", "used")
            try:
                return self._admission.session(user, proven, enrolled=wants is Wants.ENROLMENT)
            except WrongCode:
                self._work.decide(lambda tx: tx.throttles.refund(used.id, used.limit))
                return self._admission.denied(user, "auth.challenge.failed", "code")
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
            self._admission.note(self._stored(renewed, user), "auth.login.unverified")
            return EmailUnverified()
        if user.two_factor_enabled:
            challenge, expires_at = self._challenge(self._stored(renewed, user), Wants.CODE)
            return Challenge(challenge=challenge, expires_at=expires_at)
        if user.role in policy.second_factor_roles:
            challenge, expires_at = self._challenge(self._stored(renewed, user), Wants.ENROLMENT)
            return EnrolmentRequired(challenge=challenge, expires_at=expires_at)
        return self._admission.session(renewed, None, read=user)

    def _stored(self, renewed: User, user: User) -> User:
        """The account with its new hash written, if it has one."""
        if renewed is user:
            return user

        def run(tx: UnitOfWork) -> User:
            event = self._work.event(
                tx,
                self._visit.visitor,
                "auth.password.rehashed",
                resource_type="user",
                resource_id=user.id,
                user_id=user.id,
                changes=diff(USERS, user, renewed),
            )
            with tx.batch() as batch:
                stored = batch.add(tx.users.update, renewed)
                batch.add(tx.audit.append, event)
            return stored.value

        return self._work.write(self._visit.visitor, run)

    def _challenge(self, user: User, wants: Wants) -> tuple[str, datetime]:
        now = self._effects.clock()
        challenge = challenges.make_challenge(self._effects, user, wants, now)
        self._admission.note(user, "auth.login.challenged")
        return challenge, now + self._effects.policy.challenge_lifetime
