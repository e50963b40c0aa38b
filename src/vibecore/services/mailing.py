"""Mails about an account: the notices that tell its user what happened, and what holds back those that a stranger can
cause.

Notices go to addresses that their owner has confirmed, and to no other: who registers can name anybody's address, whose
owner would be told of logins and changes that are none of their business. OWASP ASVS 5.0, 6.3.5 and 6.3.7, asks that
users be told; who has not confirmed an address is not known to be reached there.

What strangers can cause is counted (`AuthPolicy.mail_limit`): links together, each kind of notice by itself, so that
neither links nor one kind of notice keeps another away. That a password, an address or a second factor has changed is
never held back: whoever did that was signed in or had a link.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from vibecore.domain.users import User
from vibecore.services.mail.messages import Mail, MailPurpose
from vibecore.services.tries import Counters, Tries, take
from vibecore.services.work import Work

LIMITED: Final = frozenset({MailPurpose.ACCOUNT_LOCKED, MailPurpose.NEW_DEVICE})
"""Notices that somebody without a session can cause, again and again."""


def notify(
    work: Work, purpose: MailPurpose, user: User, time: datetime, *, confirmed: bool = False, **values: str
) -> None:
    """A notice to the account's address about what happened at `time`, after the commit, if that address has been
    confirmed, or is by what happens now. `values` are the purpose's fields but those of the account; InvalidValue at
    once."""
    if not (user.email_verified or confirmed):
        return
    effects = work.effects
    mail = effects.templates.compose(
        purpose, to=user.email, public_url=effects.public_url, email=user.email, name=user.name, time=time, **values
    )
    if purpose in LIMITED:
        send_within(work, Counters(effects).notice(purpose.value, user.email_key), mail)
    else:
        work.after_commit(lambda: effects.mailer.send(mail))


def send_within(work: Work, tries: Tries, mail: Mail) -> None:
    """`mail` after the commit, unless as many have been counted as `tries` lets through."""

    def send() -> None:
        if take(work, tries).allowed:
            work.effects.mailer.send(mail)

    work.after_commit(send)
