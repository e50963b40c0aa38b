"""Sessions as operators see them: where a user is signed in, and ending that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Final
from uuid import UUID

import typer

from vibecore.cli import exits
from vibecore.cli.options import AsJson, Email, Schema, Url
from vibecore.cli.users import Who, find_user, operating
from vibecore.domain.errors import InvalidValue

if TYPE_CHECKING:
    from vibecore.bootstrap.vibe import Vibe
    from vibecore.domain.actors import Actor
    from vibecore.domain.profiles import SessionInfo

AT_ONCE: Final = 1000
"""Sessions of a listing that are read together."""

app: Final = typer.Typer()


@app.callback(invoke_without_command=True)
def sessions(context: typer.Context) -> None:
    """List where a user is signed in, and end it."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("list")
def list_sessions(
    user: Who, email: Email = None, url: Url = None, schema: Schema = None, as_json: AsJson = False
) -> None:
    """List the sessions that a user can use, the newest first. No token is shown: none is known."""
    from vibecore.cli import output

    with operating("sessions list", email, url, schema) as (vibe, actor):
        found = list(_all(vibe, actor, find_user(vibe, actor, user).id))
    if as_json:
        output.emit({"sessions": [_document(session) for session in found]})
        return
    for session in found:
        output.out().print(exits.printable(_in_words(session)), soft_wrap=True)


@app.command("revoke")
def revoke(
    user: Who,
    session: Annotated[
        str | None, typer.Argument(metavar="[SESSION]", help="The id of one session.", show_default=False)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every session of the user.")] = False,
    email: Email = None,
    url: Url = None,
    schema: Schema = None,
    as_json: AsJson = False,
) -> None:
    """End one session of a user, or all of them."""
    from vibecore.cli import output

    if (session is None) != everything:
        raise InvalidValue("session", "give either its id or --all")
    key = None if session is None else _session_id(session)
    with operating("sessions revoke", email, url, schema) as (vibe, actor):
        found = find_user(vibe, actor, user)
        if key is None:
            ended = vibe.sessions.revoke_all(actor, user_id=found.id)
        else:
            vibe.sessions.revoke(actor, key, user_id=found.id)
            ended = 1
    if as_json:
        output.emit({"user_id": found.id, "email": found.email, "ended": ended})
    else:
        output.out().print(exits.printable(f"{found.email}: {ended:,} sessions ended"), soft_wrap=True)


def _session_id(given: str) -> UUID:
    try:
        return UUID(given)
    except ValueError:
        raise InvalidValue("session", "is not the id of a session") from None


def _all(vibe: Vibe, actor: Actor, user_id: UUID) -> Iterator[SessionInfo]:
    cursor = None
    while True:
        page = vibe.sessions.page(actor, user_id=user_id, limit=AT_ONCE, cursor=cursor)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def _document(session: SessionInfo) -> dict[str, object]:
    names = ("id", "user_id", "device_info", "ip_address", "second_factor", "created_at", "authenticated_at")
    return {name: getattr(session, name) for name in (*names, "last_seen_at", "idle_expires_at", "expires_at")}


def _in_words(session: SessionInfo) -> str:
    from vibecore.domain import json

    facts = [f"since {session.created_at:%Y-%m-%d %H:%M} UTC"]
    if session.last_seen_at is not None:
        facts.append(f"seen {session.last_seen_at:%Y-%m-%d %H:%M} UTC")
    facts.append(f"until {session.expires_at:%Y-%m-%d %H:%M} UTC")
    if session.second_factor:
        facts.append("second factor")
    where = session.ip_address or "no address"
    return f"{session.id}  {where}  {', '.join(facts)}  {json.dumps(session.device_info)}"
