"""Preferences: when which channel tells a user of what. `NotificationService` has these methods."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Final
from uuid import UUID

from vibecore.domain.actors import Actor
from vibecore.domain.changes import diff
from vibecore.domain.errors import NotFound
from vibecore.domain.filters import And, field
from vibecore.domain.notification_types import check_channel
from vibecore.domain.notifications import (
    NOTIFICATION_PREFERENCES,
    EffectivePreference,
    NotificationPreference,
    Schedule,
)
from vibecore.domain.paging import MAX_LIMIT
from vibecore.domain.permissions import Action
from vibecore.domain.rules import check_member
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.credentials import account_meant
from vibecore.services.scoped import check_optional_id
from vibecore.services.work import Service

KIND: Final = "notification_preference"
MOST: Final = MAX_LIMIT
"""Choices of one user that are read: more than there are types and channels."""
Choices = dict[tuple[str, str], Schedule]


def choices(stored: Iterable[NotificationPreference]) -> Choices:
    """What the user chose, by type and channel."""
    return {(each.type, each.channel): each.schedule for each in stored}


class PreferenceMethods(Service):
    """What holds where the user chose nothing is each type's own schedule."""

    def preferences(self, actor: Actor, *, user_id: UUID | None = None) -> tuple[EffectivePreference, ...]:
        """What holds for each type of the catalogue and each channel of the installation, in the order of their names.

        Raises PermissionDenied for other people's, existing or not; NotFound (kind "user"), InvalidValue.
        """
        wanted = check_optional_id("user_id", user_id)

        def run(tx: UnitOfWork) -> Choices:
            key = account_meant(actor, Action.NOTIFICATIONS_READ, wanted)
            with tx.batch() as batch:
                user = batch.add(tx.users.find, key)
                page = batch.add(tx.notification_preferences.page, key, limit=MOST)
            if user.value is None:
                raise NotFound("user", key)
            return choices(page.value.items)

        chosen = self._work.read(actor, run)
        channels = sorted(channel.name for channel in self._effects.channels)
        return tuple(
            EffectivePreference(
                type=kind.name,
                channel=channel,
                schedule=chosen.get((kind.name, channel), kind.schedule),
                chosen=(kind.name, channel) in chosen,
            )
            for kind in self._effects.notification_types
            for channel in channels
        )

    def set_preference(
        self,
        actor: Actor,
        *,
        type: str,
        channel: str,
        schedule: Schedule | None,
        user_id: UUID | None = None,
    ) -> EffectivePreference:
        """When `channel` tells of `type` from now on; None: as the type says. What holds then; without an event where
        it is what was chosen already. What was handed to a channel before stays as it was.

        `channel` may be one that only other processes have. Raises PermissionDenied, NotFound (kind "user"),
        InvalidValue.
        """
        kind = self._effects.notification_types.named(type)
        name = check_channel(channel)
        if schedule is not None:
            check_member(Schedule, "schedule", schedule)
        wanted = check_optional_id("user_id", user_id)

        def run(tx: UnitOfWork) -> EffectivePreference:
            key = account_meant(actor, Action.NOTIFICATIONS_WRITE, wanted)
            with tx.batch() as batch:
                user = batch.add(tx.users.find, key)
                page = batch.add(tx.notification_preferences.page, key, where=_about(kind.name, name), limit=1)
            if user.value is None:
                raise NotFound("user", key)
            old = next(iter(page.value.items), None)
            before = None if old is None else old.schedule
            if before is not schedule:
                self._choose(tx, actor, key, old, kind.name, name, schedule)
            return EffectivePreference(
                type=kind.name,
                channel=name,
                schedule=kind.schedule if schedule is None else schedule,
                chosen=schedule is not None,
            )

        return self._work.write(actor, run)

    def _choose(
        self,
        tx: UnitOfWork,
        actor: Actor,
        user_id: UUID,
        old: NotificationPreference | None,
        type: str,
        channel: str,
        schedule: Schedule | None,
    ) -> None:
        new: NotificationPreference | None = None
        if schedule is not None and old is not None:
            new = dataclasses.replace(old, schedule=schedule)
        elif schedule is not None:
            new = NotificationPreference(
                id=self._effects.ids(),
                user_id=user_id,
                type=type,
                channel=channel,
                schedule=schedule,
                created_at=tx.now,
                updated_at=tx.now,
            )
        row = new or old
        event = self._work.event(
            tx,
            actor,
            "notification.preference.changed",
            resource_type=KIND,
            resource_id=None if row is None else row.id,
            details={"user_id": str(user_id), "type": type, "channel": channel},
            changes=diff(NOTIFICATION_PREFERENCES, old, new),
        )
        with tx.batch() as batch:
            if new is None and old is not None:
                batch.add(tx.notification_preferences.delete, user_id, old.id)
            elif new is not None:
                batch.add(
                    tx.notification_preferences.insert if old is None else tx.notification_preferences.update, new
                )
            batch.add(tx.audit.append, event)


def _about(type: str, channel: str) -> And:
    return field("type").eq(type) & field("channel").eq(channel)
