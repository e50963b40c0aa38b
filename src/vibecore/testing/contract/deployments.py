"""Deployments: `vibecore.repositories.deployments`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import pytest

from vibecore.domain.deployments import ARCHIVED_DEPLOYMENTS, DEPLOYMENTS, Deployment, DeploymentStatus
from vibecore.domain.projects import PROJECTS
from vibecore.domain.rules import EARLIEST, LATEST
from vibecore.repositories.unit_of_work import Store, UnitOfWork
from vibecore.testing.builders import make
from vibecore.testing.contract.expect import invalid, refused, taken

DAY: Final = timedelta(days=1)
TICK: Final = timedelta(microseconds=1)
NOBODY: Final = UUID(int=404)


STOPPED, FAILED, RUNNING = DeploymentStatus.STOPPED, DeploymentStatus.FAILED, DeploymentStatus.RUNNING


def test_the_running_deployment_of_an_environment(store: Store) -> None:
    """By exactly this name, in this project; None where nothing runs."""
    with store.begin() as tx:
        running = make(tx, DEPLOYMENTS, environment="production", status=RUNNING)
        project = running.project_id
        make(tx, DEPLOYMENTS, project_id=project, environment="staging", status=STOPPED)
        make(tx, DEPLOYMENTS, environment="staging", status=RUNNING)
        assert tx.deployments.running(project, "production") == running
        for environment in ("staging", "Production", "production ", ""):
            assert tx.deployments.running(project, environment) is None
        assert tx.deployments.running(NOBODY, "production") is None


class History:
    """Deployments of one project, by name."""

    def __init__(self, tx: UnitOfWork) -> None:
        self._tx = tx
        self.project = make(tx, PROJECTS).id
        self.made: dict[str, Deployment] = {}

    def add(self, name: str, *, days: float = 100, live: float | None = None, **values: Any) -> Deployment:
        """One that ended, and went live, so many days ago."""
        now = self._tx.now
        given = {
            "project_id": self.project,
            "environment": "production",
            "status": STOPPED,
            "completed_at": now - DAY * days,
            "live_at": None if live is None else now - DAY * live,
        }
        self.made[name] = make(self._tx, DEPLOYMENTS, **{**given, **values})
        return self.made[name]

    def archived(self, days: int) -> set[str]:
        """Archive and tell by name what went."""
        before = {row.id: name for name, row in self.made.items() if self._tx.deployments.find(row.project_id, row.id)}
        number = self._tx.deployments.archive(days)
        gone = {name for id, name in before.items() if not self._here(self.made[name])}
        assert number == len(gone)
        return gone

    def _here(self, row: Deployment) -> bool:
        return self._tx.deployments.find(row.project_id, row.id) is not None


def test_old_ended_deployments_are_archived(store: Store) -> None:
    """Unchanged, with the moment; those that have not ended or are not old enough stay."""
    with store.begin() as tx:
        history = History(tx)
        old = history.add("old", logs=["a", ""], config={"x": 1.0}, reason="because")
        for status in (FAILED, DeploymentStatus.ROLLED_BACK):
            history.add(status.value, status=status)
        history.add("running", status=RUNNING)
        history.add("pending", status=DeploymentStatus.PENDING)
        history.add("young", days=29)
        assert history.archived(30) == {"old", "failed", "rolled_back"}
        found = tx.archived_deployments.get(history.project, old.id)
        assert found.archived_at == tx.now
        names = DEPLOYMENTS.names
        assert [getattr(found, name) for name in names] == [getattr(old, name) for name in names]
        assert tx.archived_deployments.count(history.project) == 3
        assert history.archived(30) == set()


def test_the_age_of_a_deployment_counts_from_its_end(store: Store) -> None:
    """`completed_at`, else `updated_at`; what ended exactly then is not older."""
    with store.begin() as tx:
        history = History(tx)
        history.add("exact", days=30)
        history.add("older", completed_at=tx.now - 30 * DAY - TICK)
        history.add("by update", completed_at=None, updated_at=tx.now - 31 * DAY)
        history.add("updated lately", completed_at=None, updated_at=tx.now - 29 * DAY)
        history.add("completed lately", days=1, updated_at=tx.now - 400 * DAY)
        assert history.archived(30) == {"older", "by update"}


def test_the_two_that_were_live_last_are_spared(store: Store) -> None:
    """For each project and environment, by (live_at, id), whatever their state."""
    with store.begin() as tx:
        history = History(tx)
        for place in range(4):
            history.add(f"live {place}", live=200 - place)
            history.add(f"staging {place}", live=200 - place, environment="staging")
        for place in (1, 2, 3):
            history.add(f"tie {place}", live=300, environment="tie", id=UUID(int=place))
        history.add("never live", environment="staging")
        expected = {"live 0", "live 1", "staging 0", "staging 1", "tie 1", "never live"}
        assert history.archived(30) == expected


def test_what_a_rollback_can_go_back_to_is_spared(store: Store) -> None:
    """The two newest healthy ones of an environment, however many bad ones came after them."""
    with store.begin() as tx:
        history = History(tx)
        for place in range(4):
            history.add(f"good {place}", live=200 + place)
        for place, status in enumerate((FAILED, DeploymentStatus.ROLLED_BACK, FAILED)):
            history.add(f"bad {place}", status=status, live=100 + place)
        history.add("never live", live=None)
        assert history.archived(30) == {"good 2", "good 3", "bad 2", "never live"}


def test_environments_and_what_is_active_in_them(store: Store) -> None:
    """Names of all deployments outside of the archive, in order; those that run or are in flight by (environment,
    id)."""
    with store.begin() as tx:
        project = make(tx, PROJECTS).id
        assert (list(tx.deployments.environments(project)), list(tx.deployments.active(project))) == ([], [])

        def add(environment: str, status: DeploymentStatus, number: int) -> Deployment:
            values = {"id": UUID(int=number), "project_id": project, "environment": environment, "status": status}
            return make(tx, DEPLOYMENTS, **values)

        here = [
            add("Z", RUNNING, 7),
            add("production", DeploymentStatus.PENDING, 2**127),
            add("production", RUNNING, 2**127 + 1),
            add("staging", DeploymentStatus.BUILDING, 1),
        ]
        add("production", STOPPED, 3)
        add("qa", FAILED, 4)
        make(tx, DEPLOYMENTS, environment="elsewhere", status=RUNNING)
        assert list(tx.deployments.active(project)) == here
        assert list(tx.deployments.environments(project)) == ["Z", "production", "qa", "staging"]
        with invalid("project_id"):
            tx.deployments.active("x")  # type: ignore[arg-type]  # what callers without a checker do


def test_a_running_deployment_is_one_of_the_two(store: Store) -> None:
    """Beside it only the one before it is kept for a way back."""
    with store.begin() as tx:
        history = History(tx)
        history.add("now", status=RUNNING, live=1)
        history.add("before", live=50)
        history.add("long before", live=60)
        assert history.archived(30) == {"long before"}


def test_what_a_spared_deployment_names_is_spared(store: Store) -> None:
    """The one it repeats or undoes, and what that one names in turn; not what only archived ones name."""
    with store.begin() as tx:
        history = History(tx)
        first = history.add("first")
        second = history.add("second", retry_of=first.id)
        third = history.add("third", rollback_of=second.id)
        history.add("unfinished", status=DeploymentStatus.BUILDING, retry_of=third.id)
        lone = history.add("lone")
        history.add("names lone", rollback_of=lone.id)
        history.add("young", days=1, retry_of=history.add("named by the young").id)
        assert history.archived(30) == {"lone", "names lone"}


def test_an_environment_of_another_project_spares_nothing(store: Store) -> None:
    """Each project has two of its own, and names its own."""
    with store.begin() as tx:
        history = History(tx)
        old = history.add("old")
        other = make(tx, PROJECTS).id
        for place in range(3):
            history.add(f"other {place}", project_id=other, live=100 + place)
        history.add("names a stranger", project_id=other, status=DeploymentStatus.PENDING, retry_of=old.id)
        assert history.archived(30) == {"old", "other 2"}


@pytest.mark.parametrize("days", [0, 1, 740_000, 1_000_000, 2**31 - 1])
def test_any_age_can_be_asked_for(store: Store, days: int) -> None:
    """From 0 to beyond the beginning of time."""
    with store.begin() as tx:
        history = History(tx)
        history.add("old", completed_at=EARLIEST)
        history.add("of today", days=0.5)
        history.add("of tomorrow", completed_at=LATEST)
        expected = {0: {"old", "of today"}, 1: {"old"}}
        assert history.archived(days) == expected.get(days, set())


@pytest.mark.parametrize("days", [-1, 2**31, True, 1.0, "1", None])
def test_other_ages_are_refused(store: Store, days: Any) -> None:
    """InvalidValue for `days`; nothing is archived."""
    with store.begin() as tx:
        history = History(tx)
        history.add("old")
        with invalid("days"):
            tx.deployments.archive(days)
        assert tx.deployments.count(history.project) == 1


def test_the_archive_takes_an_id_once(store: Store) -> None:
    """An archived deployment cannot come back under its id and be archived again: AlreadyExists."""
    with store.begin() as tx:
        history = History(tx)
        old = history.add("old")
        assert history.archived(30) == {"old"}
        tx.deployments.insert(old)
        with refused(taken(ARCHIVED_DEPLOYMENTS, ARCHIVED_DEPLOYMENTS.primary)), tx.savepoint():
            tx.deployments.archive(30)
        assert tx.deployments.get(old.project_id, old.id) == old
