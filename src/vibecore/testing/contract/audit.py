"""The audit trail: `vibecore.repositories.audit`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import pytest

from vibecore.domain.audit import AUDIT_LOGS
from vibecore.domain.errors import AlreadyExists
from vibecore.domain.filters import field
from vibecore.domain.paging import desc
from vibecore.repositories.unit_of_work import Store
from vibecore.testing.builders import MOMENT, make

NOBODY: Final = UUID(int=404)


def test_the_audit_trail_only_grows(store: Store) -> None:
    """It offers to append and to read, nothing else."""
    with store.begin() as tx:
        event = make(tx, AUDIT_LOGS, details={"a": [1, 2.0]}, user_id=NOBODY)
        assert tx.audit.page().items == (event,)
        assert list(tx.audit.stream()) == [event]
        assert tx.audit.count(where=field("user_id").eq(NOBODY)) == 1
        with pytest.raises(AlreadyExists):
            tx.audit.append(event)


def test_events_of_many_months_are_listed_in_order(store: Store) -> None:
    """However they are kept: pages and streams go across months and years."""
    moments: list[datetime] = [MOMENT + timedelta(days=37 * place) for place in (5, 0, 3, 30, 1, -20, 2, 4)]
    with store.begin() as tx:
        events = [make(tx, AUDIT_LOGS, created_at=moment) for moment in moments]
        expected = sorted(events, key=lambda event: event.created_at)
        assert list(tx.audit.stream()) == expected
        found: list[Any] = []
        cursor = None
        while True:
            page = tx.audit.page(limit=3, order_by=desc("created_at"), cursor=cursor)
            found += page.items
            cursor = page.next_cursor
            if cursor is None:
                break
        assert found == expected[::-1]
