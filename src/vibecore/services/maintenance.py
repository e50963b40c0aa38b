"""Maintenance: what runs on a timer, by `Actor.system(reason)` or an administrator."""

from __future__ import annotations

from datetime import date

from vibecore.domain.actors import Actor, check_actor
from vibecore.domain.analytics import RefreshReport
from vibecore.domain.audit import AHEAD
from vibecore.domain.permissions import Action
from vibecore.domain.rules import Integer
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.work import Service, allowed


class MaintenanceService(Service):
    """`vibe.maintenance`."""

    def archive_deployments(self, actor: Actor, *, days: int) -> int:
        """Move deployments that ended more than `days` days ago to the archive, where they stay readable; how many.

        What runs and what a rollback may need is spared. Raises PermissionDenied, InvalidValue.
        """
        age = Integer(low=0).check("days", days)

        def run(tx: UnitOfWork) -> int:
            allowed(actor, Action.MAINTAIN)
            archived = tx.deployments.archive(age)
            details = {"days": age, "archived": archived}
            tx.audit.append(self._work.event(tx, actor, "maintenance.deployments_archived", details=details))
            return archived

        return self._work.write(actor, run)

    def refresh_analytics(self, actor: Actor) -> RefreshReport:
        """Bring the materialized views to the present state. Raises PermissionDenied."""

        def run(tx: UnitOfWork) -> RefreshReport:
            allowed(actor, Action.MAINTAIN)
            report = tx.analytics.refresh()
            details = {"daily_rows": report.daily_rows, "user_rows": report.user_rows}
            tx.audit.append(self._work.event(tx, actor, "maintenance.analytics_refreshed", details=details))
            return report

        return self._work.write(actor, run)

    def prepare_audit(self, actor: Actor, *, months: int = 3) -> date:
        """Make room in the audit trail for this month and `months` more (0 to 120); the first day that may have none.

        On PostgreSQL these are partitions. Where one is missing, this waits for transactions that have used the trail,
        and new ones wait behind it, 2 seconds at most for each try. Later is safe, only slower: what has no partition
        of its own waits in one for all. Raises PermissionDenied, InvalidValue; TransactionError inside `transaction`
        and `atomic`, whose denied calls would wait for the trail that this call holds, and it for them.
        """
        check_actor(actor)
        ahead = AHEAD.check("months", months)
        self._work.refuse_inside("prepare_audit")

        def run(tx: UnitOfWork) -> date:
            allowed(actor, Action.MAINTAIN)
            until = tx.audit.prepare(months=ahead)
            details = {"months": ahead, "until": until.isoformat()}
            tx.audit.append(self._work.event(tx, actor, "maintenance.audit_prepared", details=details))
            return until

        return self._work.write(actor, run)
