"""The options that several commands share."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

Url: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        help="postgresql://host/db or embedded:///folder. Default: VIBECORE_DATABASE_URL, else the embedded server "
        "in your data folder.",
        show_default=False,
    ),
]
DemoUrl: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        help="memory://, postgresql://host/db or embedded:///folder. Default: VIBECORE_DATABASE_URL, else the embedded "
        "server in your data folder.",
        show_default=False,
    ),
]
Schema: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--schema",
        metavar="NAME",
        help="The PostgreSQL schema that holds the tables. Default: VIBECORE_DATABASE_SCHEMA, else the search path's "
        "first.",
        show_default=False,
    ),
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Email: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--email",
        metavar="ADDRESS",
        help="Act as this user. The password is asked for, or read from the first line of standard input where that is "
        "no terminal. Default: act as the system, which the audit trail says.",
        show_default=False,
    ),
]
Exclude: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        metavar="PATTERN",
        help="Leave out what matches, written as in a .gitignore. May be repeated.",
        show_default=False,
    ),
]
