"""Reviews: what reviewers find in a project's files, recorded by hand or by running them over all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from vibecore.domain.actors import Actor
from vibecore.domain.changes import diff
from vibecore.domain.errors import NotFound
from vibecore.domain.files import FileType
from vibecore.domain.filters import Filter
from vibecore.domain.issues import Issue, checked_issues, file_score
from vibecore.domain.paging import OrderBy, Page
from vibecore.domain.paths import normalise_path
from vibecore.domain.permissions import Action
from vibecore.domain.reviews import CODE_REVIEWS, CodeReview
from vibecore.domain.rules import TextArray
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.reviewers.protocol import Reviewer
from vibecore.services.reviewing import ReviewProgress, ReviewReport, ReviewRun
from vibecore.services.scoped import NEWEST_FIRST, Scoped, check_id
from vibecore.services.work import writable

if TYPE_CHECKING:
    from vibecore.services.reports.sarif_import import SarifReport
    from vibecore.services.reports.sources import Source


class ReviewService(Scoped):
    """`vibe.reviews`."""

    def record(
        self,
        actor: Actor,
        project_id: UUID,
        path: str,
        *,
        issues: Sequence[Issue | Mapping[str, object]] = (),
        score: int | None = None,
        summary: str | None = None,
        highlights: Sequence[str] = (),
        reviewer: str = "manual",
    ) -> CodeReview:
        """Record what `reviewer` says of the file at `path` as it is now; for the quality its newest review counts.

        Issues are given as such or as JSON (`Issue.from_json`). `score` is from 0 to 100; None: what
        `domain.issues.file_score` makes of the issues.

        Raises InvalidValue, NotFound (kind "project", or kind "file" where no file stands at `path`),
        PermissionDenied, ReadOnlyProject.
        """
        scope = check_id("project_id", project_id)
        place = normalise_path(path)
        found_issues = checked_issues(issues)
        column = CODE_REVIEWS.column
        told = column("highlights").check(TextArray().check("highlights", highlights))
        by = column("reviewer").check(reviewer)
        text = column("summary").check(summary)
        judged = None if score is None else column("score").check(score)

        def run(tx: UnitOfWork) -> CodeReview:
            with tx.batch() as batch:
                access = batch.add(tx.projects.access, scope, actor.user_id)
                found = batch.add(tx.files.find_path, scope, place)
            granted = writable(actor, Action.REVIEW, scope, access.value)
            file = found.value
            if file is None or file.type is not FileType.FILE:
                raise NotFound("file", place)
            review = CodeReview(
                id=self._effects.ids(),
                project_id=scope,
                file_path=place,
                language=file.language,
                score=file_score(found_issues, file.line_count) if judged is None else judged,
                issues=column("issues").check([issue.to_json() for issue in found_issues]),
                summary=text,
                highlights=told,
                reviewer=by,
                digest=file.digest,
                line_count=file.line_count,
                created_at=tx.now,
                updated_at=tx.now,
            )
            event = self._event(
                tx,
                actor,
                granted,
                "review.recorded",
                kind="code_review",
                key=review.id,
                changes=diff(CODE_REVIEWS, None, review),
            )
            with tx.batch() as batch:
                stored = batch.add(tx.reviews.insert, review)
                batch.add(tx.audit.append, event)
            return stored.value

        return self._work.write(actor, run)

    def run(
        self,
        actor: Actor,
        project_id: UUID,
        *,
        reviewers: Sequence[Reviewer] | None = None,
        progress: Callable[[ReviewProgress], None] | None = None,
    ) -> ReviewReport:
        """Let `reviewers` (None: the built-in Python reviewer) read every file of their languages that has changed
        since they read it last, and record what they find, all or nothing.

        The reading and judging happen before the unit of work that writes; a file that changes meanwhile is reported
        as not reviewed, as is one that a reviewer cannot judge: nothing is recorded for it.

        Raises InvalidValue, NotFound (kind "project"), PermissionDenied, ReadOnlyProject, and what `progress` or a
        reviewer (apart from NotReviewed) raises.
        """
        return ReviewRun(self._work, actor, project_id, reviewers=reviewers, progress=progress).run()

    def import_sarif(
        self,
        actor: Actor,
        project_id: UUID,
        source: Source,
        *,
        root: str | None = None,
        complete: bool = False,
    ) -> SarifReport:
        """Record what other tools found: a report in SARIF 2.1.0, all or nothing. Each file and tool gets a review,
        whose reviewer is the tool's name; what cannot be recorded is skipped, with its reason in the report.

        `source` is the report as bytes, its path, or a file that is open for reading bytes. Absolute locations lie
        below `root`, the project's folder where the tool ran; None: it is found from the files that the report and the
        project have in common. A file is clean where the report says that the tool looked at it. With `complete`, the
        caller says that the tool looked at everything that it had looked at before: files without a result are clean.

        Lines and columns are held against the files as they are now; one that changes meanwhile is not reviewed.

        Raises InvalidValue (field "source": no SARIF 2.1.0, damaged, or over a limit), NotFound (kind "project"),
        PermissionDenied, ReadOnlyProject.
        """
        from vibecore.services.reports.sarif_import import SarifImport

        return SarifImport(self._work, actor, project_id, source, root=root, complete=complete).run()

    def export_sarif(self, actor: Actor, project_id: UUID, *, reviewer: str | None = None) -> bytes:
        """The newest review of every file by every reviewer, or by one, as SARIF 2.1.0 in UTF-8; suppressed issues too.

        Raises NotFound (kind "project"), PermissionDenied, InvalidValue.
        """
        from vibecore.services.reports.sarif_export import document

        by = None if reviewer is None else CODE_REVIEWS.column("reviewer").check(reviewer)
        found = self.latest(actor, project_id)
        chosen = [review for review in found if by is None or review.reviewer == by]
        return self._effects.runtime.offload(document, chosen)

    def latest(self, actor: Actor, project_id: UUID) -> tuple[CodeReview, ...]:
        """The newest review of every file by every reviewer, ordered by path, then reviewer.

        Raises NotFound (kind "project"), PermissionDenied, InvalidValue.
        """
        return tuple(
            self._ask(
                actor, Action.REVIEWS_READ, project_id, lambda tx, batch: batch.add(tx.reviews.latest, project_id)
            )
        )

    def get(self, actor: Actor, project_id: UUID, review_id: UUID) -> CodeReview:
        """The review; NotFound (kind "code_review" or "project"), PermissionDenied, InvalidValue."""
        found = self.find(actor, project_id, review_id)
        if found is None:
            raise NotFound("code_review", review_id)
        return found

    def find(self, actor: Actor, project_id: UUID, review_id: UUID) -> CodeReview | None:
        """The review, or None. Raises NotFound (kind "project"), PermissionDenied, InvalidValue."""
        key = check_id("review_id", review_id)
        return self._ask(
            actor, Action.REVIEWS_READ, project_id, lambda tx, batch: batch.add(tx.reviews.find, project_id, key)
        )

    def page(
        self,
        actor: Actor,
        project_id: UUID,
        *,
        where: Filter | None = None,
        order_by: OrderBy | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[CodeReview]:
        """Reviews, the newest first unless `order_by` says otherwise.

        Raises NotFound (kind "project"), PermissionDenied, InvalidValue, InvalidCursor.
        """
        return self._ask(
            actor,
            Action.REVIEWS_READ,
            project_id,
            lambda tx, batch: batch.add(
                tx.reviews.page,
                project_id,
                where=where,
                order_by=NEWEST_FIRST if order_by is None else order_by,
                limit=limit,
                cursor=cursor,
            ),
        )
