"""Ports without chance: a clock that is moved by hand, ids and tokens that count, password hashing that costs nothing.

    effects = fixed_effects()
    effects.clock.move(days=30)

None of this protects anything: tokens can be guessed and passwords are kept readable. For tests only.
"""

from __future__ import annotations

import hmac
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar
from uuid import UUID

from vibecore.domain.errors import InvalidValue
from vibecore.domain.rules import Timestamp
from vibecore.services.effects import Effects, PasswordHasher
from vibecore.services.keyring import Keyring
from vibecore.services.mail.local import OutboxMailer
from vibecore.services.secretbox import SecretBox

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

P = ParamSpec("P")
T = TypeVar("T")

START: Final = datetime(2025, 1, 1, tzinfo=UTC)
"""Where a fixed clock begins."""


class FixedClock:
    """The moment it was given, until it is moved."""

    def __init__(self, moment: datetime = START) -> None:
        self._moment = Timestamp().check("moment", moment)

    def __call__(self) -> datetime:
        return self._moment

    def move(self, *, days: float = 0, hours: float = 0, seconds: float = 0, microseconds: float = 0) -> datetime:
        """Forwards, or backwards by negative numbers; the new moment. InvalidValue beyond what can be stored."""
        try:
            moved = self._moment + timedelta(days=days, hours=hours, seconds=seconds, microseconds=microseconds)
        except OverflowError:
            raise InvalidValue("moment", "is outside of all dates") from None
        self._moment = Timestamp().check("moment", moved)
        return self._moment


class SequentialIds:
    """Ids that count up from `first`; two sources with ranges that do not meet never give the same id."""

    def __init__(self, first: int = 1) -> None:
        self._numbers = count(first)
        self._lock = threading.Lock()

    def __call__(self) -> UUID:
        with self._lock:
            return UUID(int=next(self._numbers))


class SequentialTokens:
    """Bytes that look random and are the same in every run."""

    def __init__(self, seed: str = "") -> None:
        self._seed = seed
        self._numbers = count(1)
        self._lock = threading.Lock()

    def __call__(self, size: int, /) -> bytes:
        with self._lock:
            number = next(self._numbers)
        blocks = (sha256(f"{self._seed}/{number}/{block}".encode()).digest() for block in range(size // 32 + 1))
        return b"".join(blocks)[:size]


class PlainHasher:
    """Keeps passwords as they are, at once; counts the checks, so that a test can tell whether work was done."""

    PREFIX: Final = "plain$"

    def __init__(self) -> None:
        self.checks = 0

    def hash(self, password: str, /) -> str:
        return self.PREFIX + password

    def verify(self, password: str, stored: str, /) -> bool:
        self.checks += 1
        return stored == self.PREFIX + password

    def verify_nothing(self, password: str, /) -> None:
        self.checks += 1

    def outdated(self, stored: str, /) -> bool:
        return not stored.startswith(self.PREFIX)


class RecordingRuntime:
    """Does not wait; keeps how long it should have waited, and how much work was offloaded."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.offloaded = 0

    def sleep(self, seconds: float, /) -> None:
        self.waits.append(seconds)

    def offload(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        self.offloaded += 1
        return call(*args, **kwargs)


class FixedBox(SecretBox):
    """Seals with one key that everybody knows, and the n-th secret of every run alike: two installations that did the
    same hold the same."""

    __slots__ = ("_starts",)
    KEY: Final = b"a public key of exactly 32 bytes"
    _starts: SequentialTokens

    def __init__(self) -> None:
        super().__init__([self.KEY])
        object.__setattr__(self, "_starts", SequentialTokens("fernet"))

    def _encrypted(self, box: MultiFernet, content: bytes) -> bytes:
        """A Fernet token (https://github.com/fernet/spec) whose initialisation vector is not random."""
        from cryptography.hazmat.primitives.ciphers import Cipher
        from cryptography.hazmat.primitives.ciphers.algorithms import AES
        from cryptography.hazmat.primitives.ciphers.modes import CBC

        signing, encrypting, start = self.KEY[:16], self.KEY[16:], self._starts(16)
        missing = 16 - len(content) % 16
        cipher = Cipher(AES(encrypting), CBC(start)).encryptor()
        token = b"\x80" + bytes(8) + start + cipher.update(content + bytes([missing]) * missing) + cipher.finalize()
        return urlsafe_b64encode(token + hmac.digest(signing, token, "sha256"))


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedEffects(Effects):
    """Effects whose clock can be moved, and which keep the mails."""

    clock: FixedClock = field(default_factory=FixedClock)
    mailer: OutboxMailer = field(default_factory=OutboxMailer)


def fixed_effects(*, hasher: PasswordHasher | None = None, clock: FixedClock | None = None) -> FixedEffects:
    """A full set of fixed ports; give a `BcryptHasher(4)` where real hashes matter."""
    return FixedEffects(
        hasher=PlainHasher() if hasher is None else hasher,
        clock=FixedClock() if clock is None else clock,
        ids=SequentialIds(),
        tokens=SequentialTokens(),
        keys=Keyring(b"the secret key of fixed effects, which is public"),
        mailer=OutboxMailer(),
        box=FixedBox(),
        runtime=RecordingRuntime(),
    )
