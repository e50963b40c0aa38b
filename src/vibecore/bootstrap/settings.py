"""Configuration: one frozen object, read from the environment (prefix `VIBECORE_`) where nothing is given."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from rpds import HashTrieMap

from vibecore.domain.errors import InvalidValue
from vibecore.domain.passwords import HIGHEST_PEPPER_ID, LOWEST_PEPPER_ID

_SCHEMA: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_SHORTEST_KEY: Final = 32
_FERNET_KEY: Final = re.compile(r"[A-Za-z0-9_-]{43}=", re.ASCII)
_KEY_ID: Final = re.compile("[1-9][0-9]{0,3}")


def check_schema(schema: object) -> str:
    """The name of a PostgreSQL schema that can hold an installation; InvalidValue (field `schema`)."""
    if type(schema) is not str or not _SCHEMA.fullmatch(schema):
        raise InvalidValue("schema", "must be lower-case letters, digits and _, at most 63, not beginning with a digit")
    return schema


def _valid_schema(schema: str) -> str:
    try:
        return check_schema(schema)
    except InvalidValue as error:
        raise ValueError(error.reason) from None


def _bytes(key: SecretStr) -> bytes:
    return key.get_secret_value().encode(errors="surrogatepass")


def _listed(value: object) -> object:
    """A variable holds the list as JSON."""
    if not isinstance(value, str):
        return value
    try:
        return tuple(json.loads(value))
    except (ValueError, TypeError, RecursionError):
        raise ValueError("must be a JSON list of texts") from None


def _by_id(value: object) -> object:
    """A variable holds the mapping as JSON. Ids are checked here: pydantic would quote a wrong one, maybe a secret."""
    items = value.items() if isinstance(value, Mapping) else _members(value)
    found = dict(items)
    if len(found) != len(items) or not all(
        type(key_id) is int and LOWEST_PEPPER_ID <= key_id <= HIGHEST_PEPPER_ID for key_id in found
    ):
        raise ValueError(f"needs different ids from {LOWEST_PEPPER_ID} to {HIGHEST_PEPPER_ID}")
    return found


def _members(text: object) -> list[tuple[object, object]]:
    """The members of a JSON object in their order, an id that is written twice too."""
    try:
        members = json.loads(text, object_pairs_hook=_Members) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        members = None
    if not isinstance(members, _Members):
        raise ValueError("must be a JSON object of ids and texts")
    return [(int(key) if _KEY_ID.fullmatch(key) else key, value) for key, value in members]


def _frozen(keys: Mapping[int, SecretStr]) -> Mapping[int, SecretStr]:
    return HashTrieMap(keys)


def _plain(keys: Mapping[int, SecretStr]) -> dict[int, SecretStr]:
    return dict(keys)


class _Members(list[tuple[str, object]]):
    """A JSON object, as opposed to a JSON array."""


def _long_enough(key: SecretStr) -> SecretStr:
    if len(_bytes(key)) < _SHORTEST_KEY:
        raise ValueError("is shorter than 32 bytes")
    return key


def _listed_or_separated(value: object) -> object:
    """A variable holds the list as JSON, or separated by commas."""
    if not isinstance(value, str) or value.lstrip().startswith("["):
        return _listed(value)
    return tuple(part.strip() for part in value.split(","))


def _fernet_key(key: SecretStr) -> SecretStr:
    if not _FERNET_KEY.fullmatch(key.get_secret_value()):
        raise ValueError("holds a key that is none of Fernet: 32 bytes in URL-safe base64, 44 characters")
    return key


class Settings(BaseSettings):
    """Every field can be set in the environment as `VIBECORE_<FIELD>`; secrets do not show in repr.

    `Settings()` raises pydantic's ValidationError where the environment holds a value that a field refuses;
    `load()` raises InvalidValue instead. `database_url`, `mail_url`, `mail_from` and
    `public_url` are looked at when they are used.
    """

    model_config = SettingsConfigDict(env_prefix="VIBECORE_", frozen=True, extra="forbid", hide_input_in_errors=True)

    database_url: SecretStr | None = None
    """Where `connect()` goes; unset: the embedded server in the user's data folder."""
    database_schema: Annotated[str, AfterValidator(_valid_schema)] | None = None
    """The PostgreSQL schema that holds every object; unset: the search path's first."""
    secret_key: Annotated[SecretStr, AfterValidator(_long_enough)] | None = None
    """What the keys of signatures and encryption are made from; at least 32 bytes, the same for all processes of an
    installation. Unset: random for each `connect`; page cursors, links, login challenges and device tokens end with it,
    and on a store that outlives the process nothing is encrypted."""
    previous_secret_keys: Annotated[
        tuple[Annotated[SecretStr, AfterValidator(_long_enough)], ...], NoDecode, BeforeValidator(_listed)
    ] = ()
    """Older secret keys, the newest first: what they signed is accepted, nothing is signed with them. In the
    environment a JSON list of texts."""
    encryption_keys: Annotated[
        tuple[Annotated[SecretStr, AfterValidator(_fernet_key)], ...], NoDecode, BeforeValidator(_listed_or_separated)
    ] = ()
    """Fernet keys that encrypt the secrets of second factors, the newest first: it encrypts, the others still decrypt.
    In the environment separated by commas, or a JSON list of texts. The keys made from the secret keys come after
    them, so that none is needed where there is a secret key."""
    password_peppers: Annotated[
        Mapping[int, Annotated[SecretStr, AfterValidator(_long_enough)]],
        NoDecode,
        BeforeValidator(_by_id),
        AfterValidator(_frozen),
        PlainSerializer(_plain, return_type=dict[int, SecretStr]),
    ] = HashTrieMap()
    """Secret keys that go into password hashes, by id (1 to 9999); each at least 32 bytes. The highest id is used for
    new hashes, those of the others still verify; a hash whose id is not here matches no password. In the environment a
    JSON object: `{"1": "...", "2": "..."}`. Unset: hashes need no key."""
    pool_size: Annotated[int, Field(ge=1, le=1000)] = 10
    """Connections kept open; under load there are up to twice as many."""
    connect_timeout: Annotated[int, Field(ge=1, le=3600)] = 10
    """Seconds until an unreachable server is given up."""
    bcrypt_cost: Annotated[int, Field(ge=4, le=15)] = 10
    """Rounds of password hashing as a power of two; 4 is for tests."""
    mail_url: SecretStr | None = None
    """How mail leaves: `smtp://user:password@host:587`, `smtps://user:password@host:465`, `console:` or `memory:`.
    Unset: beside a store in memory an outbox, else mails are dropped with a warning."""
    mail_from: str | None = None
    """Whom mails come from: `address` or `Name <address>`; needed for SMTP."""
    public_url: str | None = None
    """Where the application is for those who read mails: the links in them begin so; needed for SMTP. Unset:
    `http://localhost:8000`."""
    data_folder: Path | None = None
    """Where the embedded server keeps its files; unset: the user's data folder for applications."""

    @classmethod
    def load(cls) -> Settings:
        """The settings of the environment; InvalidValue names the first variable that is wrong."""
        from pydantic import ValidationError

        try:
            return cls()
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise InvalidValue(f"VIBECORE_{first['loc'][0]}".upper(), first["msg"].removeprefix("Value error, "))

    def secret_keys(self) -> tuple[bytes, ...]:
        """The secret key and the previous ones as bytes; none where there is no secret key."""
        if self.secret_key is None:
            return ()
        return tuple(_bytes(key) for key in (self.secret_key, *self.previous_secret_keys))

    def encryption_key_bytes(self) -> tuple[bytes, ...]:
        """The encryption keys, 32 bytes each."""
        return tuple(base64.urlsafe_b64decode(key.get_secret_value()) for key in self.encryption_keys)

    def peppers(self) -> dict[int, bytes]:
        """The keys of password hashes as bytes."""
        return {key_id: _bytes(key) for key_id, key in self.password_peppers.items()}
