from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from tests.unit.services.house import House
from vibecore.domain.actors import Actor
from vibecore.domain.errors import InvalidCursor, InvalidValue, NotFound, PermissionDenied
from vibecore.domain.filters import field
from vibecore.domain.projects import Visibility


@pytest.fixture
def house() -> House:
    house = House()
    for name in ("one", "two", "three"):
        house.clock.move(seconds=1)
        house.vibe.projects.update(house.owner, house.project, name=name)
    house.vibe.projects.create(house.stranger, name="elsewhere")
    return house


def test_the_trail_of_a_project_is_for_who_administers_it(house: House) -> None:
    """Its events only, newest first. Members see none, strangers know of no project, readers of a public one none."""
    for actor in (house.owner, house.manager):
        page = house.vibe.audit.page(actor, project_id=house.project)
        assert [event.details["changes"]["name"][1] for event in page.items] == ["three", "two", "one"]
    for actor in (house.developer, house.viewer):
        with pytest.raises(PermissionDenied):
            house.vibe.audit.page(actor, project_id=house.project)
    for key in (house.project, UUID(int=404)):
        with pytest.raises(NotFound):
            house.vibe.audit.page(house.stranger, project_id=key)
    house.vibe.projects.update(house.owner, house.project, visibility=Visibility.PUBLIC)
    with pytest.raises(PermissionDenied):
        house.vibe.audit.page(Actor.anonymous(), project_id=house.project)


def test_a_filter_cannot_widen_the_trail_of_a_project(house: House) -> None:
    """Whatever it says, it narrows."""
    wide = field("action").eq("project.created") | ~field("id").missing()
    page = house.vibe.audit.page(house.owner, project_id=house.project, where=wide)
    assert {event.project_id for event in page.items} == {house.project}
    assert len(page.items) == 3


def test_the_whole_trail_is_for_administrators(house: House) -> None:
    """Filtered, ordered and paged as every listing; a cursor belongs to its listing."""
    page = house.vibe.audit.page(house.admin, where=field("action").eq("project.created"))
    assert [event.user_id for event in page.items] == [house.stranger.user_id]
    first = house.vibe.audit.page(house.admin, limit=3, order_by="created_at")
    rest = house.vibe.audit.page(house.admin, limit=3, order_by="created_at", cursor=first.next_cursor)
    assert [event.id for event in (*first.items, *rest.items)] == [event.id for event in house.trail()]
    with pytest.raises(InvalidCursor):
        house.vibe.audit.page(house.owner, project_id=house.project, limit=3, cursor=first.next_cursor)
    for actor in (house.owner, Actor.anonymous(), house.key_of(house.admin, "project.audit")):
        with pytest.raises(PermissionDenied):
            house.vibe.audit.page(actor)


def test_reading_by_override_is_audited_itself(house: House) -> None:
    """An administrator in a project of others, and the system anywhere."""
    house.vibe.audit.page(house.admin, project_id=house.project)
    house.vibe.audit.page(Actor.system("export"))
    mine, theirs = house.trail()[-2:]
    assert (mine.action, mine.user_id, mine.project_id) == (
        "permission.overridden",
        house.admin.user_id,
        house.project,
    )
    assert dict(theirs.details) == {"actions": ["audit.read"], "override": True, "system_reason": "export"}


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"project_id": "x"}, "project_id"),
        ({"project_id": 7}, "project_id"),
        ({"limit": -1}, "limit"),
        ({"where": 7}, "where"),
        ({"order_by": "details"}, "order_by"),
        ({"cursor": "x"}, "cursor"),
    ],
)
def test_bad_requests(house: House, more: dict[str, Any], named: str) -> None:
    """The error names what is wrong."""
    with pytest.raises(InvalidValue) as caught:
        house.vibe.audit.page(house.admin, **more)
    assert caught.value.field == named


def test_round_trips(house: House) -> None:
    """One for each listing."""
    assert house.trips
    house.vibe.audit.page(house.admin)
    house.vibe.audit.page(house.owner, project_id=house.project)
    assert house.trips == 2
