"""Lines of deployments' logs: `vibecore.repositories.deployment_logs`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest

from vibecore.domain.deployment_logs import DEPLOYMENT_LOG_LINES, DEPLOYMENT_LOGS, DeploymentLog, DeploymentLogLine
from vibecore.domain.projects import PROJECTS
from vibecore.repositories.unit_of_work import Store, UnitOfWork
from vibecore.testing.builders import build, make
from vibecore.testing.contract.expect import invalid, refused, taken

NOBODY = UUID(int=404)


def log_of(tx: UnitOfWork, first: int, last: int, *, project: UUID | None = None) -> DeploymentLog:
    """A log whose lines `first` to `last` are stored; the text of a line is its number."""
    owner = make(tx, PROJECTS).id if project is None else project
    log = make(tx, DEPLOYMENT_LOGS, project_id=owner, first_line=first, last_line=last)
    ids = {"project_id": owner, "deployment_id": log.id}
    tx.deployment_log_lines.insert_many(
        [build(DEPLOYMENT_LOG_LINES, **ids, number=number, text=str(number)) for number in range(last, first - 1, -1)]
    )
    return log


def numbers(lines: Sequence[DeploymentLogLine]) -> list[int]:
    assert all(line.text == str(line.number) for line in lines)
    return [line.number for line in lines]


def test_lines_are_read_from_a_number_on(store: Store) -> None:
    """In the order of their numbers, as many as asked for; nothing before the first that is kept, or after the last."""
    with store.begin() as tx:
        log = log_of(tx, 3, 12)
        read = tx.deployment_log_lines.read
        assert numbers(read(log.project_id, log.id, 5, 3)) == [5, 6, 7]
        assert numbers(read(log.project_id, log.id, 11, 1000)) == [11, 12]
        for first in (-(2**31), 0, 1, 3):
            assert numbers(read(log.project_id, log.id, first, 2)) == [3, 4]
        for first in (13, 2**31 - 1):
            assert read(log.project_id, log.id, first, 1000) == []
        assert read(log.project_id, log.id, 5, 0) == []


def test_the_tail_of_a_log_ends_where_the_log_says(store: Store) -> None:
    """The last numbers up to `last_line`, in order, however many there are."""
    with store.begin() as tx:
        log = log_of(tx, 3, 12)
        tail = tx.deployment_log_lines.tail
        assert numbers(tail(log.project_id, log.id, 4)) == [9, 10, 11, 12]
        assert numbers(tail(log.project_id, log.id, 1000)) == list(range(3, 13))
        assert tail(log.project_id, log.id, 0) == []
        tx.deployment_logs.update(build(DEPLOYMENT_LOGS, **{**_values(log), "last_line": 10}))
        assert numbers(tail(log.project_id, log.id, 2)) == [9, 10]


def _values(log: DeploymentLog) -> dict[str, Any]:
    return dict(zip(DEPLOYMENT_LOGS.names, DEPLOYMENT_LOGS.values(log), strict=True))


def test_lines_of_other_logs_and_projects_are_not_read(store: Store) -> None:
    """Neither with another deployment's id nor in another project; without a log there are no lines."""
    with store.begin() as tx:
        log, other = log_of(tx, 1, 3), log_of(tx, 1, 2)
        beside = log_of(tx, 1, 2, project=log.project_id)
        lines = tx.deployment_log_lines
        for project, deployment in ((other.project_id, log.id), (log.project_id, other.id), (NOBODY, log.id)):
            assert lines.read(project, deployment, 1, 10) == []
            assert lines.tail(project, deployment, 10) == []
            assert lines.drop(project, deployment, 1, 10) == 0
        make(tx, DEPLOYMENT_LOG_LINES, project_id=log.project_id, deployment_id=NOBODY, number=1)
        assert lines.read(log.project_id, NOBODY, 1, 10) == []
        assert lines.tail(log.project_id, NOBODY, 10) == []
        assert numbers(lines.read(log.project_id, beside.id, 1, 10)) == [1, 2]


def test_lines_are_dropped_by_number(store: Store) -> None:
    """From the first to the last one named, both included; how many there were."""
    with store.begin() as tx:
        log = log_of(tx, 1, 10)
        lines = tx.deployment_log_lines
        assert lines.drop(log.project_id, log.id, -5, 3) == 3
        assert lines.drop(log.project_id, log.id, -5, 3) == 0
        assert lines.drop(log.project_id, log.id, 6, 5) == 0
        assert lines.drop(log.project_id, log.id, 9, 2**31 - 1) == 2
        assert numbers(lines.read(log.project_id, log.id, 1, 100)) == [4, 5, 6, 7, 8]
        assert lines.drop(log.project_id, log.id, -(2**31), 2**31 - 1) == 5
        assert lines.count(log.project_id) == 0


def test_a_number_is_given_once_in_a_log(store: Store) -> None:
    """Other logs of the project have numbers of their own."""
    with store.begin() as tx:
        log = log_of(tx, 1, 2)
        log_of(tx, 1, 2, project=log.project_id)
        again = build(DEPLOYMENT_LOG_LINES, project_id=log.project_id, deployment_id=log.id, number=2)
        with refused(taken(DEPLOYMENT_LOG_LINES, DEPLOYMENT_LOG_LINES.uniques[0])), tx.savepoint():
            tx.deployment_log_lines.insert(again)
        assert tx.deployment_log_lines.count(log.project_id) == 4


def test_logs_go_with_their_project(store: Store) -> None:
    """Logs and lines; those of other projects stay."""
    with store.begin() as tx:
        log, other = log_of(tx, 1, 3), log_of(tx, 1, 2)
        tx.projects.delete(log.project_id)
        assert tx.deployment_logs.find(log.project_id, log.id) is None
        assert tx.deployment_log_lines.count(log.project_id) == 0
        assert numbers(tx.deployment_log_lines.read(other.project_id, other.id, 1, 10)) == [1, 2]


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("project_id", ("x", NOBODY, 1, 1)),
        ("deployment_id", (NOBODY, None, 1, 1)),
        ("first", (NOBODY, NOBODY, 2**31, 1)),
        ("first", (NOBODY, NOBODY, True, 1)),
        ("limit", (NOBODY, NOBODY, 1, -1)),
        ("limit", (NOBODY, NOBODY, 1, 1001)),
        ("limit", (NOBODY, NOBODY, 1, 1.0)),
    ],
)
def test_wrong_places_in_a_log_are_named(store: Store, field: str, arguments: tuple[Any, ...]) -> None:
    """InvalidValue for the argument, and the unit of work goes on."""
    with store.begin() as tx:
        lines = tx.deployment_log_lines
        with invalid(field):
            lines.read(*arguments)
        if field != "first":
            with invalid(field):
                lines.tail(arguments[0], arguments[1], arguments[3])
        if field != "limit":
            with invalid(field):
                lines.drop(*arguments)
        assert lines.count(uuid4()) == 0
