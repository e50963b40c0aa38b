"""Policies: the figures of sign-in that an installation may choose."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Self

from vibecore.domain.errors import InvalidValue
from vibecore.domain.rules import Integer

BCRYPT_COST: Final = 10
LOWEST_COST: Final = 4
HIGHEST_COST: Final = 15
"""Costs of stored hashes that are computed: at 15 a check takes about two seconds, and each step doubles it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthPolicy:
    """What sign-in demands. InvalidValue names a figure that makes no sense.

    - `password_shortest`, `password_longest`: code points after NFC, 8 and 128 (OWASP ASVS 5.0, 6.2.1 and 6.2.9).
    - `bcrypt_cost`: 10, the schema's cost factor; 4 to 15. Build the installation's hasher with it.
    - `session_absolute`: how long a session lives whatever its use, 30 days (NIST SP 800-63B-4, 2.1.3).
    """

    password_shortest: int = 8
    password_longest: int = 128
    bcrypt_cost: int = BCRYPT_COST
    session_absolute: timedelta = timedelta(days=30)

    def __post_init__(self) -> None:
        Integer(1, 1000).check("password_shortest", self.password_shortest)
        Integer(self.password_shortest, 1000).check("password_longest", self.password_longest)
        Integer(LOWEST_COST, HIGHEST_COST).check("bcrypt_cost", self.bcrypt_cost)
        if type(self.session_absolute) is not timedelta:
            raise InvalidValue("session_absolute", "must be a timedelta")
        if not timedelta(0) < self.session_absolute <= timedelta(days=3650):
            raise InvalidValue("session_absolute", "must be positive and at most 3650 days")

    @classmethod
    def strict(cls) -> Self:
        """Passwords of at least 15 characters, for accounts without a second factor (NIST SP 800-63B-4, 3.1.1.2)."""
        return cls(password_shortest=15)
