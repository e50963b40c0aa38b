"""The definition of `v_recent_activity`."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import nlargest
from uuid import UUID

from vibecore.domain.analytics.records import Activity
from vibecore.domain.audit import AuditEvent
from vibecore.domain.projects import Project
from vibecore.domain.users import User


def recent_activity(
    events: Iterable[AuditEvent], users: Iterable[User], projects: Iterable[Project], limit: int
) -> list[Activity]:
    """The `limit` newest events by (created_at, id), newest first, with the names that exist now."""
    return named(newest(events, limit), users, projects)


def newest(events: Iterable[AuditEvent], limit: int) -> list[AuditEvent]:
    """The `limit` newest events by (created_at, id), newest first."""
    return nlargest(limit, events, key=lambda event: (event.created_at, event.id))


def named(events: Iterable[AuditEvent], users: Iterable[User], projects: Iterable[Project]) -> list[Activity]:
    """The events in their order, with the names of those of `users` and `projects` that they name."""
    user_names = {user.id: user.name for user in users}
    project_names = {project.id: project.name for project in projects}
    return [_row(event, user_names, project_names) for event in events]


def _row(event: AuditEvent, user_names: dict[UUID, str], project_names: dict[UUID, str]) -> Activity:
    return Activity(
        id=event.id,
        created_at=event.created_at,
        user_id=event.user_id,
        user_name=None if event.user_id is None else user_names.get(event.user_id),
        action=event.action,
        resource_type=event.resource_type,
        resource_id=event.resource_id,
        project_id=event.project_id,
        project_name=None if event.project_id is None else project_names.get(event.project_id),
    )
