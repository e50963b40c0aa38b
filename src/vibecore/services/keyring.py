"""Keys per purpose, all from the installation's secret key: none tells anything about another."""

from __future__ import annotations

import os
from typing import Final, NoReturn, Self

from vibecore.domain.errors import InvalidValue

KEY_BYTES: Final = 32
"""Bytes of a derived key, and the least of a secret key: the output of SHA-256 (RFC 5869 2.3, RFC 2104 3)."""
PUBLIC_SECRET: Final = b"vibecore: public, keys that need agreement and no secrecy"
"""What `shared_key` derives from where no secret key is configured. Everybody can read it here: it protects nothing."""

_INFO: Final = b"vibecore/v1/"


class Keyring:
    """The newest secret key, which signs, and older ones, whose signatures are still accepted.

    A keyring does not change, shows nothing secret in repr, and is neither pickled nor copied. Keys are derived by
    HKDF-SHA256 (RFC 5869) without salt, with the purpose as info, once for each purpose.
    """

    __slots__ = ("_derived", "_durable", "_secrets")
    _secrets: tuple[bytes, ...]
    _durable: bool
    _derived: dict[tuple[bytes, str], bytes]

    def __init__(self, secret: bytes, *, previous: tuple[bytes, ...] = (), durable: bool = True) -> None:
        """`secret` and `previous` (newest first) have at least 32 bytes each (InvalidValue)."""
        secrets = (_checked("secret_key", secret), *(_checked("previous_secret_keys", old) for old in previous))
        object.__setattr__(self, "_secrets", secrets)
        object.__setattr__(self, "_durable", durable)
        object.__setattr__(self, "_derived", {})

    @classmethod
    def random(cls, *, durable: bool = False) -> Self:
        """A keyring of this process alone. `durable` where what it protects ends with the process too."""
        return cls(os.urandom(KEY_BYTES), durable=durable)

    @property
    def durable(self) -> bool:
        """Whether what is signed or encrypted now can be read for as long as its store lives.

        False where no secret key is configured on a store that outlives the process: links, challenges and device
        tokens then end with it, and nothing may be encrypted for the store.
        """
        return self._durable

    def key(self, purpose: str) -> bytes:
        """The 32 bytes that sign for `purpose`. InvalidValue for an empty purpose."""
        return self._derive(self._secrets[0], purpose)

    def keys(self, purpose: str) -> tuple[bytes, ...]:
        """The keys whose signatures for `purpose` are accepted: that of `key`, then those of older secret keys."""
        return tuple(self._derive(secret, purpose) for secret in self._secrets)

    def shared_key(self, purpose: str) -> bytes:
        """32 bytes on which all processes of the installation agree, for the identifiers of throttles.

        From the secret key; where the keyring is not durable, from a public constant, since a random key would give
        each process counters of its own. Then the identifiers are pseudonyms that anyone with a list of addresses can
        undo: that concerns privacy only, the counting is as strict. A new secret key begins new counters.
        """
        return self._derive(self._secrets[0] if self._durable else PUBLIC_SECRET, purpose)

    def _derive(self, secret: bytes, purpose: str) -> bytes:
        found = self._derived.get((secret, purpose))
        if found is None:
            found = self._derived[secret, purpose] = _hkdf(secret, purpose)
        return found

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Keyring does not change: {name}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a Keyring does not change: {name}")

    def __repr__(self) -> str:
        return f"Keyring(durable={self._durable})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a keyring holds secret keys and is not pickled or copied")


def _checked(field: str, secret: object) -> bytes:
    if not isinstance(secret, bytes):
        raise InvalidValue(field, f"must be bytes, not {type(secret).__name__}")
    if len(secret) < KEY_BYTES:
        raise InvalidValue(field, f"is shorter than {KEY_BYTES} bytes")
    return secret


def _hkdf(secret: bytes, purpose: str) -> bytes:
    # Inside the function: loading it takes 25 ms, and most programs sign nothing.
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    if not purpose:
        raise InvalidValue("purpose", "is empty")
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=_INFO + purpose.encode()).derive(secret)
