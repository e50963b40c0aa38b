"""Accounts as operators see them: who there is, with which role, and who is shut out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias
from uuid import UUID

import typer

from vibecore.cli import accounts, exits
from vibecore.cli.options import AsJson, Email, Schema, Url
from vibecore.domain.errors import NotFound
from vibecore.domain.users import UserRole

if TYPE_CHECKING:
    from vibecore.bootstrap.vibe import Vibe
    from vibecore.domain.actors import Actor
    from vibecore.domain.profiles import Profile

AT_ONCE: Final = 1000
"""Users of a listing that are read together."""

Who: TypeAlias = Annotated[str, typer.Argument(metavar="USER", help="An e-mail address or an id.")]

app: Final = typer.Typer()


@app.callback(invoke_without_command=True)
def users(context: typer.Context) -> None:
    """List accounts, give roles, disable, enable and delete."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("list")
def list_users(
    role: Annotated[UserRole | None, typer.Option("--role", help="Only with this role.", show_default=False)] = None,
    email: Email = None,
    url: Url = None,
    schema: Schema = None,
    as_json: AsJson = False,
) -> None:
    """List the accounts by address. No secret is shown."""
    from vibecore.cli import output

    with operating("users list", email, url, schema) as (vibe, actor):
        found = list(_everybody(vibe, actor, role))
    if as_json:
        output.emit({"users": [document(user) for user in found]})
        return
    for user in found:
        output.out().print(exits.printable(_in_words(user)), soft_wrap=True)


@app.command("role")
def set_role(
    user: Who,
    role: Annotated[UserRole, typer.Argument(metavar="ROLE", help="admin, developer or viewer.")],
    email: Email = None,
    url: Url = None,
    schema: Schema = None,
    as_json: AsJson = False,
) -> None:
    """Give a user another system role. A change ends all their sessions."""
    with operating("users role", email, url, schema) as (vibe, actor):
        changed = vibe.users.set_role(actor, find_user(vibe, actor, user).id, role=role)
    tell(changed, f"is {changed.role.value}", as_json=as_json)


@app.command("disable")
def disable(user: Who, email: Email = None, url: Url = None, schema: Schema = None, as_json: AsJson = False) -> None:
    """Shut a user out: all sessions end, and nobody can sign in as them."""
    with operating("users disable", email, url, schema) as (vibe, actor):
        changed = vibe.users.disable(actor, find_user(vibe, actor, user).id)
    tell(changed, "is disabled", as_json=as_json)


@app.command("enable")
def enable(user: Who, email: Email = None, url: Url = None, schema: Schema = None, as_json: AsJson = False) -> None:
    """Let a user who was disabled sign in again."""
    with operating("users enable", email, url, schema) as (vibe, actor):
        changed = vibe.users.enable(actor, find_user(vibe, actor, user).id)
    tell(changed, "is enabled", as_json=as_json)


@app.command("delete")
def delete(user: Who, email: Email = None, url: Url = None, schema: Schema = None, as_json: AsJson = False) -> None:
    """Delete an account that owns no project, with all that belongs to it alone. The audit trail stays."""
    with operating("users delete", email, url, schema) as (vibe, actor):
        gone = find_user(vibe, actor, user)
        vibe.users.delete(actor, gone.id)
    tell(gone, "is deleted", as_json=as_json)


def unlock(user: Who, email: Email = None, url: Url = None, schema: Schema = None, as_json: AsJson = False) -> None:
    """Let a user who is held back after too many tries begin anew."""
    with operating("unlock", email, url, schema) as (vibe, actor):
        held = find_user(vibe, actor, user)
        vibe.users.unlock(actor, held.id)
    tell(held, "is unlocked", as_json=as_json)


@contextmanager
def operating(command: str, email: str | None, url: str | None, schema: str | None) -> Iterator[tuple[Vibe, Actor]]:
    """The installation, and who acts in it on behalf of `command`."""
    from vibecore.cli import targets

    target = targets.lasting(url)
    password = accounts.read_password() if email is not None else ""
    with targets.opened(target, schema) as vibe, accounts.acting(vibe, email, password, command) as actor:
        yield vibe, actor


def find_user(vibe: Vibe, actor: Actor, given: str) -> Profile:
    """The user with this id or address, in whatever case. Raises NotFound, InvalidValue, PermissionDenied."""
    try:
        key = UUID(given)
    except ValueError:
        found = vibe.users.find_by_email(actor, given)
        if found is None:
            raise NotFound("user", given) from None
        return found
    return vibe.users.get(actor, key)


def tell(user: Profile, what: str, *, as_json: bool) -> None:
    """One line about a user, or the user as JSON."""
    from vibecore.cli import output

    if as_json:
        output.emit(document(user))
    else:
        output.out().print(exits.printable(f"{user.email} {what} ({user.id})"), soft_wrap=True)


def document(user: Profile) -> dict[str, object]:
    """A user for JSON."""
    names = ("id", "email", "name", "role", "email_verified", "two_factor_enabled", "last_login_at", "disabled_at")
    return {name: getattr(user, name) for name in (*names, "created_at")}


def _everybody(vibe: Vibe, actor: Actor, role: UserRole | None) -> Iterator[Profile]:
    from vibecore.domain.filters import field

    where = None if role is None else field("role").eq(role)
    cursor = None
    while True:
        page = vibe.users.page(actor, where=where, order_by="email", limit=AT_ONCE, cursor=cursor)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def _in_words(user: Profile) -> str:
    last = "never signed in" if user.last_login_at is None else f"signed in {user.last_login_at:%Y-%m-%d %H:%M} UTC"
    facts = [user.role.value, last, str(user.id)]
    if user.two_factor_enabled:
        facts.insert(1, "second factor")
    if user.disabled_at is not None:
        facts.insert(0, "disabled")
    return f"{user.email}  {user.name}  {', '.join(facts)}"
