"""One service call is one unit of work: begun, retried, committed and audited here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from vibecore.domain.access import ProjectAccess
from vibecore.domain.actors import Actor, ActorKind, check_actor
from vibecore.domain.audit import AuditEvent
from vibecore.domain.changes import Diff, Rows
from vibecore.domain.errors import NotFound, PermissionDenied, ReadOnlyProject, SerializationConflict, TransactionError
from vibecore.domain.json import JsonObject
from vibecore.domain.notification_types import NotificationType
from vibecore.domain.permissions import Action, Decision, decide, decide_account
from vibecore.domain.projects import ProjectStatus
from vibecore.repositories.unit_of_work import Batch, Mode, Store, UnitOfWork
from vibecore.services.effects import Effects
from vibecore.services.mail.messages import MailPurpose
from vibecore.services.notices import notices

T = TypeVar("T")

ATTEMPTS: Final = 12
"""Runs of a unit of work before SerializationConflict reaches the caller."""
LONGEST_WAIT: Final = 0.5
"""Seconds at most between two runs; the wait is random below a bound that doubles from 5 ms."""
LOG: Final = logging.getLogger("vibecore")


class _Call:
    """What the permission checks of one service call found, for the audit trail."""

    __slots__ = ("marked", "overrides", "project_id")

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Before each run of the unit of work: what an undone run did does not count."""
        self.overrides: set[str] = set()
        self.project_id: UUID | None = None
        self.marked = False


# Of the thread or task that is inside a service call: `allowed` and `readable` are functions of actor and access, and
# no service can forget to pass their findings on to the audit trail.
_CALL: Final[ContextVar[_Call | None]] = ContextVar("vibecore_service_call", default=None)

# What the innermost run of a unit of work, or of a call inside one, wants done when all of it has been committed. A
# run that was undone leaves nothing here.
_AFTER: Final[ContextVar[list[Callable[[], None]] | None]] = ContextVar("vibecore_after_commit", default=None)


class Work:
    """Runs service calls on a store, or inside one unit of work that is already open (`bound`)."""

    def __init__(self, store: Store, effects: Effects, bound: UnitOfWork | None = None) -> None:
        self.store = store
        self.effects = effects
        self._bound = bound
        self._after: list[Callable[[], None]] = []

    def write(self, actor: Actor, run: Callable[[UnitOfWork], T]) -> T:
        """`run` as one atomic unit, again after each collision. `run` must have no effect but on the unit of work.

        Inside an open transaction: as a savepoint of it, without a retry. A denial leaves its own audit row; where an
        override allowed the action, the audit row of the call says so.
        """
        check_actor(actor)
        with self._traced(actor) as call:
            return self._write(lambda tx: self._marked(call, tx, actor, run))

    def read(self, actor: Actor, run: Callable[[UnitOfWork], T], *, again: bool = False) -> T:
        """`run` with one statement or one batch: one round trip. Denials and overrides leave their own audit rows.

        Inside an open transaction: as a savepoint of it. `again`: one more look of a call whose override is in the
        trail.
        """
        return self._reading(actor, run, Mode.READ, again=again)

    def snapshot(self, actor: Actor, run: Callable[[UnitOfWork], T]) -> T:
        """`run` with any number of reads of one snapshot; audited as `read`."""
        return self._reading(actor, run, Mode.SNAPSHOT)

    def permit(self, actor: Actor, action: Action) -> None:
        """PermissionDenied, with its audit row, unless `actor` may do this platform-wide `action`.

        For costly work before the unit of work, which then has to ask again.
        """
        check_actor(actor)
        with self._traced(actor):
            allowed(actor, action)

    def aside(self, run: Callable[[UnitOfWork], T]) -> T:
        """`run` in a unit of its own, which stays when the transaction around this call is rolled back.

        Where the store itself has joined somebody's transaction there is no other unit: then as a part of it.
        """
        return Work(self.store, self.effects)._write(run)

    def decide(self, run: Callable[[UnitOfWork], T]) -> T:
        """`run` with calls that each decide and write by themselves: permanent when each returns (`Mode.SINGLE`).

        Never part of the transaction around this call, whose rollback would give tries back; where the store itself
        has joined somebody's transaction there is no other, and its rollback does.
        """
        with self.store.begin(Mode.SINGLE) as tx:
            return run(tx)

    def refuse_inside(self, call: str) -> None:
        """TransactionError inside `transaction` and `atomic`, for a call that needs a transaction of its own."""
        if self._bound is not None:
            raise TransactionError(f"{call} needs a transaction of its own")

    def refuse_joined(self, call: str) -> None:
        """TransactionError inside any transaction that somebody has open, be it an application's own."""
        self.refuse_inside(call)
        if self.store.joined:
            raise TransactionError(f"{call} needs a transaction of its own")

    @contextmanager
    def transaction(self) -> Iterator[Work]:
        """The work of one unit that is open for the block, and committed with it."""
        with self.store.begin(Mode.WRITE) as tx:
            inside = Work(self.store, self.effects, tx)
            yield inside
            tx.commit()
        inside._committed()

    def atomic(self, run: Callable[[Work], T]) -> T:
        """`run` with the work of one unit, from its start after each collision."""

        def once(tx: UnitOfWork) -> T:
            inside = Work(self.store, self.effects, tx)
            result = run(inside)
            self.after_commit(inside._committed)
            return result

        return self.aside(once)

    def after_commit(self, action: Callable[[], None]) -> None:
        """Do `action` once what the present run wrote is committed, however often it has to run again; never if it is
        undone. In order, on the thread or task that commits; RuntimeError outside of a unit of work.

        Inside `transaction` and `atomic`: after the commit of the whole; a call there that fails takes its actions
        with it (a savepoint that `run` makes itself does not). Where the store joined an application's transaction
        nobody here learns of its commit: right after the call. Where a commit got no answer, or was cancelled while it
        was under way, nothing is done, though it may have been committed.

        What is committed stays: an action that fails is logged, without its message, and the next one is done.
        """
        after = _AFTER.get()
        if after is None:
            raise RuntimeError("after_commit is called inside a unit of work")
        after.append(action)

    def send(self, purpose: MailPurpose, *, to: str, **values: str | datetime) -> None:
        """A mail, `after_commit`. `values` are the purpose's fields but `public_url`; InvalidValue at once."""
        effects = self.effects
        mail = effects.templates.compose(purpose, to=to, public_url=effects.public_url, **values)
        self.after_commit(lambda: effects.mailer.send(mail))

    def tell(
        self,
        tx: UnitOfWork,
        batch: Batch,
        user_ids: Iterable[UUID],
        kind: NotificationType,
        title: str,
        *,
        data: Mapping[str, object],
        message: str | None = None,
        dedup_key: str | None = None,
    ) -> None:
        """Notify the users, each once, with one call more in `batch`: in the transaction of what caused it.

        With a `dedup_key` the user's notification of this type and key is renewed where there is one. A title that is
        too long is cut. InvalidValue for data of another shape than `kind` has.
        """
        told = notices(self.effects.ids, tx.now, user_ids, kind.name, title, kind.checked(data), message, dedup_key)
        if told:
            batch.add(tx.notifications.tell, told)

    def _write(self, run: Callable[[UnitOfWork], T]) -> T:
        if self._bound is not None:
            return self._inside(self._bound, run)
        if self.store.joined:
            return self._once(run)
        retrying = Retrying(
            retry=retry_if_exception_type(SerializationConflict),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.005, max=LONGEST_WAIT),
            sleep=self.effects.runtime.sleep,
            reraise=True,
        )
        return retrying(lambda: self._once(run))

    def _once(self, run: Callable[[UnitOfWork], T]) -> T:
        with _collected() as after, self.store.begin(Mode.WRITE) as tx:
            result = run(tx)
            tx.commit()
        _perform(after)
        return result

    def _inside(self, tx: UnitOfWork, run: Callable[[UnitOfWork], T]) -> T:
        """`run` as a savepoint. A batch that was left by an error, be it a wrong value, leaves its unit unusable."""
        with _collected() as after, tx.savepoint():
            result = run(tx)
        self._after += after
        return result

    def _committed(self) -> None:
        """The unit that this work is bound to has been committed."""
        after, self._after = self._after, []
        _perform(after)

    def _reading(self, actor: Actor, run: Callable[[UnitOfWork], T], mode: Mode, *, again: bool = False) -> T:
        check_actor(actor)
        with self._traced(actor) as call:
            if self._bound is not None:
                result = self._inside(self._bound, run)
            else:
                with _collected() as after, self.store.begin(mode) as tx:
                    result = run(tx)
                _perform(after)
            if call.overrides and not again:
                self.aside(lambda tx: tx.audit.append(self._override(call, tx, actor)))
            return result

    def _marked(self, call: _Call, tx: UnitOfWork, actor: Actor, run: Callable[[UnitOfWork], T]) -> T:
        """`run`, and a row of its own for an override that no event of the call tells of."""
        call.forget()
        result = run(tx)
        if call.overrides and not call.marked:
            tx.audit.append(self._override(call, tx, actor))
        return result

    def _override(self, call: _Call, tx: UnitOfWork, actor: Actor) -> AuditEvent:
        details = {"actions": sorted(call.overrides)}
        return self.event(tx, actor, "permission.overridden", project_id=call.project_id, details=details)

    @contextmanager
    def _traced(self, actor: Actor) -> Iterator[_Call]:
        """A denial inside the block leaves an audit row: what was denied is rolled back, that row is not."""
        call = _Call()
        outer = _CALL.set(call)
        try:
            yield call
        except PermissionDenied as denied:
            details = {"action": denied.action}
            self.aside(
                lambda tx: tx.audit.append(
                    self.event(tx, actor, "permission.denied", project_id=call.project_id, details=details)
                )
            )
            raise
        finally:
            _CALL.reset(outer)

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
        changes: Diff | None = None,
        others: Mapping[str, object] | None = None,
        rows: Rows | None = None,
    ) -> AuditEvent:
        """An audit event by `actor` at the unit's time. `user_id` names the user where the actor is nobody yet.

        `changes`, `others` and `rows` tell what the call changes, as in `domain.changes`; `details` are facts besides.
        To the details it adds why the system acts, which API key does, and that an override allowed it.
        """
        facts = dict(details or {})
        facts |= {name: told for name, told in (("changes", changes), ("others", others), ("rows", rows)) if told}
        if actor.kind is ActorKind.SYSTEM:
            facts["system_reason"] = actor.reason
        if actor.api_key_id is not None:
            facts["api_key_id"] = str(actor.api_key_id)
        call = _CALL.get()
        if call is not None and call.overrides:
            facts["override"] = True
            call.marked = True
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


@contextmanager
def _collected() -> Iterator[list[Callable[[], None]]]:
    after: list[Callable[[], None]] = []
    outer = _AFTER.set(after)
    try:
        yield after
    finally:
        _AFTER.reset(outer)


def _perform(actions: list[Callable[[], None]]) -> None:
    for action in actions:
        try:
            action()
        except Exception as error:  # noqa: BLE001  # the caller's work is done: a failure now would say that it is not
            # Neither message nor traceback: they may quote an address or a link.
            LOG.error("an action after a commit failed: %s", type(error).__name__)


class Service:
    """What every service has: the work it runs."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._effects = work.effects


def allowed(actor: Actor, action: Action) -> Decision:
    """The decision about a platform-wide action; PermissionDenied unless it allows."""
    return _granted(action, decide(actor, action))


def allowed_account(actor: Actor, action: Action, user_id: UUID | None) -> Decision:
    """The decision about an action on one account; PermissionDenied unless it allows."""
    return _granted(action, decide_account(actor, action, user_id))


def readable(actor: Actor, action: Action, project_id: UUID, access: ProjectAccess | None) -> ProjectAccess:
    """`access` if `actor` may do `action`; NotFound where the project does not exist for them, PermissionDenied."""
    if access is None:
        raise NotFound("project", project_id)
    decision = decide(actor, action, access)
    if decision is Decision.HIDDEN:
        raise NotFound("project", project_id)
    _granted(action, decision, project_id)
    return access


def _granted(action: Action, decision: Decision, project_id: UUID | None = None) -> Decision:
    call = _CALL.get()
    if call is not None and project_id is not None:
        call.project_id = project_id
    match decision:
        case Decision.ALLOWED:
            return decision
        case Decision.OVERRIDDEN:
            if call is not None:
                call.overrides.add(action.value)
            return decision
        case Decision.DENIED | Decision.HIDDEN:
            raise PermissionDenied(action.value)


def writable(actor: Actor, action: Action, project_id: UUID, access: ProjectAccess | None) -> ProjectAccess:
    """`readable`, and the project is not archived (ReadOnlyProject)."""
    granted = readable(actor, action, project_id, access)
    if granted.project.status is ProjectStatus.ARCHIVED:
        raise ReadOnlyProject(project_id)
    return granted
