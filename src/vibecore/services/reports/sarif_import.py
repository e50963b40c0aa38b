"""Importing SARIF: read as a stream, held against the project's files, recorded in one unit of work."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from vibecore.domain.actors import Actor
from vibecore.domain.errors import InvalidValue
from vibecore.domain.files import FileType
from vibecore.domain.findings import fingerprints
from vibecore.domain.issues import Issue, IssueSeverity, file_score
from vibecore.domain.permissions import Action
from vibecore.domain.reviews import CODE_REVIEWS, CodeReview
from vibecore.domain.rules import Boolean
from vibecore.domain.totals import FileStamp
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.contents import language_of
from vibecore.services.reports import sarif_meaning as meaning
from vibecore.services.reports.roots import NotInProjectError, Roots, checked_root, clean, from_uri, is_absolute
from vibecore.services.reports.sarif import Location, Result, Run, SarifReader
from vibecore.services.reports.sources import Source, opened
from vibecore.services.reports.texts import Lines
from vibecore.services.scoped import Scoped, check_id
from vibecore.services.work import Work, writable

MAX_RESULTS: Final = 200_000
"""Results of a report, in all its runs."""
MOST_OF_A_FILE: Final = 10_000
"""Issues of one file by one tool; a review with more helps nobody, and has no room for them."""
_ROOM: Final = 12 * 1024 * 1024
"""Bytes of JSON that the issues of one review may take."""
_AT_ONCE: Final = 500
_BYTES_AT_ONCE: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedResult:
    """A result that was not recorded, and why. `run` and `place` count from 0 in the report."""

    run: int
    place: int
    path: str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unjudged:
    """A file that the tool says it could not judge; nothing is recorded for it."""

    path: str
    tool: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SarifReport:
    """What an import did. `reviews` were recorded, one for each file and tool, `clean` of them without an issue;
    `issues` counts those not suppressed, by severity, the worst first. `results` = issues + `suppressed` + `passed`
    (the tool says that nothing is wrong) + `repeated` (the same result again) + skipped."""

    tools: tuple[str, ...]
    results: int
    reviews: int
    clean: int
    issues: Mapping[str, int]
    suppressed: int
    passed: int
    repeated: int
    skipped: tuple[SkippedResult, ...]
    not_reviewed: tuple[Unjudged, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """A result whose place in the file's text is still to be checked."""

    result: Result
    tool: str
    utf16: bool
    issue: Issue


_Key = tuple[str, str]
"""Tool and path: a review."""


class SarifImport(Scoped):
    """One call of `ReviewService.import_sarif`."""

    def __init__(
        self, work: Work, actor: Actor, project_id: UUID, source: Source, *, root: str | None, complete: bool
    ) -> None:
        super().__init__(work)
        self._actor = actor
        self._project_id = check_id("project_id", project_id)
        self._source = source
        self._root = checked_root(root)
        self._complete = Boolean().check("complete", complete)
        self._stamps: Mapping[str, FileStamp] = {}
        self._reviewed: dict[_Key, list[Issue]] = {}
        self._languages: dict[str, str | None] = {}
        self._skipped: list[SkippedResult] = []
        self._unjudged: dict[_Key, str] = {}
        self._passed = self._repeated = 0

    def run(self) -> SarifReport:
        earlier = self._look()
        found, runs = self._effects.runtime.offload(self._parsed)
        self._cover(runs, earlier)
        self._judge(found)
        for key in self._unjudged:
            self._reviewed.pop(key, None)
        recorded = self._work.write(self._actor, self._record) if self._reviewed else []
        return self._report(runs, recorded)

    def _look(self) -> Sequence[CodeReview]:
        """The files of the project, and the newest reviews where those count."""

        def run(tx: UnitOfWork) -> Sequence[CodeReview]:
            with tx.batch() as batch:
                access = batch.add(tx.projects.access, self._project_id, self._actor.user_id)
                stamps = batch.add(tx.files.stamps, self._project_id)
                latest = batch.add(tx.reviews.latest, self._project_id) if self._complete else None
            writable(self._actor, Action.REVIEW, self._project_id, access.value)
            self._stamps = stamps.value
            return latest.value if latest is not None else ()

        return self._work.read(self._actor, run)

    def _parsed(self) -> tuple[dict[str, list[_Found]], list[tuple[Run, Roots]]]:
        """The results by path, once their runs are known."""
        with opened(self._source) as file:
            reader = SarifReader(file)
            results: list[Result] = []
            for number, result in enumerate(reader):
                if number >= MAX_RESULTS:
                    raise InvalidValue("source", f"has more than {MAX_RESULTS} results")
                if result is None:
                    self._skip(len(reader.runs) - 1, reader.runs[-1].results, None, "is no object")
                else:
                    results.append(result)
        files = {path for path, stamp in self._stamps.items() if stamp.type is FileType.FILE}
        runs = []
        books = []
        by_run: dict[int, list[Result]] = defaultdict(list)
        for result in results:
            by_run[result.run].append(result)
        for number, run in enumerate(reader.runs):
            named = {
                path
                for location in (*(each.location for each in by_run[number]), *run.targets)
                if location is not None and (path := _named(location, run)) is not None
            }
            runs.append((run, Roots(files, named, self._root)))
            books.append(meaning.RuleBook(run))
        found: dict[str, list[_Found]] = defaultdict(list)
        for result in results:
            run, roots = runs[result.run]
            if result.kind in meaning.NO_FINDINGS:
                self._passed += 1
                continue
            try:
                path = self._located(result.location, run, roots)
            except NotInProjectError as error:
                uri = None if result.location is None else result.location.uri
                self._skip(result.run, result.place, None if uri is None else meaning.label(uri), error.reason)
                continue
            found[path].append(_found(result, run, books[result.run]))
        return found, runs

    def _located(self, location: Location | None, run: Run, roots: Roots) -> str:
        path = None if location is None else _path_of(location, run)
        if path is None:
            raise NotInProjectError("names no file")
        place = roots.locate(path)
        stamp = self._stamps.get(place)
        if stamp is None or stamp.type is not FileType.FILE:
            raise NotInProjectError("is no file of the project")
        return place

    def _cover(self, runs: list[tuple[Run, Roots]], earlier: Sequence[CodeReview]) -> None:
        """The files that the tools looked at, and those that they could not judge."""
        for run, roots in runs:
            tool = _reviewer(run)
            for location in run.failed:
                try:
                    self._unjudged.setdefault((tool, self._located(location, run, roots)), "the tool reports an error")
                except NotInProjectError:
                    continue
            for location in run.targets if run.successful else ():
                try:
                    self._reviewed.setdefault((tool, self._located(location, run, roots)), [])
                except NotInProjectError:
                    continue
        if self._complete:
            done = {_reviewer(run) for run, _ in runs} - {_reviewer(run) for run, _ in runs if not run.successful}
            for review in earlier:
                if review.reviewer in done and review.file_path in self._stamps:
                    self._reviewed.setdefault((review.reviewer, review.file_path), [])

    def _judge(self, found: Mapping[str, list[_Found]]) -> None:
        """Place the findings in the texts, some files at a time. Each portion is a read of its own."""
        for chunk in _chunks([self._stamps[path] for path in sorted(found)]):
            ids = [stamp.id for stamp in chunk]
            files = self._work.read(self._actor, lambda tx, ids=ids: tx.files.find_many(self._project_id, ids))  # type: ignore[misc]
            for stamp in chunk:
                file = files.get(stamp.id)
                if file is None or file.digest != stamp.digest:
                    self._skip_all(found[stamp.path], stamp.path, "changed meanwhile")
                elif file.content is None:
                    self._skip_all(found[stamp.path], stamp.path, "is no UTF-8 text")
                else:
                    self._languages[stamp.path] = file.language
                    self._place(stamp.path, Lines(file.content), found[stamp.path])

    def _place(self, path: str, lines: Lines, found: Iterable[_Found]) -> None:
        by_tool: dict[str, list[Issue]] = defaultdict(list)
        seen: set[tuple[object, ...]] = set()
        room: Counter[str] = Counter()
        for one in found:
            place = _within(one, lines)
            if isinstance(place, str):
                self._skip(one.result.run, one.result.place, path, place)
                continue
            line, column = place
            draft = one.issue
            key = one.tool, draft.rule_id, line, column, draft.message
            if key in seen:
                self._repeated += 1
                continue
            kept = by_tool[one.tool]
            room[one.tool] += 600 + 6 * (len(draft.message) + len(draft.suggestion or ""))
            if len(kept) >= MOST_OF_A_FILE or room[one.tool] > _ROOM:
                self._skip(one.result.run, one.result.place, path, "is one too many for a review of one file")
                continue
            seen.add(key)
            kept.append(replace(draft, line=line, column=column))
        for tool, issues in by_tool.items():
            issues.sort(key=lambda issue: (issue.line, issue.column, issue.rule_id, issue.message))
            prints = fingerprints(
                path, [(f"{issue.tool}/{issue.rule_id}", issue.line, lines.text(issue.line)) for issue in issues]
            )
            self._reviewed[tool, path] = [
                replace(issue, fingerprint=digits) for issue, digits in zip(issues, prints, strict=True)
            ]

    def _record(self, tx: UnitOfWork) -> list[CodeReview]:
        with tx.batch() as batch:
            access = batch.add(tx.projects.access, self._project_id, self._actor.user_id)
            stamps = batch.add(tx.files.stamps, self._project_id)
        granted = writable(self._actor, Action.REVIEW, self._project_id, access.value)
        reviews = []
        for (tool, path), issues in sorted(self._reviewed.items(), key=lambda item: item[0]):
            stamp, before = stamps.value.get(path), self._stamps[path]
            # A file that changed meanwhile is told as not reviewed.
            if stamp is not None and (stamp.digest, stamp.type) == (before.digest, before.type):
                reviews.append(self._review(tx, tool, stamp, issues))
        if reviews:
            details = {
                "reviewers": sorted({review.reviewer for review in reviews}),
                "files": len(reviews),
                "issues": sum(len(review.issues) for review in reviews),
                "skipped": len(self._skipped),
            }
            event = self._event(
                tx,
                self._actor,
                granted,
                "reviews.sarif_imported",
                kind="code_review",
                details=details,
                rows={"code_reviews": {"inserted": len(reviews)}},
            )
            tx.reviews.insert_many(reviews)
            tx.audit.append(event)
        return reviews

    def _review(self, tx: UnitOfWork, tool: str, stamp: FileStamp, issues: list[Issue]) -> CodeReview:
        return CODE_REVIEWS.checked(
            CodeReview(
                id=self._effects.ids(),
                project_id=self._project_id,
                file_path=stamp.path,
                language=self._languages.get(stamp.path) or language_of(stamp.path, None),
                score=file_score(issues, stamp.line_count),
                issues=CODE_REVIEWS.column("issues").check([issue.to_json() for issue in issues]),
                reviewer=tool,
                digest=stamp.digest,
                line_count=stamp.line_count,
                created_at=tx.now,
                updated_at=tx.now,
            )
        )

    def _report(self, runs: list[tuple[Run, Roots]], recorded: Sequence[CodeReview]) -> SarifReport:
        kept = {(review.reviewer, review.file_path) for review in recorded}
        for key in sorted(set(self._reviewed) - kept):
            self._unjudged.setdefault(key, "changed meanwhile")
        issues = [issue for key in kept for issue in self._reviewed[key]]
        counts = Counter(issue.severity for issue in issues if not issue.suppressed)
        return SarifReport(
            tools=tuple(sorted({_reviewer(run) for run, _ in runs})),
            results=sum(run.results for run, _ in runs),
            reviews=len(recorded),
            clean=sum(not self._reviewed[key] for key in kept),
            issues={severity.value: counts[severity] for severity in IssueSeverity},
            suppressed=sum(issue.suppressed for issue in issues),
            passed=self._passed,
            repeated=self._repeated,
            skipped=tuple(sorted(self._skipped, key=lambda one: (one.run, one.place))),
            not_reviewed=tuple(
                Unjudged(path=path, tool=tool, reason=reason)
                for (tool, path), reason in sorted(self._unjudged.items(), key=lambda item: (item[0][1], item[0][0]))
            ),
        )

    def _skip(self, run: int, place: int, path: str | None, reason: str) -> None:
        self._skipped.append(SkippedResult(run=run, place=place, path=path, reason=reason))

    def _skip_all(self, found: Iterable[_Found], path: str, reason: str) -> None:
        for one in found:
            self._skip(one.result.run, one.result.place, path, reason)


def _reviewer(run: Run) -> str:
    return meaning.label(run.tool)[:100] or meaning.UNKNOWN_RULE


def _found(result: Result, run: Run, book: meaning.RuleBook) -> _Found:
    rule = book.find(result)
    severity = meaning.severity(result, rule)
    tool = _reviewer(run)
    own = result.properties.get(meaning.OWN)
    named = own.get("tool") if type(own) is dict else None
    issue = Issue(
        line=1,
        column=1,
        severity=severity,
        category=meaning.category(result, rule, run),
        message=meaning.message(result, rule),
        suggestion=meaning.suggestion(result),
        rule_id=meaning.rule_id(result, rule),
        fingerprint="",
        tool=(meaning.label(named) if type(named) is str else "") or tool,
        effort_minutes=meaning.effort(result, severity),
        suppressed=result.suppressed,
        suppression_reason=(meaning.prose(result.suppression or "") or None) if result.suppressed else None,
    )
    return _Found(result, tool, run.utf16, issue)


def _within(one: _Found, lines: Lines) -> tuple[int, int] | str:
    """(line, column) in the file, or why not. A result without a region is about the whole file: its line 1."""
    line, column = one.result.line, one.result.column
    if line is None:
        if one.result.offset is None:
            return 1, 1
        return lines.place(one.result.offset, utf16=one.utf16) or "lies beyond the end of the file"
    if line == 0:
        return "lies before the first line"
    if line > max(len(lines), 1):
        return "lies beyond the end of the file"
    return line, lines.column(line, max(column or 1, 1), utf16=one.utf16)


def _path_of(location: Location, run: Run) -> str | None:
    """The path as the report tells it: absolute, or relative to the project. None: it names none.

    A relative reference hangs below its base, that below its own, and so on (SARIF 3.14.14); what is hung below an
    absolute base, or below one that is not told, is relative to the project's folder, unless bases above say more.
    """
    if location.uri is None and location.artifact is not None and location.artifact < len(run.artifacts):
        location = run.artifacts[location.artifact]
    if location.uri is None:
        return None
    path = from_uri(location.uri)
    base, steps = location.base, 0
    while base is not None and not is_absolute(path):
        found = run.bases.get(base)
        if found is None or found.uri is None or steps > len(run.bases):
            break
        above = from_uri(found.uri)
        if is_absolute(above):
            break
        path = f"{above.rstrip('/')}/{path}"
        base, steps = found.base, steps + 1
    return path


def _named(location: Location, run: Run) -> str | None:
    try:
        path = _path_of(location, run)
        return None if path is None else clean(path)
    except NotInProjectError:
        return None


def _chunks(stamps: list[FileStamp]) -> Iterable[list[FileStamp]]:
    chunk: list[FileStamp] = []
    size = 0
    for stamp in stamps:
        if chunk and (len(chunk) >= _AT_ONCE or size + stamp.size_bytes > _BYTES_AT_ONCE):
            yield chunk
            chunk, size = [], 0
        chunk.append(stamp)
        size += stamp.size_bytes
    if chunk:
        yield chunk
