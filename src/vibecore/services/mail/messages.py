"""A mail, and the port through which it leaves."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NoReturn, Protocol

from vibecore.domain.errors import InvalidValue
from vibecore.domain.rules import check_text
from vibecore.domain.users import check_email

LONGEST_SUBJECT: Final = 200
"""Code points."""


class MailPurpose(StrEnum):
    """Why a mail is sent."""

    VERIFY_EMAIL = "verify-email"
    """A link to the address of a new account."""
    CHANGE_EMAIL = "change-email"
    """A link to the address that an account shall have."""
    EMAIL_CHANGED = "email-changed"
    """A notice to the address that an account had."""
    RESET_PASSWORD = "reset-password"
    """A link with which a new password can be chosen."""
    PASSWORD_CHANGED = "password-changed"
    """A notice after a change or a reset."""
    ACCOUNT_LOCKED = "account-locked"
    """A notice that too many logins failed."""
    SECOND_FACTOR_CHANGED = "second-factor-changed"
    """A notice that a second factor was switched on or off, or has other recovery codes."""
    NEW_DEVICE = "new-device"
    """A notice of a login from a device that was not known."""
    NOTIFICATION = "notification"
    """What a user is told by the e-mail channel, which has templates of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A message in plain text to one address. It may hold a link that works, so that neither its text nor its values
    are in repr, and it is neither pickled nor copied.

    `values` are the fields of the template, for mailers that write a message of their own, in HTML for example.
    InvalidValue for what is no address, a subject that is no single line of 1 to 200 characters, and a text with NUL
    or lone surrogates.
    """

    recipient: str
    subject: str
    text: str = field(repr=False)
    purpose: MailPurpose
    values: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "recipient", check_email(self.recipient, "recipient"))
        check_text("text", self.text)
        subject = check_text("subject", self.subject)
        if not 1 <= len(subject) <= LONGEST_SUBJECT:
            raise InvalidValue("subject", f"must have 1 to {LONGEST_SUBJECT} characters")
        if one_line(subject) != subject:
            raise InvalidValue("subject", "holds a line break or another control character")
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a mail may hold a link that works and is not pickled or copied")


class Mailer(Protocol):
    """Where mails leave. `send` returns at once and raises nothing because of the address, so that neither time nor
    answer of a request tells whether an account exists: who delivers over a network does it in a `BackgroundMailer`."""

    def send(self, mail: Mail, /) -> None: ...


def one_line(text: str) -> str:
    """`text` with a space for each line break and control character, formatting characters (Cf) among them."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(" " if unicodedata.category(char) in _BREAKING else char for char in text)


_BREAKING: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
