"""Preparing a database, and telling how it differs from what this version needs."""

from __future__ import annotations

from typing import Annotated

import typer

from vibecore.cli import exits
from vibecore.cli.options import AsJson, Schema, Url


def migrate(
    url: Url = None,
    schema: Schema = None,
    revision: Annotated[
        str, typer.Option("--revision", metavar="NAME", help="Stop at this revision; a later one is left as it is.")
    ] = "head",
    as_json: AsJson = False,
) -> None:
    """Bring a database to the schema that this version needs, in one transaction; repeating it is fine."""
    from vibecore.bootstrap import migrations
    from vibecore.cli import output, targets

    target = targets.lasting(url)
    home = targets.home(schema)
    with targets.server(target, make=True) as address:
        before = migrations.current(address, schema=home)
        after = migrations.migrate(address, schema=home, revision=revision)
    if as_json:
        output.emit({"url": targets.shown(target), "schema": home, "before": before, "revision": after})
    else:
        was = "as before" if before == after else f"was {before or 'empty'}"
        output.out().print(exits.printable(f"{targets.shown(target)} is at {after} ({was})"), soft_wrap=True)


def check(url: Url = None, schema: Schema = None, as_json: AsJson = False) -> None:
    """Compare a database with the schema that this version needs. Every difference is a line, and the exit code 1."""
    from vibecore.bootstrap import migrations
    from vibecore.cli import output, targets

    target = targets.lasting(url)
    home = targets.home(schema)
    with targets.server(target, make=False) as address:
        drifts = migrations.check(address, schema=home)
    if as_json:
        listed = [
            {"kind": drift.kind, "object": drift.object, "expected": drift.expected, "found": drift.found}
            for drift in drifts
        ]
        output.emit({"url": targets.shown(target), "schema": home, "revision": migrations.head(), "drift": listed})
    elif drifts:
        for drift in drifts:
            output.out().print(exits.printable(" ".join(str(drift).split())), soft_wrap=True)
    else:
        output.out().print(exits.printable(f"{targets.shown(target)} is as declared"), soft_wrap=True)
    if drifts:
        exits.complain(f"{len(drifts)} differences from {migrations.head()}")
        raise typer.Exit(exits.REFUSED)
