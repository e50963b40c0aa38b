"""Second factors as a sign-in needs them: whether a code is right, and that it is used up when it was.

A code is either the six digits of an authenticator (RFC 6238) or a recovery code; which of them is told by its form.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime

from vibecore.domain.changes import Rows
from vibecore.domain.recovery_codes import parse_recovery_code, recovery_code_digest
from vibecore.domain.users import User
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services import totp
from vibecore.services.effects import Effects


class WrongCode(Exception):
    """The code does not prove it: undoes the unit of work. Callers never see it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Proof:
    """A code that is right as far as the account that was read tells: `spend` it before anything is granted."""

    step: int | None = None
    """The time step whose code it is."""
    recovery: str | None = dataclasses.field(default=None, repr=False)
    """The digest of a recovery code, which the store may not have."""

    @property
    def method(self) -> str:
        """What the audit trail calls it."""
        return "totp" if self.recovery is None else "recovery_code"

    @property
    def rows(self) -> Rows:
        """What the audit trail tells of its being used up, besides the user's row."""
        return {} if self.recovery is None else {"recovery_codes": {"deleted": 1}}


def proof(effects: Effects, user: User, code: str, now: datetime) -> Proof | None:
    """What `code` proves of this user, without the store; None if it is wrong or its time step has been used.

    Raises InvalidValue (`code`) where it is no text, UnreadableSecret and NotConfigured where the key of the user's
    secret is missing.
    """
    recovery = parse_recovery_code(code)
    if user.two_factor_secret is None:
        return None
    if recovery is not None:
        return Proof(recovery=recovery_code_digest(recovery))
    secret = effects.box.open(user.id, user.two_factor_secret).decode()
    step = totp.matching_step(secret, code, now, user.two_factor_step, effects.policy.totp)
    return None if step is None else Proof(step=step)


def spend(tx: UnitOfWork, effects: Effects, user: User, proven: Proof) -> User:
    """Use the code up; the user as it has to be stored in this unit, by `tx.users.update`, whose comparison with what
    was read is what lets a time step be used once. WrongCode for a recovery code that is not there (any
    more): then the unit must be undone."""
    if proven.recovery is not None:
        if not tx.recovery_codes.use(user.id, proven.recovery):
            raise WrongCode
        return user
    sealed = user.two_factor_secret
    assert sealed is not None
    if effects.box.outdated(sealed):
        sealed = effects.box.reseal(user.id, sealed)
    return dataclasses.replace(user, two_factor_step=proven.step, two_factor_secret=sealed)
