"""Units of work: what is atomic, how it ends and how it fails.

- Leaving a unit of work without `commit()` rolls back.
- After a failed statement only `rollback()` (or leaving a savepoint) is accepted: everything else, `commit()` too,
  raises TransactionAborted. After the end everything raises TransactionClosed, but `rollback()` is always allowed.
- `now` is one timestamp for the whole unit of work.
- One unit of work is used by one thread or task at a time; a second one raises TransactionBusy.
- Writing units are SERIALIZABLE: a collision raises SerializationConflict, at any call, and nothing was written.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from enum import Enum
from types import TracebackType
from typing import Generic, ParamSpec, Protocol, Self, TypeVar

from vibecore.domain.deployment_logs import DeploymentLog
from vibecore.domain.deployments import ArchivedDeployment
from vibecore.domain.errors import TransactionError
from vibecore.domain.notifications import NotificationPreference
from vibecore.domain.pipelines import Execution, Pipeline
from vibecore.domain.scores import QualityScore
from vibecore.repositories.analytics import Analytics
from vibecore.repositories.audit import Audit
from vibecore.repositories.content_grams import ContentGramsIndex
from vibecore.repositories.deployment_logs import DeploymentLogLines
from vibecore.repositories.deployments import Deployments
from vibecore.repositories.files import Files
from vibecore.repositories.members import Members
from vibecore.repositories.notifications import Deliveries, Notifications, Webhooks
from vibecore.repositories.projects import Projects
from vibecore.repositories.quality import Quality
from vibecore.repositories.reviews import Reviews
from vibecore.repositories.tables import Children
from vibecore.repositories.tests import Tests
from vibecore.repositories.throttles import Throttles
from vibecore.repositories.users import ApiKeys, RecoveryCodes, Sessions, SupersededTokens, Users

P = ParamSpec("P")
T = TypeVar("T")


class Mode(Enum):
    """What a unit of work is for."""

    WRITE = "write"
    """SERIALIZABLE, read and write."""
    SNAPSHOT = "snapshot"
    """Read-only: all statements see one snapshot."""
    READ = "read"
    """Read-only: each statement, or each batch, sees a snapshot of its own, in one round trip."""
    SINGLE = "single"
    """Each statement, alone or in a batch, is a transaction of its own: permanent when the call, or the batch, returns.
    A concurrent writer of the same row is waited for, not collided with. Of all writes it accepts only those that
    decide by themselves (`Throttles`): anything else is ReadOnlyTransaction."""


class Pending(Generic[T]):
    """A result that exists once its batch has been left without an error."""

    __slots__ = ("_value",)
    _value: T

    @property
    def value(self) -> T:
        try:
            return self._value
        except AttributeError:
            raise TransactionError("the batch has not run") from None

    def resolve(self, value: T) -> None:
        self._value = value


class Batch(Protocol):
    """Calls that travel together: one round trip on a network. They run in order; the first failure is raised when
    the block is left, or sooner. A writing unit of work whose batch was left by an error, whichever it is, accepts only
    rollback, to its start or to a savepoint: later calls of the batch may have taken effect.
    `stream`, `insert_many`, `update_many`, `upsert` and savepoints cannot be part of a batch (TransactionError), and
    while a batch is open every other call on its unit of work is refused with TransactionError."""

    def add(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Pending[T]:
        """Queue one repository call of this unit of work; values are checked at once."""
        ...


class UnitOfWork(Protocol):
    """All tables in one transaction."""

    @property
    def now(self) -> datetime: ...
    @property
    def users(self) -> Users: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def superseded_tokens(self) -> SupersededTokens: ...
    @property
    def api_keys(self) -> ApiKeys: ...
    @property
    def recovery_codes(self) -> RecoveryCodes: ...
    @property
    def throttles(self) -> Throttles: ...
    @property
    def notifications(self) -> Notifications: ...
    @property
    def notification_preferences(self) -> Children[NotificationPreference]: ...
    @property
    def webhooks(self) -> Webhooks: ...
    @property
    def deliveries(self) -> Deliveries: ...
    @property
    def projects(self) -> Projects: ...
    @property
    def members(self) -> Members: ...
    @property
    def files(self) -> Files: ...
    @property
    def content_grams(self) -> ContentGramsIndex: ...
    @property
    def deployments(self) -> Deployments: ...
    @property
    def archived_deployments(self) -> Children[ArchivedDeployment]: ...
    @property
    def deployment_logs(self) -> Children[DeploymentLog]: ...
    @property
    def deployment_log_lines(self) -> DeploymentLogLines: ...
    @property
    def reviews(self) -> Reviews: ...
    @property
    def tests(self) -> Tests: ...
    @property
    def pipelines(self) -> Children[Pipeline]: ...
    @property
    def executions(self) -> Children[Execution]: ...
    @property
    def scores(self) -> Children[QualityScore]: ...
    @property
    def quality(self) -> Quality: ...
    @property
    def audit(self) -> Audit: ...
    @property
    def analytics(self) -> Analytics: ...

    def batch(self) -> AbstractContextManager[Batch]:
        """Several calls in one round trip."""
        ...

    def savepoint(self) -> AbstractContextManager[None]:
        """Undo everything inside the block, and the failure, when the block is left by an exception."""
        ...

    def commit(self) -> None:
        """Make everything permanent and end. TransactionAborted after a failed statement, SerializationConflict when a
        concurrent transaction collided; then nothing was written and the unit of work has ended."""
        ...

    def rollback(self) -> None:
        """Undo everything and end; no effect on a unit of work that has ended."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None: ...


class Store(Protocol):
    """A database: where units of work begin."""

    @property
    def joined(self) -> bool:
        """Whether units run inside a transaction that somebody else ends: then a collision cannot be retried here."""
        ...

    def begin(self, mode: Mode = Mode.WRITE) -> UnitOfWork:
        """A new unit of work. StoreUnavailable if the database cannot be reached."""
        ...

    def close(self) -> None:
        """Release all resources; units of work still open are rolled back."""
        ...
