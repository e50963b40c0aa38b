"""Enrolling a second factor, and what ends with it: shared by sign-in, which may demand it, and by settings."""

from __future__ import annotations

import dataclasses
from typing import Final

from vibecore.domain.changes import Rows
from vibecore.domain.filters import field
from vibecore.domain.recovery_codes import (
    RECOVERY_SECRET_BYTES,
    RecoveryCode,
    make_recovery_code,
    parse_recovery_code,
    recovery_code_digest,
)
from vibecore.domain.second_factors import Enrolment
from vibecore.domain.users import User
from vibecore.repositories.unit_of_work import Batch, UnitOfWork
from vibecore.services import qr, totp
from vibecore.services.effects import Effects

SWITCHED_ON: Final = "it was switched on"
SWITCHED_OFF: Final = "it was switched off"
NEW_CODES: Final = "it has new recovery codes"
"""What the notice of a change says."""
DROPPED: Final[Rows] = {"recovery_codes": {"deleted": None}}
REPLACED: Final[Rows] = {"recovery_codes": {"deleted": None, "inserted": None}}
"""What an audit row tells of recovery codes that are void, and of new ones in their place."""
_ANY_CODE: Final = ~field("id").missing()


def begun(effects: Effects, user: User) -> tuple[User, Enrolment]:
    """The user with a new secret that waits for its first code, to be stored; and what the authenticator is shown.

    NotConfigured where the installation has no key to encrypt it with.
    """
    policy = effects.policy
    secret = totp.new_secret(effects.tokens, policy.totp)
    uri = totp.provisioning_uri(secret, user.email, policy.totp_issuer, policy.totp)
    waiting = dataclasses.replace(user, two_factor_secret=effects.box.seal(user.id, secret.encode()))
    shown = Enrolment(secret=secret, uri=uri, qr_svg=qr.qr_svg(uri), qr_terminal=qr.qr_terminal(uri))
    return waiting, shown


def enabled(user: User) -> User:
    """The user with the second factor switched on; challenges from before are void."""
    return dataclasses.replace(user, two_factor_enabled=True, two_factor_generation=user.two_factor_generation + 1)


def disabled(user: User) -> User:
    """The user without a second factor; challenges from before are void."""
    return dataclasses.replace(
        user,
        two_factor_enabled=False,
        two_factor_secret=None,
        two_factor_step=None,
        two_factor_generation=user.two_factor_generation + 1,
    )


def new_codes(effects: Effects, tx: UnitOfWork, batch: Batch, user: User) -> tuple[str, ...]:
    """Recovery codes in the place of those from before; only their digests are stored."""
    codes = tuple(
        make_recovery_code(effects.tokens(RECOVERY_SECRET_BYTES)) for _ in range(effects.policy.recovery_codes)
    )
    drop_codes(tx, batch, user)
    for code in codes:
        canonical = parse_recovery_code(code)
        assert canonical is not None
        batch.add(
            tx.recovery_codes.insert,
            RecoveryCode(
                id=effects.ids(),
                user_id=user.id,
                code_hash=recovery_code_digest(canonical),
                created_at=tx.now,
                updated_at=tx.now,
            ),
        )
    return codes


def drop_codes(tx: UnitOfWork, batch: Batch, user: User) -> None:
    """Void every recovery code of the user."""
    batch.add(tx.recovery_codes.delete_where, user.id, _ANY_CODE)
