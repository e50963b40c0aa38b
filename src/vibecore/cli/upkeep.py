"""What runs on a timer."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from vibecore.cli import exits
from vibecore.cli.options import AsJson, Schema, Url


def maintain(
    url: Url = None,
    schema: Schema = None,
    days: Annotated[
        int,
        typer.Option(
            "--archive-days", metavar="DAYS", min=0, help="Archive deployments that ended more than so many days ago."
        ),
    ] = 90,
    months: Annotated[
        int,
        typer.Option(
            "--audit-months",
            metavar="MONTHS",
            min=0,
            max=120,
            help="Make room in the audit trail for this month and so many more.",
        ),
    ] = 3,
    as_json: AsJson = False,
) -> None:
    """Archive old deployments, renew the materialized views, make room in the audit trail, purge old sign-ins,
    deliver notifications and digests, index contents for searches."""
    from vibecore.cli import output, targets
    from vibecore.domain.actors import Actor

    with targets.opened(targets.lasting(url), schema) as vibe:
        actor = Actor.system("vibecore maintain")
        archived = vibe.maintenance.archive_deployments(actor, days=days)
        refreshed = vibe.maintenance.refresh_analytics(actor)
        until = vibe.maintenance.prepare_audit(actor, months=months)
        purged = vibe.maintenance.purge_sign_in(actor)
        delivered = vibe.maintenance.deliver_notifications(actor)
        read = vibe.maintenance.purge_notifications(actor)
        contents = vibe.maintenance.index_contents(actor)
    if as_json:
        output.emit(
            {
                "archived": archived,
                "as_of": refreshed.as_of,
                "daily_rows": refreshed.daily_rows,
                "user_rows": refreshed.user_rows,
                "audit_until": until,
                "sign_in": asdict(purged),
                "notifications": {**asdict(delivered), "purged": read},
                "contents": asdict(contents),
            }
        )
        return
    moment = f"{refreshed.as_of:%Y-%m-%d %H:%M:%S} UTC"
    console = output.out()
    console.print(f"{archived:,} deployments archived")
    console.print(f"analytics as of {moment}: {refreshed.daily_rows:,} project days, {refreshed.user_rows:,} users")
    console.print(
        f"{purged.sessions:,} sessions, {purged.superseded_tokens:,} superseded tokens, "
        f"{purged.api_keys:,} API keys and {purged.throttles:,} throttles purged"
    )
    console.print(
        f"{delivered.dispatched:,} notifications handed over, {delivered.delivered:,} messages delivered, "
        f"{delivered.failed:,} to be tried again, {delivered.dead:,} given up; {read:,} old ones purged"
    )
    console.print(f"{contents.indexed:,} contents indexed, {contents.removed:,} removed from the index")
    console.print(f"audit trail prepared until {until:%Y-%m-%d}")


def rotate_keys(url: Url = None, schema: Schema = None, as_json: AsJson = False) -> None:
    """Encrypt the secrets of second factors with the newest key, so that older keys can go. Exit code 1 where a secret
    needs a key that is not configured."""
    from vibecore.cli import output, targets
    from vibecore.domain.actors import Actor

    with targets.opened(targets.lasting(url), schema) as vibe:
        found = vibe.second_factors.rotate_keys(Actor.system("vibecore rotate-keys"))
    if as_json:
        output.emit(asdict(found))
    else:
        output.out().print(
            f"{found.resealed:,} secrets encrypted anew, {found.unchanged:,} as before, {found.unreadable:,} unreadable"
        )
    if found.unreadable:
        exits.complain(f"{found.unreadable} secrets need a key that is not configured: keep every key until none does")
        raise typer.Exit(exits.REFUSED)
