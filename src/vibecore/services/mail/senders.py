"""Whom mails come from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from vibecore.domain.errors import InvalidValue
from vibecore.domain.rules import check_text
from vibecore.domain.users import check_email
from vibecore.services.mail.messages import one_line

_NAMED: Final = re.compile(r'\s*(?:"([^"\\<>]*)"|([^"\\<>]*?))\s*<([^<>]*)>\s*')


@dataclass(frozen=True, slots=True)
class Sender:
    """The address that mails come from, with a name or without."""

    address: str
    name: str = ""

    @classmethod
    def of_text(cls, text: str) -> Sender:
        """From `address`, `Name <address>` or `"Name, Inc." <address>`. InvalidValue (field `mail_from`)."""
        named = _NAMED.fullmatch(check_text("mail_from", text))
        name, address = ("", text) if named is None else (named[1] or named[2] or "", named[3])
        if len(name) > 100 or one_line(text) != text:
            raise InvalidValue("mail_from", "must be a single line with a name of at most 100 characters")
        try:
            return cls(check_email(address), name)
        except InvalidValue:
            pass
        raise InvalidValue("mail_from", "must be an address or Name <address>")
