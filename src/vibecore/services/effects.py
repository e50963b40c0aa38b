"""What services take from the outside world, as ports: time, ids, random tokens, keys, password hashing, mail, waiting.

Everything else in a service is deterministic. `vibecore.testing` has fixed ones.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, ParamSpec, Protocol, TypeVar
from uuid import UUID, uuid4

from vibecore.domain.notification_types import NotificationTypes
from vibecore.domain.policies import AuthPolicy
from vibecore.domain.webhooks import WebhookPolicy
from vibecore.services.channels.protocol import Channel
from vibecore.services.keyring import Keyring
from vibecore.services.mail.local import NoMailer
from vibecore.services.mail.messages import Mailer
from vibecore.services.mail.templates import MailTemplates
from vibecore.services.secretbox import SecretBox

P = ParamSpec("P")
T = TypeVar("T")


class Clock(Protocol):
    def __call__(self) -> datetime:
        """The present moment, aware."""
        ...


class Ids(Protocol):
    def __call__(self) -> UUID:
        """A new id that nobody else has."""
        ...


class Tokens(Protocol):
    def __call__(self, size: int, /) -> bytes:
        """`size` unpredictable bytes."""
        ...


class PasswordHasher(Protocol):
    def hash(self, password: str, /) -> str:
        """A salted hash of a password that the policy accepted."""
        ...

    def verify(self, password: str, stored: str, /) -> bool:
        """Whether the hash belongs to the password; False for a hash that cannot be read."""
        ...

    def verify_nothing(self, password: str, /) -> None:
        """Spend the time of `verify` for an account that does not exist."""
        ...

    def outdated(self, stored: str, /) -> bool:
        """Whether `hash` would now choose another algorithm, cost or key: a login that matched then hashes anew."""
        ...


class Runtime(Protocol):
    """How the calling thread or task waits."""

    def sleep(self, seconds: float, /) -> None: ...

    def offload(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run CPU-bound work where it does not hold up an event loop."""
        ...


class ThreadRuntime:
    """The runtime of the synchronous face: waiting blocks the calling thread, work runs in it."""

    def sleep(self, seconds: float, /) -> None:
        time.sleep(seconds)

    def offload(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return call(*args, **kwargs)


LOCAL_URL: Final = "http://localhost:8000"
"""Where links begin while nothing is configured: on the developer's own machine."""


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """All ports of one installation, and what its mails say: the texts, and `public_url`, where their links begin."""

    hasher: PasswordHasher
    clock: Clock = utc_now
    ids: Ids = uuid4
    tokens: Tokens = secrets.token_bytes
    keys: Keyring = field(default_factory=Keyring.random)
    box: SecretBox = field(default_factory=SecretBox)
    """Encrypts the secrets of second factors and webhooks; without a key, as by default, there are none."""
    policy: AuthPolicy = field(default_factory=AuthPolicy)
    """The figures of sign-in."""
    mailer: Mailer = field(default_factory=NoMailer)
    templates: MailTemplates = field(default_factory=MailTemplates)
    public_url: str = LOCAL_URL
    notification_types: NotificationTypes = field(default_factory=NotificationTypes)
    channels: tuple[Channel, ...] = ()
    """How notifications reach users outside of the inbox; every process that delivers has to have the same."""
    webhooks: WebhookPolicy = field(default_factory=WebhookPolicy)
    """What users' webhooks may reach."""
    runtime: Runtime = field(default_factory=ThreadRuntime)
