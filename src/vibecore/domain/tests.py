"""Tests: generated tests, their outcomes and the coverage they reach."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, ClassVar, Final

from vibecore.domain.fields import Count, Id, LongText, Moment, Path
from vibecore.domain.json import EMPTY_ARRAY, JsonArray
from vibecore.domain.rules import Choice, Integer, Json, Text
from vibecore.domain.schema import Index, Reference, Table, updated_index


class TestType(StrEnum):
    UNIT = "unit"
    INTEGRATION = "integration"
    E2E = "e2e"


TestType.__test__ = False  # type: ignore[attr-defined]  # pytest collects classes by this name


@dataclass(frozen=True, slots=True, kw_only=True)
class TestResult:
    """Tests of one source file and, where they ran, what came of it.

    `covered` of `coverable` lines and branches were reached; both None where coverage was not measured.
    """

    __test__: ClassVar[bool] = False

    id: Id
    project_id: Id
    file_path: Path
    test_type: Annotated[TestType, Choice(TestType, 50)]
    framework: Annotated[str, Text(50)] | None = None
    test_code: LongText | None = field(default=None, repr=False)
    edge_cases: Annotated[JsonArray, Json(list)] = EMPTY_ARRAY
    coverage_goal: Annotated[int, Integer(0, 100)] | None = None
    passed: Count = 0
    failed: Count = 0
    skipped: Count = 0
    covered: Count | None = None
    coverable: Count | None = None
    created_at: Moment
    updated_at: Moment


TEST_RESULTS: Final = Table(
    TestResult,
    "test_results",
    "test_result",
    scope="project_id",
    references=(Reference("fk_test_results_project", "project_id", "projects"),),
    indexes=(
        Index("idx_test_results_project", ("project_id", "file_path", "test_type", "created_at", "id")),
        updated_index("test_results"),
    ),
)
