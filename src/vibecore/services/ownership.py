"""Ownership: one owner at every moment, handed on in one unit of work. `ProjectService` has these methods."""

from __future__ import annotations

import dataclasses
from uuid import UUID

from vibecore.domain.actors import Actor
from vibecore.domain.changes import diff, others
from vibecore.domain.errors import InvalidValue, NotFound
from vibecore.domain.members import MEMBERS, ProjectMember
from vibecore.domain.permissions import PLATFORM, Action
from vibecore.domain.projects import PROJECTS, Project
from vibecore.domain.rules import Boolean
from vibecore.domain.users import User, UserRole
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.scoped import Scoped, check_id
from vibecore.services.work import writable


class OwnershipMethods(Scoped):
    """Who a project belongs to."""

    def transfer(self, actor: Actor, project_id: UUID, new_owner_id: UUID, *, leave: bool = False) -> Project:
        """The project, owned by `new_owner_id` from now on. Who owned it stays as a member with the role `admin`, or
        with `leave` has no part in it any more; a membership of the new owner ends, for ownership is above every role.

        For the owner, or an administrator by override. Without effect where the user owns the project. The new owner
        may be anybody who could create a project and can sign in. Of two transfers at once, one comes first, and the
        other is asked again whether its actor still may.

        Raises NotFound (kind "user" or "project"), PermissionDenied, ReadOnlyProject; InvalidValue, also for a user
        who is disabled or whose system role owns no projects.
        """
        key, heir = check_id("project_id", project_id), check_id("new_owner_id", new_owner_id)
        Boolean().check("leave", leave)

        def run(tx: UnitOfWork) -> Project:
            with tx.batch() as batch:
                asked = batch.add(tx.projects.access, key, actor.user_id)
                # In this unit: who disables or deletes the account meanwhile changes what was read, and one collides.
                found = batch.add(tx.users.find, heir)
                membership = batch.add(tx.members.find_user, key, heir)
            project = writable(actor, Action.PROJECT_TRANSFER, key, asked.value).project
            if project.owner_id == heir:
                return project
            _check_heir(heir, found.value)
            return self._hand_over(tx, actor, project, heir, membership.value, leave=leave)

        return self._work.write(actor, run)

    def _hand_over(
        self,
        tx: UnitOfWork,
        actor: Actor,
        project: Project,
        heir: UUID,
        membership: ProjectMember | None,
        *,
        leave: bool,
    ) -> Project:
        after = dataclasses.replace(project, owner_id=heir)
        stays = ProjectMember(
            id=self._effects.ids(),
            project_id=project.id,
            user_id=project.owner_id,
            role=UserRole.ADMIN,
            joined_at=tx.now,
            created_at=tx.now,
            updated_at=tx.now,
        )
        members = [] if leave else [(stays.id, diff(MEMBERS, None, stays))]
        if membership is not None:
            members.append((membership.id, diff(MEMBERS, membership, None)))
        event = self._work.event(
            tx,
            actor,
            "project.transferred",
            resource_type="project",
            resource_id=project.id,
            project_id=project.id,
            changes=diff(PROJECTS, project, after),
            others=others(*members),
        )
        with tx.batch() as batch:
            stored = batch.add(tx.projects.update, after)
            if membership is not None:
                batch.add(tx.members.delete, project.id, membership.id)
            if not leave:
                batch.add(tx.members.insert, stays)
            batch.add(tx.audit.append, event)
        return stored.value


def _check_heir(key: UUID, user: User | None) -> None:
    if user is None:
        raise NotFound("user", key)
    if user.role not in PLATFORM[Action.PROJECT_CREATE]:
        raise InvalidValue("new_owner_id", f"is a {user.role.value}, who owns no projects")
    if user.disabled_at is not None:
        raise InvalidValue("new_owner_id", "is disabled")
