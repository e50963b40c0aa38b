"""Tests: outcomes and coverage of the tests of a project's files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar
from uuid import UUID

from vibecore.domain.actors import Actor
from vibecore.domain.changes import diff
from vibecore.domain.errors import InvalidValue, NotFound
from vibecore.domain.files import FileType
from vibecore.domain.filters import Filter
from vibecore.domain.paging import OrderBy, Page
from vibecore.domain.paths import normalise_path
from vibecore.domain.permissions import Action
from vibecore.domain.tests import TEST_RESULTS, TestResult, TestType
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.scoped import NEWEST_FIRST, Scoped, check_id
from vibecore.services.work import writable


class TestService(Scoped):
    """`vibe.tests`."""

    __test__: ClassVar[bool] = False

    def record(
        self,
        actor: Actor,
        project_id: UUID,
        path: str,
        *,
        test_type: TestType,
        passed: int = 0,
        failed: int = 0,
        skipped: int = 0,
        covered: int | None = None,
        coverable: int | None = None,
        framework: str | None = None,
        test_code: str | None = None,
        edge_cases: Sequence[object] = (),
        coverage_goal: int | None = None,
    ) -> TestResult:
        """Record one run of the tests of the file at `path`; for the score the newest run of each type counts.

        `covered` of `coverable` lines and branches were reached; both or neither are given. `coverage_goal` is in
        per cent.

        Raises InvalidValue, NotFound (kind "project", or kind "file" where no file stands at `path`),
        PermissionDenied, ReadOnlyProject.
        """
        scope = check_id("project_id", project_id)
        place = normalise_path(path)
        cases = TEST_RESULTS.column("edge_cases").check(edge_cases)

        def run(tx: UnitOfWork) -> TestResult:
            result = TEST_RESULTS.checked(
                TestResult(
                    id=self._effects.ids(),
                    project_id=scope,
                    file_path=place,
                    test_type=test_type,
                    framework=framework,
                    test_code=test_code,
                    edge_cases=cases,
                    coverage_goal=coverage_goal,
                    passed=passed,
                    failed=failed,
                    skipped=skipped,
                    covered=covered,
                    coverable=coverable,
                    created_at=tx.now,
                    updated_at=tx.now,
                )
            )
            _check_coverage(result)
            with tx.batch() as batch:
                access = batch.add(tx.projects.access, scope, actor.user_id)
                stamps = batch.add(tx.files.stamps, scope, [place])
            granted = writable(actor, Action.TESTS_WRITE, scope, access.value)
            stamp = stamps.value.get(place)
            if stamp is None or stamp.type is not FileType.FILE:
                raise NotFound("file", place)
            event = self._event(
                tx,
                actor,
                granted,
                "test.recorded",
                kind="test_result",
                key=result.id,
                changes=diff(TEST_RESULTS, None, result),
            )
            with tx.batch() as batch:
                stored = batch.add(tx.tests.insert, result)
                batch.add(tx.audit.append, event)
            return stored.value

        return self._work.write(actor, run)

    def get(self, actor: Actor, project_id: UUID, result_id: UUID) -> TestResult:
        """The test result; NotFound (kind "test_result", or kind "project"), PermissionDenied, InvalidValue."""
        found = self.find(actor, project_id, result_id)
        if found is None:
            raise NotFound("test_result", result_id)
        return found

    def find(self, actor: Actor, project_id: UUID, result_id: UUID) -> TestResult | None:
        """The test result, or None. Raises NotFound (kind "project"), PermissionDenied, InvalidValue."""
        key = check_id("result_id", result_id)
        return self._ask(
            actor, Action.TESTS_READ, project_id, lambda tx, batch: batch.add(tx.tests.find, project_id, key)
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
    ) -> Page[TestResult]:
        """Recorded runs, the newest first unless `order_by` says otherwise.

        Raises NotFound (kind "project"), PermissionDenied, InvalidValue, InvalidCursor.
        """
        return self._ask(
            actor,
            Action.TESTS_READ,
            project_id,
            lambda tx, batch: batch.add(
                tx.tests.page,
                project_id,
                where=where,
                order_by=NEWEST_FIRST if order_by is None else order_by,
                limit=limit,
                cursor=cursor,
            ),
        )


def _check_coverage(result: TestResult) -> None:
    if (result.covered is None) != (result.coverable is None):
        raise InvalidValue("covered", "and coverable must be given together")
    if result.covered is not None and result.coverable is not None and result.covered > result.coverable:
        raise InvalidValue("covered", "is more than coverable")
