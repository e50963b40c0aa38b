"""Audit: who did what to which resource, when and from where. Append-only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import MAXYEAR, date, datetime
from typing import Annotated, Final

from vibecore.domain.errors import InvalidValue
from vibecore.domain.fields import Id, IpAddress, Moment
from vibecore.domain.json import EMPTY_OBJECT, JsonObject
from vibecore.domain.rules import Integer, Json, Text
from vibecore.domain.schema import Index, Table, updated_index


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """An event. `user_id`, `project_id` and `resource_id` refer to nothing: the trail outlives what it tells of."""

    id: Id
    user_id: Id | None = None
    action: Annotated[str, Text(100, shortest=1)]
    resource_type: Annotated[str, Text(100)] | None = None
    resource_id: Id | None = None
    project_id: Id | None = None
    details: Annotated[JsonObject, Json()] = EMPTY_OBJECT
    ip_address: IpAddress | None = None
    created_at: Moment
    updated_at: Moment


AUDIT_LOGS: Final = Table(
    AuditEvent,
    "audit_logs",
    "audit_event",
    key=("id", "created_at"),
    indexes=(
        Index("idx_audit_logs_user", ("user_id", "created_at")),
        Index("idx_audit_logs_resource", ("resource_type", "resource_id")),
        Index("idx_audit_logs_project", ("project_id", "created_at")),
        Index("idx_audit_logs_created", ("created_at", "id")),
        updated_index("audit_logs"),
    ),
    partitioned=True,
)

AHEAD: Final = Integer(low=0, high=120)
"""Months after the present one that room can be made for."""


def prepared_until(now: datetime, months: int) -> date:
    """The first day (UTC) after the month of `now` and `months` more; InvalidValue (`months`) outside `AHEAD`, or
    where a date cannot name that day."""
    year, month = divmod(now.year * 12 + now.month - 1 + AHEAD.check("months", months) + 1, 12)
    if year > MAXYEAR:
        raise InvalidValue("months", f"reaches beyond the year {MAXYEAR}")
    return date(year, month + 1, 1)
