"""One service call is one unit of work: begun, retried, committed and audited here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeVar
from uuid import UUID

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from vibecore.domain.access import ProjectAccess
from vibecore.domain.actors import Actor, ActorKind, check_actor
from vibecore.domain.audit import AuditEvent
from vibecore.domain.errors import NotFound, PermissionDenied, ReadOnlyProject, SerializationConflict
from vibecore.domain.json import JsonObject
from vibecore.domain.permissions import Action, Decision, decide
from vibecore.domain.projects import ProjectStatus
from vibecore.repositories.unit_of_work import Mode, Store, UnitOfWork
from vibecore.services.effects import Effects

T = TypeVar("T")

ATTEMPTS: Final = 12
"""Runs of a unit of work before SerializationConflict reaches the caller."""
LONGEST_WAIT: Final = 0.5
"""Seconds at most between two runs; the wait is random below a bound that doubles from 5 ms."""


class Work:
    """Runs service calls on a store, or inside one unit of work that is already open (`bound`)."""

    def __init__(self, store: Store, effects: Effects, bound: UnitOfWork | None = None) -> None:
        self.store = store
        self.effects = effects
        self._bound = bound

    def write(self, actor: Actor, run: Callable[[UnitOfWork], T]) -> T:
        """`run` as one atomic unit, again after each collision. `run` must have no effect but on the unit of work.

        Inside an open transaction: as a savepoint of it, without a retry. A denial leaves its own audit row.
        """
        check_actor(actor)
        try:
            return self._write(run)
        except PermissionDenied as denied:
            self._record_denial(actor, denied)
            raise

    def read(self, actor: Actor, run: Callable[[UnitOfWork], T]) -> T:
        """`run` with one statement or one batch: one round trip. A denial leaves its own audit row."""
        return self._reading(actor, run, Mode.READ)

    def snapshot(self, actor: Actor, run: Callable[[UnitOfWork], T]) -> T:
        """`run` with any number of reads of one snapshot."""
        return self._reading(actor, run, Mode.SNAPSHOT)

    def _write(self, run: Callable[[UnitOfWork], T]) -> T:
        if self._bound is not None:
            with self._bound.savepoint():
                return run(self._bound)
        retrying = Retrying(
            retry=retry_if_exception_type(SerializationConflict),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.005, max=LONGEST_WAIT),
            sleep=self.effects.runtime.sleep,
            reraise=True,
        )
        return retrying(self._once, run)

    def _once(self, run: Callable[[UnitOfWork], T]) -> T:
        with self.store.begin(Mode.WRITE) as tx:
            result = run(tx)
            tx.commit()
            return result

    def _reading(self, actor: Actor, run: Callable[[UnitOfWork], T], mode: Mode) -> T:
        check_actor(actor)
        try:
            if self._bound is not None:
                return run(self._bound)
            with self.store.begin(mode) as tx:
                return run(tx)
        except PermissionDenied as denied:
            self._record_denial(actor, denied)
            raise

    def _record_denial(self, actor: Actor, denied: PermissionDenied) -> None:
        """In a unit of its own: the transaction that was denied is rolled back, its trace is not."""
        details = {"action": denied.action}
        own = Work(self.store, self.effects)
        own._write(lambda tx: tx.audit.append(own.event(tx, actor, "permission.denied", details=details)))

    def event(
        self,
        tx: UnitOfWork,
        actor: Actor,
        action: str,
        *,
        resource_type: str | None = None,
        resource_id: UUID | None = None,
        project_id: UUID | None = None,
        details: Mapping[str, object] | None = None,
        user_id: UUID | None = None,
    ) -> AuditEvent:
        """An audit event by `actor` at the unit's time. `user_id` names the user where the actor is nobody yet."""
        facts = dict(details or {})
        if actor.kind is ActorKind.SYSTEM:
            facts["system_reason"] = actor.reason
        return AuditEvent(
            id=self.effects.ids(),
            user_id=actor.user_id if user_id is None else user_id,
            action=action,
            resource_type=resource_type,
            resource_id=resource_id,
            project_id=project_id,
            details=JsonObject(facts),
            ip_address=actor.ip_address,
            created_at=tx.now,
            updated_at=tx.now,
        )


class Service:
    """What every service has: the work it runs."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._effects = work.effects


def allowed(actor: Actor, action: Action) -> Decision:
    """The decision about a platform-wide action; PermissionDenied unless it allows."""
    decision = decide(actor, action)
    if decision in (Decision.ALLOWED, Decision.OVERRIDDEN):
        return decision
    raise PermissionDenied(action.value)


def readable(actor: Actor, action: Action, project_id: UUID, access: ProjectAccess | None) -> ProjectAccess:
    """`access` if `actor` may do `action`; NotFound where the project does not exist for them, PermissionDenied."""
    if access is None:
        raise NotFound("project", project_id)
    match decide(actor, action, access):
        case Decision.ALLOWED | Decision.OVERRIDDEN:
            return access
        case Decision.HIDDEN:
            raise NotFound("project", project_id)
        case Decision.DENIED:
            raise PermissionDenied(action.value)


def writable(actor: Actor, action: Action, project_id: UUID, access: ProjectAccess | None) -> ProjectAccess:
    """`readable`, and the project is not archived (ReadOnlyProject)."""
    granted = readable(actor, action, project_id, access)
    if granted.project.status is ProjectStatus.ARCHIVED:
        raise ReadOnlyProject(project_id)
    return granted


def overridden(actor: Actor, action: Action, access: ProjectAccess) -> dict[str, object]:
    """Details that mark an audit row where only the administrator's override allowed the action."""
    return {"override": True} if decide(actor, action, access) is Decision.OVERRIDDEN else {}
