from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.unit.services.house import House
from vibecore.domain.actors import Actor
from vibecore.domain.deployments import DeploymentStatus
from vibecore.domain.errors import InvalidValue, PermissionDenied

SYSTEM = Actor.system("hourly")


@pytest.fixture
def house() -> House:
    house = House()
    for _ in range(4):
        made = house.vibe.deployments.create(house.owner, house.project, environment="staging")
        house.vibe.deployments.transition(house.owner, house.project, made.id, DeploymentStatus.FAILED, reason="broken")
    house.clock.move(days=90, seconds=1)
    assert house.trips
    return house


def test_old_deployments_are_archived(house: House) -> None:
    """By age in days, once; the event tells how many."""
    assert house.vibe.maintenance.archive_deployments(SYSTEM, days=91) == 0
    assert house.vibe.maintenance.archive_deployments(SYSTEM, days=90) == 4
    assert house.vibe.maintenance.archive_deployments(house.admin, days=0) == 0
    events = house.page_of(action="maintenance.deployments_archived")
    assert [dict(event.details) for event in events] == [
        {"days": 91, "archived": 0, "system_reason": "hourly", "override": True},
        {
            "days": 90,
            "archived": 4,
            "rows": {"deployments": {"deleted": 4}, "archived_deployments": {"inserted": 4}},
            "system_reason": "hourly",
            "override": True,
        },
        {"days": 0, "archived": 0},
    ]
    assert house.vibe.deployments.page(house.owner, house.project).items == ()


def test_analytics_are_refreshed(house: House) -> None:
    """As of now, with an event."""
    report = house.vibe.maintenance.refresh_analytics(SYSTEM)
    assert report.as_of == house.clock()
    assert report.user_rows > 0
    (event,) = house.page_of(action="maintenance.analytics_refreshed")
    assert event.details["user_rows"] == report.user_rows


def test_the_audit_trail_is_prepared(house: House) -> None:
    """For three months unless told otherwise; the event tells how far."""
    assert house.clock().date() == date(2025, 4, 1)
    assert house.vibe.maintenance.prepare_audit(SYSTEM) == date(2025, 8, 1)
    assert house.vibe.maintenance.prepare_audit(house.admin, months=0) == date(2025, 5, 1)
    events = house.page_of(action="maintenance.audit_prepared")
    assert [dict(event.details) for event in events] == [
        {"months": 3, "until": "2025-08-01", "system_reason": "hourly", "override": True},
        {"months": 0, "until": "2025-05-01"},
    ]


def test_maintenance_is_for_administrators_and_the_system(house: House) -> None:
    """Not for owners, and for keys with the scope only."""
    for actor in (house.owner, Actor.anonymous(), house.key_of(house.admin, "audit.read")):
        with pytest.raises(PermissionDenied):
            house.vibe.maintenance.archive_deployments(actor, days=0)
        with pytest.raises(PermissionDenied):
            house.vibe.maintenance.refresh_analytics(actor)
        with pytest.raises(PermissionDenied):
            house.vibe.maintenance.prepare_audit(actor)
    assert house.vibe.maintenance.archive_deployments(house.key_of(house.admin, "maintenance.run"), days=0) == 4


@pytest.mark.parametrize("wrong", [None, -1, 2**31, True, 1.0, "90", b"9"])
def test_days_are_a_whole_number(house: House, wrong: Any) -> None:
    """The error names them."""
    with pytest.raises(InvalidValue) as caught:
        house.vibe.maintenance.archive_deployments(SYSTEM, days=wrong)
    assert caught.value.field == "days"


@pytest.mark.parametrize("wrong", [None, -1, 121, True, 1.0, "3"])
def test_months_are_a_whole_number(house: House, wrong: Any) -> None:
    """Of at most ten years; the error names them."""
    with pytest.raises(InvalidValue) as caught:
        house.vibe.maintenance.prepare_audit(SYSTEM, months=wrong)
    assert caught.value.field == "months"


def test_round_trips(house: House) -> None:
    """Three each."""
    house.vibe.maintenance.archive_deployments(SYSTEM, days=0)
    assert house.trips == 3
    house.vibe.maintenance.refresh_analytics(SYSTEM)
    assert house.trips == 3
    house.vibe.maintenance.prepare_audit(SYSTEM)
    assert house.trips == 3
