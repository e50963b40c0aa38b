"""Second factors as services give them out: what a user enrols with, what is left of it, and what a change gives."""

from __future__ import annotations

from dataclasses import dataclass, field

from vibecore.domain.logins import Renewed, Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment(Secret):
    """What an authenticator is set up with. Show it once, to its user only: whoever sees it makes the same codes.

    `uri` is the `otpauth://` address; `qr_svg` is the same as an image for a page, `qr_terminal` as lines of text;
    `secret` is for typing. A page that holds them is not cached (`Cache-Control: no-store`).
    """

    secret: str = field(repr=False)
    uri: str = field(repr=False)
    qr_svg: str = field(repr=False)
    qr_terminal: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed(Secret):
    """The second factor is on. The codes are shown now and never again; the session goes on under another token."""

    recovery_codes: tuple[str, ...] = field(repr=False)
    renewed: Renewed


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCodes(Secret):
    """New recovery codes, shown now and never again; those from before are void."""

    codes: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactor:
    """Whether an account has a second factor. `pending`: an enrolment waits for its first code."""

    enabled: bool
    pending: bool
    recovery_codes: int
    """How many are left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRotation:
    """What became of the secrets of second factors and webhooks; `unreadable`: their key is not configured."""

    resealed: int
    unchanged: int
    unreadable: int
