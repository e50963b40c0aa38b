"""Logins: how far a sign-in came. `match` on a `Login` ends in `assert_never`; `actor` is for who expects success.

match vibe.auth.login(email=email, password=password):
    case Authenticated() as signed_in: ...
    case Challenge() as challenge: ...          # ask for a code, then `complete_challenge`
    case EnrolmentRequired() as enrolment: ...  # show a QR code, then `complete_enrolment`
    case EmailUnverified(): ...                 # offer to send the link again
    case Throttled() as throttled: ...          # say when
    case Denied(): ...                          # address or password: nobody is told which
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn

from vibecore.domain.actors import Actor
from vibecore.domain.errors import AuthenticationFailed, LoginIncomplete, LoginThrottled
from vibecore.domain.profiles import Profile, SessionInfo


class Secret:
    """What holds a token is neither pickled nor copied, and shows no token in repr."""

    __slots__ = ()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a login holds a token and is not pickled or copied")


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticated(Secret):
    """Signed in. `token` and `device_token` exist here and with the client only.

    `device_token` names this device to later logins (`device=`), which then have tries of their own: a stranger who
    guesses passwords cannot lock its user out.
    """

    user: Profile
    actor: Actor
    token: str = field(repr=False)
    session: SessionInfo
    device_token: str | None = field(default=None, repr=False)
    recovery_codes: tuple[str, ...] = field(default=(), repr=False)
    """After `complete_enrolment`: shown once, for the day on which the authenticator is lost."""

    @property
    def authenticated(self) -> Authenticated:
        """This."""
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed(Secret):
    """A session goes on under another token, which exists here and with the client only.

    The token that it had works for `rotation_grace` longer, for requests that are under way.
    """

    token: str = field(repr=False)
    session: SessionInfo
    actor: Actor


class _Unfinished:
    __slots__ = ()

    def _failure(self) -> AuthenticationFailed:
        return AuthenticationFailed()

    @property
    def actor(self) -> NoReturn:
        """Raises AuthenticationFailed, LoginThrottled or LoginIncomplete: nobody is signed in."""
        raise self._failure()

    @property
    def authenticated(self) -> NoReturn:
        """Raises what `actor` raises."""
        raise self._failure()


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied(_Unfinished):
    """The address, the password, the code or the account is not good for a sign-in; which of them is not told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttled(_Unfinished):
    """Too many tries; nothing was checked. `retry_at` None: tries are used up until the password is reset."""

    retry_at: datetime | None

    def _failure(self) -> AuthenticationFailed:
        return LoginThrottled(self.retry_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailUnverified(_Unfinished):
    """The password was right; the policy wants the address confirmed first."""

    def _failure(self) -> AuthenticationFailed:
        return LoginIncomplete("a confirmed address")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentRequired(_Unfinished, Secret):
    """The password was right; the policy wants a second factor, which this account has yet to enrol."""

    challenge: str = field(repr=False)
    expires_at: datetime

    def _failure(self) -> AuthenticationFailed:
        return LoginIncomplete("the enrolment of a second factor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge(_Unfinished, Secret):
    """The password was right; `complete_challenge` takes `challenge` and a code until `expires_at`."""

    challenge: str = field(repr=False)
    expires_at: datetime

    def _failure(self) -> AuthenticationFailed:
        return LoginIncomplete("a second factor")


Login = Denied | Throttled | EmailUnverified | EnrolmentRequired | Challenge | Authenticated
"""What a login comes to."""
