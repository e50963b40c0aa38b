"""`connect_async`: from a URL, an application's engine or nothing to an open installation on this event loop."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.ext.asyncio import AsyncEngine

    from vibecore.aio.vibe import AsyncVibe
    from vibecore.bootstrap.settings import Settings
    from vibecore.domain.notification_types import NotificationTypes
    from vibecore.domain.policies import AuthPolicy
    from vibecore.services.channels.protocol import Channel
    from vibecore.services.effects import Effects
    from vibecore.services.mail.messages import Mailer
    from vibecore.services.mail.templates import MailTemplates


async def connect_async(
    url: str | None = None,
    *,
    engine: AsyncEngine | None = None,
    schema: str | None = None,
    settings: Settings | None = None,
    effects: Effects | None = None,
    mailer: Mailer | None = None,
    templates: MailTemplates | None = None,
    policy: AuthPolicy | None = None,
    channels: Iterable[Channel] | None = None,
    notification_types: NotificationTypes | None = None,
) -> AsyncVibe:
    """Open an installation on the running event loop, which alone may use it; close it, or `async with await` it.

    The URLs are those of `connect`: memory://, postgresql://..., embedded:///absolute/folder, or nothing. `engine` is
    an application's own AsyncEngine (psycopg 3), whose pool is shared and left open. An embedded server is started,
    and migrated, in a thread: the loop goes on.

    `schema` is the PostgreSQL schema that holds the tables; `settings` default to the environment; `mailer`, whose
    `send` runs on the loop, and `templates` are the application's own; `policy` holds the figures of sign-in;
    `channels`, which deliver in a thread, are how notifications reach users and `notification_types` what the
    application tells of; `effects` replace clock, ids, tokens, keys, hashing, mail and, unless it is the ThreadRuntime
    that blocks, waiting.
    Raises InvalidValue, StoreUnavailable, NotMigrated; MissingExtra (`async`) without greenlet.
    """
    # Inside the function: `vibecore.connect_async` exists, and says what is missing, where greenlet is not installed.
    from vibecore.aio import opening
    from vibecore.aio.runtime import LoopRuntime

    runtime = LoopRuntime()
    try:
        plan = await runtime.in_thread(
            partial(
                opening.prepare,
                url,
                engine,
                schema,
                settings,
                effects,
                mailer,
                templates,
                policy,
                channels,
                notification_types,
            ),
            undo=lambda plan: plan.opened.close(),
        )
        try:
            return await opening.open_vibe(plan, runtime)
        except BaseException:
            await runtime.in_thread(plan.opened.close)
            raise
    except BaseException:
        runtime.close()
        raise
