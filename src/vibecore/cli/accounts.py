"""Accounts on the command line: the first administrator, and signing in to act as somebody."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from vibecore.cli import exits
from vibecore.cli.options import AsJson, Schema, Url
from vibecore.domain.errors import InvalidValue

if TYPE_CHECKING:
    from vibecore.bootstrap.vibe import Vibe
    from vibecore.domain.actors import Actor


def create_admin(
    email: Annotated[str, typer.Option("--email", metavar="ADDRESS", help="Signs in with this address.")],
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What others see.")],
    url: Url = None,
    schema: Schema = None,
    as_json: AsJson = False,
) -> None:
    """Make an administrator. The password is asked for, or read from the first line of standard input."""
    from vibecore.cli import output, targets
    from vibecore.domain.actors import Actor

    target = targets.lasting(url)
    password = read_password(new=True)
    with targets.opened(target, schema) as vibe:
        made = vibe.users.create_admin(Actor.system("vibecore create-admin"), email=email, password=password, name=name)
    if as_json:
        output.emit({"id": made.id, "email": made.email, "name": made.name, "role": made.role})
    else:
        output.out().print(exits.printable(f"{made.email} is an administrator ({made.id})"), soft_wrap=True)


def read_password(*, new: bool = False) -> str:
    """From the terminal without echo, a new one twice; elsewhere the first line of standard input.

    Raises InvalidValue where there is none, or two different ones.
    """
    if not sys.stdin.isatty():
        line = sys.stdin.readline()
        if not line:
            raise InvalidValue("password", "is expected as the first line of standard input")
        return line.rstrip("\r\n")
    from getpass import getpass

    password = getpass("Password: ")
    if new and getpass("Again: ") != password:
        raise InvalidValue("password", "was typed differently the second time")
    return password


@contextmanager
def acting(vibe: Vibe, email: str | None, password: str, command: str) -> Iterator[Actor]:
    """The user with this address while the block lasts, or the system on behalf of `command`."""
    from vibecore.domain.actors import Actor

    if email is None:
        yield Actor.system(f"vibecore {command}")
        return
    login = vibe.auth.login(email=email, password=password, device_info={"client": f"vibecore {command}"})
    try:
        yield login.actor
    finally:
        vibe.auth.logout(login.actor)
