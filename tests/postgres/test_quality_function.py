"""The quality functions of the database, held against `gather` and `assess` on the same records.

`VIBECORE_QUALITY_PROJECTS` raises the number of random projects, `VIBECORE_QUALITY_SEED` draws others.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from vibecore.bootstrap.migrations import migrate
from vibecore.domain import json
from vibecore.domain.deployments import Deployment, DeploymentStatus
from vibecore.domain.quality import QualityInputs, assess, gather
from vibecore.domain.quality.inputs import NAMES
from vibecore.domain.reviews import CodeReview
from vibecore.domain.tests import TestResult, TestType
from vibecore.testing.backends import MEMORY, Backends, PostgresBackend, names

PROJECTS: Final = int(os.environ.get("VIBECORE_QUALITY_PROJECTS", "2000"))
SEED: Final = int(os.environ.get("VIBECORE_QUALITY_SEED", "20240501"))
NOON: Final = datetime(2024, 5, 1, 12, tzinfo=UTC)
MOMENTS: Final = [NOON, NOON + timedelta(microseconds=1), NOON + timedelta(days=1)]
OWNER: Final = UUID(int=7)


@dataclass
class Project:
    """A project's records as the library holds them."""

    id: UUID = field(default_factory=uuid4)
    reviews: list[CodeReview] = field(default_factory=list)
    results: list[TestResult] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)

    @property
    def inputs(self) -> QualityInputs:
        return gather(self.reviews, self.results, self.deployments)


# The database


@pytest.fixture(scope="module", params=[name for name in names() if name != MEMORY])
def server_url(request: pytest.FixtureRequest, vibe_backends: Backends) -> str:
    """A database on each server in turn."""
    backend = vibe_backends[request.param]
    assert isinstance(backend, PostgresBackend)
    return backend.fresh_url(migrated=False)


@pytest.fixture(scope="module")
def schema(server_url: str) -> Iterator[str]:
    """A migrated schema of its own, with the one user who owns every project."""
    name = f"quality_{uuid4().hex}"
    migrate(server_url, schema=name)
    with psycopg.connect(server_url, autocommit=True) as connection:
        insert = sql.SQL("INSERT INTO {}.users (id, email, email_key, password_hash, name) VALUES (%s, %s, %s, %s, %s)")
        ada = (OWNER, "ada@example.org", "ada@example.org", "x", "Ada")
        connection.execute(insert.format(sql.Identifier(name)), ada)
        yield name
        connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))


@pytest.fixture
def connection(server_url: str, schema: str) -> Iterator[psycopg.Connection[Any]]:
    """An open transaction in the migrated schema, rolled back in the end."""
    with psycopg.connect(server_url, options=f"-c search_path={schema}") as connection:
        yield connection
        connection.rollback()


def store(connection: psycopg.Connection[Any], projects: list[Project]) -> None:
    """Write the projects and everything in them, in bulk."""
    with connection.cursor() as cursor:
        with cursor.copy("COPY projects (id, name, owner_id, created_at, updated_at) FROM STDIN") as copy:
            for project in projects:
                copy.write_row((project.id, "engine", OWNER, NOON, NOON))
        copy_records(cursor, "code_reviews", [review for project in projects for review in project.reviews])
        copy_records(cursor, "test_results", [result for project in projects for result in project.results])
        copy_records(cursor, "deployments", [one for project in projects for one in project.deployments])


def copy_records(cursor: psycopg.Cursor[Any], table: str, records: list[Any]) -> None:
    if not records:
        return
    names = [each.name for each in fields(records[0])]
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, names))
    )
    with cursor.copy(statement) as copy:
        for record in records:
            copy.write_row([column_text(getattr(record, name)) for name in names])


def column_text(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, (dict, list)) else value


def scores(connection: psycopg.Connection[Any]) -> dict[UUID, Decimal | None]:
    """Calculate and store every project's score."""
    return dict(connection.execute("SELECT p.id, calculate_project_quality(p.id) FROM projects AS p").fetchall())


def counted(connection: psycopg.Connection[Any]) -> dict[UUID, QualityInputs]:
    """What the database counts for every project."""
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute("SELECT p.id, q.* FROM projects AS p CROSS JOIN LATERAL project_quality_inputs(p.id) AS q")
        return {row.pop("id"): QualityInputs.from_row(row) for row in cursor}


def calculate(connection: psycopg.Connection[Any], project: Project) -> Any:
    row = connection.execute("SELECT calculate_project_quality(%s)", (project.id,)).fetchone()
    assert row is not None
    return row[0]


# Random records

SEVERITIES = ["critical", "error", "warning", "info"]
CATEGORIES = ["security", "correctness", "performance", "maintainability", "documentation", "style"]
ODD: list[Any] = [
    None, True, False, 0, 1, -1, 4, 1.5, 5.0, "", "true", "Critical", "critical ", "security\n", "SECURITY",
    [], ["critical"], ["security"], {}, {"severity": "critical"}, [[[{"a": None}]]], "\u2028", "\U0001f600",
    2**31, 2**63 - 1, -(2**63), 1e16, 1e300, -0.0, 5e-324,
]  # fmt: skip
EFFORTS: list[Any] = [0, 1, 2, 10, 500, 20_000, 999_999, 1_000_000, 1_000_001, 2**53 + 1, 2**63 - 1, -1, 0.0, 3.0, 2.5]
LINES = [0, 1, 10, 499, 500, 501, 1_000, 3_333, 100_000, 2_000_000, 2**31 - 1, -1]
PATHS = ["a.py", "A.py", "b.py", "ä.py", "a.py ", "\U0001f600/c.py"]
REVIEWERS = ["manual", "ruff", "Ruff"]
COUNTS = [0, 0, 1, 2, 3, 7, 100, 2**31 - 1, -5]


def random_issue(rng: random.Random) -> Any:
    if rng.random() < 0.05:
        return rng.choice(ODD)
    issue: dict[str, Any] = {"line": 1, "message": "found"}
    for name, usual in (("severity", SEVERITIES), ("category", CATEGORIES)):
        if rng.random() < 0.95:
            issue[name] = rng.choice(ODD) if rng.random() < 0.05 else rng.choice(usual)
    if rng.random() < 0.5:
        issue["effort_minutes"] = rng.choice(ODD if rng.random() < 0.1 else [*EFFORTS, rng.randrange(3_000)])
    if rng.random() < 0.2:
        issue["suppressed"] = rng.choice([True, True, False, *ODD])
    return issue


def new_review(project: Project, *, issues: Any = (), lines: int = 1_000, **more: Any) -> CodeReview:
    moment = more.pop("at", NOON)
    frozen = json.freeze("issues", list(issues))
    assert isinstance(frozen, json.JsonArray)
    return CodeReview(
        id=more.pop("id", None) or uuid4(),
        project_id=project.id,
        file_path=more.pop("path", "a.py"),
        score=50,
        issues=frozen,
        line_count=lines,
        created_at=moment,
        updated_at=moment,
        **more,
    )


def random_project(rng: random.Random) -> Project:
    project = Project(id=UUID(int=rng.getrandbits(128)))
    few = [0, 0, 1, 1, 2, 3, 6]
    # A project without critical issues is worth having: the worst severity hides what the others add.
    usual = rng.choice([SEVERITIES, SEVERITIES[1:], SEVERITIES[2:], SEVERITIES[3:]])
    for _ in range(rng.choice([0, 1, 2, 4, 8])):
        issues = [random_issue(rng) for _ in range(rng.choice(few))]
        for issue in issues:
            if isinstance(issue, dict) and issue.get("severity") in SEVERITIES:
                issue["severity"] = rng.choice(usual)
        review = new_review(
            project,
            path=rng.choice(PATHS),
            issues=issues,
            lines=rng.choice([*LINES, rng.randrange(5_000)]),
            reviewer=rng.choice(REVIEWERS),
            at=rng.choice(MOMENTS),
            id=UUID(int=rng.getrandbits(128)),
        )
        project.reviews.append(review)
    for _ in range(rng.choice(few)):
        project.results.append(random_result(rng, project))
    for number in range(rng.choice(few)):
        status = rng.choice(list(DeploymentStatus))
        project.deployments.append(
            Deployment(
                id=UUID(int=rng.getrandbits(128)),
                project_id=project.id,
                environment=f"environment {number}",
                status=status,
                live_at=rng.choice([None, NOON]),
                created_at=NOON,
                updated_at=NOON,
            )
        )
    return project


def random_result(rng: random.Random, project: Project) -> TestResult:
    moment = rng.choice(MOMENTS)
    return TestResult(
        id=UUID(int=rng.getrandbits(128)),
        project_id=project.id,
        file_path=rng.choice(PATHS),
        test_type=rng.choice(list(TestType)),
        passed=rng.choice([*COUNTS, rng.randrange(500)]),
        failed=rng.choice(COUNTS),
        skipped=rng.choice(COUNTS),
        covered=rng.choice([None, *COUNTS, rng.randrange(500)]),
        coverable=rng.choice([None, *COUNTS, rng.randrange(500)]),
        created_at=moment,
        updated_at=moment,
    )


def test_both_count_and_score_alike_on_random_projects(connection: psycopg.Connection[Any]) -> None:
    """All projects share paths, reviewers and environments, so that a count that strays into another one shows."""
    rng = random.Random(SEED)
    projects = [random_project(rng) for _ in range(PROJECTS)]
    store(connection, projects)
    stored_inputs, stored_scores = counted(connection), scores(connection)
    kept = dict(connection.execute("SELECT id, quality_score FROM projects").fetchall())
    seen = set()
    for project in projects:
        report = assess(project.inputs)
        assert stored_inputs[project.id] == project.inputs, project
        assert stored_scores[project.id] == report.score, project
        assert kept[project.id] == report.score
        seen.add(report.score)
    # The draw is worth something: many different scores, capped and missing ones among them.
    assert len(seen) > min(PROJECTS // 4, 2_000)
    assert {None, Decimal("49.99")} <= seen


# JSON as other writers store it: numbers in every spelling, roots and entries of every kind.
ENTRIES = [
    '{"effort_minutes": 1e1}', '{"effort_minutes": 1.0e1}', '{"effort_minutes": 10e-1}', '{"effort_minutes": 1.5e1}',
    '{"effort_minutes": 7}', '{"effort_minutes": 7.0}', '{"effort_minutes": -0}', '{"effort_minutes": -0.0}',
    '{"effort_minutes": 1.00000000000000000000000000001}', '{"effort_minutes": 0.99999999999999999999999999999}',
    '{"effort_minutes": 1e400}', '{"effort_minutes": -1e400}', '{"effort_minutes": 1e-400}',
    f'{{"effort_minutes": {"9" * 400}}}', f'{{"effort_minutes": {"9" * 400}.5}}',
    '{"effort_minutes": 7, "effort_minutes": 9}', '{"effort_minutes": "7"}', '{"effort_minutes": [7]}',
    '{"effort_minutes": null}', '{"effort_minutes": {"effort_minutes": 7}}',
    '{"severity": "critical", "severity": "info", "category": "security"}',
    '{"severity": "\\u0063ritical", "category": "\\u0073ecurity"}',
    '{"severity": ["critical"], "category": ["security"]}',
    '{"severity": null, "category": null}', '{"suppressed": true}', '{"suppressed": "true"}', '{"suppressed": [true]}',
    '{"suppressed": {"suppressed": true}}', '{"suppressed": 1}', '{"suppressed": null}', '{"suppressed": false}',
    "null", "true", "1", '"critical"', "[]", '[{"severity": "critical", "category": "security"}]', "{}",
]  # fmt: skip
ROOTS = ["null", "true", "0", '"[]"', "{}", '{"severity": "critical", "category": "security"}', "[]", "[[]]", "[null]"]


def test_both_read_the_json_of_other_writers_alike(connection: psycopg.Connection[Any]) -> None:
    """Each text is stored as it stands, and read back as the library reads a row."""
    texts = [*ROOTS, *(f"[{entry}]" for entry in ENTRIES), f"[{', '.join(ENTRIES)}]"]
    projects = [Project() for _ in texts]
    for project in projects:
        project.reviews.append(new_review(project))
    store(connection, projects)
    for project, text in zip(projects, texts, strict=True):
        connection.execute("UPDATE code_reviews SET issues = %s::jsonb WHERE project_id = %s", (text, project.id))
    read = dict(connection.execute("SELECT project_id, issues::text FROM code_reviews").fetchall())
    stored_inputs, stored_scores = counted(connection), scores(connection)
    for project, text in zip(projects, texts, strict=True):
        issues: Any = json.loads(read[project.id])
        inputs = gather([replaced(project.reviews[0], issues)], [], [])
        assert stored_inputs[project.id] == inputs, text
        assert stored_scores[project.id] == assess(inputs).score, text


def replaced(review: CodeReview, issues: Any) -> CodeReview:
    values = {each.name: getattr(review, each.name) for each in fields(review)}
    return CodeReview(**{**values, "issues": issues})


def test_a_number_beyond_python_s_digit_limit_is_still_an_integer(connection: psycopg.Connection[Any]) -> None:
    project = Project()
    project.reviews.append(new_review(project))
    store(connection, [project])
    connection.execute("UPDATE code_reviews SET issues = %s::jsonb", (f'[{{"effort_minutes": {"9" * 100_000}}}]',))
    assert counted(connection)[project.id].debt_minutes == 1_000_000


# The functions as such


def test_the_columns_are_the_inputs(connection: psycopg.Connection[Any]) -> None:
    """In their order; a project without anything, or none at all, has one row of zeros."""
    cursor = connection.execute("SELECT * FROM project_quality_inputs(%s)", (uuid4(),))
    assert cursor.description is not None
    assert tuple(column.name for column in cursor.description) == NAMES
    assert cursor.fetchall() == [(0,) * len(NAMES)]


@pytest.mark.parametrize("key", [UUID(int=404), None])
def test_an_unknown_project_is_an_error(connection: psycopg.Connection[Any], key: UUID | None) -> None:
    with pytest.raises(psycopg.errors.NoDataFound) as caught:
        connection.execute("SELECT calculate_project_quality(%s::uuid)", (key,))
    assert caught.value.sqlstate == "P0002"


def test_it_is_called_with_a_text_as_from_psql(server_url: str, schema: str) -> None:
    """With two places, and whatever the caller's search path is."""
    project = Project()
    project.reviews.append(new_review(project, issues=[{"severity": "info", "category": "security"}]))
    with psycopg.connect(server_url) as plain:
        plain.execute(sql.SQL("SET LOCAL search_path TO {}").format(sql.Identifier(schema)))
        store(plain, [project])
        plain.execute("SET LOCAL search_path TO pg_catalog")
        call = sql.SQL("SELECT {}.calculate_project_quality({})::text")
        row = plain.execute(call.format(sql.Identifier(schema), sql.Literal(str(project.id)))).fetchone()
        plain.rollback()
    assert row == ("98.41",)  # (9,524 + 10,000 + 10,000) / 3 = 9841.3


def test_nothing_measured_clears_an_older_score(connection: psycopg.Connection[Any]) -> None:
    project = Project()
    store(connection, [project])
    connection.execute("UPDATE projects SET quality_score = 12.34 WHERE id = %s", (project.id,))
    assert calculate(connection, project) is None
    assert scores(connection) == {project.id: None}
    assert connection.execute("SELECT quality_score FROM projects").fetchone() == (None,)


def test_the_version_of_the_project_always_rises(connection: psycopg.Connection[Any]) -> None:
    """Twice in one transaction, and after a clock that ran ahead; other projects keep theirs."""
    ahead = datetime(2999, 1, 1, tzinfo=UTC)
    project, other = Project(), Project()
    store(connection, [project, other])

    def version(of: Project) -> datetime:
        row = connection.execute("SELECT updated_at FROM projects WHERE id = %s", (of.id,)).fetchone()
        assert row is not None
        moment: datetime = row[0]
        return moment

    calculate(connection, project)
    first = version(project)
    assert first > NOON
    calculate(connection, project)
    assert version(project) == first + timedelta(microseconds=1)
    connection.execute("UPDATE projects SET updated_at = %s WHERE id = %s", (ahead, project.id))
    calculate(connection, project)
    assert version(project) == ahead + timedelta(microseconds=1)
    assert version(other) == NOON


def test_of_two_calls_at_once_the_later_one_sees_what_the_first_wrote(server_url: str, schema: str) -> None:
    """Both read after they hold the project's row, so that no older score overwrites a newer one."""
    project = Project()
    options = f"-c search_path={schema}"
    found: list[Decimal] = []
    with (
        psycopg.connect(server_url, options=options) as first,
        psycopg.connect(server_url, options=options, autocommit=True) as second,
        psycopg.connect(server_url, options=options, autocommit=True) as watcher,
    ):
        store(first, [project])
        first.commit()
        try:
            copy_records(first.cursor(), "code_reviews", [new_review(project)])
            assert calculate(first, project) == Decimal("100.00")
            waiting = threading.Thread(target=lambda: found.append(calculate(second, project)))
            waiting.start()
            pid = second.info.backend_pid
            deadline = datetime.now(UTC) + timedelta(seconds=60)
            while watcher.execute("SELECT pg_blocking_pids(%s)", (pid,)).fetchone() == ([],):
                assert datetime.now(UTC) < deadline, "the second call did not wait for the first"
            first.commit()
            waiting.join()
            assert found == [Decimal("100.00")]
        finally:
            first.rollback()
            watcher.execute("DELETE FROM projects WHERE id = %s", (project.id,))
