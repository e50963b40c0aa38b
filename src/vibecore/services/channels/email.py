"""Notifications by mail: one for each, or one for many."""

from __future__ import annotations

from dataclasses import dataclass
from string import Template
from typing import Final

from vibecore.domain.errors import InvalidValue, MailNotSent
from vibecore.domain.notifications import Notification
from vibecore.services.channels.protocol import DeliveryFailed, Message, Recipient
from vibecore.services.mail.messages import LONGEST_SUBJECT, Mail, Mailer, MailPurpose, one_line
from vibecore.services.mail.templates import MailTemplate

LONGEST_SHOWN: Final = 500
"""Code points of a notification's text that a mail shows."""
FIELDS: Final = frozenset({"public_url", "title", "items", "count"})
SINGLE: Final = MailTemplate(
    "$title",
    """\
$items

You get this message because of your notification settings at $public_url.
""",
)
DIGEST: Final = MailTemplate(
    "$count notifications",
    """\
$items

You get this summary because of your notification settings at $public_url.
""",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationTemplates:
    """What the mails say. Fields: `$public_url`, `$items` (a block of lines for each notification), `$count` (of
    notifications) and `$title` (of the first). InvalidValue for another field, and for an `$items` that is missing."""

    single: MailTemplate = SINGLE
    digest: MailTemplate = DIGEST

    def __post_init__(self) -> None:
        for name, template in (("single", self.single), ("digest", self.digest)):
            if not isinstance(template, MailTemplate):
                raise InvalidValue(name, f"must be a MailTemplate, not {type(template).__name__}")
            if not template.names() <= FIELDS or "items" not in Template(template.text).get_identifiers():
                raise InvalidValue(name, f"must have $items in its text, and no fields but {', '.join(sorted(FIELDS))}")


class EmailChannel:
    """Mails to users whose address is confirmed: to nobody else goes what others can cause.

    `mailer` tells whether it sent a mail (MailNotSent): an `SmtpMailer` itself, not behind a `BackgroundMailer`, whose
    queue would end with the process.
    """

    def __init__(self, mailer: Mailer, templates: NotificationTemplates | None = None) -> None:
        self.name: Final = "email"
        self._mailer = mailer
        self._templates = NotificationTemplates() if templates is None else templates

    def reaches(self, recipient: Recipient, /) -> bool:
        return recipient.user.email_verified

    def deliver(self, message: Message, /) -> None:
        try:
            self._mailer.send(self.compose(message))
        except MailNotSent as error:
            reason, temporary = error.reason, error.temporary
        else:
            return
        raise DeliveryFailed(reason, temporary=temporary)

    def compose(self, message: Message, /) -> Mail:
        """The mail that tells the message."""
        template = self._templates.digest if message.schedule.is_digest else self._templates.single
        shown = {
            "public_url": message.public_url,
            "title": one_line(message.items[0].title).strip() or message.items[0].type,
            "count": str(len(message.items)),
        }
        items = "\n\n".join(map(_block, message.items))
        return Mail(
            recipient=message.recipient.user.email,
            subject=one_line(Template(template.subject).substitute(shown, items=""))[:LONGEST_SUBJECT],
            text=Template(template.text).substitute(shown, items=items),
            purpose=MailPurpose.NOTIFICATION,
            values={**shown, "items": items},
        )


def _block(item: Notification) -> str:
    """One notification as lines: what others chose the words of stays within them."""
    times = "" if item.occurrences == 1 else f" ({item.occurrences} times)"
    lines = [f"{one_line(item.title)}{times}", f"{item.occurred_at:%Y-%m-%d %H:%M} UTC"]
    if item.message:
        lines.insert(1, one_line(item.message)[:LONGEST_SHOWN])
    return "\n".join(lines)
