"""Configuration: one frozen object, read from the environment (prefix `VIBECORE_`) where nothing is given."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from vibecore.domain.errors import InvalidValue


class Settings(BaseSettings):
    """Every field can be set in the environment as `VIBECORE_<FIELD>`; secrets do not show in repr.

    `Settings()` raises pydantic's ValidationError where the environment holds a value that a field refuses;
    `load()` raises InvalidValue instead.
    """

    model_config = SettingsConfigDict(env_prefix="VIBECORE_", frozen=True, extra="forbid", hide_input_in_errors=True)

    database_url: SecretStr | None = None
    """Where `connect()` goes; unset: the embedded server in the user's data folder."""
    database_schema: str | None = None
    """The PostgreSQL schema that holds every object; unset: the search path's first."""
    secret_key: SecretStr | None = None
    """Signs page cursors; at least 32 characters. Unset: random for each `connect`, so that cursors end with it.
    Processes that share a database and hand each other cursors need the same key."""
    pool_size: Annotated[int, Field(ge=1, le=1000)] = 10
    """Connections kept open; under load there are up to twice as many."""
    connect_timeout: Annotated[int, Field(ge=1, le=3600)] = 10
    """Seconds until an unreachable server is given up."""
    bcrypt_cost: Annotated[int, Field(ge=4, le=15)] = 10
    """Rounds of password hashing as a power of two; 4 is for tests."""
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
            name = "_".join(str(part) for part in first["loc"]) or "settings"
            raise InvalidValue(f"VIBECORE_{name.upper()}", first["msg"]) from None

    def cursor_key(self) -> bytes | None:
        """The secret key as bytes; InvalidValue if it is too short to be one."""
        if self.secret_key is None:
            return None
        key = self.secret_key.get_secret_value().encode()
        if len(key) < 32:
            raise InvalidValue("secret_key", "is shorter than 32 bytes")
        return key
