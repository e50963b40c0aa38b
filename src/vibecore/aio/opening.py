"""What `connect_async` does: what blocks runs in a thread (`prepare`), the rest on the loop (`open_vibe`)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from vibecore.aio.calls import Bridge
from vibecore.aio.runtime import LoopRuntime
from vibecore.aio.vibe import AsyncVibe
from vibecore.aio.workers import wait
from vibecore.bootstrap import async_stores, stores
from vibecore.bootstrap.async_stores import Unchecked
from vibecore.bootstrap.connect import checked_settings, open_effects
from vibecore.bootstrap.settings import Settings, check_schema
from vibecore.bootstrap.vibe import Vibe
from vibecore.domain.errors import InvalidValue
from vibecore.domain.notification_types import NotificationTypes
from vibecore.domain.policies import AuthPolicy
from vibecore.services.channels.protocol import Channel
from vibecore.services.effects import Effects, ThreadRuntime
from vibecore.services.mail.messages import Mailer
from vibecore.services.mail.templates import MailTemplates

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.ext.asyncio import AsyncEngine


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be opened."""

    opened: Unchecked
    effects: Effects


def prepare(
    url: str | None,
    engine: AsyncEngine | None,
    schema: str | None,
    settings: Settings | None,
    effects: Effects | None,
    mailer: Mailer | None,
    templates: MailTemplates | None,
    policy: AuthPolicy | None,
    channels: Iterable[Channel] | None,
    notification_types: NotificationTypes | None,
) -> Plan:
    """Settings, imports, the embedded server and its migrations."""
    chosen = checked_settings(settings)
    home = chosen.database_schema if schema is None else check_schema(schema)
    if engine is not None:
        if url is not None:
            raise InvalidValue("engine", "cannot be given together with a URL")
        ports, closers = open_effects(effects, chosen, mailer, templates, policy, channels, notification_types)
        opened = async_stores.on_engine(engine, chosen, ports.clock, home, wait)
    else:
        address = stores.default_url(chosen) if url is None else url
        in_memory = stores.scheme_of(address) == "memory"
        ports, closers = open_effects(
            effects, chosen, mailer, templates, policy, channels, notification_types, in_memory=in_memory
        )
        opened = async_stores.on_url(address, chosen, ports.clock, home, wait)
    # Here and not with the Vibe, whose end runs on the loop: delivering what waits may take seconds.
    return Plan(opened=dataclasses.replace(opened, closers=opened.closers + closers), effects=ports)


async def open_vibe(plan: Plan, runtime: LoopRuntime) -> AsyncVibe:
    """An installation on the running loop, after a look at the revision of its database."""
    bridge = Bridge()
    opened, effects = plan.opened, plan.effects
    if type(effects.runtime) is ThreadRuntime:
        effects = dataclasses.replace(effects, runtime=runtime)
    try:
        await bridge.run(opened.check)
    except BaseException:
        await bridge.run(opened.store.close)
        raise
    return AsyncVibe(Vibe(opened.store, effects), effects, bridge, runtime, opened.close)
