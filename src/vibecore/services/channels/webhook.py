"""Notifications to a user's own server, signed as Standard Webhooks 1.0.0 says."""

from __future__ import annotations

import base64
import hmac
import http.client
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

from vibecore.domain import json
from vibecore.domain.errors import InvalidValue
from vibecore.domain.notifications import Notification
from vibecore.domain.webhooks import WebhookPolicy, check_webhook_url, split_url
from vibecore.services.channels.addresses import JudgedConnection
from vibecore.services.channels.protocol import DeliveryFailed, Message, Recipient

SECONDS: Final = 15.0
"""For one call altogether; Standard Webhooks suggests 15 to 30."""
GONE: Final = 410
PORTS: Final = {"https": 443, "http": 80}
SINGLE: Final = "notification"
DIGEST: Final = "notification.digest"


class WebhookChannel:
    """POSTs a message as JSON and takes any 2xx for delivered. A redirect is followed nowhere and is a failure.

    410 ends the delivery at once; everything else is tried again, 429 and 503 not before their Retry-After. Of an
    answer only status and Retry-After are read.
    """

    def __init__(
        self,
        policy: WebhookPolicy | None = None,
        *,
        context: ssl.SSLContext | None = None,
        seconds: float = SECONDS,
    ) -> None:
        """`policy` has to be that of the installation (`Effects.webhooks`); `context` replaces the system's
        certificates."""
        self.name: Final = "webhook"
        self._policy = WebhookPolicy() if policy is None else policy
        self._context = context
        self._seconds = seconds

    def reaches(self, recipient: Recipient, /) -> bool:
        return recipient.webhook is not None

    def deliver(self, message: Message, /) -> None:
        target = message.recipient.webhook
        if target is None:
            raise DeliveryFailed("the user has no webhook", temporary=False)
        body = body_of(message)
        headers = {
            "content-type": "application/json",
            "user-agent": "vibecore-webhooks",
            **signed(target.secret, message.id, message.sent_at, body),
        }
        status, retry_after = self._post(target.url, body, headers)
        if 200 <= status < 300:
            return
        reason = f"the webhook answered {status}"
        raise DeliveryFailed(reason, temporary=status != GONE, retry_after=_seconds(retry_after, message.sent_at))

    def _post(self, url: str, body: bytes, headers: dict[str, str]) -> tuple[int, str | None]:
        """Status and Retry-After of the answer."""
        try:
            check_webhook_url(url, self._policy)
        except InvalidValue as error:
            raise DeliveryFailed(f"the URL of the webhook {error.reason}", temporary=False) from None
        parts = split_url(url)
        assert parts is not None
        assert parts.hostname is not None
        secure = parts.scheme == "https"
        connection = JudgedConnection(
            parts.hostname,
            parts.port or PORTS[parts.scheme],
            policy=self._policy,
            context=(self._context or ssl.create_default_context()) if secure else None,
            seconds=self._seconds,
        )
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        problem = "the webhook cannot be reached"
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("retry-after")
        except ssl.SSLCertVerificationError:
            problem = "the certificate of the webhook is not valid"
        except TimeoutError:
            problem = "the webhook did not answer in time"
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        # Outside of the handlers: what a receiver said is not chained.
        raise DeliveryFailed(problem)


def signed(secret: bytes, id: UUID, sent_at: datetime, body: bytes) -> dict[str, str]:
    """The three headers by which a receiver knows whom a body is from, that it is whole, recent and not known yet."""
    name, seconds = f"msg_{id.hex}", str(int(sent_at.timestamp()))
    mac = hmac.new(secret, f"{name}.{seconds}.".encode() + body, sha256).digest()
    return {
        "webhook-id": name,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }


def body_of(message: Message) -> bytes:
    """What is sent: `type`, `timestamp` and `data`, as Standard Webhooks asks for; several as a digest."""
    items = [item_of(item) for item in message.items]
    digest = message.schedule.is_digest
    content = {
        "type": DIGEST if digest else SINGLE,
        "timestamp": message.sent_at.astimezone(UTC).isoformat(),
        "data": {"notifications": items, "schedule": message.schedule.value} if digest else items[0],
    }
    return json.dumps(json.freeze("body", content)).encode()


def item_of(item: Notification) -> dict[str, object]:
    """A notification as receivers see it."""
    return {
        "id": str(item.id),
        "type": item.type,
        "title": item.title,
        "message": item.message,
        "data": item.data,
        "occurrences": item.occurrences,
        "occurred_at": item.occurred_at.isoformat(),
    }


def _seconds(retry_after: str | None, now: datetime) -> float | None:
    """Retry-After (RFC 9110 10.2.3) in seconds, be it a number or a date; None for none and for nonsense."""
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max((moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds(), 0.0)
