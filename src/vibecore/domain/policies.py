"""Policies: the figures of sign-in that an installation may choose."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Final, Self

from vibecore.domain.errors import InvalidValue
from vibecore.domain.recovery_codes import RECOVERY_CODE_COUNT
from vibecore.domain.rules import Boolean, Integer, check_member
from vibecore.domain.throttles import Limit
from vibecore.domain.totp import STANDARD, TotpParameters, check_issuer
from vibecore.domain.users import UserRole

BCRYPT_COST: Final = 10
LOWEST_COST: Final = 4
HIGHEST_COST: Final = 15
"""Costs of stored hashes that are computed: at 15 a check takes about two seconds, and each step doubles it."""
HIGHEST_LENGTH: Final = 256
"""Code points of a password at most: NFC makes up to four code points one, and 1,024 of them can be presented."""
_LONGEST: Final = timedelta(days=3650)
_LONGEST_CHALLENGE: Final = timedelta(days=1)
_SHORTEST: Final = timedelta(seconds=1)
_LIFETIMES: Final = (
    *("challenge_lifetime", "session_absolute", "session_idle", "strong_absolute", "strong_idle", "reauthentication"),
    *("device_lifetime", "reset_lifetime", "verify_lifetime"),
)
"""What lives for less has ended before anybody could use it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthPolicy:
    """What sign-in demands. InvalidValue names a figure that makes no sense, or that defeats another one (see
    `contradiction`).

    Passwords
    - `password_shortest`, `password_longest`: code points after NFC, 8 and 128 (OWASP ASVS 5.0, 6.2.1 and 6.2.9).
    - `bcrypt_cost`: 10, the schema's cost factor; 4 to 15. Build the installation's hasher with it.

    Tries
    - `account_limit`: 5 wrong passwords in 300 s (django-allauth's default), and 100 without a sign-in between them,
      after which only a reset of the password helps (NIST SP 800-63B-4, 3.2.2).
    - `client_limit`: 10 wrong passwords a minute from one IPv4 address or one /64 of IPv6 (django-allauth's default).
    - `challenge_limit`: 5 codes for one challenge (better-auth's default).
    - `factor_limit`: 10 codes for one account in 15 minutes (OWASP ASVS 5.0, 6.5.5, asks for a limit).
    - `mail_limit`: 3 links to one address in an hour, and 3 of each kind of notice that a stranger can cause, so that
      nobody's mailbox is flooded through us.

    Second factor
    - `totp`: SHA-1, 6 digits, 30 s, 160 bits, one step each side (RFC 6238).
    - `totp_issuer`: the name that authenticators show beside the account, at most 64 bytes without a colon.
    - `recovery_codes`: 10, of 120 bits each (OWASP ASVS 5.0, 6.5.2).
    - `challenge_lifetime`: 10 minutes between password and code (OWASP ASVS 5.0, 6.5.5).
    - `second_factor_roles`: whose sign-in needs a second factor; none by default.

    Sessions
    - `session_absolute`, `session_idle`: 30 and 7 days (NIST SP 800-63B-4, 2.1.3).
    - `strong_absolute`, `strong_idle`: 24 hours and 1 hour with a second factor or as administrator (2.2.3).
    - `rotation_grace`: 10 s during which the token before the present one still works.
    - `seen_interval`: last-seen times are written at most once in 60 s.
    - `reauthentication`: 5 minutes for which a proof of identity is enough for sensitive actions (django-allauth's).

    API keys
    - `api_keys`: 50 of one user's that have not ended (GitHub's limit for fine-grained tokens); 0 to 10,000, where 0
      lets nobody make one. A lower figure ends none that there are.
    - `ended_key_retention`: 30 days for which a key that has ended is still listed, to tell its owner why something
      stopped (GitLab's default for inactive tokens); `maintenance.purge_sign_in` then removes it.

    Devices
    - `device_lifetime`: 365 days after its last sign-in a device counts as known.
    - `notice_of_new_device`: whether a sign-in from a device that is not known is told by mail; False, since it needs
      an application that keeps device tokens.

    Addresses
    - `require_verified_email`: whether signing in needs an address that its owner has confirmed; False.
    - `reset_lifetime`, `verify_lifetime`: 1 hour and 24 hours (fastapi-users' default for the first).
    """

    password_shortest: int = 8
    password_longest: int = 128
    bcrypt_cost: int = BCRYPT_COST
    account_limit: Limit = Limit(timedelta(seconds=60), 5, 100)
    client_limit: Limit = Limit(timedelta(seconds=6), 10)
    challenge_limit: Limit = Limit(timedelta(minutes=10), 5)
    factor_limit: Limit = Limit(timedelta(seconds=90), 10)
    mail_limit: Limit = Limit(timedelta(minutes=20), 3)
    totp: TotpParameters = STANDARD
    totp_issuer: str = "vibecore"
    recovery_codes: int = RECOVERY_CODE_COUNT
    challenge_lifetime: timedelta = timedelta(minutes=10)
    second_factor_roles: frozenset[UserRole] = frozenset()
    session_absolute: timedelta = timedelta(days=30)
    session_idle: timedelta = timedelta(days=7)
    strong_absolute: timedelta = timedelta(hours=24)
    strong_idle: timedelta = timedelta(hours=1)
    rotation_grace: timedelta = timedelta(seconds=10)
    seen_interval: timedelta = timedelta(seconds=60)
    reauthentication: timedelta = timedelta(minutes=5)
    api_keys: int = 50
    ended_key_retention: timedelta = timedelta(days=30)
    device_lifetime: timedelta = timedelta(days=365)
    notice_of_new_device: bool = False
    require_verified_email: bool = False
    reset_lifetime: timedelta = timedelta(hours=1)
    verify_lifetime: timedelta = timedelta(hours=24)

    def __post_init__(self) -> None:
        Integer(1, HIGHEST_LENGTH).check("password_shortest", self.password_shortest)
        Integer(self.password_shortest, HIGHEST_LENGTH).check("password_longest", self.password_longest)
        Integer(LOWEST_COST, HIGHEST_COST).check("bcrypt_cost", self.bcrypt_cost)
        Integer(1, 100).check("recovery_codes", self.recovery_codes)
        Integer(0, 10_000).check("api_keys", self.api_keys)
        for flag in ("notice_of_new_device", "require_verified_email"):
            Boolean().check(flag, getattr(self, flag))
        for field in fields(self):
            value, default = getattr(self, field.name), field.default
            if isinstance(default, (timedelta, Limit, TotpParameters)) and type(value) is not type(default):
                raise InvalidValue(field.name, f"must be a {type(default).__name__}, not {type(value).__name__}")
            if type(value) is timedelta and not timedelta(0) < value <= _LONGEST:
                raise InvalidValue(field.name, "must be positive and at most 3650 days")
            if type(value) is timedelta and field.name in _LIFETIMES and value < _SHORTEST:
                raise InvalidValue(field.name, "must be a second at least")
        check_issuer("totp_issuer", self.totp_issuer)
        if type(self.second_factor_roles) is not frozenset:
            raise InvalidValue("second_factor_roles", "must be a frozenset")
        for role in self.second_factor_roles:
            check_member(UserRole, "second_factor_roles", role)
        found = contradiction(self)
        if found is not None:
            raise InvalidValue(*found)

    @classmethod
    def strict(cls) -> Self:
        """Passwords of at least 15 characters, for accounts without a second factor (NIST SP 800-63B-4, 3.1.1.2).

        The list of common passwords has 9,748 of that length, more than the 3,000 of OWASP ASVS 5.0, 6.2.4, and what
        only repeats a shorter one of its 65,524 is refused like it. The long ones are from one breach: a phrase that is
        common elsewhere, such as a line of a song, may pass.
        """
        return cls(password_shortest=15)


def contradiction(policy: AuthPolicy) -> tuple[str, str] | None:
    """A figure that another one makes worthless, by name, and why; None where there is none.

    Each of them is sensible by itself, so that nobody would notice: sessions that end while they are in use, a limit
    that never applies, a lock that nothing opens.
    """
    idle = min(policy.session_idle, policy.strong_idle)
    limits = {name: value for name in policy.__slots__ if isinstance(value := getattr(policy, name), Limit)}
    challenge = policy.challenge_limit
    rules = (
        *(
            (name, limit.most is not None and limit.most < limit.burst, "never lets as many through as its burst says")
            for name, limit in limits.items()
        ),
        # An account's tries begin anew with a sign-in, a reset, an unlock; those of a challenge end with it.
        *(
            (name, limits[name].most is not None, "has a `most`, after which nothing lets tries begin anew")
            for name in ("client_limit", "mail_limit")
        ),
        ("challenge_lifetime", policy.challenge_lifetime > _LONGEST_CHALLENGE, "is longer than a day"),
        ("challenge_lifetime", policy.challenge_lifetime > policy.strong_idle, "outlives a session that is not used"),
        (
            "challenge_lifetime",
            challenge.most is None and challenge.interval < policy.challenge_lifetime,
            "outlives the interval of challenge_limit, which would let more codes through than its burst",
        ),
        ("session_idle", policy.session_idle > policy.session_absolute, "is longer than session_absolute"),
        ("strong_idle", policy.strong_idle > policy.strong_absolute, "is longer than strong_absolute"),
        ("strong_absolute", policy.strong_absolute > policy.session_absolute, "is longer than session_absolute"),
        ("strong_idle", policy.strong_idle > policy.session_idle, "is longer than session_idle"),
        ("seen_interval", policy.seen_interval >= idle, "lets a session end for want of use while it is in use"),
        ("rotation_grace", policy.rotation_grace >= idle, "lets a copied token work for as long as its session"),
        (
            "rotation_grace",
            policy.rotation_grace >= policy.reauthentication,
            "lets a token from before a proof of identity profit from it to its end",
        ),
        (
            "reauthentication",
            policy.reauthentication >= policy.strong_absolute,
            "is as long as strong_absolute: nobody would ever prove again who they are",
        ),
        (
            "device_lifetime",
            policy.device_lifetime < policy.session_absolute,
            "is shorter than session_absolute: a device would be forgotten before it signs in again",
        ),
    )
    return next(((name, why) for name, broken, why in rules if broken), None)
