"""API keys: programmatic access with chosen permissions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Final

from vibecore.domain.fields import Id, Moment, Name
from vibecore.domain.json import EMPTY_ARRAY, JsonArray
from vibecore.domain.rules import Json, Text
from vibecore.domain.schema import Reference, Table, Unique, updated_index


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """`key_hash` is the SHA-256 of the key, `key_prefix` its public first 20 characters."""

    id: Id
    user_id: Id
    name: Name
    key_hash: Annotated[str, Text(255, shortest=1)] = field(repr=False)
    key_prefix: Annotated[str, Text(20, shortest=1)]
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
