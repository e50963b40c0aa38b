"""What mails say: plain text that an application can replace, in a language or with links of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from string import Template
from typing import Final

from vibecore.domain.errors import InvalidValue
from vibecore.domain.rules import check_text
from vibecore.services.mail.messages import LONGEST_SUBJECT, Mail, MailPurpose, one_line

LONGEST_CHOSEN: Final = 200
"""Code points that a mail shows of what a stranger may have chosen: name and device."""

_LINK: Final = frozenset({"public_url", "token", "email", "name", "expires"})
_NOTICE: Final = frozenset({"public_url", "email", "name", "time"})

FIELDS: Final[Mapping[MailPurpose, frozenset[str]]] = {
    MailPurpose.VERIFY_EMAIL: _LINK,
    MailPurpose.CHANGE_EMAIL: _LINK | {"new_email"},
    MailPurpose.EMAIL_CHANGED: _NOTICE | {"new_email"},
    MailPurpose.RESET_PASSWORD: _LINK,
    MailPurpose.PASSWORD_CHANGED: _NOTICE,
    MailPurpose.ACCOUNT_LOCKED: _NOTICE,
    MailPurpose.SECOND_FACTOR_CHANGED: _NOTICE | {"change"},
    MailPurpose.NEW_DEVICE: _NOTICE | {"ip_address", "device"},
}
"""The fields that a template may name. `email` is the account's address, `name` its holder's; `expires` and `time` are
in UTC to the minute. `token` must be in the text of every template that may name it, and in no subject. Purposes that
are not here have templates of their own."""


@dataclass(frozen=True, slots=True)
class MailTemplate:
    """Subject and text with `$field` or `${field}`; `$$` is a dollar sign."""

    subject: str
    text: str

    def __post_init__(self) -> None:
        for name in ("subject", "text"):
            if not Template(check_text(name, getattr(self, name))).is_valid():
                raise InvalidValue(name, "holds a $ that begins no field; $$ is a dollar sign")
        if not self.subject.strip() or one_line(self.subject) != self.subject:
            raise InvalidValue("subject", "must be a single line")

    def names(self) -> frozenset[str]:
        """The fields that occur in it."""
        return frozenset(Template(self.subject).get_identifiers()) | frozenset(Template(self.text).get_identifiers())


def _check(purpose: MailPurpose, template: object) -> None:
    """InvalidValue names the template."""
    label = purpose.value.replace("-", "_")
    if not isinstance(template, MailTemplate):
        raise InvalidValue(label, f"must be a MailTemplate, not {type(template).__name__}")
    offered = FIELDS[purpose]
    unknown = sorted(template.names() - offered)
    if unknown:
        raise InvalidValue(label, f"has no field {unknown[0]}; there are {', '.join(sorted(offered))}")
    if "token" in offered and "token" not in Template(template.text).get_identifiers():
        raise InvalidValue(label, "lacks $token in its text")
    if "token" in Template(template.subject).get_identifiers():
        raise InvalidValue(label, "has $token in its subject, which is shown and logged everywhere")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailTemplates:
    """A template for each purpose; those not given are vibecore's, in English.

    vibecore's own leave out the name: whoever registers somebody else's address would choose what that person reads.
    InvalidValue for a template that names an unknown field or lacks its token.
    """

    verify_email: MailTemplate = MailTemplate(
        "Please confirm your e-mail address",
        """\
An account with this e-mail address was made at $public_url.

To confirm that the address is yours, open this link before $expires:

$public_url/verify-email?token=$token

If you did not make the account, ignore this message.
""",
    )
    change_email: MailTemplate = MailTemplate(
        "Please confirm your new e-mail address",
        """\
An account at $public_url shall have this e-mail address from now on.

To confirm that the address is yours, open this link before $expires:

$public_url/change-email?token=$token

If you did not ask for this, ignore this message.
""",
    )
    email_changed: MailTemplate = MailTemplate(
        "The e-mail address of your account was changed",
        """\
The e-mail address of your account at $public_url was changed to $new_email at $time.
Messages no longer come here.

If this was not you, somebody else has access to your account: please contact us at once.
""",
    )
    reset_password: MailTemplate = MailTemplate(
        "Choose a new password",
        """\
Somebody asked for a new password for your account at $public_url.

To choose one, open this link before $expires. It works once:

$public_url/reset-password?token=$token

If this was not you, ignore this message: your password stays as it is.
""",
    )
    password_changed: MailTemplate = MailTemplate(
        "Your password was changed",
        """\
The password of your account at $public_url was changed at $time.

If this was not you, choose a new password at once and contact us.
""",
    )
    account_locked: MailTemplate = MailTemplate(
        "Too many failed logins to your account",
        """\
Too many logins to your account at $public_url failed; the last one at $time. The account is locked for now.

If this was you and you forgot your password, choose a new one. If it was not you, nobody got in: your password is
still the one that you know.
""",
    )
    second_factor_changed: MailTemplate = MailTemplate(
        "The second factor of your account was changed",
        """\
The second factor of your account at $public_url was changed at $time: $change.

If this was not you, change your password at once and contact us.
""",
    )
    new_device: MailTemplate = MailTemplate(
        "A new device signed in to your account",
        """\
A device that was not known before signed in to your account at $public_url:

Time: $time
Address: $ip_address
Device: $device

If this was not you, change your password at once.
""",
    )
    _by_purpose: Mapping[MailPurpose, MailTemplate] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        found = {purpose: getattr(self, purpose.value.replace("-", "_")) for purpose in FIELDS}
        for purpose, template in found.items():
            _check(purpose, template)
        object.__setattr__(self, "_by_purpose", found)

    def compose(self, purpose: MailPurpose, *, to: str, **values: str | datetime) -> Mail:
        """The mail to `to`. `values` are the purpose's `FIELDS`, all and no others (InvalidValue), times aware.

        A value is one line in the mail: line breaks and control characters in it become spaces.
        """
        offered = FIELDS[purpose]
        for name in sorted(offered ^ values.keys()):
            raise InvalidValue(name, "is missing" if name in offered else f"is no field of {purpose.value}")
        shown = {name: _shown(name, value) for name, value in sorted(values.items())}
        template = self._by_purpose[purpose]
        return Mail(
            recipient=to,
            subject=Template(template.subject).substitute(shown)[:LONGEST_SUBJECT],
            text=Template(template.text).substitute(shown),
            purpose=purpose,
            values=shown,
        )


def _shown(name: str, value: str | datetime) -> str:
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise InvalidValue(name, "is a naive datetime; give a time zone")
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    line = one_line(check_text(name, value))
    return line[:LONGEST_CHOSEN] if name in ("name", "device") else line


assert {f.name for f in fields(MailTemplates) if f.init} == {p.value.replace("-", "_") for p in FIELDS}
