"""What the quality formula needs: `vibecore.repositories.quality`."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from vibecore.domain.deployments import DEPLOYMENTS, DeploymentStatus
from vibecore.domain.projects import PROJECTS
from vibecore.domain.quality import QualityInputs, gather
from vibecore.domain.reviews import CODE_REVIEWS
from vibecore.domain.tests import TEST_RESULTS
from vibecore.repositories.unit_of_work import Store
from vibecore.testing.builders import MOMENT, make
from vibecore.testing.contract.expect import invalid

DAY: Final = timedelta(days=1)
NOBODY: Final = UUID(int=404)
STOPPED, FAILED, RUNNING = DeploymentStatus.STOPPED, DeploymentStatus.FAILED, DeploymentStatus.RUNNING


def test_quality_inputs_are_gathered_from_all_records(store: Store) -> None:
    """Equal to the definition in Python over the project's reviews, test results and deployments."""
    with store.begin() as tx:
        project = make(tx, PROJECTS).id
        empty = tx.quality.inputs(project)
        assert empty == gather([], [], [])
        assert type(empty) is QualityInputs
        reviews = [
            make(
                tx,
                CODE_REVIEWS,
                project_id=project,
                file_path=path,
                score=score,
                line_count=lines,
                created_at=MOMENT + DAY * age,
                reviewer=reviewer,
            )
            for age, (path, score, lines, reviewer) in enumerate(
                [
                    ("a", 90, 100, "x"),
                    ("a", 10, 5, "x"),
                    ("b", 100, 2**31 - 1, "y"),
                    ("b", 0, 0, "x"),
                    ("a", 50, 7, "y"),
                ]
            )
        ]
        tests = [
            make(tx, TEST_RESULTS, project_id=project, file_path=path, **values)
            for path, values in [
                ("a", {"passed": 3, "failed": 1, "covered": 50, "coverable": 80}),
                ("a", {"passed": 2**31 - 1, "skipped": 4}),
                ("b", {"failed": 2, "covered": 0, "coverable": 0}),
            ]
        ]
        deployments = [
            make(tx, DEPLOYMENTS, project_id=project, status=status, live_at=live)
            for status, live in [(STOPPED, MOMENT), (FAILED, None), (RUNNING, MOMENT), (DeploymentStatus.PENDING, None)]
        ]
        make(tx, CODE_REVIEWS, score=1)
        assert tx.quality.inputs(project) == gather(reviews, tests, deployments)
        assert tx.quality.inputs(NOBODY) == gather([], [], [])
        with invalid("project_id"):
            tx.quality.inputs("x")  # type: ignore[arg-type]  # what callers without a checker do
