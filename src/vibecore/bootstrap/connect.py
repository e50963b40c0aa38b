"""`connect`: from a URL, an application's engine or nothing to an open installation."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from vibecore.bootstrap import mail, stores
from vibecore.bootstrap.settings import Settings, check_schema
from vibecore.bootstrap.vibe import Vibe
from vibecore.domain.errors import InvalidValue
from vibecore.domain.notification_types import NotificationTypes
from vibecore.domain.policies import AuthPolicy
from vibecore.services.channels.protocol import Channel, check_channels
from vibecore.services.effects import Effects
from vibecore.services.keyring import Keyring
from vibecore.services.mail.messages import Mailer
from vibecore.services.mail.templates import MailTemplates
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
    mailer: Mailer | None = None,
    templates: MailTemplates | None = None,
    policy: AuthPolicy | None = None,
    channels: Iterable[Channel] | None = None,
    notification_types: NotificationTypes | None = None,
) -> Vibe:
    """Open an installation.

    - `memory://`: a new, empty one in this process.
    - `postgresql://...`: on a server. The database must be migrated (`vibecore migrate`).
    - `embedded:///absolute/folder`: on a private server kept in that folder, started and migrated as needed.
    - nothing: `VIBECORE_DATABASE_URL`, else the embedded server in the user's data folder.
    - `engine=`: on an application's own SQLAlchemy engine (psycopg 3), whose pool is shared and left open.

    `schema` is the PostgreSQL schema that holds the tables; `settings` default to the environment; `mailer` and
    `templates` are the application's own way and words of sending mail; `policy` holds the figures of sign-in;
    `channels` are how notifications reach users (unset: e-mail where mail is configured, and webhooks) and
    `notification_types` what the application tells of;
    `effects` replace clock, ids, tokens, keys, hashing, mail and waiting, for tests. What the application gives is left
    open by `close`. Raises InvalidValue, which names the argument or the variable, StoreUnavailable, NotMigrated,
    MissingExtra.
    """
    chosen = checked_settings(settings)
    home = chosen.database_schema if schema is None else check_schema(schema)
    if engine is not None:
        if url is not None:
            raise InvalidValue("engine", "cannot be given together with a URL")
        stores.check_engine(engine)
        ports, closers = open_effects(effects, chosen, mailer, templates, policy, channels, notification_types)
        return Vibe(stores.postgres_store(engine, chosen, ports.clock, home, owned=False), ports, closers)
    address = stores.default_url(chosen) if url is None else url
    in_memory = stores.scheme_of(address) == "memory"
    ports, closers = open_effects(
        effects, chosen, mailer, templates, policy, channels, notification_types, in_memory=in_memory
    )
    if in_memory:
        opened = stores.open_memory(address, chosen, ports.clock)
    else:
        opened = stores.open_postgres(address, chosen, ports.clock, home)
    return Vibe(opened.store, ports, opened.closers + closers)


def checked_settings(settings: Settings | None) -> Settings:
    """The given settings, or those of the environment."""
    if settings is None:
        return Settings.load()
    if not isinstance(settings, Settings):
        raise InvalidValue("settings", f"must be Settings, not {type(settings).__name__}")
    return settings


def open_effects(
    effects: Effects | None,
    settings: Settings,
    mailer: Mailer | None = None,
    templates: MailTemplates | None = None,
    policy: AuthPolicy | None = None,
    channels: Iterable[Channel] | None = None,
    notification_types: NotificationTypes | None = None,
    *,
    in_memory: bool = False,
) -> tuple[Effects, tuple[Callable[[], None], ...]]:
    """The given ports or the real ones, with what else is given, and what has to be closed of them."""
    if effects is not None and not isinstance(effects, Effects):
        raise InvalidValue("effects", f"must be Effects, not {type(effects).__name__}")
    if mailer is not None and not callable(getattr(mailer, "send", None)):
        raise InvalidValue("mailer", f"must have the method send, which {type(mailer).__name__} has not")
    if templates is not None and not isinstance(templates, MailTemplates):
        raise InvalidValue("templates", f"must be MailTemplates, not {type(templates).__name__}")
    if policy is not None and type(policy) is not AuthPolicy:
        raise InvalidValue("policy", f"must be an AuthPolicy, not {type(policy).__name__}")
    if notification_types is not None and type(notification_types) is not NotificationTypes:
        raise InvalidValue("notification_types", f"must be NotificationTypes, not {type(notification_types).__name__}")
    given = None if channels is None else check_channels(channels)
    ports = default_effects(settings, in_memory=in_memory, mailer=mailer) if effects is None else effects
    closers = mail.closers_of(ports.mailer) if effects is None and mailer is None else ()
    if mailer is not None:
        ports = dataclasses.replace(ports, mailer=mailer)
    if templates is not None:
        ports = dataclasses.replace(ports, templates=templates)
    if policy is not None:
        ports = dataclasses.replace(ports, policy=policy)
    if notification_types is not None:
        ports = dataclasses.replace(ports, notification_types=notification_types)
    if given is None and effects is None:
        given = mail.make_channels(ports.mailer, ports.webhooks)
    if given is not None:
        ports = dataclasses.replace(ports, channels=given)
    return ports, closers


def default_effects(settings: Settings, *, in_memory: bool = False, mailer: Mailer | None = None) -> Effects:
    """The real ports, for a store that ends with the process (`in_memory`) or not; close the mailer if it can be."""
    from vibecore.services.hashing import BcryptHasher

    secrets = settings.secret_keys()
    keys = Keyring(secrets[0], previous=secrets[1:]) if secrets else Keyring.random(durable=in_memory)
    return Effects(
        hasher=BcryptHasher(settings.bcrypt_cost, peppers=settings.peppers()),
        keys=keys,
        box=SecretBox(settings.encryption_key_bytes(), keyring=keys),
        mailer=mail.make_mailer(settings, in_memory=in_memory) if mailer is None else mailer,
        public_url=mail.check_public_url(settings),
    )
