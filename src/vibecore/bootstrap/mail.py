"""How mail leaves an installation: from its settings to a mailer, and where the links in its mails begin."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from vibecore.bootstrap.settings import Settings
from vibecore.domain.errors import InvalidValue
from vibecore.domain.webhooks import WebhookPolicy
from vibecore.services.channels.protocol import Channel
from vibecore.services.effects import LOCAL_URL
from vibecore.services.mail.background import BackgroundMailer
from vibecore.services.mail.local import ConsoleMailer, NoMailer, OutboxMailer
from vibecore.services.mail.messages import Mailer

_ADDRESS: Final = re.compile(r"https?://[!-~]{1,500}", re.ASCII)


def make_mailer(settings: Settings, *, in_memory: bool) -> Mailer:
    """What `mail_url` asks for; without one an outbox beside a store in memory, else a mailer that drops with a
    warning. InvalidValue names the variable. SMTP needs `mail_from` and `public_url`: links must lead somewhere."""
    if settings.mail_url is None:
        return OutboxMailer() if in_memory else NoMailer()
    url = settings.mail_url.get_secret_value()
    match url:
        case "memory:":
            return OutboxMailer()
        case "console:":
            return ConsoleMailer()
    if not url.startswith(("smtp://", "smtps://")):
        raise InvalidValue("VIBECORE_MAIL_URL", "must be smtp://..., smtps://..., console: or memory:")
    from vibecore.services.mail.senders import Sender
    from vibecore.services.mail.servers import SmtpServer
    from vibecore.services.mail.smtp import SmtpMailer

    try:
        server = SmtpServer.of_url(url)
        if settings.mail_from is None:
            raise InvalidValue("mail_from", "must be set for mail over SMTP")
        if settings.public_url is None:
            raise InvalidValue("public_url", "must be set for mail over SMTP: links begin with it")
        sender = Sender.of_text(settings.mail_from)
    except InvalidValue as error:
        found = error
    else:
        return BackgroundMailer(SmtpMailer(server, sender))
    raise InvalidValue(f"VIBECORE_{found.field}".upper(), found.reason)


def check_public_url(settings: Settings) -> str:
    """Where links begin, without a slash at the end: http or https, host, perhaps a path. InvalidValue otherwise."""
    if settings.public_url is None:
        return LOCAL_URL
    url = settings.public_url
    try:
        parts = urlsplit(url)
        fine = bool(_ADDRESS.fullmatch(url) and parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        fine = False
    if not fine or "?" in url or "#" in url:
        raise InvalidValue("VIBECORE_PUBLIC_URL", "must be http(s)://host or http(s)://host/path, of at most 500 ASCII")
    return url.rstrip("/")


def make_channels(mailer: Mailer, webhooks: WebhookPolicy) -> tuple[Channel, ...]:
    """E-mail where mail is configured, and users' webhooks."""
    from vibecore.services.channels.email import EmailChannel
    from vibecore.services.channels.webhook import WebhookChannel

    # Not through the queue of this process: the outbox keeps what has not been delivered, and has to learn what was.
    direct = mailer.inner if isinstance(mailer, BackgroundMailer) else mailer
    mails: tuple[Channel, ...] = () if isinstance(direct, NoMailer) else (EmailChannel(direct),)
    return (*mails, WebhookChannel(webhooks))


def closers_of(mailer: Mailer) -> tuple[Callable[[], None], ...]:
    """What ends a mailer that an installation made for itself."""
    return (mailer.close,) if isinstance(mailer, BackgroundMailer) else ()
