"""`connect`: from a URL, an application's engine or nothing to an open installation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vibecore.bootstrap import stores
from vibecore.bootstrap.settings import Settings, check_schema
from vibecore.bootstrap.vibe import Vibe
from vibecore.domain.errors import InvalidValue
from vibecore.services.effects import Effects
from vibecore.services.keyring import Keyring
from vibecore.services.secretbox import SecretBox

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine


def connect(
    url: str | None = None,
    *,
    engine: Engine | None = None,
    schema: str | None = None,
    settings: Settings | None = None,
    effects: Effects | None = None,
) -> Vibe:
    """Open an installation.

    - `memory://`: a new, empty one in this process.
    - `postgresql://...`: on a server. The database must be migrated (`vibecore migrate`).
    - `embedded:///absolute/folder`: on a private server kept in that folder, started and migrated as needed.
    - nothing: `VIBECORE_DATABASE_URL`, else the embedded server in the user's data folder.
    - `engine=`: on an application's own SQLAlchemy engine (psycopg 3), whose pool is shared and left open.

    `schema` is the PostgreSQL schema that holds the tables; `settings` default to the environment; `effects` replace
    clock, ids, tokens, keys, hashing and waiting, for tests. Raises InvalidValue, which names the argument or the
    variable, StoreUnavailable, NotMigrated, MissingExtra.
    """
    chosen = checked_settings(settings)
    home = chosen.database_schema if schema is None else check_schema(schema)
    if engine is not None:
        if url is not None:
            raise InvalidValue("engine", "cannot be given together with a URL")
        stores.check_engine(engine)
        ports = checked_effects(effects, chosen)
        return Vibe(stores.postgres_store(engine, chosen, ports.clock, home, owned=False), ports)
    address = stores.default_url(chosen) if url is None else url
    in_memory = stores.scheme_of(address) == "memory"
    ports = checked_effects(effects, chosen, in_memory=in_memory)
    if in_memory:
        opened = stores.open_memory(address, chosen, ports.clock)
    else:
        opened = stores.open_postgres(address, chosen, ports.clock, home)
    return Vibe(opened.store, ports, opened.closers)


def checked_settings(settings: Settings | None) -> Settings:
    """The given settings, or those of the environment."""
    if settings is None:
        return Settings.load()
    if not isinstance(settings, Settings):
        raise InvalidValue("settings", f"must be Settings, not {type(settings).__name__}")
    return settings


def checked_effects(effects: Effects | None, settings: Settings, *, in_memory: bool = False) -> Effects:
    """The given ports, or the real ones."""
    if effects is None:
        return default_effects(settings, in_memory=in_memory)
    if not isinstance(effects, Effects):
        raise InvalidValue("effects", f"must be Effects, not {type(effects).__name__}")
    return effects


def default_effects(settings: Settings, *, in_memory: bool = False) -> Effects:
    """The real clock, ids, tokens, keys and hashing, for a store that ends with the process (`in_memory`) or not."""
    from vibecore.services.passwords import BcryptHasher

    secrets = settings.secret_keys()
    keys = Keyring(secrets[0], previous=secrets[1:]) if secrets else Keyring.random(durable=in_memory)
    box = SecretBox(settings.encryption_key_bytes(), keyring=keys)
    return Effects(hasher=BcryptHasher(settings.bcrypt_cost), keys=keys, box=box)
