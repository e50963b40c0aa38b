"""Projects and how users stand to them: `vibecore.repositories.projects`."""

from __future__ import annotations

from itertools import product
from typing import Any, Final
from uuid import UUID

from vibecore.domain.access import ProjectAccess
from vibecore.domain.errors import InvalidCursor
from vibecore.domain.filters import field
from vibecore.domain.members import MEMBERS
from vibecore.domain.paging import desc
from vibecore.domain.projects import PROJECTS, Project, Visibility
from vibecore.domain.users import USERS, UserRole
from vibecore.repositories.unit_of_work import Store, UnitOfWork
from vibecore.testing.builders import make
from vibecore.testing.contract.expect import invalid

NOBODY: Final = UUID(int=404)


class Company:
    """Two owners with a project of each visibility, a member of one of them, and a stranger."""

    def __init__(self, tx: UnitOfWork) -> None:
        self.ada, self.bob, self.member, self.stranger = (make(tx, USERS) for _ in range(4))
        self.projects = {
            (owner.id, visibility): make(tx, PROJECTS, owner_id=owner.id, visibility=visibility)
            for owner in (self.ada, self.bob)
            for visibility in Visibility
        }
        joined = self.projects[self.ada.id, Visibility.PRIVATE]
        make(tx, MEMBERS, project_id=joined.id, user_id=self.member.id, role=UserRole.VIEWER)
        self.joined = joined

    def of(self, owner: Any, visibility: Visibility) -> Project:
        return self.projects[owner.id, visibility]


def test_access_tells_how_a_user_stands_to_a_project(store: Store) -> None:
    """Membership by role; a teammate is a member of any project of the owner, asked only where it matters."""
    with store.begin() as tx:
        company = Company(tx)
        everyone = [company.ada.id, company.bob.id, company.member.id, company.stranger.id, NOBODY, None]
        for project, user_id in product(company.projects.values(), everyone):
            is_member = user_id == company.member.id
            expected = ProjectAccess(
                project=project,
                member_role=UserRole.VIEWER if is_member and project == company.joined else None,
                teammate=is_member and project.visibility is Visibility.TEAM and project.owner_id == company.ada.id,
            )
            assert tx.projects.access(project.id, user_id) == expected


def test_access_to_no_project_is_none(store: Store) -> None:
    """An unknown id; wrong arguments are InvalidValue."""
    with store.begin() as tx:
        assert tx.projects.access(NOBODY, None) is None
        with invalid("project_id"):
            tx.projects.access("x", None)  # type: ignore[arg-type]  # what callers without a checker do
        with invalid("user_id"):
            tx.projects.access(NOBODY, "x")  # type: ignore[arg-type]  # what callers without a checker do


def test_the_owner_is_neither_member_nor_teammate_by_that(store: Store) -> None:
    """An owner who is a member of a project of their own is one by that membership."""
    with store.begin() as tx:
        project = make(tx, PROJECTS, visibility=Visibility.TEAM)
        before = tx.projects.access(project.id, project.owner_id)
        assert before == ProjectAccess(project=project, member_role=None, teammate=False)
        make(tx, MEMBERS, project_id=project.id, user_id=project.owner_id)
        after = tx.projects.access(project.id, project.owner_id)
        assert after == ProjectAccess(project=project, member_role=UserRole.DEVELOPER, teammate=True)


def test_readable_projects_are_listed(store: Store) -> None:
    """Owned, member of, public, or `team` of a teammate; for nobody the public ones."""
    with store.begin() as tx:
        company = Company(tx)
        ada, bob = company.ada, company.bob
        public = {company.of(ada, Visibility.PUBLIC), company.of(bob, Visibility.PUBLIC)}
        expected = {
            None: public,
            NOBODY: public,
            company.stranger.id: public,
            ada.id: public | {company.of(ada, visibility) for visibility in Visibility},
            company.member.id: public | {company.joined, company.of(ada, Visibility.TEAM)},
        }
        for user_id, projects in expected.items():
            assert set(tx.projects.page_readable(user_id).items) == projects


def test_readable_projects_come_in_pages(store: Store) -> None:
    """With filter, order and cursor as in `page`; a cursor belongs to the user it was made for."""
    with store.begin() as tx:
        owner = make(tx, USERS)
        for number in range(5):
            make(tx, PROJECTS, owner_id=owner.id, name=str(number))
        make(tx, PROJECTS, name="9")
        where = field("name").ne("2")
        first = tx.projects.page_readable(owner.id, where=where, order_by=desc("name"), limit=3)
        assert [project.name for project in first.items] == ["4", "3", "1"]
        cursor = first.next_cursor
        rest = tx.projects.page_readable(owner.id, where=where, order_by=desc("name"), limit=3, cursor=cursor)
        assert [project.name for project in rest.items] == ["0"]
        assert rest.next_cursor is None
        for user_id in (None, NOBODY):
            with invalid("cursor", InvalidCursor):
                tx.projects.page_readable(user_id, where=where, order_by=desc("name"), cursor=cursor)
        with invalid("cursor", InvalidCursor):
            tx.projects.page(where=where, order_by=desc("name"), cursor=cursor)
        with invalid("limit"):
            tx.projects.page_readable(owner.id, limit=1001)
        assert tx.projects.page_readable(owner.id, limit=0).items == ()
