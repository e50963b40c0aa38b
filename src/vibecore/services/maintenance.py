"""Maintenance: what runs on a timer, by `Actor.system(reason)` or an administrator."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from vibecore.domain.actors import Actor, check_actor
from vibecore.domain.analytics import RefreshReport
from vibecore.domain.audit import AHEAD
from vibecore.domain.changes import Rows
from vibecore.domain.deliveries import DeliveryReport
from vibecore.domain.permissions import Action
from vibecore.domain.policies import AuthPolicy
from vibecore.domain.rules import Integer
from vibecore.repositories.arguments import cutoff
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.delivering import Delivering
from vibecore.services.indexing import Indexer, IndexReport
from vibecore.services.scoped import check_id
from vibecore.services.work import Service, allowed

DELIVERED_AT_ONCE: Final = 10_000
"""Notifications and deliveries of one run at most."""
KEPT: Final = 90
"""Days that a notification is kept after it was read, unless the call says otherwise."""
QUIET: Final = timedelta(days=30)
"""How long a throttle is kept after it has let everything through again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInPurge:
    """How many rows of each kind have been removed. Tokens that went with their session are not counted."""

    sessions: int
    superseded_tokens: int
    api_keys: int
    throttles: int


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
            rows: Rows = {"deployments": {"deleted": archived}, "archived_deployments": {"inserted": archived}}
            event = self._work.event(
                tx, actor, "maintenance.deployments_archived", details=details, rows=rows if archived else None
            )
            tx.audit.append(event)
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

    def index_contents(self, actor: Actor) -> IndexReport:
        """Bring the index of contents up to date, which makes `files.search` fast: what has changed since is read and
        its index written, some hundred contents at a time, each in a unit of work of its own.

        Nobody waits for it, and nothing else reads differently before or after. Raises PermissionDenied;
        TransactionError inside `transaction` and `atomic`, which would hold all of it until their end.
        """
        check_actor(actor)
        self._work.refuse_inside("index_contents")
        return Indexer(self._work).run(actor)

    def purge_sign_in(self, actor: Actor) -> SignInPurge:
        """Remove what sign-in needs no longer: sessions that have ended, with the tokens they had; other superseded
        tokens that are older than any session; API keys that ended `AuthPolicy.ended_key_retention` ago; throttles that
        have held nobody back for 30 days.

        Spared are throttles with as many tries as the policy's lowest `most`: those are used up until they are
        forgotten (`users.unlock`, a reset of the password). Raises PermissionDenied; TransactionError inside
        `transaction` and `atomic`, whose rollback would undo the audit row and not all that it tells of.
        """
        check_actor(actor)
        self._work.refuse_inside("purge_sign_in")
        self._work.permit(actor, Action.MAINTAIN)
        policy = self._effects.policy
        longest = max(policy.session_absolute, policy.strong_absolute)
        throttles = self._work.decide(lambda tx: tx.throttles.purge(tx.now - QUIET, _lowest_most(policy)))

        def run(tx: UnitOfWork) -> SignInPurge:
            allowed(actor, Action.MAINTAIN)
            with tx.batch() as batch:
                sessions = batch.add(tx.sessions.purge, tx.now)
                tokens = batch.add(tx.superseded_tokens.purge, tx.now - longest)
                keys = batch.add(tx.api_keys.purge, tx.now - policy.ended_key_retention)
            purged = SignInPurge(
                sessions=sessions.value,
                superseded_tokens=tokens.value,
                api_keys=keys.value,
                throttles=throttles,
            )
            counted = {name: count for name, count in asdict(purged).items() if count}
            rows: Rows = {name: {"deleted": count} for name, count in counted.items()}
            event = self._work.event(tx, actor, "maintenance.sign_in_purged", details=asdict(purged), rows=rows)
            tx.audit.append(event)
            return purged

        return self._work.write(actor, run)

    def deliver_notifications(self, actor: Actor, *, most: int = 1000) -> DeliveryReport:
        """Hand pending notifications to the channels of this process, and let the channels tell what is due: at most
        `most` (1 to 10,000) of each. Any number of processes may do it at once.

        Users are told in order, through each channel and schedule; what fails is tried again, 30 seconds later and
        then four times as long each time up to 12 hours, 10 times altogether, and holds back only what comes after it
        there. Raises PermissionDenied, InvalidValue; TransactionError inside any transaction: channels use networks.
        """
        number = Integer(low=1, high=DELIVERED_AT_ONCE).check("most", most)
        check_actor(actor)
        self._work.refuse_joined("deliver_notifications")
        self._work.permit(actor, Action.MAINTAIN)
        report = Delivering(self._work, number).run()
        if report != DeliveryReport():
            self._work.write(
                actor,
                lambda tx: tx.audit.append(
                    self._work.event(
                        tx,
                        actor,
                        "maintenance.notifications_delivered",
                        details=asdict(report),
                        rows={
                            "notifications": {"updated": report.dispatched},
                            "notification_deliveries": {"inserted": None, "updated": None, "deleted": None},
                        },
                    )
                ),
            )
        return report

    def revive_deliveries(self, actor: Actor, user_id: UUID) -> int:
        """Try anew what channels gave up on for this user, once whatever was wrong is mended; how many deliveries.

        Raises PermissionDenied, InvalidValue.
        """
        key = check_id("user_id", user_id)

        def run(tx: UnitOfWork) -> int:
            allowed(actor, Action.MAINTAIN)
            revived = tx.deliveries.revive(key)
            if not revived:
                return 0
            details = {"user_id": str(key), "revived": revived}
            rows: Rows = {"notification_deliveries": {"updated": revived}}
            tx.audit.append(self._work.event(tx, actor, "maintenance.deliveries_revived", details=details, rows=rows))
            return revived

        return self._work.write(actor, run)

    def purge_notifications(self, actor: Actor, *, days: int = KEPT) -> int:
        """Remove notifications that were read more than `days` days ago; how many. Unread ones stay.

        Raises PermissionDenied, InvalidValue.
        """
        age = Integer(low=0).check("days", days)

        def run(tx: UnitOfWork) -> int:
            allowed(actor, Action.MAINTAIN)
            end = cutoff(tx.now, age)
            purged = 0 if end is None else tx.notifications.purge(end)
            details = {"days": age, "purged": purged}
            rows: Rows = {"notifications": {"deleted": purged}}
            tx.audit.append(self._work.event(tx, actor, "maintenance.notifications_purged", details=details, rows=rows))
            return purged

        return self._work.write(actor, run)


def _lowest_most(policy: AuthPolicy) -> int | None:
    """Tries from which on a throttle may be used up: its row does not tell which limit it counts for."""
    limits = (
        policy.account_limit,
        policy.client_limit,
        policy.challenge_limit,
        policy.factor_limit,
        policy.mail_limit,
    )
    return min((limit.most for limit in limits if limit.most is not None), default=None)
