"""Running reviewers over a project: read by pages, judged outside of any transaction, recorded in one unit of work."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from vibecore.domain.actors import Actor
from vibecore.domain.errors import InvalidValue
from vibecore.domain.files import File, FileType
from vibecore.domain.filters import MAX_AMONG, And, Filter, field
from vibecore.domain.issues import IssueSeverity, checked_issues, file_score
from vibecore.domain.permissions import Action
from vibecore.domain.reviews import CODE_REVIEWS, CodeReview
from vibecore.domain.rules import Integer, Text
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.reviewers.protocol import FileReview, NotReviewed, Reviewer
from vibecore.services.scoped import Scoped, check_id
from vibecore.services.work import Work, writable

READ_AT_ONCE: Final = 50
"""Files whose contents are in memory at a time."""

_NAME: Final = Text(100, shortest=1)
_LANGUAGE: Final = Text(50, shortest=1)
_LINES: Final = Integer(low=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewProgress:
    """How far a run has come: `files` judged, the last one at `path`."""

    files: int
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreviewed:
    """A file that `reviewer` did not judge, and why. Nothing is known of it, good or bad."""

    path: str
    reviewer: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewReport:
    """What a run did: `reviewed` and `unchanged` (since their last review) count files once for each reviewer,
    `lines` are those reviewed now, `issues` those found now and not suppressed, by severity, the worst first."""

    reviewed: int
    unchanged: int
    lines: int
    issues: Mapping[str, int]
    not_reviewed: tuple[Unreviewed, ...]


@dataclass(frozen=True, slots=True)
class _Finding:
    """A review that is not recorded yet."""

    reviewer: str
    path: str
    language: str | None
    digest: str | None
    review: FileReview


@dataclass(frozen=True, slots=True)
class _Subject:
    """What of a file the judging needs; its content is not kept."""

    path: str
    language: str | None
    digest: str | None
    content: str | None


class ReviewRun(Scoped):
    """One call of `ReviewService.run`."""

    def __init__(
        self,
        work: Work,
        actor: Actor,
        project_id: UUID,
        *,
        reviewers: Sequence[Reviewer] | None,
        progress: Callable[[ReviewProgress], None] | None,
    ) -> None:
        super().__init__(work)
        self._actor = actor
        self._project_id = check_id("project_id", project_id)
        self._reviewers = _built_in() if reviewers is None else _checked(reviewers)
        if progress is not None and not callable(progress):
            raise InvalidValue("progress", f"must be callable, not {type(progress).__name__}")
        self._progress = progress
        self._judged = 0
        self._findings: list[_Finding] = []
        self._not_reviewed: list[Unreviewed] = []

    def run(self) -> ReviewReport:
        known = self._known()
        for reviewer in self._reviewers:
            for page in self._pages(reviewer, known.get(reviewer.name, ())):
                self._judge(reviewer, page)
        recorded, changed = self._work.write(self._actor, self._record) if self._findings else ([], [])
        issues = Counter(
            str(issue["severity"]) for review in recorded for issue in review.issues if not issue["suppressed"]
        )
        return ReviewReport(
            reviewed=len(recorded),
            unchanged=sum(len(known.get(reviewer.name, ())) for reviewer in self._reviewers),
            lines=sum(review.line_count for review in recorded),
            issues={severity.value: issues[severity.value] for severity in IssueSeverity},
            not_reviewed=tuple(sorted(self._not_reviewed + changed, key=lambda one: (one.path, one.reviewer))),
        )

    def _known(self) -> dict[str, list[str]]:
        """By reviewer, the paths whose newest review is of what stands there now."""

        def run(tx: UnitOfWork) -> dict[str, list[str]]:
            with tx.batch() as batch:
                access = batch.add(tx.projects.access, self._project_id, self._actor.user_id)
                latest = batch.add(tx.reviews.latest, self._project_id)
                stamps = batch.add(tx.files.stamps, self._project_id)
            writable(self._actor, Action.REVIEW, self._project_id, access.value)
            found: dict[str, list[str]] = {}
            for review in latest.value:
                stamp = stamps.value.get(review.file_path)
                if stamp is not None and stamp.digest == review.digest:
                    found.setdefault(review.reviewer, []).append(review.file_path)
            return found

        return self._work.read(self._actor, run)

    def _pages(self, reviewer: Reviewer, known: Sequence[str]) -> Iterator[list[_Subject]]:
        """The files to judge, by path. Each page is read by itself, so that no transaction waits for the judging."""
        where = _to_judge(reviewer, known)
        cursor: str | None = None
        while True:
            page = self._work.read(
                self._actor,
                lambda tx, after=cursor: tx.files.page(  # type: ignore[misc]
                    self._project_id, where=where, order_by="path", limit=READ_AT_ONCE, cursor=after
                ),
            )
            if page.items:
                yield [_subject(file) for file in page.items]
            cursor = page.next_cursor
            if cursor is None:
                return

    def _judge(self, reviewer: Reviewer, subjects: list[_Subject]) -> None:
        findings, not_reviewed = self._effects.runtime.offload(_judged, reviewer, subjects)
        self._findings += findings
        self._not_reviewed += not_reviewed
        self._judged += len(subjects)
        if self._progress is not None:
            self._progress(ReviewProgress(files=self._judged, path=subjects[-1].path))

    def _record(self, tx: UnitOfWork) -> tuple[list[CodeReview], list[Unreviewed]]:
        """What was recorded, and what was not since the file is not what it was."""
        with tx.batch() as batch:
            access = batch.add(tx.projects.access, self._project_id, self._actor.user_id)
            stamps = batch.add(tx.files.stamps, self._project_id)
        granted = writable(self._actor, Action.REVIEW, self._project_id, access.value)
        reviews: list[CodeReview] = []
        changed: list[Unreviewed] = []
        for finding in self._findings:
            stamp = stamps.value.get(finding.path)
            if stamp is None or stamp.digest != finding.digest:
                changed.append(Unreviewed(path=finding.path, reviewer=finding.reviewer, reason="changed meanwhile"))
            else:
                reviews.append(self._review(tx, finding))
        if reviews:
            tx.reviews.insert_many(reviews)
            details = {
                "reviewers": sorted({review.reviewer for review in reviews}),
                "files": len(reviews),
                "lines": sum(review.line_count for review in reviews),
                "issues": sum(len(review.issues) for review in reviews),
                "not_reviewed": len(self._not_reviewed) + len(changed),
            }
            event = self._event(
                tx,
                self._actor,
                granted,
                "reviews.run",
                kind="code_review",
                details=details,
                rows={"code_reviews": {"inserted": len(reviews)}},
            )
            tx.audit.append(event)
        return reviews, changed

    def _review(self, tx: UnitOfWork, finding: _Finding) -> CodeReview:
        review = finding.review
        return CODE_REVIEWS.checked(
            CodeReview(
                id=self._effects.ids(),
                project_id=self._project_id,
                file_path=finding.path,
                language=finding.language,
                score=file_score(review.issues, review.lines),
                issues=CODE_REVIEWS.column("issues").check([issue.to_json() for issue in review.issues]),
                summary=review.summary,
                highlights=CODE_REVIEWS.column("highlights").check(review.highlights),
                reviewer=finding.reviewer,
                digest=finding.digest,
                line_count=review.lines,
                created_at=tx.now,
                updated_at=tx.now,
            )
        )


def _built_in() -> tuple[Reviewer, ...]:
    # Imported by the first run: most processes never review anything.
    from vibecore.services.reviewers.python import PythonReviewer

    return (PythonReviewer(),)


def _checked(reviewers: object) -> tuple[Reviewer, ...]:
    if not isinstance(reviewers, (list, tuple)):
        raise InvalidValue("reviewers", f"must be a list of reviewers, not {type(reviewers).__name__}")
    for reviewer in reviewers:
        languages = getattr(reviewer, "languages", None)
        if not callable(getattr(reviewer, "review", None)) or not isinstance(languages, (set, frozenset)):
            raise InvalidValue("reviewers", f"holds a {type(reviewer).__name__}, which is no reviewer")
        for language in languages:
            _LANGUAGE.check("reviewers", language)
    names = [_NAME.check("reviewers", getattr(reviewer, "name", None)) for reviewer in reviewers]
    if len(set(names)) < len(names):
        raise InvalidValue("reviewers", "has two of the same name")
    return tuple(reviewers)


def _checked_review(reviewer: Reviewer, review: object) -> FileReview:
    """What a reviewer gave; its issues may have been made by hand, the rest is checked with the record."""
    field = f"reviewers.{reviewer.name}"
    if type(review) is not FileReview:
        raise InvalidValue(field, f"gave a {type(review).__name__}, not a FileReview")
    lines = _LINES.check(f"{field}.lines", review.lines)
    return dataclasses.replace(review, issues=checked_issues(review.issues, f"{field}.issues"), lines=lines)


def _to_judge(reviewer: Reviewer, known: Sequence[str]) -> Filter:
    parts: list[Filter] = [field("type").eq(FileType.FILE), field("language").among(sorted(reviewer.languages))]
    parts += [~field("path").among(known[start : start + MAX_AMONG]) for start in range(0, len(known), MAX_AMONG)]
    return And(tuple(parts))


def _subject(file: File) -> _Subject:
    return _Subject(file.path, file.language, file.digest, file.content)


def _judged(reviewer: Reviewer, subjects: Sequence[_Subject]) -> tuple[list[_Finding], list[Unreviewed]]:
    findings, not_reviewed = [], []
    for subject in subjects:
        try:
            if subject.content is None:
                raise NotReviewed("it is no UTF-8 text")
            review = _checked_review(reviewer, reviewer.review(subject.path, subject.content))
        except NotReviewed as error:
            not_reviewed.append(Unreviewed(path=subject.path, reviewer=reviewer.name, reason=error.reason))
        else:
            findings.append(_Finding(reviewer.name, subject.path, subject.language, subject.digest, review))
    return findings, not_reviewed
