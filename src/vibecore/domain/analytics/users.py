"""The definition of `mv_user_activity`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from uuid import UUID

from vibecore.domain.analytics.measures import utc_day
from vibecore.domain.analytics.records import UserActivity
from vibecore.domain.audit import AuditEvent
from vibecore.domain.members import ProjectMember
from vibecore.domain.projects import Project
from vibecore.domain.users import User

_NEVER = datetime.min.replace(tzinfo=UTC)


def user_activity(
    as_of: datetime,
    *,
    users: Iterable[User],
    projects: Iterable[Project],
    members: Iterable[ProjectMember],
    events: Iterable[AuditEvent],
) -> list[UserActivity]:
    """One row for every user, by rank, then id."""
    owned = Counter(project.owner_id for project in projects)
    joined = Counter(member.user_id for member in members)
    by_user: dict[UUID, list[AuditEvent]] = defaultdict(list)
    for event in events:
        if event.user_id is not None:
            by_user[event.user_id].append(event)
    rows = [_row(user, owned[user.id], joined[user.id], by_user.get(user.id, []), as_of) for user in users]
    rows.sort(key=lambda row: row.user_id)
    rows.sort(key=_merit, reverse=True)
    return list(_ranked(rows))


def _row(user: User, owned: int, joined: int, events: list[AuditEvent], as_of: datetime) -> UserActivity:
    return UserActivity(
        user_id=user.id,
        user_name=user.name,
        role=user.role,
        projects_owned=owned,
        projects_joined=joined,
        events=len(events),
        active_days=len({utc_day(event.created_at) for event in events}),
        projects_touched=len({event.project_id for event in events if event.project_id is not None}),
        first_active_at=min((event.created_at for event in events), default=None),
        last_active_at=max((event.created_at for event in events), default=None),
        rank=0,
        as_of=as_of,
    )


def _merit(row: UserActivity) -> tuple[int, int, datetime]:
    return row.events, row.active_days, row.last_active_at or _NEVER


def _ranked(rows: list[UserActivity]) -> Iterable[UserActivity]:
    rank = 1
    for _, equals in groupby(rows, key=_merit):
        group = list(equals)
        for row in group:
            yield replace(row, rank=rank)
        rank += len(group)
