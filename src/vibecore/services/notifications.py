"""Notifications: the inbox, what was read, and telling users of an application's own events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from vibecore.domain.actors import Actor
from vibecore.domain.changes import Rows
from vibecore.domain.errors import InvalidValue, NotFound
from vibecore.domain.filters import Filter, field
from vibecore.domain.notifications import NOTIFICATIONS, Notification
from vibecore.domain.paging import OrderBy, Page, desc
from vibecore.domain.permissions import Action
from vibecore.domain.rules import Boolean, Timestamp
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.credentials import account_meant
from vibecore.services.notices import notices
from vibecore.services.scoped import check_id, check_optional_id
from vibecore.services.webhooks import WebhookMethods
from vibecore.services.work import allowed

NEWEST_OCCURRENCE: Final[OrderBy] = desc("occurred_at")
MOST_TOLD: Final = 1000
"""Users that one call tells."""
_UNREAD: Final = field("read_at").missing()


class NotificationService(WebhookMethods):
    """`vibe.notifications`. Users have an inbox of their own; an administrator's look into another's is audited."""

    def page(
        self,
        actor: Actor,
        *,
        unread: bool | None = None,
        type: str | None = None,
        user_id: UUID | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Notification]:
        """Notifications of the actor's account, or of `user_id`, what occurred last first; those that are `unread`, or
        are not, and those of one `type`, where that is asked for.

        Raises PermissionDenied for other people's, existing or not; NotFound (kind "user"), InvalidValue,
        InvalidCursor.
        """
        wanted = check_optional_id("user_id", user_id)
        where = _where(unread, type)

        def run(tx: UnitOfWork) -> Page[Notification]:
            key = account_meant(actor, Action.NOTIFICATIONS_READ, wanted)
            with tx.batch() as batch:
                user = batch.add(tx.users.find, key)
                page = batch.add(
                    tx.notifications.page, key, where=where, order_by=NEWEST_OCCURRENCE, limit=limit, cursor=cursor
                )
            if user.value is None:
                raise NotFound("user", key)
            return page.value

        return self._work.read(actor, run)

    def unread_count(self, actor: Actor, *, user_id: UUID | None = None) -> int:
        """How many are unread, in one round trip on an index that holds nothing else.

        Raises PermissionDenied, InvalidValue; 0 for an account that does not exist, to who may ask.
        """
        wanted = check_optional_id("user_id", user_id)
        return self._work.read(
            actor,
            lambda tx: tx.notifications.count(account_meant(actor, Action.NOTIFICATIONS_READ, wanted), where=_UNREAD),
        )

    def mark_read(self, actor: Actor, notification_ids: Iterable[UUID], *, user_id: UUID | None = None) -> int:
        """Mark these as read, at most 1000; how many were unread. What does not exist, or is somebody else's, is none.

        Raises PermissionDenied, InvalidValue.
        """
        return self._mark(actor, notification_ids, user_id, read=True)

    def mark_unread(self, actor: Actor, notification_ids: Iterable[UUID], *, user_id: UUID | None = None) -> int:
        """Mark these as unread, at most 1000; how many were read. Raises PermissionDenied, InvalidValue."""
        return self._mark(actor, notification_ids, user_id, read=False)

    def mark_all_read(self, actor: Actor, *, until: datetime | None = None, user_id: UUID | None = None) -> int:
        """Mark as read all that occurred at or before `until` (now); how many. With the moment of the page that the
        user saw, nothing that came since is lost. Raises PermissionDenied, InvalidValue."""
        wanted = check_optional_id("user_id", user_id)
        end = None if until is None else Timestamp().check("until", until)

        def run(tx: UnitOfWork) -> int:
            key = account_meant(actor, Action.NOTIFICATIONS_WRITE, wanted)
            return tx.notifications.mark_until(key, tx.now if end is None else end)

        return self._work.write(actor, run)

    def delete(self, actor: Actor, notification_id: UUID, *, user_id: UUID | None = None) -> None:
        """Remove one; channels that have not told it yet will not. Raises NotFound (kind "notification"),
        PermissionDenied, InvalidValue."""
        key, wanted = check_id("notification_id", notification_id), check_optional_id("user_id", user_id)
        self._work.write(
            actor,
            lambda tx: tx.notifications.delete(account_meant(actor, Action.NOTIFICATIONS_WRITE, wanted), key),
        )

    def tell(
        self,
        actor: Actor,
        user_ids: Iterable[UUID],
        *,
        type: str,
        title: str,
        data: Mapping[str, object],
        message: str | None = None,
        dedup_key: str | None = None,
    ) -> int:
        """Notify users, at most 1000, of something of the application's own; how many. For the system and
        administrators.

        `type` is in the catalogue (`NotificationTypes`) and `data` of its shape. With a `dedup_key` the user's
        notification of this type and key, if there is one, is renewed: unread, the newest, with one more occurrence.

        Raises PermissionDenied, InvalidValue, MissingReference where a user does not exist: then nobody is told.
        """
        kind = self._effects.notification_types.named(type)
        found = kind.checked(data)
        users = _ids("user_ids", user_ids)
        column = NOTIFICATIONS.column
        heading, text = column("title").check(title), column("message").check(message)
        key = column("dedup_key").check(dedup_key)

        def run(tx: UnitOfWork) -> int:
            allowed(actor, Action.NOTIFY)
            details = {"type": kind.name, "users": len(users)}
            # Which of them are renewed only the store learns.
            rows: Rows = {
                "notifications": {"inserted": len(users)} if key is None else {"inserted": None, "updated": None}
            }
            event = self._work.event(tx, actor, "notification.sent", details=details, rows=rows)
            told = notices(self._effects.ids, tx.now, users, kind.name, heading, found, text, key)
            with tx.batch() as batch:
                if told:
                    batch.add(tx.notifications.tell, told)
                batch.add(tx.audit.append, event)
            return len(users)

        return self._work.write(actor, run)

    def _mark(self, actor: Actor, ids: Iterable[UUID], user_id: UUID | None, *, read: bool) -> int:
        chosen, wanted = _ids("notification_ids", ids), check_optional_id("user_id", user_id)
        return self._work.write(
            actor,
            lambda tx: tx.notifications.mark(
                account_meant(actor, Action.NOTIFICATIONS_WRITE, wanted), chosen, read=read
            ),
        )


def _where(unread: bool | None, type: str | None) -> Filter | None:
    found: list[Filter] = []
    if unread is not None:
        found.append(_UNREAD if Boolean().check("unread", unread) else ~_UNREAD)
    if type is not None:
        found.append(field("type").eq(NOTIFICATIONS.column("type").check(type)))
    if len(found) == 2:
        return found[0] & found[1]
    return found[0] if found else None


def _ids(name: str, values: Iterable[UUID]) -> list[UUID]:
    """Each id once; InvalidValue for more than 1000."""
    if not isinstance(values, Iterable):
        raise InvalidValue(name, f"must be a list of ids, not {type(values).__name__}")
    found = list(dict.fromkeys(check_id(name, value) for value in values))
    if len(found) > MOST_TOLD:
        raise InvalidValue(name, f"has more than {MOST_TOLD} entries")
    return found
