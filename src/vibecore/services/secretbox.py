"""Encryption of what the store must give back, such as the secrets of authenticators: unlike a password, such a secret
is needed in the clear, so a hash cannot protect it.

A sealed secret is a Fernet token (AES-128-CBC and HMAC-SHA256) of the user's id and the secret. The id inside binds it
to its user: whoever can write to the database still cannot give one user another's secret.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NoReturn
from uuid import UUID

from vibecore.domain.errors import InvalidValue, NotConfigured, UnreadableSecret
from vibecore.domain.rules import Uuid
from vibecore.services.keyring import Keyring

if TYPE_CHECKING:
    from cryptography.fernet import Fernet, MultiFernet

KEY_BYTES: Final = 32
LONGEST_SECRET: Final = 111
"""Bytes of a secret whose sealed form still fits 255 characters."""
SETTING: Final = "encryption_keys"
PURPOSE: Final = "two-factor"
"""Of the keys that come from a keyring."""

_SEALED: Final = re.compile(r"[A-Za-z0-9_-]{100,252}={0,2}", re.ASCII)
_ID_BYTES: Final = 16


class SecretBox:
    """Seals with the newest key and opens with any. Does not change, and is safe to use from many threads.

    The keys are those given, newest first, and after them those that a keyring has for this purpose. So an installation
    with a secret key needs no other, and one that chooses encryption keys later still opens what it sealed before. A
    keyring that is not durable adds none.

    Shows no key in repr, and is neither pickled nor copied. A box without keys can be made, since an installation
    without second factors needs none; its methods raise NotConfigured (`encryption_keys`).
    """

    __slots__ = ("_keyring", "_keys", "_opened")
    _keys: tuple[bytes, ...]
    _keyring: Keyring | None
    _opened: tuple[MultiFernet, Fernet] | None

    def __init__(self, keys: Iterable[bytes] = (), *, keyring: Keyring | None = None) -> None:
        """`keys` are 32 bytes each (InvalidValue, field `encryption_keys`)."""
        object.__setattr__(self, "_keys", tuple(_checked(key) for key in keys))
        object.__setattr__(self, "_keyring", keyring if keyring is not None and keyring.durable else None)
        object.__setattr__(self, "_opened", None)

    def seal(self, user_id: UUID, secret: bytes) -> str:
        """`secret`, at most 111 bytes, encrypted for this user: at most 255 characters, different at each call.

        InvalidValue (`secret`) for one that is longer, NotConfigured without a key.
        """
        every, _ = self._configured()
        owner = Uuid().check("user_id", user_id)
        if not isinstance(secret, bytes):
            raise InvalidValue("secret", f"must be bytes, not {type(secret).__name__}")
        if len(secret) > LONGEST_SECRET:
            raise InvalidValue("secret", f"is longer than {LONGEST_SECRET} bytes")
        return self._encrypted(every, owner.bytes + secret).decode()

    def open(self, user_id: UUID, sealed: str) -> bytes:
        """The secret that was sealed for this user.

        UnreadableSecret for everything else: damaged, sealed with a key that is not here, sealed for another user.
        NotConfigured without a key.
        """
        every, _ = self._configured()
        owner = Uuid().check("user_id", user_id)
        content = _decrypted(every, sealed)
        if content is None or not hmac.compare_digest(content[:_ID_BYTES], owner.bytes):
            raise UnreadableSecret
        return content[_ID_BYTES:]

    def outdated(self, sealed: str) -> bool:
        """Whether another than the newest key sealed it, so that `reseal` is due. Raises as `open` does, but does not
        look at whose it is."""
        every, newest = self._configured()
        if _decrypted(newest, sealed) is not None:
            return False
        if _decrypted(every, sealed) is None:
            raise UnreadableSecret
        return True

    def reseal(self, user_id: UUID, sealed: str) -> str:
        """The same secret, sealed with the newest key. Raises as `open` does."""
        return self.seal(user_id, self.open(user_id, sealed))

    def _encrypted(self, box: MultiFernet, content: bytes) -> bytes:
        # Fernet writes a time in the clear, for tokens that expire. These do not, and nobody is told when they were
        # made.
        return box.encrypt_at_time(content, 0)

    def _configured(self) -> tuple[MultiFernet, Fernet]:
        """A Fernet of all keys, and one of the newest."""
        if self._opened is not None:
            return self._opened
        derived = () if self._keyring is None else self._keyring.keys(PURPOSE)
        keys = (*self._keys, *derived)
        if not keys:
            raise NotConfigured(SETTING)
        opened = _fernets(keys)
        # Two threads that come here at once keep one of two equal results.
        object.__setattr__(self, "_opened", opened)
        return opened

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a SecretBox does not change: {name}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a SecretBox does not change: {name}")

    def __repr__(self) -> str:
        return f"SecretBox(configured={bool(self._keys) or self._keyring is not None})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret box holds secret keys and is not pickled or copied")


def _checked(key: object) -> bytes:
    if not isinstance(key, bytes):
        raise InvalidValue(SETTING, f"must be bytes, not {type(key).__name__}")
    if len(key) != KEY_BYTES:
        raise InvalidValue(SETTING, f"a key has {KEY_BYTES} bytes, not {len(key)}")
    return key


def _fernets(keys: tuple[bytes, ...]) -> tuple[MultiFernet, Fernet]:
    # Inside the function: loading it takes longer than `import vibecore`, and most programs encrypt nothing.
    from cryptography.fernet import Fernet, MultiFernet

    fernets = [Fernet(base64.urlsafe_b64encode(key)) for key in keys]
    return MultiFernet(fernets), fernets[0]


def _decrypted(box: MultiFernet | Fernet, sealed: object) -> bytes | None:
    """The id and the secret; None if `sealed` has another form than the one that was written, or another key."""
    from cryptography.fernet import InvalidToken

    # One spelling for each token: the decoder behind Fernet skips characters that are no base64.
    if not isinstance(sealed, str) or not _SEALED.fullmatch(sealed) or len(sealed) % 4:
        return None
    if base64.urlsafe_b64encode(base64.urlsafe_b64decode(sealed)).decode() != sealed:
        return None
    try:
        return box.decrypt(sealed)
    except InvalidToken:
        return None
