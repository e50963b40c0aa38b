"""Logs: appended in batches, read by number, followed while they grow. `DeploymentService` has these methods."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from vibecore.domain.access import ProjectAccess
from vibecore.domain.actors import Actor
from vibecore.domain.changes import diff
from vibecore.domain.deployment_logs import (
    DEPLOYMENT_LOG_LINES,
    DEPLOYMENT_LOGS,
    MOST_BYTES,
    MOST_LINES,
    SPARED,
    DeploymentLog,
    DeploymentLogLine,
    LogEntry,
    LogLine,
    LogPage,
    entries_of,
    size_of,
)
from vibecore.domain.deployments import ENDED, Deployment
from vibecore.domain.errors import AlreadyExists, InvalidTransition, InvalidValue, NotFound
from vibecore.domain.paging import MAX_LIMIT
from vibecore.domain.permissions import Action
from vibecore.domain.rules import Boolean, Integer
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.deployments.following import LogStream
from vibecore.services.deployments.told import existing
from vibecore.services.scoped import Scoped, check_id
from vibecore.services.work import readable, writable

_NUMBER: Final = Integer(low=1)
_LIMIT: Final = Integer(low=0, high=MAX_LIMIT)
_TOGETHER: Final = 20
"""Lines up to which single INSERT statements in a batch beat a COPY, which takes round trips of its own."""


class LogMethods(Scoped):
    """What a deployment says. A log keeps its newest lines: see `vibecore.domain.deployment_logs` for the caps."""

    def append_logs(
        self,
        actor: Actor,
        project_id: UUID,
        deployment_id: UUID,
        lines: Iterable[str | LogEntry],
        *,
        first: int | None = None,
    ) -> DeploymentLog:
        """Append lines to the log of a deployment that has not ended; the log, whose `last_line` is the number of its
        last one.

        `first` is the number of the first of these lines, counted from 1: with it, whoever got no answer gives the same
        lines again, and those that had arrived are not appended twice, even if the deployment has ended since. Without
        it the lines follow what there is, and giving them again doubles them. At most 10,000 lines; what becomes of
        line endings, NUL and overlong lines is told by `vibecore.domain.deployment_logs.entries_of`. A log that passes
        100,000 lines or 16 MiB loses its oldest ones, an eighth at once. The audit trail tells of a log's beginning,
        not of each batch.

        Raises InvalidValue, for `first` too where it leaves a gap; AlreadyExists (constraint
        "uq_deployment_log_lines_number") where other lines have these numbers; InvalidTransition (kind
        "deployment_log") after the end of the deployment; NotFound (kind "deployment" or "project"), PermissionDenied,
        ReadOnlyProject.
        """
        scope = check_id("project_id", project_id)
        key = check_id("deployment_id", deployment_id)
        entries = entries_of(lines)
        start = None if first is None else _NUMBER.check("first", first)

        def run(tx: UnitOfWork) -> DeploymentLog:
            with tx.batch() as batch:
                access = batch.add(tx.projects.access, scope, actor.user_id)
                found = batch.add(tx.deployments.find, scope, key)
                kept = batch.add(tx.deployment_logs.find, scope, key)
            granted = writable(actor, Action.DEPLOY, scope, access.value)
            deployment = existing(found.value, key)
            log = kept.value or DeploymentLog(id=key, project_id=scope, created_at=tx.now, updated_at=tx.now)
            new = entries if start is None else entries[_known(tx, log, start, entries) :]
            if not new:
                return log
            if deployment.status in ENDED or log.closed_at is not None:
                raise InvalidTransition("deployment_log", "closed", "open", "the deployment has ended")
            return self._append(tx, actor, granted, deployment, log, new, begun=kept.value is not None)

        return self._work.write(actor, run)

    def read_logs(
        self, actor: Actor, project_id: UUID, deployment_id: UUID, *, first: int = 1, limit: int = MAX_LIMIT
    ) -> LogPage:
        """At most `limit` (0 to 1,000) lines from number `first` on, of archived deployments too.

        Raises NotFound (kind "deployment" or "project"), PermissionDenied, InvalidValue.
        """
        scope = check_id("project_id", project_id)
        key = check_id("deployment_id", deployment_id)
        return self._read_logs(
            actor, scope, key, _NUMBER.check("first", first), _LIMIT.check("limit", limit), again=False
        )

    def stream_logs(
        self, actor: Actor, project_id: UUID, deployment_id: UUID, *, first: int = 1, follow: bool = False
    ) -> LogStream:
        """All lines from number `first` on, in order: an iterator, on the async face an async one. Where lines that
        were asked for are gone, one of stream `system` says how many.

        With `follow` it waits for lines to come, and ends when the deployment has ended and all is read. It looks
        again after a quarter of a second, and less often while nothing comes, every 2 seconds at last. Each look is a
        unit of work of its own, and asks for the right again: nothing stays open in between. An override of an
        administrator or of the system is audited once.

        Raises, at once or while it is read, NotFound (kind "deployment" or "project") and PermissionDenied; at once
        InvalidValue, and TransactionError for `follow` inside `transaction` and `atomic`, which see one moment.
        """
        scope = check_id("project_id", project_id)
        key = check_id("deployment_id", deployment_id)
        start = _NUMBER.check("first", first)
        if Boolean().check("follow", follow):
            self._work.refuse_inside("following a log")

        def read(number: int, *, again: bool) -> LogPage:
            return self._read_logs(actor, scope, key, number, MAX_LIMIT, again=again)

        return LogStream(read, self._effects.runtime.sleep, start, follow=follow)

    def _read_logs(self, actor: Actor, scope: UUID, key: UUID, first: int, limit: int, *, again: bool) -> LogPage:
        def run(tx: UnitOfWork) -> LogPage:
            with tx.batch() as batch:
                access = batch.add(tx.projects.access, scope, actor.user_id)
                found = batch.add(tx.deployments.find, scope, key)
                archived = batch.add(tx.archived_deployments.find, scope, key)
                log = batch.add(tx.deployment_logs.find, scope, key)
                lines = batch.add(tx.deployment_log_lines.read, scope, key, first, limit)
            readable(actor, Action.DEPLOYMENTS_READ, scope, access.value)
            if found.value is None and archived.value is None:
                raise NotFound("deployment", key)
            return _page(log.value, lines.value, first, ended=found.value is None or found.value.status in ENDED)

        return self._work.read(actor, run, again=again)

    def _append(
        self,
        tx: UnitOfWork,
        actor: Actor,
        access: ProjectAccess,
        deployment: Deployment,
        log: DeploymentLog,
        entries: Sequence[LogEntry],
        *,
        begun: bool,
    ) -> DeploymentLog:
        lines = [self._line(tx, log, number, entry) for number, entry in enumerate(entries, log.last_line + 1)]
        size = log.size_bytes + sum(size_of(line.text) for line in lines)
        grown = dataclasses.replace(log, last_line=lines[-1].number, size_bytes=size)
        kept = _shortened(tx, grown, lines)
        stays = [line for line in lines if line.number >= kept.first_line]
        at_once = len(stays) <= _TOGETHER
        with tx.batch() as batch:
            if log.first_line < min(kept.first_line, lines[0].number):
                batch.add(tx.deployment_log_lines.drop, log.project_id, log.id, log.first_line, kept.first_line - 1)
            if begun:
                stored = batch.add(tx.deployment_logs.update, kept)
            else:
                stored = batch.add(tx.deployment_logs.insert, kept)
                event = self._event(
                    tx,
                    actor,
                    access,
                    "deployment.log.begun",
                    kind="deployment_log",
                    key=log.id,
                    details={"environment": deployment.environment},
                    changes=diff(DEPLOYMENT_LOGS, None, kept),
                    rows={DEPLOYMENT_LOG_LINES.name: {"inserted": len(stays)}},
                )
                batch.add(tx.audit.append, event)
            if at_once:
                for line in stays:
                    batch.add(tx.deployment_log_lines.insert, line)
        if not at_once:
            tx.deployment_log_lines.insert_many(stays)
        return stored.value

    def _line(self, tx: UnitOfWork, log: DeploymentLog, number: int, entry: LogEntry) -> DeploymentLogLine:
        return DeploymentLogLine(
            id=self._effects.ids(),
            project_id=log.project_id,
            deployment_id=log.id,
            number=number,
            stream=entry.stream,
            text=entry.text,
            logged_at=tx.now if entry.time is None else entry.time,
            created_at=tx.now,
            updated_at=tx.now,
        )


def _known(tx: UnitOfWork, log: DeploymentLog, first: int, entries: Sequence[LogEntry]) -> int:
    """How many of `entries`, whose first has the number `first`, are there already. What was dropped since cannot be
    compared any more, and counts as equal."""
    following = log.last_line + 1
    if first > following:
        raise InvalidValue("first", f"leaves a gap: the next line is {following}")
    known = min(len(entries), following - first)
    for start in range(first, first + known, MAX_LIMIT):
        for line in tx.deployment_log_lines.read(log.project_id, log.id, start, min(MAX_LIMIT, first + known - start)):
            place = line.number - first
            if place < known and (line.text, line.stream) != (entries[place].text, entries[place].stream):
                rule = DEPLOYMENT_LOG_LINES.uniques[0]
                raise AlreadyExists(DEPLOYMENT_LOG_LINES.kind, rule.name, rule.fields)
    return known


def _shortened(tx: UnitOfWork, log: DeploymentLog, new: Sequence[DeploymentLogLine]) -> DeploymentLog:
    """`log` without as many of its oldest lines as it needs to lose; `new` are its last lines, not stored yet."""
    if log.last_line - log.first_line < MOST_LINES and log.size_bytes <= MOST_BYTES:
        return log
    first = max(log.first_line, log.last_line + 1 - int(MOST_LINES * SPARED))
    size = log.size_bytes
    stored = new[0].number - log.first_line
    number = log.first_line
    while number < first or size > MOST_BYTES * SPARED:
        offset = number - log.first_line
        if offset < stored:
            most = min(MAX_LIMIT, stored - offset)
            lines = tx.deployment_log_lines.read(log.project_id, log.id, number, most)
        else:
            lines = new[offset - stored :]
        for line in lines:
            if number >= first and size <= MOST_BYTES * SPARED:
                break
            size -= size_of(line.text)
            number = line.number + 1
        if not lines:
            # What somebody else removed is no reason to look for ever.
            number += MAX_LIMIT
    return dataclasses.replace(log, first_line=number, size_bytes=size)


def _page(log: DeploymentLog | None, lines: Sequence[DeploymentLogLine], first: int, *, ended: bool) -> LogPage:
    begins, last = (1, 0) if log is None else (log.first_line, log.last_line)
    following = lines[-1].number + 1 if lines else max(first, begins)
    return LogPage(
        lines=tuple(
            LogLine(number=line.number, stream=line.stream, time=line.logged_at, text=line.text) for line in lines
        ),
        next=following,
        dropped=max(begins - first, 0),
        more=following <= last,
        ended=ended,
    )
