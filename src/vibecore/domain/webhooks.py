"""Webhooks: where a user's own server is told, and which addresses may be asked for."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Annotated, Final
from urllib.parse import SplitResult, urlsplit

from vibecore.domain.errors import InvalidValue
from vibecore.domain.fields import Id, Moment
from vibecore.domain.logins import Secret
from vibecore.domain.rules import Text, check_text
from vibecore.domain.schema import Index, Reference, Table, updated_index

SECRET_PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32
"""Bytes of a signing secret; Standard Webhooks 1.0.0 asks for 24 to 64."""
LONGEST_URL: Final = 2000

_PRINTABLE: Final = re.compile(r"[!-~]+", re.ASCII)
_LABEL: Final = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)", re.ASCII)
_NAT64: Final = tuple(ip_address(text) for text in ("64:ff9b::", "64:ff9b::ffff:ffff"))


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationWebhook:
    """Where one user's notifications go. `secret` is sealed, for this user."""

    id: Id
    user_id: Id
    url: Annotated[str, Text(LONGEST_URL, shortest=1)] = field(repr=False)
    secret: Annotated[str, Text(255, shortest=1)] = field(repr=False)
    created_at: Moment
    updated_at: Moment


NOTIFICATION_WEBHOOKS: Final = Table(
    NotificationWebhook,
    "notification_webhooks",
    "notification_webhook",
    scope="user_id",
    references=(Reference("fk_notification_webhooks_user", "user_id", "users"),),
    indexes=(Index("idx_notification_webhooks_user", ("user_id",)), updated_index("notification_webhooks")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookPolicy:
    """What a webhook may reach. As it stands: HTTPS on public addresses only. The two ways out are for tests and for
    installations whose users may reach its own network."""

    plain_http: bool = False
    private_addresses: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookInfo:
    """A webhook without its secret."""

    id: Id
    url: str = field(repr=False)
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, webhook: NotificationWebhook) -> WebhookInfo:
        return cls(id=webhook.id, url=webhook.url, created_at=webhook.created_at, updated_at=webhook.updated_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedWebhook(Secret):
    """A webhook and the secret that signs what it gets: shown this once, and in no repr."""

    secret: str = field(repr=False)
    info: WebhookInfo


def make_secret(content: bytes) -> str:
    """The secret as receivers configure it: `whsec_` and base64 (Standard Webhooks 1.0.0)."""
    return SECRET_PREFIX + base64.b64encode(content).decode()


def check_webhook_url(url: object, policy: WebhookPolicy) -> str:
    """`url` if a webhook may go there; InvalidValue (`url`).

    An address in numbers must be public at once; a name is judged by the addresses that it has at each delivery.
    """
    text = check_text("url", url)
    if len(text) > LONGEST_URL or not _PRINTABLE.fullmatch(text):
        raise InvalidValue("url", f"must be 1 to {LONGEST_URL} printable characters of ASCII")
    parts = split_url(text)
    if parts is None or parts.scheme not in ("https", "http"):
        raise InvalidValue("url", "must be https://host/path")
    if parts.scheme == "http" and not policy.plain_http:
        raise InvalidValue("url", "must begin with https://")
    if "@" in parts.netloc or "#" in text:
        raise InvalidValue("url", "must have neither user, password nor fragment")
    host = parts.hostname or ""
    address = literal_address(host)
    if address is None and not all(_LABEL.fullmatch(label) for label in host.removesuffix(".").split(".")):
        raise InvalidValue("url", "has no valid host name")
    if address is None and _ends_in_number(host):
        # 127.1 and 0x7f000001 are addresses to some resolvers.
        raise InvalidValue("url", "has a host that is neither a name nor an address in full")
    if address is not None and not policy.private_addresses and not is_public(address):
        raise InvalidValue("url", "points to an address that is not public")
    return text


def split_url(url: str) -> SplitResult | None:
    """The parts of a URL, whose port is a number; None for what is none."""
    try:
        parts = urlsplit(url)
        return parts if parts.hostname and parts.port != 0 and "\\" not in url else None
    except ValueError:
        return None


def literal_address(host: str) -> IPv4Address | IPv6Address | None:
    """The address that `host` writes in full; None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether anybody on the Internet may be behind it: globally reachable by IANA's registries, no multicast, and the
    same of an IPv4 address inside of an IPv6 one (mapped, 6to4, Teredo, NAT64)."""
    if isinstance(address, IPv6Address):
        inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if _NAT64[0] <= address <= _NAT64[1]:  # type: ignore[operator]  # both ends are IPv6
            inner.append(IPv4Address(int(address) & 0xFFFFFFFF))
        found = [each for each in inner if each is not None]
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address.scope_id is not None or address.is_site_local or not all(map(is_public, found)):
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _ends_in_number(host: str) -> bool:
    last = host.removesuffix(".").rpartition(".")[2]
    return last.isdigit() or last.lower().startswith("0x")
