"""What vibecore tells of: from an event to notices, written with what caused them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final
from uuid import UUID

from vibecore.domain import notification_types as types
from vibecore.domain.actors import Actor
from vibecore.domain.deployments import Deployment, DeploymentStatus
from vibecore.domain.members import ProjectMember
from vibecore.domain.notification_types import NotificationType
from vibecore.domain.paging import MAX_LIMIT, Page
from vibecore.domain.projects import Project
from vibecore.domain.users import UserRole
from vibecore.repositories.unit_of_work import Batch, Pending, UnitOfWork
from vibecore.services.work import Work

_OF_STATUS: Final[Mapping[DeploymentStatus, tuple[NotificationType, str]]] = {
    DeploymentStatus.RUNNING: (types.DEPLOYMENT_LIVE, "is live in"),
    DeploymentStatus.FAILED: (types.DEPLOYMENT_FAILED, "failed in"),
    DeploymentStatus.ROLLED_BACK: (types.DEPLOYMENT_ROLLED_BACK, "was rolled back in"),
}


def ask_members(tx: UnitOfWork, batch: Batch, project_id: UUID) -> Pending[Page[ProjectMember]]:
    """Who takes part in the project, in a batch that is read anyway: for `audience`."""
    return batch.add(tx.members.page, project_id, limit=MAX_LIMIT)


def audience(tx: UnitOfWork, actor: Actor, project: Project, members: Page[ProjectMember]) -> list[UUID]:
    """The project's owner and members but who did it; in one more round trip for each thousand after the first."""
    found = [project.owner_id, *(member.user_id for member in members.items)]
    while members.next_cursor is not None:
        members = tx.members.page(project.id, limit=MAX_LIMIT, cursor=members.next_cursor)
        found += [member.user_id for member in members.items]
    return [user_id for user_id in found if user_id != actor.user_id]


def member_added(
    work: Work, tx: UnitOfWork, batch: Batch, actor: Actor, project: Project, user_id: UUID, role: UserRole
) -> None:
    _tell_member(
        work,
        tx,
        batch,
        actor,
        user_id,
        types.MEMBER_ADDED,
        f"You are a member of {project.name} now, as {role.value}",
        {**_project(project), "role": role.value},
    )


def role_changed(
    work: Work, tx: UnitOfWork, batch: Batch, actor: Actor, project: Project, before: ProjectMember, role: UserRole
) -> None:
    _tell_member(
        work,
        tx,
        batch,
        actor,
        before.user_id,
        types.ROLE_CHANGED,
        f"Your role in {project.name} is {role.value} now",
        {**_project(project), "role": role.value, "previous": before.role.value},
    )


def member_removed(work: Work, tx: UnitOfWork, batch: Batch, actor: Actor, project: Project, user_id: UUID) -> None:
    title = f"You are no longer a member of {project.name}"
    _tell_member(work, tx, batch, actor, user_id, types.MEMBER_REMOVED, title, _project(project))


def ownership_transferred(
    work: Work, tx: UnitOfWork, batch: Batch, actor: Actor, project: Project, owners: Iterable[UUID]
) -> None:
    """`owners` are the old one and the new one."""
    told = [user_id for user_id in owners if user_id != actor.user_id]
    title = f"{project.name} has another owner"
    work.tell(tx, batch, told, types.OWNERSHIP_TRANSFERRED, title, data=_project(project))


def deployment_changed(
    work: Work, tx: UnitOfWork, batch: Batch, project: Project, told: list[UUID], deployment: Deployment
) -> None:
    """Nothing for a status that nobody waits for."""
    kind, words = _OF_STATUS.get(deployment.status, (None, ""))
    if kind is None:
        return
    data: dict[str, object] = {
        **_project(project),
        "deployment_id": deployment.id,
        "environment": deployment.environment,
    }
    if deployment.version is not None:
        data["version"] = deployment.version
    name = project.name if deployment.version is None else f"{project.name} {deployment.version}"
    title = f"{name} {words} {deployment.environment}"
    work.tell(tx, batch, told, kind, title, message=deployment.reason, data=data)


def review_critical(
    work: Work, tx: UnitOfWork, batch: Batch, project: Project, told: list[UUID], *, critical: int, files: int
) -> None:
    """One notification for each project, renewed by the next review that finds something."""
    issues = "a critical issue" if critical == 1 else f"{critical} critical issues"
    data = {**_project(project), "critical": critical, "files": files}
    title = f"A review of {project.name} found {issues}"
    work.tell(tx, batch, told, types.REVIEW_CRITICAL, title, data=data, dedup_key=str(project.id))


def quality_dropped(
    work: Work, tx: UnitOfWork, batch: Batch, project: Project, told: list[UUID], *, score: object, previous: object
) -> None:
    """One notification for each project, renewed by the next drop."""
    data = {**_project(project), "score": str(score), "previous": str(previous)}
    title = f"The quality of {project.name} dropped from {previous} to {score}"
    work.tell(tx, batch, told, types.QUALITY_DROPPED, title, data=data, dedup_key=str(project.id))


def _tell_member(
    work: Work,
    tx: UnitOfWork,
    batch: Batch,
    actor: Actor,
    user_id: UUID,
    kind: NotificationType,
    title: str,
    data: Mapping[str, object],
) -> None:
    if user_id != actor.user_id:
        work.tell(tx, batch, [user_id], kind, title, data=data)


def _project(project: Project) -> dict[str, object]:
    return {"project_id": project.id, "project": project.name}
