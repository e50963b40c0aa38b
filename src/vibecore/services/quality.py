"""Quality: what a project's evidence amounts to, explained, and the history of its scores."""

from __future__ import annotations

import dataclasses
from uuid import UUID

from vibecore.domain import quality
from vibecore.domain.actors import Actor
from vibecore.domain.changes import diff, others
from vibecore.domain.filters import Filter
from vibecore.domain.paging import OrderBy, Page
from vibecore.domain.permissions import Action
from vibecore.domain.projects import PROJECTS
from vibecore.domain.quality import QualityReport
from vibecore.domain.scores import QUALITY_SCORES, QualityScore
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.scoped import NEWEST_FIRST, Scoped, check_id
from vibecore.services.work import writable


class QualityService(Scoped):
    """`vibe.quality`."""

    def assess(self, actor: Actor, project_id: UUID) -> QualityReport:
        """Score the project by its newest reviews and test results and by its deployments.

        The score goes into the history, each assessment as a row of its own, and into `Project.quality_score`: None
        where nothing is measured. Raises NotFound (kind "project"), PermissionDenied, ReadOnlyProject.
        """
        scope = check_id("project_id", project_id)

        def run(tx: UnitOfWork) -> QualityReport:
            with tx.batch() as batch:
                access = batch.add(tx.projects.access, scope, actor.user_id)
                inputs = batch.add(tx.quality.inputs, scope)
            granted = writable(actor, Action.ASSESS, scope, access.value)
            report = quality.assess(inputs.value)
            score = self._score(tx, scope, report)
            project = dataclasses.replace(granted.project, quality_score=report.score)
            event = self._event(
                tx,
                actor,
                granted,
                "quality.assessed",
                kind="quality_score",
                key=score.id,
                changes=diff(QUALITY_SCORES, None, score),
                others=others((scope, diff(PROJECTS, granted.project, project))),
            )
            with tx.batch() as batch:
                batch.add(tx.scores.insert, score)
                if granted.project.quality_score != report.score:
                    batch.add(tx.projects.update, project)
                batch.add(tx.audit.append, event)
            return report

        return self._work.write(actor, run)

    def history(
        self,
        actor: Actor,
        project_id: UUID,
        *,
        where: Filter | None = None,
        order_by: OrderBy | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[QualityScore]:
        """Past assessments, the newest first unless `order_by` says otherwise.

        Raises NotFound (kind "project"), PermissionDenied, InvalidValue, InvalidCursor.
        """
        return self._ask(
            actor,
            Action.QUALITY_READ,
            project_id,
            lambda tx, batch: batch.add(
                tx.scores.page,
                project_id,
                where=where,
                order_by=NEWEST_FIRST if order_by is None else order_by,
                limit=limit,
                cursor=cursor,
            ),
        )

    def _score(self, tx: UnitOfWork, project_id: UUID, report: QualityReport) -> QualityScore:
        return QualityScore(
            id=self._effects.ids(),
            project_id=project_id,
            score=report.score,
            lower=report.lower,
            upper=report.upper,
            confidence=report.confidence,
            model=report.model,
            inputs=report.inputs.to_json(),
            components=report.components_json(),
            created_at=tx.now,
            updated_at=tx.now,
        )
