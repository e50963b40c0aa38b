from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from tests.unit.services.house import House, user_id
from vibecore.domain.actors import Actor
from vibecore.domain.errors import AlreadyExists, InvalidValue, NotFound, PermissionDenied
from vibecore.domain.filters import field
from vibecore.domain.projects import Visibility
from vibecore.domain.users import UserRole

NOBODY = UUID(int=404)


@pytest.fixture
def house() -> House:
    return House()


def test_a_member_is_added_promoted_and_removed(house: House) -> None:
    """Each step with its event, and with its effect on what the user may do."""
    projects, someone = house.vibe.projects, user_id(house.stranger)
    assert projects.find(house.stranger, house.project) is None
    added = projects.add_member(house.manager, house.project, someone, role=UserRole.VIEWER)
    assert (added.user_id, added.role, added.joined_at) == (someone, UserRole.VIEWER, house.clock())
    assert projects.get(house.stranger, house.project)
    with pytest.raises(PermissionDenied):
        projects.update(house.stranger, house.project, name="mine")
    raised = projects.set_member_role(house.owner, house.project, someone, role=UserRole.ADMIN)
    assert (raised.id, raised.role) == (added.id, UserRole.ADMIN)
    projects.update(house.stranger, house.project, name="ours")
    projects.remove_member(house.manager, house.project, someone)
    assert projects.find(house.stranger, house.project) is None
    events = [event for event in house.trail() if event.action.startswith("project.member")]
    assert [(event.action, event.project_id, event.resource_id) for event in events] == [
        ("project.member.added", house.project, added.id),
        ("project.member.role_changed", house.project, added.id),
        ("project.member.removed", house.project, added.id),
    ]
    assert [dict(event.details) for event in events] == [
        {
            "user_id": str(someone),
            "changes": {
                "user_id": [None, str(someone)],
                "role": [None, "viewer"],
                "joined_at": [None, added.joined_at.isoformat()],
            },
        },
        {"user_id": str(someone), "changes": {"role": ["viewer", "admin"]}},
        {
            "user_id": str(someone),
            "changes": {
                "user_id": [str(someone), None],
                "role": ["admin", None],
                "joined_at": [added.joined_at.isoformat(), None],
            },
        },
    ]


def test_a_new_member_is_a_developer_unless_told_otherwise(house: House) -> None:
    """As the column's default says; the same role again leaves no event."""
    someone = user_id(house.stranger)
    assert house.vibe.projects.add_member(house.owner, house.project, someone).role is UserRole.DEVELOPER
    house.vibe.projects.set_member_role(house.owner, house.project, someone, role=UserRole.DEVELOPER)
    assert house.actions() == ["project.member.added"]


def test_the_owner_has_one_grant(house: House) -> None:
    """Ownership is above every role: no membership is stored beside it, so there is none to change or end."""
    projects, owner = house.vibe.projects, user_id(house.owner)
    for actor in (house.owner, house.manager, house.admin):
        with pytest.raises(InvalidValue) as caught:
            projects.add_member(actor, house.project, owner, role=UserRole.ADMIN)
        assert caught.value.field == "user_id"
    with pytest.raises(NotFound):
        projects.set_member_role(house.manager, house.project, owner, role=UserRole.VIEWER)
    with pytest.raises(NotFound):
        projects.remove_member(house.owner, house.project, owner)
    assert user_id(house.owner) not in {m.user_id for m in projects.members(house.owner, house.project).items}


def test_a_user_is_a_member_once(house: House) -> None:
    """In whatever role; the error is the one that the constraint gives."""
    with pytest.raises(AlreadyExists) as caught:
        house.vibe.projects.add_member(house.owner, house.project, user_id(house.viewer), role=UserRole.ADMIN)
    assert (caught.value.kind, caught.value.fields) == ("member", ("project_id", "user_id"))
    assert caught.value.constraint == "uq_project_members_user"


def test_unknown_users_and_members(house: House) -> None:
    """A user who does not exist cannot join; who has not joined has no role to change."""
    projects = house.vibe.projects
    with pytest.raises(NotFound) as caught:
        projects.add_member(house.owner, house.project, NOBODY)
    assert (caught.value.kind, caught.value.key) == ("user", NOBODY)
    for someone in (NOBODY, user_id(house.stranger)):
        with pytest.raises(NotFound) as caught:
            projects.set_member_role(house.owner, house.project, someone, role=UserRole.VIEWER)
        assert (caught.value.kind, caught.value.key) == ("member", someone)
        with pytest.raises(NotFound):
            projects.remove_member(house.owner, house.project, someone)
    assert house.actions() == []


def test_who_manages_members(house: House) -> None:
    """Owner and member administrators. Others are denied before anything about the user is told."""
    projects = house.vibe.projects
    for actor in (house.developer, house.viewer):
        for someone in (user_id(house.stranger), user_id(house.manager), NOBODY):
            calls: list[Callable[[Actor, UUID], object]] = [
                lambda actor, someone: projects.add_member(actor, house.project, someone),
                lambda actor, someone: projects.set_member_role(actor, house.project, someone, role=UserRole.VIEWER),
                lambda actor, someone: projects.remove_member(actor, house.project, someone),
            ]
            for call in calls:
                with pytest.raises(PermissionDenied):
                    call(actor, someone)
    with pytest.raises(PermissionDenied):
        projects.set_member_role(house.viewer, house.project, user_id(house.viewer), role=UserRole.ADMIN)
    with pytest.raises(NotFound) as caught:
        projects.add_member(house.stranger, house.project, user_id(house.stranger))
    assert caught.value.kind == "project"


def test_members_leave_by_themselves(house: House) -> None:
    """Also those whose system role only reads; a key needs the scope."""
    projects = house.vibe.projects
    house.change(house.viewer, role=UserRole.VIEWER)
    with pytest.raises(PermissionDenied):
        projects.remove_member(house.key_of(house.viewer, "project.read"), house.project, user_id(house.viewer))
    projects.remove_member(house.viewer, house.project, user_id(house.viewer))
    assert house.actions() == ["permission.denied", "project.member.left"]
    with pytest.raises(NotFound) as caught:
        projects.remove_member(house.viewer, house.project, user_id(house.viewer))
    assert caught.value.kind == "project"


def test_members_are_listed_for_members(house: House) -> None:
    """Filtered, ordered and paged. A public project's readers do not learn who works on it."""
    projects = house.vibe.projects
    for actor in (house.owner, house.manager, house.developer, house.viewer):
        assert {m.role for m in projects.members(actor, house.project).items} == set(UserRole)
    strong = projects.members(house.viewer, house.project, where=field("role").ne(UserRole.VIEWER), order_by="role")
    assert [member.role for member in strong.items] == [UserRole.ADMIN, UserRole.DEVELOPER]
    first = projects.members(house.viewer, house.project, limit=2)
    rest = projects.members(house.viewer, house.project, limit=2, cursor=first.next_cursor)
    assert (len(first.items), len(rest.items), rest.next_cursor) == (2, 1, None)
    with pytest.raises(NotFound):
        projects.members(house.stranger, house.project)
    projects.update(house.owner, house.project, visibility=Visibility.PUBLIC)
    for actor in (house.stranger, Actor.anonymous()):
        with pytest.raises(PermissionDenied):
            projects.members(actor, house.project)


@pytest.mark.parametrize("wrong", [None, 7, "x", b"x", True])
def test_ids_and_roles_of_other_types(house: House, wrong: Any) -> None:
    """The error names the one that is wrong."""
    projects, someone = house.vibe.projects, user_id(house.stranger)
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: projects.add_member(house.owner, wrong, someone), "project_id"),
        (lambda: projects.add_member(house.owner, house.project, wrong), "user_id"),
        (lambda: projects.add_member(house.owner, house.project, someone, role=wrong), "role"),
        (lambda: projects.set_member_role(house.owner, wrong, someone, role=UserRole.VIEWER), "project_id"),
        (lambda: projects.set_member_role(house.owner, house.project, wrong, role=UserRole.VIEWER), "user_id"),
        (lambda: projects.set_member_role(house.owner, house.project, someone, role=wrong), "role"),
        (lambda: projects.remove_member(house.owner, wrong, someone), "project_id"),
        (lambda: projects.remove_member(house.owner, house.project, wrong), "user_id"),
    ]
    for call, named in calls:
        with pytest.raises(InvalidValue) as caught:
            call()
        assert caught.value.field == named


def test_round_trips(house: House) -> None:
    """A read takes one, a write three."""
    projects, someone = house.vibe.projects, user_id(house.stranger)
    calls: list[tuple[Callable[[], object], int]] = [
        (lambda: projects.members(house.owner, house.project), 1),
        (lambda: projects.add_member(house.owner, house.project, someone), 3),
        (lambda: projects.set_member_role(house.owner, house.project, someone, role=UserRole.ADMIN), 3),
        (lambda: projects.remove_member(house.owner, house.project, someone), 3),
    ]
    for call, most in calls:
        call()
        assert house.trips == most
