"""API keys: programmatic access with chosen permissions.

A key is 92 characters, of fixed width in each part:

    vck_ | public name (16) | _ | owner's id (22) | secret (43) | checksum (6)

The name is 80 random bits in Crockford's base32, and with what stands before it the `key_prefix` by which listings, the
audit trail and people call the key. The rest is base62 (0-9, A-Z, a-z): the 128 bits of the owner's id, so that the
look-up goes to one shard, 256 random bits, and the CRC-32 of all before it. The checksum finds every wrong character
and every run of up to four without the store, and lets scanners of source code tell a key from a text that looks like
one; it protects nothing.

The store keeps the SHA-256 of the whole key, in hexadecimal: 256 random bits cannot be searched, however fast the hash.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from typing import Annotated, Any, Final, NoReturn
from uuid import UUID

from vibecore.domain.errors import InvalidValue
from vibecore.domain.fields import Id, Moment, Name
from vibecore.domain.json import EMPTY_ARRAY, JsonArray
from vibecore.domain.permissions import CREDENTIAL, Action
from vibecore.domain.rules import Json, Text, plain_text
from vibecore.domain.schema import Reference, Table, Unique, updated_index

KEY_NAME_BYTES: Final = 10
"""Random bytes of the public name: 80 bits, which fill 16 characters exactly."""
KEY_SECRET_BYTES: Final = 32
KEY_PREFIX_LENGTH: Final = 20
"""The characters of a key that are no secret."""

_BRAND: Final = "vck_"
_BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_DIGITS: Final = {char: value for value, char in enumerate(_BASE62)}
_ID_LENGTH: Final = 22
_SECRET_LENGTH: Final = 43
_CHECKSUM_LENGTH: Final = 6
_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_WRITTEN: Final = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", _CROCKFORD)
_FORM: Final = re.compile(
    f"({_BRAND}[{_CROCKFORD}]{{16}})_([0-9A-Za-z]{{{_ID_LENGTH}}})([0-9A-Za-z]{{{_SECRET_LENGTH}}})"
    f"([0-9A-Za-z]{{{_CHECKSUM_LENGTH}}})",
    re.ASCII,
)
_ACTIONS: Final = {action.value: action for action in Action}
_GRANTABLE: Final = tuple(action for action in Action if action not in CREDENTIAL)
_MOST_PERMISSIONS: Final = 1000
"""Entries that are looked at, repetitions included: an iterator may have no end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """`key_hash` is the SHA-256 of the key, `key_prefix` its public first 20 characters."""

    id: Id
    user_id: Id
    name: Name
    key_hash: Annotated[str, Text(255, shortest=1)] = field(repr=False)
    key_prefix: Annotated[str, Text(KEY_PREFIX_LENGTH, shortest=1)]
    permissions: Annotated[JsonArray, Json(list)] = EMPTY_ARRAY
    expires_at: Moment | None = None
    last_used_at: Moment | None = None
    created_at: Moment
    updated_at: Moment


API_KEYS: Final = Table(
    ApiKey,
    "api_keys",
    "api_key",
    scope="user_id",
    uniques=(Unique("uq_api_keys_prefix", ("user_id", "key_prefix")),),
    references=(Reference("fk_api_keys_user", "user_id", "users"),),
    indexes=(updated_index("api_keys"),),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyInfo:
    """A key as services give it out, without its hash. From `expires_at` on it is worthless; None: it never ends.

    `permissions` are names of actions; `last_used_at` is exact to `AuthPolicy.seen_interval`.
    """

    id: Id
    user_id: Id
    name: Name
    key_prefix: Annotated[str, Text(KEY_PREFIX_LENGTH, shortest=1)]
    permissions: Annotated[JsonArray, Json(list)] = EMPTY_ARRAY
    expires_at: Moment | None = None
    last_used_at: Moment | None = None
    created_at: Moment
    updated_at: Moment

    @staticmethod
    def of(key: ApiKey) -> KeyInfo:
        return _INFOS.build(tuple(getattr(key, name) for name in _INFOS.names))


_INFOS: Final = Table(KeyInfo, "api_keys", "api_key", scope="user_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedKey:
    """A new key. `key` exists here and with its user only: it is shown once. Neither pickled nor copied."""

    key: str = field(repr=False)
    info: KeyInfo

    def __reduce__(self) -> NoReturn:
        raise TypeError("a new API key is not pickled or copied")


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentedKey:
    """What a text that has the form of a key says: whose it is, by which prefix and digest the store may know it."""

    user_id: UUID
    key_prefix: str
    key_hash: str = field(repr=False)


def make_api_key(user_id: UUID, name: bytes, secret: bytes) -> str:
    """A key of `user_id`; `name` is 10 and `secret` 32 unpredictable bytes."""
    if len(name) != KEY_NAME_BYTES or len(secret) != KEY_SECRET_BYTES:
        raise ValueError(
            f"an API key needs {KEY_NAME_BYTES} and {KEY_SECRET_BYTES} random bytes, not {len(name)} and {len(secret)}"
        )
    shown = base64.b32encode(name).decode().translate(_WRITTEN)
    number = int.from_bytes(secret)
    return _checked(f"{_BRAND}{shown}_{_base62(user_id.int, _ID_LENGTH)}{_base62(number, _SECRET_LENGTH)}")


def parse_api_key(text: str) -> PresentedKey | None:
    """What `text` says, by itself; None unless it has the one spelling of a key and its checksum is right."""
    found = _FORM.fullmatch(text)
    if found is None or _checked(text[:-_CHECKSUM_LENGTH]) != text:
        return None
    prefix, owner, secret, _ = found.groups()
    user = _number(owner)
    # Base 62 has room for numbers that no id and no secret has.
    if user >> 128 or _number(secret) >> 8 * KEY_SECRET_BYTES:
        return None
    return PresentedKey(user_id=UUID(int=user), key_prefix=prefix, key_hash=api_key_digest(text))


def api_key_digest(key: str) -> str:
    """What the store keeps of a key."""
    return sha256(key.encode()).hexdigest()


def check_permissions(value: Iterable[str | Action]) -> JsonArray:
    """The permissions of a new key as they are stored: names of actions, each once, in the order of `Action`.

    InvalidValue (`permissions`) for anything but a collection of names, for a name of no action, and for the actions
    on credentials, which no key may do.
    """
    wanted = {_grantable(item) for item in _entries(value)}
    return JsonArray(action.value for action in _GRANTABLE if action in wanted)


def key_scopes(permissions: Iterable[object]) -> frozenset[str]:
    """The scopes that stored permissions give: the known actions among them, whatever else stands there."""
    return frozenset(item for item in permissions if isinstance(item, str) and item in _ACTIONS)


def _entries(value: Any) -> list[object]:
    if isinstance(value, (str, bytes, bytearray, Mapping)) or not isinstance(value, Iterable):
        raise InvalidValue("permissions", f"must be a list of actions, not {type(value).__name__}")
    found = list(islice(value, _MOST_PERMISSIONS + 1))
    if len(found) > _MOST_PERMISSIONS:
        raise InvalidValue("permissions", f"has more than {_MOST_PERMISSIONS} entries")
    return found


def _grantable(item: object) -> Action:
    action = item if type(item) is Action else _ACTIONS.get(plain_text("permissions", item))
    if action is None:
        choices = ", ".join(each.value for each in _GRANTABLE)
        raise InvalidValue("permissions", f"names an unknown action; there are: {choices}")
    if action in CREDENTIAL:
        raise InvalidValue("permissions", "names an action on credentials, which no key may do")
    return action


def _checked(body: str) -> str:
    """`body`, which is ASCII, and its checksum."""
    return body + _base62(zlib.crc32(body.encode()), _CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    """`number` with leading zeros; it must be below 62**length."""
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_BASE62[digit])
    return "".join(reversed(digits))


def _number(text: str) -> int:
    found = 0
    for char in text:
        found = found * 62 + _DIGITS[char]
    return found
