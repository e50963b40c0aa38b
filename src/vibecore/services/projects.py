"""Projects: made, found, changed, and taken through their status machine."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from vibecore.domain.actors import Actor
from vibecore.domain.changes import NOT_GIVEN, NotGiven, changes, diff
from vibecore.domain.deployments import IN_FLIGHT, Deployment
from vibecore.domain.environments import PRODUCTION
from vibecore.domain.errors import InvalidTransition, InvalidValue, NotFound, PermissionDenied, Stale
from vibecore.domain.filters import And, Filter, field
from vibecore.domain.paging import OrderBy, Page
from vibecore.domain.permissions import Action, in_scope
from vibecore.domain.pipelines import ExecutionStatus
from vibecore.domain.projects import PROJECTS, TRANSITIONS, Project, ProjectStatus, Visibility
from vibecore.domain.rules import Boolean, Timestamp, check_member, check_text
from vibecore.domain.stacks import check_tech_stack
from vibecore.repositories.unit_of_work import Pending, UnitOfWork
from vibecore.services.members import MemberMethods
from vibecore.services.ownership import OwnershipMethods
from vibecore.services.scoped import check_id
from vibecore.services.stacks import StackMethods
from vibecore.services.work import allowed, readable, writable

MAX_WORDS: Final = 20
MAX_SEARCHED: Final = 1000
"""Words, and characters with the white space between them, that one search takes."""
_DEPLOYING: Final = field("status").among(IN_FLIGHT)
_EXECUTING: Final = field("status").among((ExecutionStatus.QUEUED, ExecutionStatus.BLOCKED, ExecutionStatus.RUNNING))


class ProjectService(MemberMethods, OwnershipMethods, StackMethods):
    """`vibe.projects`."""

    def create(
        self,
        actor: Actor,
        *,
        name: str,
        description: str | None = None,
        visibility: Visibility = Visibility.PRIVATE,
        tech_stack: Mapping[str, Sequence[str]] | None = None,
        architecture: Mapping[str, object] | None = None,
        repository_url: str | None = None,
    ) -> Project:
        """A new project in status `planning`, owned by `actor`. `tech_stack` maps categories to lists of names.

        Raises PermissionDenied, InvalidValue; MissingReference where the actor's account is gone.
        """
        fields = {
            "name": name,
            "description": description,
            "visibility": visibility,
            "tech_stack": check_tech_stack({} if tech_stack is None else tech_stack),
            "architecture": {} if architecture is None else architecture,
            "repository_url": repository_url,
        }
        checked: dict[str, Any] = {key: PROJECTS.column(key).check(value) for key, value in fields.items()}

        def run(tx: UnitOfWork) -> Project:
            allowed(actor, Action.PROJECT_CREATE)
            project = Project(
                id=self._effects.ids(), owner_id=_owner(actor), created_at=tx.now, updated_at=tx.now, **checked
            )
            event = self._work.event(
                tx,
                actor,
                "project.created",
                resource_type="project",
                resource_id=project.id,
                project_id=project.id,
                changes=diff(PROJECTS, None, project),
            )
            with tx.batch() as batch:
                stored = batch.add(tx.projects.insert, project)
                batch.add(tx.audit.append, event)
            return stored.value

        return self._work.write(actor, run)

    def get(self, actor: Actor, project_id: UUID) -> Project:
        """The project; NotFound where there is none that `actor` may know of, InvalidValue, PermissionDenied."""
        key = check_id("project_id", project_id)

        def run(tx: UnitOfWork) -> Project:
            return readable(actor, Action.PROJECT_READ, key, tx.projects.access(key, actor.user_id)).project

        return self._work.read(actor, run)

    def find(self, actor: Actor, project_id: UUID) -> Project | None:
        """The project, or None where there is none that `actor` may know of; InvalidValue, PermissionDenied."""
        try:
            return self.get(actor, project_id)
        except NotFound:
            return None

    def page(
        self,
        actor: Actor,
        *,
        everything: bool = False,
        where: Filter | None = None,
        order_by: OrderBy | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Project]:
        """The projects that `actor` may read: owned, member of, public, or the team's.

        With `everything` all there are, for administrators and the system only. Raises PermissionDenied, InvalidValue,
        InvalidCursor.
        """
        return self._listed(actor, everything, where, order_by, limit, cursor)

    def search(
        self,
        actor: Actor,
        text: str,
        *,
        everything: bool = False,
        where: Filter | None = None,
        order_by: OrderBy | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Project]:
        """The projects that `actor` may read and whose name or description holds every word of `text`, by name unless
        `order_by` says otherwise.

        Words are what stands between white space, at most 20. They are searched as they stand: case counts, no
        character is a wildcard, and a part of a word is found too. `where` narrows it; `everything` as for `page`.
        Raises PermissionDenied, InvalidCursor; InvalidValue, also for a `text` without a word.
        """
        found = _holding(text)
        narrowed = found if where is None else found & where
        return self._listed(actor, everything, narrowed, "name" if order_by is None else order_by, limit, cursor)

    def _listed(
        self,
        actor: Actor,
        everything: bool,
        where: Filter | None,
        order_by: OrderBy | None,
        limit: int,
        cursor: str | None,
    ) -> Page[Project]:
        Boolean().check("everything", everything)

        def run(tx: UnitOfWork) -> Page[Project]:
            if everything:
                allowed(actor, Action.PROJECTS_READ_ALL)
                return tx.projects.page(where=where, order_by=order_by, limit=limit, cursor=cursor)
            if not in_scope(actor, Action.PROJECT_READ):
                raise PermissionDenied(Action.PROJECT_READ.value)
            return tx.projects.page_readable(actor.user_id, where=where, order_by=order_by, limit=limit, cursor=cursor)

        return self._work.read(actor, run)

    def update(
        self,
        actor: Actor,
        project_id: UUID,
        *,
        name: str | NotGiven = NOT_GIVEN,
        description: str | NotGiven | None = NOT_GIVEN,
        visibility: Visibility | NotGiven = NOT_GIVEN,
        tech_stack: Mapping[str, Sequence[str]] | NotGiven = NOT_GIVEN,
        architecture: Mapping[str, object] | NotGiven = NOT_GIVEN,
        repository_url: str | NotGiven | None = NOT_GIVEN,
        unchanged_since: datetime | None = None,
    ) -> Project:
        """The project with the given fields changed; without an event where nothing differs.

        `unchanged_since` is the `updated_at` that the caller has seen: Stale if the project has changed since. Raises
        NotFound, PermissionDenied, ReadOnlyProject, InvalidValue.
        """
        key = check_id("project_id", project_id)
        seen = None if unchanged_since is None else Timestamp().check("unchanged_since", unchanged_since)
        stack = tech_stack if isinstance(tech_stack, NotGiven) else check_tech_stack(tech_stack)

        def run(tx: UnitOfWork) -> Project:
            access = tx.projects.access(key, actor.user_id)
            project = writable(actor, Action.PROJECT_UPDATE, key, access).project
            if seen is not None and project.updated_at != seen:
                raise Stale("project", key)
            changed = changes(
                PROJECTS,
                project,
                name=name,
                description=description,
                visibility=visibility,
                tech_stack=stack,
                architecture=architecture,
                repository_url=repository_url,
            )
            return self._change(tx, actor, project, changed, "project.updated")

        return self._work.write(actor, run)

    def set_status(self, actor: Actor, project_id: UUID, *, status: ProjectStatus) -> Project:
        """The project in another status; without an event where it is in that status. `archived` means `archive`.

        Raises InvalidTransition where the status machine has no such step, and for `deployed` where nothing runs in
        production; NotFound, PermissionDenied, ReadOnlyProject (an archived project is restored first), InvalidValue.
        """
        key = check_id("project_id", project_id)
        if check_member(ProjectStatus, "status", status) is ProjectStatus.ARCHIVED:
            return self.archive(actor, key)

        def run(tx: UnitOfWork) -> Project:
            with tx.batch() as batch:
                access = batch.add(tx.projects.access, key, actor.user_id)
                live = batch.add(tx.deployments.running, key, PRODUCTION) if status is ProjectStatus.DEPLOYED else None
            project = writable(actor, Action.PROJECT_STATUS, key, access.value).project
            if project.status is status:
                return project
            _check_step(project, status, live)
            return self._change(tx, actor, project, {"status": status}, "project.status.changed")

        return self._work.write(actor, run)

    def archive(self, actor: Actor, project_id: UUID) -> Project:
        """The project, archived: read-only until it is restored. No effect on an archived one.

        Raises InvalidTransition while a deployment or pipeline is in flight; NotFound, PermissionDenied, InvalidValue.
        """
        key = check_id("project_id", project_id)

        def run(tx: UnitOfWork) -> Project:
            with tx.batch() as batch:
                access = batch.add(tx.projects.access, key, actor.user_id)
                deploying = batch.add(tx.deployments.count, key, where=_DEPLOYING)
                executing = batch.add(tx.executions.count, key, where=_EXECUTING)
            project = readable(actor, Action.PROJECT_ARCHIVE, key, access.value).project
            if project.status is ProjectStatus.ARCHIVED:
                return project
            if deploying.value or executing.value:
                reason = f"{deploying.value} deployments and {executing.value} pipelines are in flight"
                raise InvalidTransition("project", project.status.value, ProjectStatus.ARCHIVED.value, reason)
            changed = {"status": ProjectStatus.ARCHIVED, "archived_from": project.status}
            return self._change(tx, actor, project, changed, "project.archived")

        return self._work.write(actor, run)

    def restore(self, actor: Actor, project_id: UUID) -> Project:
        """The project in the status it was archived from. No effect on one that is not archived.

        Raises NotFound, PermissionDenied, InvalidValue.
        """
        key = check_id("project_id", project_id)

        def run(tx: UnitOfWork) -> Project:
            access = tx.projects.access(key, actor.user_id)
            project = readable(actor, Action.PROJECT_ARCHIVE, key, access).project
            if project.status is not ProjectStatus.ARCHIVED:
                return project
            status = project.archived_from or ProjectStatus.PLANNING
            changed = {"status": status, "archived_from": None}
            return self._change(tx, actor, project, changed, "project.restored")

        return self._work.write(actor, run)

    def _change(self, tx: UnitOfWork, actor: Actor, project: Project, changed: dict[str, Any], event: str) -> Project:
        if not changed:
            return project
        after = dataclasses.replace(project, **changed)
        row = self._work.event(
            tx,
            actor,
            event,
            resource_type="project",
            resource_id=project.id,
            project_id=project.id,
            changes=diff(PROJECTS, project, after),
        )
        with tx.batch() as batch:
            stored = batch.add(tx.projects.update, after)
            batch.add(tx.audit.append, row)
        return stored.value


def _holding(text: str) -> And:
    words = check_text("text", text).split()
    if not words:
        raise InvalidValue("text", "holds no word")
    if len(words) > MAX_WORDS:
        raise InvalidValue("text", f"holds more than {MAX_WORDS} words")
    if len(text) > MAX_SEARCHED:
        raise InvalidValue("text", f"is longer than {MAX_SEARCHED} characters")
    return And(tuple(field("name").contains(word) | field("description").contains(word) for word in words))


def _owner(actor: Actor) -> UUID:
    if actor.user_id is None:
        raise InvalidValue("actor", "has no user to own the project")
    return actor.user_id


def _check_step(project: Project, status: ProjectStatus, live: Pending[Deployment | None] | None) -> None:
    if status not in TRANSITIONS[project.status]:
        raise InvalidTransition("project", project.status.value, status.value)
    if live is not None and live.value is None:
        raise InvalidTransition("project", project.status.value, status.value, f"nothing runs in {PRODUCTION}")
