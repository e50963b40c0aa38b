"""Ownership handed on: by whom, to whom, what becomes of the others, and what happens meanwhile."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.contract.project_site import NOBODY, SYSTEM, Site, id_of, together
from vibecore.bootstrap.services import Services
from vibecore.domain.errors import (
    InvalidTransition,
    InvalidValue,
    NotFound,
    PermissionDenied,
    ReadOnlyProject,
    VibecoreError,
)
from vibecore.domain.permissions import Action
from vibecore.domain.projects import Project
from vibecore.domain.users import UserRole
from vibecore.repositories.unit_of_work import Store
from vibecore.testing.effects import FixedClock


@pytest.fixture
def site(store: Store, clock: FixedClock) -> Site:
    return Site(store, clock)


def test_the_old_owner_stays_as_an_administrator(site: Site) -> None:
    """The new one is above every role: their membership ends. Both are told in one audit row."""
    projects = site.vibe.projects
    membership = projects.add_member(site.ada, site.id, id_of(site.bob), role=UserRole.VIEWER)
    given = projects.transfer(site.ada, site.id, id_of(site.bob))
    assert given == site.project()
    assert given.owner_id == id_of(site.bob)
    assert {user: member.role for user, member in site.members().items()} == {id_of(site.ada): UserRole.ADMIN}
    event = site.trail()[-1]
    assert (event.action, event.user_id, event.resource_id) == ("project.transferred", id_of(site.ada), site.id)
    assert event.details["changes"] == {"owner_id": [str(id_of(site.ada)), str(id_of(site.bob))]}
    stays = site.members()[id_of(site.ada)]
    assert set(event.details["others"]) == {str(membership.id), str(stays.id)}
    assert event.details["others"][str(stays.id)]["role"] == [None, "admin"]
    assert event.details["others"][str(membership.id)]["role"] == ["viewer", None]
    assert projects.update(site.ada, site.id, description="still administered").description == "still administered"
    with pytest.raises(PermissionDenied):
        projects.archive(site.ada, site.id)
    assert projects.archive(site.bob, site.id).archived_from is not None


def test_who_leaves_has_no_part_in_it_any_more(site: Site) -> None:
    """To them a private project does not exist."""
    site.vibe.projects.transfer(site.ada, site.id, id_of(site.bob), leave=True)
    assert site.members() == {}
    assert site.vibe.projects.find(site.ada, site.id) is None


def test_there_and_back_again(site: Site) -> None:
    """The membership that the first transfer made ends with the second."""
    site.vibe.projects.transfer(site.ada, site.id, id_of(site.bob))
    site.vibe.projects.transfer(site.bob, site.id, id_of(site.ada))
    assert site.project().owner_id == id_of(site.ada)
    assert set(site.members()) == {id_of(site.bob)}


def test_to_oneself_is_no_change(site: Site) -> None:
    """And no event, and no new version; with `leave` neither: somebody has to own it."""
    before, told = site.project(), len(site.trail())
    for leave in (False, True):
        assert site.vibe.projects.transfer(site.ada, site.id, id_of(site.ada), leave=leave) == before
    assert (site.project(), len(site.trail()), site.members()) == (before, told, {})


def test_only_the_owner_gives_it_away(site: Site) -> None:
    """No member, whatever the role, no stranger, and no key without the right; a viewer by system role owns in name."""
    projects = site.vibe.projects
    projects.add_member(site.ada, site.id, id_of(site.bob), role=UserRole.ADMIN)
    with pytest.raises(PermissionDenied):
        projects.transfer(site.bob, site.id, id_of(site.bob))
    with pytest.raises(NotFound):
        projects.transfer(site.cy, site.id, id_of(site.cy))
    keys = site.vibe.api_keys
    weak = keys.authenticate(keys.create(site.ada, name="weak", permissions=[Action.PROJECT_UPDATE]).key)
    with pytest.raises(PermissionDenied):
        projects.transfer(weak, site.id, id_of(site.bob))
    site.vibe.users.set_role(site.root, id_of(site.ada), role=UserRole.VIEWER)
    with pytest.raises(PermissionDenied):
        projects.transfer(site.sign_in("ada"), site.id, id_of(site.bob))
    assert site.project().owner_id == id_of(site.ada)


@pytest.mark.parametrize("kind", ["administrator", "system"])
def test_administrators_and_the_system_override(site: Site, kind: str) -> None:
    """Which the audit row says: so a project comes to somebody whose owner is gone for good."""
    site.vibe.users.disable(site.root, id_of(site.ada))
    site.vibe.projects.transfer(site.root if kind == "administrator" else SYSTEM, site.id, id_of(site.bob))
    assert site.trail()[-1].details["override"] is True
    assert set(site.members()) == {id_of(site.ada)}


def test_only_who_could_have_made_it_gets_it(site: Site) -> None:
    """Not an account that does not exist, is disabled, or whose system role owns nothing."""
    projects = site.vibe.projects
    with pytest.raises(NotFound) as missing:
        projects.transfer(site.ada, site.id, NOBODY)
    assert missing.value.facts == {"kind": "user", "key": NOBODY}
    site.vibe.users.disable(site.root, id_of(site.bob))
    site.vibe.users.set_role(site.root, id_of(site.cy), role=UserRole.VIEWER)
    for heir in (site.bob, site.cy):
        with pytest.raises(InvalidValue) as caught:
            projects.transfer(site.ada, site.id, id_of(heir))
        assert caught.value.field == "new_owner_id"
    assert site.project().owner_id == id_of(site.ada)


def test_an_archived_project_keeps_its_owner(site: Site) -> None:
    """It is restored first; who owns nothing else could not be deleted before either."""
    site.vibe.projects.archive(site.ada, site.id)
    with pytest.raises(ReadOnlyProject):
        site.vibe.projects.transfer(site.ada, site.id, id_of(site.bob))
    with pytest.raises(ReadOnlyProject):
        site.vibe.projects.transfer(site.root, site.id, id_of(site.bob))


def test_a_transfer_is_undone_with_its_transaction(site: Site) -> None:
    """Owner and memberships alike."""

    def fail(tx: Services) -> None:
        tx.projects.transfer(site.ada, site.id, id_of(site.bob))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        site.vibe.atomic(fail)
    assert (site.project().owner_id, site.members()) == (id_of(site.ada), {})


@pytest.mark.parametrize("attempt", range(5))
def test_of_transfers_at_once_one_is_the_owners(site: Site, attempt: int) -> None:
    """After the first the others are asked of a member, who may not: one owner, one new member, one event."""
    heirs = [site.person(f"heir{number}") for number in range(6)]
    found = together([lambda heir=heir: site.vibe.projects.transfer(site.ada, site.id, id_of(heir)) for heir in heirs])  # type: ignore[misc]
    (given,) = (each for each in found if isinstance(each, Project))
    assert {type(each) for each in found if each is not given} == {PermissionDenied}
    assert site.project() == given
    assert set(site.members()) == {id_of(site.ada)}
    assert [event.action for event in site.trail()].count("project.transferred") == 1


@pytest.mark.parametrize("attempt", range(5))
def test_a_transfer_and_the_end_of_the_new_owner(site: Site, attempt: int) -> None:
    """Never an owner who is not there: the transfer finds nobody, or the deletion finds a project."""
    found: list[Any] = together(
        [
            lambda: site.vibe.projects.transfer(site.ada, site.id, id_of(site.bob)),
            lambda: site.vibe.users.delete(site.root, id_of(site.bob)),
        ]
    )
    given, deleted = found
    if isinstance(given, Project):
        assert isinstance(deleted, InvalidTransition)
        assert site.vibe.users.get(site.root, id_of(site.bob)).id == site.project().owner_id
    else:
        assert (type(given), deleted) == (NotFound, None)
        assert site.project().owner_id == id_of(site.ada)


@pytest.mark.parametrize("attempt", range(5))
def test_a_transfer_and_a_new_owner_who_is_shut_out(site: Site, attempt: int) -> None:
    """One comes first: who was disabled before gets nothing, and nobody is disabled in between."""
    found = together(
        [
            lambda: site.vibe.projects.transfer(site.ada, site.id, id_of(site.bob)),
            lambda: site.vibe.users.disable(site.root, id_of(site.bob)),
        ]
    )
    assert not isinstance(found[1], VibecoreError)
    assert isinstance(found[0], InvalidValue) is (site.project().owner_id == id_of(site.ada))


def test_members_come_and_go_while_the_project_changes_hands(site: Site) -> None:
    """The owner is never a member, and nobody is one twice, whatever the order."""
    owners = [site.ada, site.bob, site.cy]
    done = threading.Event()

    def hand_on(number: int) -> list[Any]:
        results: list[Any] = []
        for _ in range(15):
            for heir in owners:
                try:
                    results.append(site.vibe.projects.transfer(owners[number], site.id, id_of(heir)))
                except (PermissionDenied, NotFound) as error:
                    results.append(error)
        done.set()
        return results

    def invite() -> None:
        while not done.is_set():
            for actor in owners:
                try:
                    site.vibe.projects.add_member(site.root, site.id, id_of(actor))
                    site.vibe.projects.remove_member(site.root, site.id, id_of(actor))
                except VibecoreError as error:
                    assert error.__class__.__name__ in ("InvalidValue", "AlreadyExists", "NotFound")

    together([lambda: hand_on(0), lambda: hand_on(1), lambda: hand_on(2), invite])
    assert site.project().owner_id in {id_of(actor) for actor in owners}
    assert site.project().owner_id not in site.members()
