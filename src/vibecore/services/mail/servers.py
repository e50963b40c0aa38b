"""The mail server that a URL names."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NoReturn
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from vibecore.domain.errors import InvalidValue

TIMEOUT: Final = 10.0
"""Seconds that one answer of the server may take."""

_HOST: Final = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45}", re.ASCII)
_OPTIONS: Final = frozenset({"tls", "timeout"})


class Tls(Enum):
    """How the connection is encrypted; the server's certificate must be valid for its host."""

    STARTTLS = "starttls"
    """After the greeting, before anything else; a server that does not offer it gets no mail."""
    IMPLICIT = "implicit"
    """From the first byte (RFC 8314)."""
    OFF = "off"
    """Not at all: for a server on the same machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """Where mails are handed in. User and password are not in repr."""

    host: str
    port: int
    tls: Tls = Tls.STARTTLS
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    timeout: float = TIMEOUT

    @classmethod
    def of_url(cls, url: str) -> SmtpServer:
        """`smtp://user:password@host:587` with STARTTLS or `smtps://host:465` with TLS from the start; the ports are
        those (RFC 6409, RFC 8314) unless given. `?timeout=5` sets the seconds for each answer; `smtp://...?tls=off`
        encrypts nothing and takes no password. InvalidValue (field `mail_url`), which quotes nothing."""
        found = _split(url)
        if found is None:
            raise InvalidValue("mail_url", "must be smtp://user:password@host:port or smtps://...")
        parts, port, options = found
        host = parts.hostname or ""
        if not _HOST.fullmatch(host) or parts.path not in ("", "/") or parts.fragment or port == 0:
            raise InvalidValue("mail_url", "must be smtp://user:password@host:port or smtps://...")
        if options.keys() - _OPTIONS:
            raise InvalidValue("mail_url", "has an option that is neither tls nor timeout")
        tls = _tls(parts.scheme, options.get("tls"))
        user, password = _credentials(parts.username, parts.password)
        if user is not None and tls is Tls.OFF:
            raise InvalidValue("mail_url", "has a password that would be sent without encryption")
        default = 465 if tls is Tls.IMPLICIT else 587
        return cls(
            host=host,
            port=default if port is None else port,
            tls=tls,
            user=user,
            password=password,
            timeout=_seconds(options.get("timeout")),
        )

    def __reduce__(self) -> NoReturn:
        raise TypeError("a mail server's password is not pickled or copied")


def _split(url: str) -> tuple[SplitResult, int | None, dict[str, str]] | None:
    # urlsplit drops line breaks and tabs: a URL with some is none.
    if not (url.isascii() and url.isprintable()):
        return None
    try:
        parts = urlsplit(url)
        options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True) if parts.query else []
        return (parts, parts.port, dict(options)) if parts.scheme in ("smtp", "smtps") else None
    except ValueError:
        return None


def _tls(scheme: str, option: str | None) -> Tls:
    if option is not None and (option != "off" or scheme != "smtp"):
        raise InvalidValue("mail_url", "has tls= that is not smtp://...?tls=off")
    if option == "off":
        return Tls.OFF
    return Tls.STARTTLS if scheme == "smtp" else Tls.IMPLICIT


def _credentials(user: str | None, password: str | None) -> tuple[str | None, str | None]:
    if user is None and password is None:
        return None, None
    if not user or not password:
        raise InvalidValue("mail_url", "must have both user and password, or neither")
    found = unquote(user), unquote(password)
    # smtplib's logins write ASCII only, and its error would quote the password.
    if not all(text.isascii() and text.isprintable() for text in found):
        raise InvalidValue("mail_url", "has a user or a password that is not printable ASCII")
    return found


def _seconds(option: str | None) -> float:
    if option is None:
        return TIMEOUT
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3})?", option, re.ASCII) or not 0 < float(option) <= 300:
        raise InvalidValue("mail_url", "has a timeout that is not a number of seconds up to 300")
    return float(option)
