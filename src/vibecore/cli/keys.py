"""API keys on the command line: listing, making and revoking them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias
from uuid import UUID

import typer

from vibecore.cli import exits
from vibecore.cli.options import AsJson, Email, Schema, Url
from vibecore.cli.users import find_user, operating
from vibecore.domain.errors import InvalidValue, NotFound

if TYPE_CHECKING:
    from vibecore.bootstrap.vibe import Vibe
    from vibecore.domain.actors import Actor
    from vibecore.domain.api_keys import KeyInfo

User: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--user",
        metavar="USER",
        help="Whose keys: an e-mail address or an id. Default: those of --email.",
        show_default=False,
    ),
]

app: Final = typer.Typer()


@app.callback(invoke_without_command=True)
def keys(context: typer.Context) -> None:
    """List, make and revoke API keys."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("list")
def list_keys(
    user: User = None, email: Email = None, url: Url = None, schema: Schema = None, as_json: AsJson = False
) -> None:
    """List a user's API keys, newest first. The keys themselves are not kept: a prefix tells which is which."""
    from vibecore.cli import documents, output, views

    with _account(user, email, "keys list", url, schema) as (vibe, actor, user_id):
        found = list(_every(vibe, actor, user_id))
    if as_json:
        output.emit({"keys": [documents.of_key(key) for key in found]})
    else:
        views.show_keys(output.out(), found)


@app.command("create")
def create(
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What the key is for.")],
    permission: Annotated[
        list[str] | None,
        typer.Option(
            "--permission",
            metavar="ACTION",
            help="What the key may do, such as files.read. May be repeated; without it the key may do nothing.",
            show_default=False,
        ),
    ] = None,
    days: Annotated[
        int | None,
        typer.Option(
            "--days",
            metavar="DAYS",
            min=1,
            max=36500,
            help="The key ends after so many days. Default: never.",
            show_default=False,
        ),
    ] = None,
    user: User = None,
    email: Email = None,
    url: Url = None,
    schema: Schema = None,
    as_json: AsJson = False,
) -> None:
    """Make an API key and print it, this once: it is kept nowhere."""
    from vibecore.cli import documents, output

    with _account(user, email, "keys create", url, schema) as (vibe, actor, user_id):
        ends = None if days is None else datetime.now(UTC) + timedelta(days=days)
        made = vibe.api_keys.create(actor, name=name, permissions=permission or (), expires_at=ends, user_id=user_id)
    if as_json:
        output.emit({"key": made.key, **documents.of_key(made.info)})
        return
    output.err().print(f"key {made.info.id}: it is not shown again", soft_wrap=True)
    # Alone on stdout, so that a shell can catch it.
    output.out().print(made.key, soft_wrap=True)


@app.command("revoke")
def revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="An id, or a key's public prefix of 20 characters.")],
    user: User = None,
    email: Email = None,
    url: Url = None,
    schema: Schema = None,
    as_json: AsJson = False,
) -> None:
    """End an API key at once and for good."""
    from vibecore.cli import documents, output

    with _account(user, email, "keys revoke", url, schema) as (vibe, actor, user_id):
        chosen = _find_key(vibe, actor, user_id, key)
        vibe.api_keys.revoke(actor, chosen.id, user_id=user_id)
    if as_json:
        output.emit(documents.of_key(chosen))
    else:
        said = f"{chosen.key_prefix} is revoked ({chosen.name})"
        output.out().print(exits.printable(said), soft_wrap=True)


@contextmanager
def _account(
    user: str | None, email: str | None, command: str, url: str | None, schema: str | None
) -> Iterator[tuple[Vibe, Actor, UUID | None]]:
    """The installation, who acts, and whose keys are meant (None: those of who acts).

    Raises InvalidValue where neither option names anybody.
    """
    if user is None and email is None:
        raise InvalidValue("user", "whose keys? give --user or --email")
    with operating(command, email, url, schema) as (vibe, actor):
        yield vibe, actor, None if user is None else find_user(vibe, actor, user).id


def _find_key(vibe: Vibe, actor: Actor, user_id: UUID | None, given: str) -> KeyInfo:
    """The key with this id or prefix. Raises NotFound, which does not repeat what may be a whole key."""
    for key in _every(vibe, actor, user_id):
        if given in (key.key_prefix, str(key.id)):
            return key
    raise NotFound("api_key")


def _every(vibe: Vibe, actor: Actor, user_id: UUID | None) -> Iterator[KeyInfo]:
    cursor: str | None = None
    while True:
        page = vibe.api_keys.page(actor, user_id=user_id, limit=1000, cursor=cursor)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return
