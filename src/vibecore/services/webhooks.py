"""Webhooks: a user's own server as the target of notifications. `NotificationService` has these methods."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from vibecore.domain.actors import Actor
from vibecore.domain.changes import diff, others
from vibecore.domain.errors import NotFound, UnreadableSecret
from vibecore.domain.permissions import Action
from vibecore.domain.webhooks import (
    NOTIFICATION_WEBHOOKS,
    SECRET_BYTES,
    CreatedWebhook,
    NotificationWebhook,
    WebhookInfo,
    check_webhook_url,
    make_secret,
)
from vibecore.repositories.unit_of_work import Batch, UnitOfWork
from vibecore.services.credentials import account_meant
from vibecore.services.preferences import PreferenceMethods
from vibecore.services.scoped import check_optional_id
from vibecore.services.work import Work

KIND: Final = "notification_webhook"
_AT_ONCE: Final = 100


class WebhookMethods(PreferenceMethods):
    """Each account has one webhook or none."""

    def find_webhook(self, actor: Actor, *, user_id: UUID | None = None) -> WebhookInfo | None:
        """The webhook of the actor's account, or of `user_id`, or None. Raises PermissionDenied, InvalidValue."""
        wanted = check_optional_id("user_id", user_id)

        def run(tx: UnitOfWork) -> WebhookInfo | None:
            page = tx.webhooks.page(account_meant(actor, Action.NOTIFICATIONS_READ, wanted), limit=1)
            return WebhookInfo.of(page.items[0]) if page.items else None

        return self._work.read(actor, run)

    def set_webhook(self, actor: Actor, *, url: str, user_id: UUID | None = None) -> CreatedWebhook:
        """Send notifications to this address from now on, signed with a new secret, which is in the result and nowhere
        else. A webhook that was there before is replaced.

        Raises InvalidValue for what is no https URL, or points to an address that is not public; NotFound (kind
        "user"), PermissionDenied, NotConfigured where no key can encrypt the secret.
        """
        place = check_webhook_url(url, self._effects.webhooks)
        wanted = check_optional_id("user_id", user_id)

        def run(tx: UnitOfWork) -> CreatedWebhook:
            key = account_meant(actor, Action.NOTIFICATIONS_WRITE, wanted)
            with tx.batch() as batch:
                user = batch.add(tx.users.find, key)
                page = batch.add(tx.webhooks.page, key)
            if user.value is None:
                raise NotFound("user", key)
            secret = self._effects.tokens(SECRET_BYTES)
            webhook = NotificationWebhook(
                id=self._effects.ids(),
                user_id=key,
                url=place,
                secret=self._effects.box.seal(key, secret),
                created_at=tx.now,
                updated_at=tx.now,
            )
            with tx.batch() as batch:
                for old in page.value.items:
                    batch.add(tx.webhooks.delete, key, old.id)
                batch.add(tx.webhooks.insert, webhook)
                self._note(tx, batch, actor, "notification.webhook.set", webhook, page.value.items)
            return CreatedWebhook(secret=make_secret(secret), info=WebhookInfo.of(webhook))

        return self._work.write(actor, run)

    def remove_webhook(self, actor: Actor, *, user_id: UUID | None = None) -> None:
        """Send nothing there any more, what waits included. Raises NotFound (kind "notification_webhook") where there
        is none, PermissionDenied, InvalidValue."""
        wanted = check_optional_id("user_id", user_id)

        def run(tx: UnitOfWork) -> None:
            key = account_meant(actor, Action.NOTIFICATIONS_WRITE, wanted)
            found = tx.webhooks.page(key).items
            if not found:
                raise NotFound(KIND, key)
            with tx.batch() as batch:
                for old in found:
                    batch.add(tx.webhooks.delete, key, old.id)
                self._note(tx, batch, actor, "notification.webhook.removed", None, found)

        self._work.write(actor, run)

    def _note(
        self,
        tx: UnitOfWork,
        batch: Batch,
        actor: Actor,
        name: str,
        new: NotificationWebhook | None,
        old: Sequence[NotificationWebhook],
    ) -> None:
        """The host only: paths of webhooks often are secrets themselves."""
        first, gone = (new, old) if new is not None else (old[0], old[1:])
        event = self._work.event(
            tx,
            actor,
            name,
            resource_type=KIND,
            resource_id=first.id,
            details={"user_id": str(first.user_id), "host": urlsplit(first.url).hostname},
            changes=diff(NOTIFICATION_WEBHOOKS, first if new is None else None, new),
            others=others(*((each.id, diff(NOTIFICATION_WEBHOOKS, each, None)) for each in gone)),
        )
        batch.add(tx.audit.append, event)


def reseal_webhooks(work: Work, actor: Actor) -> Iterator[bool | None]:
    """For each webhook whether its secret was encrypted anew, with the newest key; None for one that cannot be read."""
    after: UUID | None = None
    while True:
        page = work.read(actor, lambda tx: tx.webhooks.following(after, _AT_ONCE))  # noqa: B023  # run at once
        for webhook in page:
            yield _reseal(work, actor, webhook)
        if len(page) < _AT_ONCE:
            return
        after = page[-1].id


def _reseal(work: Work, actor: Actor, webhook: NotificationWebhook) -> bool | None:
    box = work.effects.box

    def run(tx: UnitOfWork) -> bool:
        # The webhook as it is now: its user may have removed it since the page was read.
        now = tx.webhooks.find(webhook.user_id, webhook.id)
        if now is None or not box.outdated(now.secret):
            return False
        tx.webhooks.update(dataclasses.replace(now, secret=box.reseal(now.user_id, now.secret)))
        return True

    try:
        return box.outdated(webhook.secret) and work.write(actor, run)
    except UnreadableSecret:
        return None
