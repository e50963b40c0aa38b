"""How the async face is typed: read by the type checkers, never run. Lines with an ignore must be refused by both."""
# pyright: strict, reportUnusedExpression=false

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, assert_type
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

import vibecore
from vibecore.aio import AsyncServices, AsyncVibe
from vibecore.aio.service import AsyncLogStream
from vibecore.domain.actors import Actor
from vibecore.domain.api_keys import CreatedKey, KeyInfo
from vibecore.domain.deliveries import DeliveryReport
from vibecore.domain.deployment_logs import LogLine
from vibecore.domain.deployments import ArchivedDeployment, Deployment
from vibecore.domain.environments import Environment
from vibecore.domain.files import File
from vibecore.domain.logins import Authenticated, Login, Renewed
from vibecore.domain.members import ProjectMember
from vibecore.domain.notifications import EffectivePreference, Notification
from vibecore.domain.paging import Page
from vibecore.domain.permissions import Action
from vibecore.domain.profiles import Profile, SessionInfo
from vibecore.domain.projects import Project
from vibecore.domain.quality import QualityReport
from vibecore.domain.searches import FoundFile
from vibecore.domain.totals import FileEntry, FileStamp
from vibecore.domain.webhooks import CreatedWebhook, WebhookInfo
from vibecore.services.exports import ExportReport
from vibecore.services.imports import ImportProgress, ImportReport
from vibecore.services.stacks import DerivedStack


async def opening(engine: AsyncEngine) -> None:
    assert_type(await vibecore.connect_async(), AsyncVibe)
    assert_type(await vibecore.connect_async("memory://"), AsyncVibe)
    assert_type(await vibecore.connect_async(engine=engine, schema="vibecore"), AsyncVibe)
    async with await vibecore.connect_async("memory://") as avibe:
        assert_type(avibe, AsyncVibe)
        assert_type(avibe.fork(), AsyncVibe)
        assert_type(await avibe.close(), None)


async def results(avibe: AsyncVibe, actor: Actor, id: UUID) -> None:
    assert_type(await avibe.auth.login(email="e", password="p"), Login)
    assert_type((await avibe.auth.login(email="e", password="p")).authenticated, Authenticated)
    assert_type(await avibe.auth.authenticate("token", ip_address=None), Actor)
    assert_type(await avibe.api_keys.create(actor, name="ci", permissions=[Action.FILES_READ, "x"]), CreatedKey)
    assert_type(await avibe.api_keys.authenticate("key"), Actor)
    assert_type(await avibe.api_keys.page(actor, limit=10), Page[KeyInfo])
    assert_type(await avibe.api_keys.revoke(actor, id), None)
    assert_type(await avibe.passwords.change(actor, current="c", new="n"), Renewed)
    assert_type(await avibe.passwords.reset(token="t", password="p"), None)
    assert_type(await avibe.emails.verify(token="t"), Profile)
    assert_type(await avibe.sessions.page(actor, limit=10), Page[SessionInfo])
    assert_type(await avibe.sessions.rotate("token"), Renewed)
    assert_type(await avibe.sessions.reauthenticate(actor, password="p"), Renewed)
    assert_type(await avibe.sessions.revoke_others(actor), int)
    assert_type(await avibe.notifications.page(actor, unread=True), Page[Notification])
    assert_type(await avibe.notifications.unread_count(actor), int)
    assert_type(await avibe.notifications.preferences(actor), tuple[EffectivePreference, ...])
    assert_type(await avibe.notifications.set_webhook(actor, url="u"), CreatedWebhook)
    assert_type(await avibe.notifications.find_webhook(actor), WebhookInfo | None)
    assert_type(await avibe.maintenance.deliver_notifications(actor, most=10), DeliveryReport)
    assert_type(await avibe.users.get(actor, id), Profile)
    assert_type(await avibe.projects.create(actor, name="engine"), Project)
    assert_type(await avibe.projects.get(actor, id), Project)
    assert_type(await avibe.projects.find(actor, project_id=id), Project | None)
    assert_type(await avibe.projects.page(actor, limit=10), Page[Project])
    assert_type(await avibe.projects.update(actor, id, description=None), Project)
    assert_type(await avibe.files.tree(actor, id), tuple[FileStamp, ...])
    assert_type(await avibe.files.children(actor, id, "src", limit=10), Page[FileEntry])
    assert_type(await avibe.files.search(actor, id, "TODO"), Page[FoundFile])
    assert_type(await avibe.files.copy(actor, id, "src", "lib"), File)
    assert_type(await avibe.quality.assess(actor, id), QualityReport)


async def inherited(avibe: AsyncVibe, actor: Actor, id: UUID) -> None:
    """Methods that a service has from the class before it."""
    assert_type(await avibe.projects.search(actor, "engine"), Page[Project])
    assert_type(await avibe.projects.transfer(actor, id, id), Project)
    assert_type(await avibe.projects.derive_tech_stack(actor, id), DerivedStack)
    assert_type(await avibe.projects.members(actor, id), Page[ProjectMember])
    assert_type(await avibe.projects.remove_member(actor, id, id), None)


async def logs(avibe: AsyncVibe, actor: Actor, id: UUID) -> None:
    """What is read while it grows is an async iterator here."""
    stream = await avibe.deployments.stream_logs(actor, id, id, follow=True)
    assert_type(stream, AsyncLogStream)
    async for line in stream:
        assert_type(line, LogLine)
    assert_type(await avibe.deployments.get(actor, id, id), Deployment | ArchivedDeployment)
    assert_type(await avibe.deployments.environments(actor, id), tuple[Environment, ...])
    for _ in stream:  # type: ignore[attr-defined]
        ...


async def callbacks(avibe: AsyncVibe, actor: Actor, id: UUID) -> None:
    def show(progress: ImportProgress) -> None: ...

    assert_type(await avibe.files.export_tree(actor, id, "out", folder="src"), ExportReport)
    assert_type(await avibe.files.import_tree(actor, id, Path("src"), progress=show), ImportReport)


async def transactions(avibe: AsyncVibe, connection: AsyncConnection, actor: Actor, id: UUID) -> None:
    block: AbstractAsyncContextManager[AsyncServices] = avibe.transaction()
    async with block as services:
        assert_type(services, AsyncServices)
    async with avibe.transaction() as tx:
        assert_type(tx, AsyncServices)
        assert_type(await tx.deployments.create(actor, id, environment="production"), Deployment)

    async def rename(services: AsyncServices) -> int:
        await services.projects.update(actor, id, name="other")
        return 5

    assert_type(await avibe.atomic(rename), int)
    assert_type(avibe.joined(connection), AsyncServices)
    assert_type(await avibe.joined(connection).files.read(actor, id, "a.py"), File)


def bound(avibe: AsyncVibe) -> object:
    """A method can be handed on, and is then what it looks like."""
    authenticate: Callable[[str], Coroutine[Any, Any, Actor]] = avibe.auth.authenticate
    get: Callable[[Actor, UUID], Coroutine[Any, Any, Project]] = avibe.projects.get
    wrong: Callable[[UUID], Coroutine[Any, Any, Project]] = avibe.projects.get  # type: ignore[assignment]
    return authenticate, get, wrong


async def refused(avibe: AsyncVibe, actor: Actor, id: UUID) -> None:
    await avibe.projects.create(actor, "engine")  # type: ignore[call-arg]
    await avibe.projects.create(actor)  # type: ignore[call-arg]
    await avibe.projects.create(actor, nmae="x")  # type: ignore[call-arg]
    await avibe.projects.create(actor, name=1)  # type: ignore[arg-type]
    await avibe.projects.get(id, actor)  # type: ignore[arg-type]
    await avibe.projects.gte(actor, id)  # type: ignore[attr-defined]
    await avibe.pages.get(actor, id)  # type: ignore[attr-defined]
    avibe.projects.get(actor, id).name  # type: ignore[attr-defined]  # noqa: B018
    avibe.projects.get(actor, id)  # type: ignore[unused-coroutine]
    with avibe:  # type: ignore[attr-defined]
        ...
    await vibecore.connect_async(pool=5)  # type: ignore[call-arg]
    vibecore.connect_async("memory://").projects  # type: ignore[attr-defined]  # noqa: B018
    await avibe.atomic(lambda services: 5)  # type: ignore[arg-type, return-value]
