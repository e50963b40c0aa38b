"""Sessions that can still be used: as a filter, and as a listing that can be read on while time passes.

A cursor is bound to its filter, and this filter holds the moment of the first page. The moment therefore travels in
front of the cursor proper; whoever changes it has changed the filter, which the cursor's signature does not fit.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from vibecore.domain.errors import InvalidCursor, InvalidValue
from vibecore.domain.filters import And, field
from vibecore.domain.paging import Page
from vibecore.domain.profiles import SessionInfo
from vibecore.domain.rules import Timestamp
from vibecore.domain.sessions import Session
from vibecore.services.credentials import is_alive

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_FORM: Final = re.compile(r"(-?[0-9]{1,18})\.(.*)", re.DOTALL)


def alive(moment: datetime) -> And:
    """`credentials.is_alive` as a filter."""
    return field("expires_at").gt(moment) & field("idle_expires_at").gt(moment)


def read_cursor(cursor: str | None) -> tuple[datetime | None, str | None]:
    """The moment of the first page, and what the store reads on from; both None for the first page itself."""
    if cursor is None:
        return None, None
    found = _FORM.fullmatch(cursor) if type(cursor) is str else None
    if found is None:
        raise InvalidCursor("is not a cursor of sessions")
    try:
        return Timestamp().check("cursor", _EPOCH + int(found[1]) * _MICROSECOND), found[2]
    except (OverflowError, InvalidValue):
        raise InvalidCursor("is damaged") from None


def page_of(page: Page[Session], moment: datetime, now: datetime) -> Page[SessionInfo]:
    """What is given out of a page as of `moment`: the sessions that are still alive `now`."""
    items = tuple(SessionInfo.of(session) for session in page.items if is_alive(session, now))
    if page.next_cursor is None:
        return Page(items, None)
    return Page(items, f"{(moment - _EPOCH) // _MICROSECOND}.{page.next_cursor}")
