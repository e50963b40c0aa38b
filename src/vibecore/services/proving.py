"""Proving again who one is, while signed in: the password, and a code where there is a second factor."""

from __future__ import annotations

from typing import Final

from vibecore.domain.actors import Actor
from vibecore.domain.changes import diff, others
from vibecore.domain.errors import AuthenticationFailed, NotFound, SerializationConflict, Stale
from vibecore.domain.logins import Renewed
from vibecore.domain.permissions import Action
from vibecore.domain.users import USERS, User
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services import factors, issuing
from vibecore.services.credentials import SignedIn, signed_in
from vibecore.services.factors import Proof, WrongCode
from vibecore.services.tries import Counters, demand, forget
from vibecore.services.work import ATTEMPTS, Work

_PASSWORD: Final = "password"
_CODE: Final = "code"


class Proving:
    """One call of `sessions.reauthenticate`."""

    def __init__(self, work: Work, actor: Actor) -> None:
        self._work = work
        self._effects = work.effects
        self._actor = actor
        self._counters = Counters(work.effects)

    def renewed(self, password: str, code: str | None) -> Renewed:
        """The session under a new token.

        The password is checked while no unit of work is open; the account is read before and after, and the session is
        renewed only if it still has the password that was checked.
        """
        user = self._work.read(self._actor, self._account).user
        demand(self._work, self._counters.proof(user.id))
        proven: str | None = None
        counted = False
        for _ in range(ATTEMPTS):
            if user.password_hash != proven:
                if not self._effects.runtime.offload(self._effects.hasher.verify, password, user.password_hash):
                    self._refused(_PASSWORD)
                    raise AuthenticationFailed
                proven = user.password_hash
            if user.two_factor_enabled and code is not None and not counted:
                demand(self._work, self._counters.factor(user.id))
                counted = True
            try:
                return self._renewed(user, code)
            except WrongCode:
                self._refused(_CODE)
                raise AuthenticationFailed from None
            except (Stale, NotFound):
                # The account or the session changed after it was read: nothing was written, look again.
                user = self._work.read(self._actor, self._account).user
        raise SerializationConflict

    def _renewed(self, checked: User, code: str | None) -> Renewed:
        """Stale where the account is not what was checked; WrongCode for a code that is wrong or missing."""

        def run(tx: UnitOfWork) -> Renewed:
            account = self._account(tx)
            user, session = account.user, account.session
            if (user.password_hash, user.two_factor_enabled) != (checked.password_hash, checked.two_factor_enabled):
                raise Stale("user", user.id)
            proof = self._proof(tx, user, code) if user.two_factor_enabled else None
            changed = None if proof is None else factors.spend(tx, self._effects, user, proof)
            event = self._work.event(
                tx,
                self._actor,
                "auth.reauthenticated",
                resource_type="session",
                resource_id=session.id,
                details={} if proof is None else {"second_factor": proof.method},
                others={} if changed is None else others((user.id, diff(USERS, user, changed))),
                rows=issuing.RENEWED if proof is None else issuing.RENEWED | proof.rows,
            )
            with tx.batch() as batch:
                if changed is not None:
                    # First, for it compares the version: a time step is used up once.
                    batch.add(tx.users.update, changed)
                second_factor = None if proof is None else True
                issued = issuing.renew(
                    self._effects, tx, batch, user, session, proven=True, second_factor=second_factor
                )
                batch.add(tx.audit.append, event)
            # Afterwards, whatever becomes of it: the client needs the new token.
            cleared = [self._counters.proof(user.id).id]
            if proof is not None:
                cleared.append(self._counters.factor(user.id).id)
            self._work.after_commit(lambda: forget(self._work, *cleared))
            return issued.renewed(user, self._actor.ip_address)

        return self._work.write(self._actor, run)

    def _account(self, tx: UnitOfWork) -> SignedIn:
        return signed_in(tx, self._actor, Action.CREDENTIALS_CHANGE)

    def _proof(self, tx: UnitOfWork, user: User, code: str | None) -> Proof:
        proof = None if code is None else factors.proof(self._effects, user, code, tx.now)
        if proof is None:
            raise WrongCode
        return proof

    def _refused(self, reason: str) -> None:
        """The row stays when a transaction around the call is rolled back."""
        self._work.aside(
            lambda tx: tx.audit.append(
                self._work.event(
                    tx,
                    self._actor,
                    "auth.reauthentication.failed",
                    resource_type="session",
                    resource_id=self._actor.session_id,
                    details={"reason": reason},
                )
            )
        )
