"""Members: who takes part in a project, and in which role. `ProjectService` has these methods."""

from __future__ import annotations

import dataclasses
from uuid import UUID

from vibecore.domain.actors import Actor
from vibecore.domain.audit import AuditEvent
from vibecore.domain.changes import diff
from vibecore.domain.errors import AlreadyExists, InvalidValue, NotFound
from vibecore.domain.filters import Filter
from vibecore.domain.members import MEMBERS, ProjectMember
from vibecore.domain.paging import OrderBy, Page
from vibecore.domain.permissions import Action
from vibecore.domain.projects import Project
from vibecore.domain.rules import check_member
from vibecore.domain.users import UserRole
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services import telling
from vibecore.services.scoped import Scoped, check_id
from vibecore.services.work import writable


class MemberMethods(Scoped):
    """The owner stands above every role and is never a member; members with the role `admin` manage the others."""

    def members(
        self,
        actor: Actor,
        project_id: UUID,
        *,
        where: Filter | None = None,
        order_by: OrderBy | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[ProjectMember]:
        """The project's members, for its owner and members only.

        Raises NotFound (kind "project"), PermissionDenied, InvalidValue, InvalidCursor.
        """
        return self._ask(
            actor,
            Action.MEMBERS_READ,
            project_id,
            lambda tx, batch: batch.add(
                tx.members.page, project_id, where=where, order_by=order_by, limit=limit, cursor=cursor
            ),
        )

    def add_member(
        self, actor: Actor, project_id: UUID, user_id: UUID, *, role: UserRole = UserRole.DEVELOPER
    ) -> ProjectMember:
        """The user as a new member in this role.

        Raises NotFound (kind "user" or "project"); AlreadyExists for who is a member; InvalidValue, also for the
        owner; PermissionDenied, ReadOnlyProject.
        """
        key, user_key = check_id("project_id", project_id), check_id("user_id", user_id)
        check_member(UserRole, "role", role)

        def run(tx: UnitOfWork) -> ProjectMember:
            with tx.batch() as batch:
                asked = batch.add(tx.projects.access, key, actor.user_id)
                present = batch.add(tx.members.find_user, key, user_key)
                user = batch.add(tx.users.find, user_key)
            access = writable(actor, Action.MEMBERS_MANAGE, key, asked.value)
            if access.project.owner_id == user_key:
                raise InvalidValue("user_id", "owns the project, which is above every role")
            if present.value is not None:
                unique = MEMBERS.uniques[0]
                raise AlreadyExists(MEMBERS.kind, unique.name, unique.fields)
            if user.value is None:
                raise NotFound("user", user_key)
            member = ProjectMember(
                id=self._effects.ids(),
                project_id=key,
                user_id=user_key,
                role=role,
                joined_at=tx.now,
                created_at=tx.now,
                updated_at=tx.now,
            )
            event = self._about(tx, actor, "project.member.added", None, member)
            with tx.batch() as batch:
                stored = batch.add(tx.members.insert, member)
                telling.member_added(self._work, tx, batch, actor, access.project, user_key, role)
                batch.add(tx.audit.append, event)
            return stored.value

        return self._work.write(actor, run)

    def set_member_role(self, actor: Actor, project_id: UUID, user_id: UUID, *, role: UserRole) -> ProjectMember:
        """The member in this role; without an event where it is the role they have.

        Raises NotFound (kind "member" or "project"), PermissionDenied, ReadOnlyProject, InvalidValue.
        """
        key, user_key = check_id("project_id", project_id), check_id("user_id", user_id)
        check_member(UserRole, "role", role)

        def run(tx: UnitOfWork) -> ProjectMember:
            project, member = self._member(tx, actor, Action.MEMBERS_MANAGE, key, user_key)
            if member.role is role:
                return member
            after = dataclasses.replace(member, role=role)
            event = self._about(tx, actor, "project.member.role_changed", member, after)
            with tx.batch() as batch:
                stored = batch.add(tx.members.update, after)
                telling.role_changed(self._work, tx, batch, actor, project, member, role)
                batch.add(tx.audit.append, event)
            return stored.value

        return self._work.write(actor, run)

    def remove_member(self, actor: Actor, project_id: UUID, user_id: UUID) -> None:
        """End a membership; members may end their own.

        Raises NotFound (kind "member" or "project"), PermissionDenied, ReadOnlyProject, InvalidValue.
        """
        key, user_key = check_id("project_id", project_id), check_id("user_id", user_id)

        def run(tx: UnitOfWork) -> None:
            leaving = actor.user_id == user_key
            action = Action.PROJECT_LEAVE if leaving else Action.MEMBERS_MANAGE
            project, member = self._member(tx, actor, action, key, user_key)
            name = "project.member.left" if leaving else "project.member.removed"
            event = self._about(tx, actor, name, member, None)
            with tx.batch() as batch:
                batch.add(tx.members.delete, key, member.id)
                telling.member_removed(self._work, tx, batch, actor, project, user_key)
                batch.add(tx.audit.append, event)

        self._work.write(actor, run)

    def _member(
        self, tx: UnitOfWork, actor: Actor, action: Action, project_id: UUID, user_id: UUID
    ) -> tuple[Project, ProjectMember]:
        with tx.batch() as batch:
            asked = batch.add(tx.projects.access, project_id, actor.user_id)
            found = batch.add(tx.members.find_user, project_id, user_id)
        access = writable(actor, action, project_id, asked.value)
        if found.value is None:
            raise NotFound("member", user_id)
        return access.project, found.value

    def _about(
        self,
        tx: UnitOfWork,
        actor: Actor,
        name: str,
        before: ProjectMember | None,
        after: ProjectMember | None,
    ) -> AuditEvent:
        member = before or after
        assert member is not None
        return self._work.event(
            tx,
            actor,
            name,
            resource_type="member",
            resource_id=member.id,
            project_id=member.project_id,
            details={"user_id": str(member.user_id)},
            changes=diff(MEMBERS, before, after),
        )
