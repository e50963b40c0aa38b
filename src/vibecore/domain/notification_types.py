"""The catalogue of what users are told: each type with the shape of its data and what channels do unless asked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final
from uuid import UUID

from vibecore.domain import json
from vibecore.domain.errors import InvalidValue
from vibecore.domain.json import JsonObject
from vibecore.domain.notifications import Schedule
from vibecore.domain.rules import check_member, check_text

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*", re.ASCII)
_FIELD: Final = re.compile(r"[a-z][a-z0-9_]{0,49}", re.ASCII)
_KINDS: Final = (str, int, bool, UUID)
_CHANNEL: Final = re.compile(r"[a-z][a-z0-9_-]{0,49}", re.ASCII)

DataKind = type[str] | type[int] | type[bool] | type[UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationType:
    """One kind of notification.

    `fields` say what its data holds: the type of each, all of them and no others, but those in `optional` may be
    missing. Ids are given as UUID and kept as text. `schedule` is what a channel does where the user chose nothing.
    InvalidValue for a name that is not made of words of a-z, 0-9 and _ with dots between them, and for other types.
    """

    name: str
    fields: Mapping[str, DataKind] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()
    schedule: Schedule = Schedule.IMMEDIATELY

    def __post_init__(self) -> None:
        if len(check_text("name", self.name)) > 100 or not _NAME.fullmatch(self.name):
            raise InvalidValue("name", "must be words of a-z, 0-9 and _ with dots between them, of at most 100")
        for name, kind in self.fields.items():
            if not _FIELD.fullmatch(check_text("fields", name)) or kind not in _KINDS:
                raise InvalidValue("fields", "must be names of a-z, 0-9 and _, each with str, int, bool or UUID")
        if not self.optional <= self.fields.keys():
            raise InvalidValue("optional", "names a field that there is not")
        check_member(Schedule, "schedule", self.schedule)
        object.__setattr__(self, "fields", MappingProxyType(dict(self.fields)))

    def checked(self, data: object) -> JsonObject:
        """`data` in its stored form; InvalidValue names `data` or the field of it, as `data.role`."""
        if not isinstance(data, Mapping):
            raise InvalidValue("data", f"must be a mapping, not {type(data).__name__}")
        for name in self.fields:
            if name not in data and name not in self.optional:
                raise InvalidValue(f"data.{name}", "is missing")
        stored: dict[str, object] = {}
        for name, value in data.items():
            kind = self.fields.get(name) if type(name) is str else None
            if kind is None:
                raise InvalidValue("data", f"has a field that {self.name} has not")
            stored[name] = _stored(f"data.{name}", kind, value)
        frozen = json.freeze("data", stored)
        assert isinstance(frozen, JsonObject)
        return frozen


def _stored(field: str, kind: DataKind, value: object) -> object:
    if kind is str:
        return check_text(field, value)
    if kind is UUID and isinstance(value, UUID):
        return str(value)
    if type(value) is not kind:
        raise InvalidValue(field, f"must be {kind.__name__}, not {type(value).__name__}")
    return value


_PROJECT: Final[dict[str, DataKind]] = {"project_id": UUID, "project": str}
_DEPLOYMENT: Final[dict[str, DataKind]] = {**_PROJECT, "deployment_id": UUID, "environment": str, "version": str}

MEMBER_ADDED: Final = NotificationType(name="project.member.added", fields={**_PROJECT, "role": str})
ROLE_CHANGED: Final = NotificationType(
    name="project.member.role_changed", fields={**_PROJECT, "role": str, "previous": str}
)
MEMBER_REMOVED: Final = NotificationType(name="project.member.removed", fields=_PROJECT)
OWNERSHIP_TRANSFERRED: Final = NotificationType(name="project.ownership.transferred", fields=_PROJECT)
DEPLOYMENT_LIVE: Final = NotificationType(
    name="deployment.live", fields=_DEPLOYMENT, optional=frozenset({"version"}), schedule=Schedule.DAILY
)
DEPLOYMENT_FAILED: Final = NotificationType(
    name="deployment.failed", fields=_DEPLOYMENT, optional=frozenset({"version"})
)
DEPLOYMENT_ROLLED_BACK: Final = NotificationType(
    name="deployment.rolled_back", fields=_DEPLOYMENT, optional=frozenset({"version"})
)
REVIEW_CRITICAL: Final = NotificationType(
    name="review.critical", fields={**_PROJECT, "critical": int, "files": int}, schedule=Schedule.IMMEDIATELY
)
QUALITY_DROPPED: Final = NotificationType(
    name="quality.dropped", fields={**_PROJECT, "score": str, "previous": str}, schedule=Schedule.DAILY
)
BUILT_IN: Final = (
    MEMBER_ADDED,
    ROLE_CHANGED,
    MEMBER_REMOVED,
    OWNERSHIP_TRANSFERRED,
    DEPLOYMENT_LIVE,
    DEPLOYMENT_FAILED,
    DEPLOYMENT_ROLLED_BACK,
    REVIEW_CRITICAL,
    QUALITY_DROPPED,
)
"""What vibecore itself tells of."""


class NotificationTypes:
    """The types of one installation: the built-in ones, and the application's `own`. Does not change.

    InvalidValue (`notification_types`) for a name that is taken.
    """

    __slots__ = ("_types",)

    def __init__(self, own: Iterable[NotificationType] = ()) -> None:
        found: dict[str, NotificationType] = {}
        for each in (*BUILT_IN, *own):
            if not isinstance(each, NotificationType):
                raise InvalidValue("notification_types", f"must be NotificationType, not {type(each).__name__}")
            if each.name in found:
                raise InvalidValue("notification_types", f"has {each.name} twice")
            found[each.name] = each
        self._types = MappingProxyType(dict(sorted(found.items())))

    def __iter__(self) -> Iterator[NotificationType]:
        """In the order of their names."""
        return iter(self._types.values())

    def find(self, name: str) -> NotificationType | None:
        """The type of that name, or None."""
        return self._types.get(name)

    def named(self, name: object) -> NotificationType:
        """The type of that name; InvalidValue (`type`)."""
        found = self._types.get(check_text("type", name))
        if found is None:
            raise InvalidValue("type", "is not in the catalogue of this installation")
        return found


def check_channel(name: object) -> str:
    """The name of a channel; InvalidValue (`channel`)."""
    text = check_text("channel", name)
    if not _CHANNEL.fullmatch(text):
        raise InvalidValue("channel", "must be a name of a-z, 0-9, _ and -, of at most 50")
    return text
